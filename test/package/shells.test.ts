import { beforeAll } from 'vitest';
import { provideDebianPackages } from '../lab/debian-packages.ts';
import { describeShell } from '../support/shells.ts';

// Completion in the shells that a machine may not have: they are fetched, and not installed.

let root: string;
beforeAll(async () => {
  root = await provideDebianPackages((line) => void process.stderr.write(`shells: ${line}\n`), ['zsh', 'fish']);
}, 300_000);

describeShell('zsh', () => root);
describeShell('fish', () => root);
