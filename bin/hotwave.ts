#!/usr/bin/env node
import nodeModule from 'node:module';
import { basename } from 'node:path';

const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
if (major < 22 || (major === 22 && minor < 19)) {
  process.stderr.write(`hotwave: needs Node.js 22.19 or newer, and this is ${process.versions.node}\n`);
  process.exit(64);
}
// `npm run` starts its script in the folder of the package; the files that people name are in the folder where they typed it.
const { INIT_CWD, npm_package_name, npm_lifecycle_event } = process.env;
if (INIT_CWD && npm_package_name === 'hotwave' && npm_lifecycle_event === 'hotwave') process.chdir(INIT_CWD);
// Warnings of libraries about each other are no news for a person on call.
process.noDeprecation = true;
// So are lines of the gRPC library beside the sentence that says the same.
process.env['GRPC_VERBOSITY'] ??= 'NONE';
// Before anything else is loaded: the second start of the command is then twice as fast.
nodeModule.enableCompileCache();
const { main } = await import('../client/main.ts');
const { COMPLETE } = await import('../client/shell/scripts.ts');
const { PLUGIN, PLUGIN_COMPLETION } = await import('../client/shell/kubectl.ts');
const { processIo } = await import('../client/terminal/io.ts');

// A reader that has seen enough (hotwave list | head) is no trouble; a full disk is, and a release goes on without us.
process.stdout.on('error', ({ code, message }: NodeJS.ErrnoException) => {
  if (code === 'EPIPE') process.exit();
  process.stderr.write(`hotwave: standard output cannot be written: ${message}; what was asked for may be done\n`);
  process.exit(1);
});

// One program under three names; bin/hotwave says which, where that is a shell script.
const name = process.env['HOTWAVE_AS'] ?? basename(process.argv[1] ?? '');
delete process.env['HOTWAVE_AS'];
const argv = process.argv.slice(2);
const asked = name === PLUGIN_COMPLETION ? [COMPLETE, '--', ...argv] : argv;

process.exitCode = await main(asked, processIo(), {
  isPlugin: name === PLUGIN || name === PLUGIN_COMPLETION,
  async runWorker(flags) {
    const { runWorker } = await import('../worker/main.ts').catch(refuseMachine);
    // The rest of a native worker that could not be made would keep the process alive for ever.
    process.exit(await runWorker(flags));
  },
});

/** Says what a worker's native part (@temporalio/core-bridge 1.24) needs, where it cannot be loaded. */
function refuseMachine(error: unknown): never {
  const { name, code } = error as NodeJS.ErrnoException;
  if (name !== 'PrebuildError' && code !== 'ERR_DLOPEN_FAILED') throw error;
  process.stderr.write(
    "hotwave: a worker needs Temporal's native code, and there is none for this machine: " +
      'run it on x64 or arm64, on Linux with glibc such as the image node:24-slim; Alpine has musl\n',
  );
  process.exit(64);
}
