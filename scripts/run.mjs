// Runs a TypeScript entry point of this repository on a new enough Node, installing the
// dependencies first when they are missing or stale. Plain JavaScript for Node >= 20, because
// it is what a fresh clone runs before anything else is there.
//
//   node scripts/run.mjs test/demo/main.ts [arguments...]
import { spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const stamp = join(root, 'node_modules', '.hotwave-install');
const node = join(root, 'node_modules', '.bin', 'node');

function fail(sentence) {
  process.stderr.write(`hotwave: ${sentence}\n`);
  process.exit(69);
}

function installDependencies() {
  const lock = createHash('sha256')
    .update(readFileSync(join(root, 'package-lock.json')))
    .digest('hex');
  if (existsSync(node) && existsSync(stamp) && readFileSync(stamp, 'utf8') === lock) {
    // bin/hotwave looks at the times only.
    const now = new Date();
    utimesSync(stamp, now, now);
    return;
  }
  const started = Date.now();
  process.stderr.write('hotwave: installing the npm dependencies into node_modules (about a minute the first time)\n');
  // Not `npm ci`: npm 11 refuses a lock file in which a registry leaves out the packages of other platforms.
  const npm = spawnSync('npm', ['install', '--no-save', '--no-audit', '--no-fund', '--loglevel=error'], {
    cwd: root,
    stdio: ['ignore', 2, 2],
  });
  if (npm.error)
    fail('npm is not on the PATH; install Node.js 20 or newer with npm (https://nodejs.org) and try again');
  if (npm.status !== 0) fail(`npm install ended with exit code ${npm.status}; its last lines above say why`);
  if (!existsSync(node)) fail('npm install did not bring the node package; check that npm may run install scripts');
  writeFileSync(stamp, lock);
  process.stderr.write(`hotwave: dependencies installed in ${Math.round((Date.now() - started) / 1000)} s\n`);
}

if (Number(process.versions.node.split('.')[0]) < 20) {
  fail(`this is Node ${process.versions.node}; install Node.js 20 or newer (https://nodejs.org) and try again`);
}
installDependencies();

const [entry, ...args] = process.argv.slice(2);
const child = spawn(node, ['--disable-warning=ExperimentalWarning', join(root, entry), ...args], {
  stdio: 'inherit',
  env: { ...process.env, PATH: `${join(root, 'node_modules', '.bin')}:${process.env.PATH}` },
});
// The terminal sends Ctrl-C to the whole group: wait for the child, it cleans up and decides the exit code.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'])
  process.on(signal, () => signal === 'SIGINT' || child.kill(signal));
child.on('exit', (code, signal) => process.exit(signal ? 1 : (code ?? 1)));
