import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { wireSchemas } from '../release/wire/wire-schemas.ts';

// Writes docs/schemas/*.json; with --check it only says whether the committed files are up to date.

const folder = 'docs/schemas';
await mkdir(folder, { recursive: true });
for (const [name, schema] of Object.entries(wireSchemas())) {
  const path = `${folder}/${name}`;
  const wanted = `${JSON.stringify(schema, null, 2)}\n`;
  if (!process.argv.includes('--check')) await writeFile(path, wanted);
  else if ((await readFile(path, 'utf8').catch(() => '')) !== wanted) {
    process.stderr.write(`${path} is not what the code says: run node scripts/wire-schemas.ts and commit it\n`);
    process.exitCode = 1;
  }
}
