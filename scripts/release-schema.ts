import { readFile, writeFile } from 'node:fs/promises';
import { releaseJsonSchema } from '../release/spec/spec.ts';

// Writes docs/release.schema.json; with --check it only says whether the committed file is up to date.

const path = 'docs/release.schema.json';
const wanted = `${JSON.stringify(releaseJsonSchema(), null, 2)}\n`;
if (!process.argv.includes('--check')) {
  await writeFile(path, wanted);
} else if ((await readFile(path, 'utf8').catch(() => '')) !== wanted) {
  process.stderr.write(`${path} is not what release/spec.ts says: run node scripts/release-schema.ts and commit it\n`);
  process.exitCode = 1;
}
