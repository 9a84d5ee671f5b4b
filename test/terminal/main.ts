import { execa } from 'execa';

// node scripts/run.mjs test/terminal/main.ts: shows each view on real terminals and writes docs/terminal/*.txt. It needs tmux.

const { exitCode } = await execa('vitest', ['run', '--project', 'record-terminal'], {
  preferLocal: true,
  reject: false,
  stdio: ['ignore', 'inherit', 'inherit'],
});
process.exitCode = exitCode ?? 1;
