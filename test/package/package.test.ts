import { on } from 'node:events';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { Client, Connection } from '@temporalio/client';
import { NativeConnection } from '@temporalio/worker';
import { execa } from 'execa';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createHotwaveWorker } from '../../worker/create-worker.ts';
import { startTemporalLab } from '../lab/temporal-lab.ts';
import { temporalProgram } from '../lab/temporal-program.ts';
import { until } from '../lab/until.ts';
import { aRelease } from '../support/a-release.ts';
import { codeOf } from '../support/bot-programs.ts';
import { deadKubeconfig } from '../support/dead-kubeconfig.ts';
import { fakeCluster } from '../support/fake-cluster.ts';
import { startRelease } from '../support/hotwave.ts';

// The package as people get it: packed, and installed by npm into a folder that has nothing else.

const checkout = fileURLToPath(new URL('../..', import.meta.url));
let folder: string;
let home: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'hotwave-package-'));
  home = join(folder, 'home');
  await mkdir(home);
  await writeFile(join(home, 'package.json'), JSON.stringify({ name: 'home', private: true, type: 'module' }));
  await execa('npm', ['pack', '--silent', '--pack-destination', folder], { cwd: checkout });
  const [tarball = ''] = (await readdir(folder)).filter((name) => name.endsWith('.tgz'));
  const quiet = ['--no-audit', '--no-fund', '--prefer-offline', '--loglevel=error'];
  await execa('npm', ['install', ...quiet, join(folder, tarball)], { cwd: home });
});

afterAll(() => rm(folder, { recursive: true, force: true }));

/** The command line of `hotwave` as npm links it, run by the Node of this test. */
function hotwave(...args: readonly string[]): [string, string[]] {
  return [process.execPath, [join(home, 'node_modules/.bin/hotwave'), ...args]];
}

async function seconds(run: () => Promise<unknown>): Promise<number> {
  const started = performance.now();
  await run();
  return (performance.now() - started) / 1000;
}

test('help is there in less than 0.3 s', async () => {
  const { stdout } = await execa(...hotwave('--help'));
  expect(stdout).toMatch(/^Usage: hotwave <verb>/);
  // The best of five: others may be using the machine.
  const times: number[] = [];
  for (let run = 0; run < 5; run += 1) times.push(await seconds(() => execa(...hotwave('--help'))));
  expect(Math.min(...times)).toBeLessThan(0.3);
});

test('schema prints the schema that the package also has as a file', async () => {
  const { stdout } = await execa(...hotwave('schema'));
  const file = join(home, 'node_modules/hotwave/docs/release.schema.json');
  expect(JSON.parse(stdout)).toEqual(JSON.parse(await readFile(file, 'utf8')));
});

test('it brings what its own advice names, and neither sources nor tests', async () => {
  const root = join(home, 'node_modules/hotwave');
  expect((await readdir(root)).sort()).toEqual([
    'README.md',
    'README.zh-CN.md',
    'deploy',
    'dist',
    'docs',
    'examples',
    'package.json',
  ]);
  expect((await readdir(join(root, 'deploy'))).sort()).toEqual(['admission-policy.yaml', 'alerts.yaml', 'rbac.yaml']);
  const docs = (await readdir(join(checkout, 'docs'))).filter((name) => name.endsWith('.md'));
  expect((await readdir(join(root, 'docs'))).sort()).toEqual(
    [...docs, 'guide', 'reference', 'release.schema.json', 'schemas'].sort(),
  );
  const files = await readdir(join(root, 'dist'), { recursive: true });
  expect(files.filter((name) => /(?<!\.d)\.ts$|test/.test(name))).toEqual([]);
});

const BOT = `
import { MESSAGES, decisionSchema, releaseWorkflowId } from 'hotwave/messages';
import type { DecideAnswer, DecisionMessage, StateAnswer } from 'hotwave/messages';
const approval: DecisionMessage = { id: '1', verb: 'approve', release: 'scripts-2-0', wave: 2, actor: 'bot' };
export const channel: string = decisionSchema.parse(approval).channel;
export const phase = (state: StateAnswer, answer: DecideAnswer): string => state.phase + answer.message;
// @ts-expect-error there is no such verb
export const unknown: DecisionMessage = { ...approval, verb: 'aprove' };
console.log(MESSAGES.decide, releaseWorkflowId('default', { namespace: 'arena', name: 'duel' }), channel);
`;

test('a bot in TypeScript has the types of hotwave/messages', async () => {
  await writeFile(join(home, 'bot.ts'), BOT);
  const options = ['--noEmit', '--strict', '--lib', 'es2024,dom', '--module', 'nodenext'];
  const { all } = await execa(join(checkout, 'node_modules/.bin/tsc'), [...options, 'bot.ts'], {
    cwd: home,
    all: true,
    reject: false,
  });
  expect(all).toBe('');
});

test('a bot gets names and schemas from hotwave/messages', async () => {
  await writeFile(join(home, 'bot.ts'), BOT);
  const { stdout } = await execa(process.execPath, ['--disable-warning=ExperimentalWarning', 'bot.ts'], { cwd: home });
  expect(stdout).toBe('decide hotwave/default/arena/duel unknown');
});

test('the program of docs/bots.md decides with what the package alone brings', async () => {
  const temporal = await startTemporalLab(() => undefined);
  const [native, connection] = await Promise.all([
    NativeConnection.connect({ address: temporal.address }),
    Connection.connect({ address: temporal.address }),
  ]);
  const worker = await createHotwaveWorker({ connection: native, clusterName: 'packed', cluster: fakeCluster() });
  const running = worker.run();
  try {
    const client = new Client({ connection });
    const file = aRelease({ gates: [{ before: 2 }] });
    const release = await startRelease(client, { cluster: 'packed', file, requester: 'ann' });
    await release.until('the gate', ({ phase }) => phase === 'waiting-approval');
    await until({ what: 'the list to show the gate', deadlineMs: 60_000 }, async () => {
      return (await client.workflow.count("HotwavePhase = 'waiting-approval'")).count === 1;
    });
    await writeFile(join(home, 'approve.ts'), await codeOf('approve.ts'));
    const { stdout } = await execa(process.execPath, ['--disable-warning=ExperimentalWarning', 'approve.ts'], {
      cwd: home,
      env: { TEMPORAL_ADDRESS: temporal.address, HOTWAVE_CLUSTER: 'packed' },
    });
    expect(stdout).toContain('approved: wave 2 starts');
    expect(await release.result()).toMatchObject({ outcome: 'done' });
    const { decisions } = await release.state();
    expect(decisions).toMatchObject([
      { verb: 'approve', wave: 2, actor: 'bot', channel: 'typescript', accepted: true },
    ]);
  } finally {
    worker.shutdown();
    await running;
    await Promise.all([native.close(), connection.close()]);
    await temporal.stop();
  }
});

test('worker brings its own workflow code: it runs a workflow, and ends on SIGTERM with exit code 0', async () => {
  const temporal = await startTemporalLab(() => undefined);
  const worker = execa(...hotwave('worker', '--http=off', '--kubeconfig', await deadKubeconfig(folder)), {
    env: { TEMPORAL_ADDRESS: temporal.address },
    reject: false,
  });
  try {
    await said(worker.stderr, '"state":"RUNNING"');
    const doctor = await execa(...hotwave('doctor', '-o', 'json'), {
      env: { TEMPORAL_ADDRESS: temporal.address },
      reject: false,
    });
    const lines = JSON.parse(doctor.stdout) as { readonly title: string; readonly detail: string }[];
    // That sentence can only come from the workflow, which had it from its activity.
    expect(lines.at(-1)?.detail).toContain('the API server at https://127.0.0.1:9 does not answer');
    worker.kill('SIGTERM');
    expect((await worker).exitCode).toBe(0);
  } finally {
    worker.kill('SIGKILL');
    await temporal.stop();
  }
});

test('setup says when a namespace has no room for search attributes, and through which proxy nobody answers', async () => {
  const temporal = await startTemporalLab(() => undefined);
  const env = { TEMPORAL_ADDRESS: temporal.address };
  try {
    await createFullNamespace(temporal.address, 'full');
    const full = await execa(...hotwave('setup', '--temporal-namespace', 'full'), { env, reject: false });
    expect({ code: full.exitCode, said: full.stderr.split('\n')[0] }).toEqual({
      code: 6,
      said: 'hotwave: namespace full has no room for the search attributes HotwaveSet (KEYWORD), HotwaveCluster (KEYWORD), HotwaveRelease (KEYWORD), HotwaveVersion (KEYWORD), HotwavePhase (KEYWORD), HotwaveRequester (KEYWORD), HotwaveWave (INT)',
    });
    const proxied = await execa(...hotwave('list'), {
      env: { ...env, https_proxy: 'http://127.0.0.1:9' },
      reject: false,
    });
    expect({ code: proxied.exitCode, said: proxied.stderr.split('\n') }).toEqual({
      code: 7,
      said: [
        `hotwave: Temporal at ${temporal.address} does not answer: start it or set TEMPORAL_ADDRESS / --address`,
        '  it is asked through the proxy in https_proxy; put its host into no_proxy if it need not be',
      ],
    });
  } finally {
    await temporal.stop();
  }
});

/** A namespace whose store takes no search attribute of the kind KEYWORD any more. */
async function createFullNamespace(address: string, namespace: string): Promise<void> {
  const program = await temporalProgram(() => undefined);
  const where = ['--address', address, '--namespace', namespace];
  await execa(program, ['operator', 'namespace', 'create', ...where]);
  const names = Array.from({ length: 10 }, (_, index) => ['--name', `Other${index}`, '--type', 'Keyword']);
  await until({ what: 'the namespace to take search attributes', deadlineMs: 60_000 }, async () => {
    await execa(program, ['operator', 'search-attribute', 'create', ...where, ...names.flat()]);
    return true;
  });
}

/** Resolves when a stream has said a text; rejects when it ends without it. */
async function said(stream: Readable, wanted: string): Promise<void> {
  let text = '';
  for await (const [chunk] of on(stream, 'data', { close: ['end'] }) as AsyncIterable<[Buffer]>) {
    text += chunk.toString();
    if (text.includes(wanted)) return;
  }
  throw new Error(`waited for ${wanted}; it said:\n${text}`);
}
