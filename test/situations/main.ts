import { execa } from 'execa';

// npm run record-situations: plays the hard situations and writes docs/hard-situations.md.

const { exitCode } = await execa('vitest', ['run', '--project', 'record-situations'], {
  preferLocal: true,
  reject: false,
  stdio: ['ignore', 'inherit', 'inherit'],
});
process.exitCode = exitCode ?? 1;
