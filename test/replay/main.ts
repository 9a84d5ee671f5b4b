import { readdirSync, rmSync } from 'node:fs';
import { execa } from 'execa';
import { HISTORIES } from './histories.ts';

// npm run record-histories: goes every path of paths.ts once and keeps its history. For when workflow code has changed in a
// way that running releases need not survive: until the first version is out, or behind worker versioning.

for (const file of readdirSync(HISTORIES).filter((name) => name.endsWith('.json.gz'))) rmSync(`${HISTORIES}/${file}`);
const { exitCode } = await execa('vitest', ['run', '--project', 'record-histories'], {
  preferLocal: true,
  reject: false,
  stdio: ['ignore', 'inherit', 'inherit'],
});
process.exitCode = exitCode ?? 1;
