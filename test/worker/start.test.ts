import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { execa } from 'execa';
import { expect, test, vi } from 'vitest';
import { deadKubeconfig } from '../support/dead-kubeconfig.ts';

// A process of its own: what is asked is whether it ends.
vi.setConfig({ testTimeout: 30_000 });

/** Runs `hotwave worker` and returns how it ended; a worker that goes on running is an error. */
async function worker(...flags: readonly string[]): Promise<{ code: number | undefined; said: string }> {
  return await workerIn({}, ...flags);
}

async function workerIn(
  environment: Readonly<Record<string, string>>,
  ...flags: readonly string[]
): Promise<{ code: number | undefined; said: string }> {
  const program = fileURLToPath(new URL('../../bin/hotwave.ts', import.meta.url));
  const node = ['--disable-warning=ExperimentalWarning', program];
  const { exitCode, all, timedOut } = await execa(process.execPath, [...node, 'worker', ...flags], {
    reject: false,
    all: true,
    timeout: 20_000,
    env: { TEMPORAL_ADDRESS: '127.0.0.1:9\n', ...environment },
  });
  expect(timedOut).toBe(false);
  return { code: exitCode, said: all };
}

test.each([
  [['--kubeconfig', '/nowhere/config'], 'hotwave: cannot read kubeconfig /nowhere/config: there is no such file'],
  [['--http', 'everywhere'], 'hotwave: --http "everywhere": expected HOST:PORT such as 127.0.0.1:9464, or off'],
])('a worker with a setting that cannot work ends at once and says so in one line: %j', async (flags, sentence) => {
  expect(await worker(...flags)).toEqual({ code: 64, said: sentence });
});

test.each([
  [{ HOTWAVE_LOG_LEVEL: 'loud' }, 'hotwave: HOTWAVE_LOG_LEVEL "loud": expected trace, debug, info, warn or error'],
  [
    { HOTWAVE_METRICS_TOKEN: '"hunter2"' },
    'hotwave: HOTWAVE_METRICS_TOKEN is in quotes: leave them out, no shell takes them away where it was set',
  ],
  [{ TEMPORAL_TLS: 'on' }, 'hotwave: TEMPORAL_TLS "on": expected true or false'],
])('a worker whose environment cannot work ends at once and says so in one line: %j', async (environment, sentence) => {
  expect(await workerIn(environment)).toEqual({ code: 64, said: sentence });
});

test('a worker on a machine that its native code is not made for says which it is made for', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'hotwave-worker-'));
  const alpine = join(folder, 'alpine.mjs');
  const trouble = 'Error loading shared library ld-linux-x86-64.so.2: No such file or directory';
  await writeFile(
    alpine,
    `process.dlopen = () => { throw Object.assign(new Error('${trouble}'), { code: 'ERR_DLOPEN_FAILED' }); };\n`,
  );
  const { code, said } = await workerIn({ NODE_OPTIONS: `--import ${alpine}` });
  await rm(folder, { recursive: true });
  expect(code).toBe(64);
  expect(said).toMatch(
    /^hotwave: a worker needs Temporal's native code.+ glibc such as the image node:24-slim; Alpine has musl$/,
  );
});

test('a worker whose port is taken ends at once and says so in one line', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'hotwave-worker-'));
  const other = createServer().listen(0, '127.0.0.1');
  await once(other, 'listening');
  const { port } = other.address() as AddressInfo;
  const { code, said } = await worker('--http', `127.0.0.1:${port}`, '--kubeconfig', await deadKubeconfig(folder));
  other.close();
  await rm(folder, { recursive: true });
  expect({ code, said: lastLine(said) }).toEqual({
    code: 64,
    said: `hotwave: 127.0.0.1:${port} is taken; give another --http HOST:PORT, or --http off`,
  });
});

/** Below what the log says. */
function lastLine(text: string): string {
  return text.split('\n').at(-1) ?? '';
}
