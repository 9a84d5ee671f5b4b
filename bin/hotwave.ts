#!/usr/bin/env node
import nodeModule from 'node:module';

const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
if (major < 22 || (major === 22 && minor < 19)) {
  process.stderr.write(`hotwave: needs Node.js 22.19 or newer, and this is ${process.versions.node}\n`);
  process.exit(64);
}
// Warnings of libraries about each other are no news for a person on call.
process.noDeprecation = true;
// Before anything else is loaded: the second start of the command is then twice as fast.
nodeModule.enableCompileCache();
const { main } = await import('../client/main.ts');
const { processIo } = await import('../client/terminal/io.ts');

// A reader that has seen enough (hotwave list | head) is no trouble.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error;
  process.exit();
});

process.exitCode = await main(process.argv.slice(2), processIo(), {
  async runWorker(flags) {
    const { runWorker } = await import('../worker/main.ts');
    // What is left of a native worker that could not be made would keep the process alive for ever.
    process.exit(await runWorker(flags));
  },
});
