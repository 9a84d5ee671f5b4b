import { stripVTControlCharacters } from 'node:util';
import { Client, Connection } from '@temporalio/client';
import pLimit from 'p-limit';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { escapeMarkdown } from '../../release/narrate/narrate.ts';
import type { ReleaseState } from '../../release/progress/state.ts';
import { releaseWorkflowId } from '../../workflows/messages.ts';
import { until } from '../lab/until.ts';
import { CommandWorld } from '../support/command-world.ts';
import type { Ended, WorkerProcess } from '../support/command-world.ts';
import { deadKubeconfig } from '../support/dead-kubeconfig.ts';

let world: CommandWorld;
let client: Client;
let worker: WorkerProcess;

beforeAll(async () => {
  world = await CommandWorld.start();
  client = new Client({ connection: await Connection.connect({ address: world.lab.temporal.address }) });
  [worker] = await Promise.all([
    world.startWorker(),
    world.startWorker({ cluster: 'forbidden', kubeconfig: world.lab.kubeconfigOf('nobody') }),
    world.startWorker({ cluster: 'dead', kubeconfig: await deadKubeconfig(world.folder) }),
    world.aSet('still'),
  ]);
});

afterAll(async () => {
  await client.connection.close();
  await world.stop();
});

const hotwave = (...args: readonly string[]): Promise<Ended> => world.hotwave(...args);

function firstLine(text: string): string {
  return text.split('\n')[0] ?? '';
}

/** Runs a command that must change nothing in the cluster. */
async function changingNothing(...args: readonly string[]): Promise<Ended> {
  const before = await world.footprint();
  const ended = await hotwave(...args);
  expect(await world.footprint()).toEqual(before);
  return ended;
}

describe.each(['plan', 'start'])('%s changes nothing and says in one sentence what is wrong with', (verb) => {
  test.each([
    ['an unknown key', '  pace: fast', 'spec.pace: unknown key'],
    ['a wrong type', '  bake: 5', 'spec.bake: expected a duration such as 90s, 5m or 4h'],
    ['a negative wave', '  waves: [-1, rest]', 'spec.waves[0]: expected a whole number of servers, 1 or more'],
  ])('%s', async (_, more, sentence) => {
    const file = await world.releaseFile('still', 'v2.0', more);
    const { code, out, err } = await changingNothing(verb, file);
    expect({ code, out }).toEqual({ code: 64, out: '' });
    expect(firstLine(err)).toMatch(new RegExp(`^${file}:13:\\d+: spec`));
    expect(firstLine(err)).toMatch(sentence);
  });

  test('a missing image', async () => {
    const file = await world.file('no-image.yaml', world.releaseText('still', 'v2.0').replace(/ {2}images.*\n/, ''));
    const { code, err } = await changingNothing(verb, file);
    expect(code).toBe(64);
    expect(firstLine(err)).toMatch(/: spec\.images: is missing; expected the new image of each sidecar/);
  });

  test.each([
    [
      6,
      'a set that does not exist',
      'absent',
      '',
      [],
      /there is no GameServerSet absent in namespace default of https/,
    ],
    [
      6,
      'a container that does not exist',
      'still',
      'app-2049',
      [],
      /spec\.reload\.exec names container app-2049, which/,
    ],
    [6, 'a worker without permissions', 'still', '', ['--cluster=forbidden'], /the worker may not get gameserversets/],
    [
      7,
      'a cluster that is down',
      'still',
      '',
      ['--cluster=dead'],
      /the API server at https:\/\/127\.0\.0\.1:9 does not/,
    ],
    [
      7,
      'a Temporal that is down',
      'still',
      '',
      ['--address=127.0.0.1:9'],
      /Temporal at 127\.0\.0\.1:9 does not answer/,
    ],
    [
      7,
      'a cluster that no worker serves',
      'still',
      '',
      ['--cluster=moon'],
      /no worker for cluster moon polls hotwave-moon/,
    ],
  ])('(exit code %i) %s', async (wanted, _, set, container, flags, sentence) => {
    const text = world.releaseText(set, 'v2.0').replace(/(?<=reload: .*)app-2048/, container || 'app-2048');
    const { code, out, err } = await changingNothing(verb, await world.file('release.yaml', text), ...flags);
    expect(`${out}\n${err}`).toMatch(sentence);
    expect(code).toBe(wanted);
  });
});

test('a release is planned, started, decided and followed with the exit codes and JSON that scripts rely on', async () => {
  await world.aSet('duel', 3);
  const file = await world.releaseFile(
    'duel',
    'v2.0',
    '  waves: [1, rest]\n  gates: [{ before: 2, notRequester: true }]',
  );
  const plan = await changingNothing('plan', file, '-o', 'json');
  expect(plan.code).toBe(0);
  expect((await changingNothing('plan', file, '--detailed-exitcode')).code).toBe(10);
  expect(JSON.parse(plan.out)).toMatchObject({
    lines: expect.arrayContaining([
      { title: 'dry run', status: 'ok', detail: 'the API server takes the patch' },
    ]) as object,
    plan: { version: 'v2.0', waves: [{ servers: [{ name: 'duel-2' }] }, { servers: [{}, {}] }] },
  });

  const started = await hotwave('start', file, '--wait', '--until', 'gate');
  expect(started).toMatchObject({ code: 3, err: 'duel-v2-0 on default/duel: v1.0 → v2.0, servers: 3, waves: 2' });
  const gate = await hotwave('status', 'duel');
  expect(gate.code).toBe(3);
  expect(firstLine(gate.out)).toMatch(/^waits for 1 approval before wave 2 \(a person, (?:for .*, )?4h left\)$/);
  expect((await hotwave('status', 'duel-v2-0', '-o', 'yaml')).out).toMatch(/^---\nv: 1\nrelease: duel-v2-0\n/);

  const second = await changingNothing('start', await world.releaseFile('duel', 'v3.0'));
  expect(second).toMatchObject({ code: 6, out: '' });
  expect(firstLine(second.err)).toMatch(
    /^hotwave: default\/duel is locked by release duel-v2-0, started by ann, phase waiting-approval: waits for 1 approval before wave 2 \(a person, since /,
  );

  const early = await hotwave('approve', 'duel', '--wave', '3', '--actor', 'bob');
  expect(early).toEqual({
    code: 6,
    out: '',
    err: 'hotwave: refused: the gate before wave 3 is not open: duel-v2-0 waits at the gate before wave 2',
  });
  const own = await hotwave('approve', 'duel', '--wave', '2', '-o', 'json');
  expect(own.code).toBe(6);
  expect(JSON.parse(own.out)).toMatchObject({ verb: 'approve', accepted: false });
  expect(await hotwave('approve', 'duel', '--wave', '2', '--actor', 'bob')).toEqual({
    code: 0,
    out: 'approved: wave 2 starts',
    err: '',
  });
  const watched = await hotwave('watch', 'default/duel', '-o', 'jsonl');
  expect(watched.code).toBe(0);
  const states = watched.out.split('\n').map((line) => JSON.parse(line) as ReleaseState);
  expect(states.at(-1)).toMatchObject({
    phase: 'done',
    decisions: [{ verb: 'approve', actor: 'bob', channel: 'cli' }],
  });

  const done = await hotwave('status', 'duel');
  expect({ code: done.code, why: firstLine(done.out) }).toEqual({ code: 0, why: 'done: every server proves v2.0' });
  expect((await hotwave('pause', 'duel')).code).toBe(6);
  expect((await hotwave('plan', file, '--detailed-exitcode')).code).toBe(0);
});

test('a worker for a namespace that Temporal does not have ends and says so', async () => {
  const kubeconfig = world.lab.kubeconfigOf('hotwave');
  const ended = await hotwave('worker', '--http=off', '--temporal-namespace=nope', '--kubeconfig', kubeconfig);
  expect(ended.code).toBe(7);
  expect(ended.err.split('\n').at(-1)).toMatch(
    /^hotwave: Temporal at [\d.:]+ does not let a worker into namespace nope: Namespace nope is not found\.$/,
  );
});

/** The release of a bad version on a set of its own, to its end or until people must look. */
async function failed(tag: string): Promise<{ readonly set: string; readonly started: Ended; readonly status: Ended }> {
  const set = `bad-${tag.slice(5)}`;
  await world.aSet(set);
  const file = await world.releaseFile(set, tag, '  waves: [1, rest]');
  const started = await hotwave('start', file, '--wait', '--until', 'gate');
  return { set, started, status: await hotwave('status', set) };
}

/** The page of a release in the Temporal UI. */
async function currentDetails(set: string): Promise<string> {
  const handle = client.workflow.getHandle(releaseWorkflowId('default', { namespace: 'default', name: set }));
  const metadata = await handle.query<{ readonly currentDetails?: string }>('__temporal_workflow_metadata');
  return metadata.currentDetails ?? '';
}

describe('the exit code of start --wait, status and the Temporal UI tell the same of', () => {
  // So many releases at once as two cores carry out without missing their deadlines.
  const limit = pLimit(3);

  test.concurrent.each([
    ['v2.0-crash', 2, 'crashLoop', /^rolled back: bad-crash-1: container sidecar crashes: CrashLoopBackOff/],
    ['v2.0-neverready', 2, 'notReady', /^rolled back: bad-neverready-1: not Ready within \d+s/],
    ['v2.0-reloadfails', 2, 'reload', /^rolled back: bad-reloadfails-1: the reload ended with exit code 1/],
    ['v2.0-stale', 2, 'version', /^rolled back: bad-stale-1: .*answered "v1.0", expected "v2.0-stale"/],
    ['v2.0-unhealthy', 2, 'health', /^rolled back: bad-unhealthy-1: .*healthz: status 503/],
    ['v2.0-badpull', 2, 'imagePull', /^rolled back: bad-badpull-1: .*ImagePullBackOff/],
    [
      'v2.0-mainrestart',
      3,
      'mainContainerRestarted',
      /^paused: main container app-2048 of bad-mainrestart-1 restarted/,
    ],
  ])('%s', (tag, code, kind, why) =>
    limit(async () => {
      const { set, started, status } = await failed(tag);
      expect([started.code, status.code]).toEqual([code, code]);
      expect(firstLine(status.out)).toMatch(why);
      const json = JSON.parse((await hotwave('status', set, '-o', 'json')).out) as ReleaseState;
      expect([...json.failures, ...(json.failedBefore ?? [])].map((failure) => failure.class)).toEqual([kind]);
      const reason = json.pausedBecause ?? json.reason;
      expect(started.out.split('\n').at(-1)).toContain(reason);
      expect(status.out).toContain(reason);
      expect(await currentDetails(set)).toContain(escapeMarkdown(reason, 400));
    }),
  );
});

describe('while a release waits', () => {
  test('Ctrl-C on a terminal ends the watching and says that the release goes on, in 80 columns', async () => {
    await world.aSet('watched');
    const file = await world.releaseFile('watched', 'v2.0', '  waves: [1, rest]\n  gates: [{ before: 2 }]');
    const watched = await world.onTerminal(['start', file, '--wait'], 'hotwave approve default/watched --wave 2');
    expect(watched.code).toBe(4);
    expect(watched.out).toContain('stopped watching; the release goes on: hotwave watch default/watched');
    expect((await hotwave('status', 'watched')).code).toBe(3);
    const shown = await world.onTerminal(['status', 'watched'], 'never');
    for (const line of shown.out.split(/\r?\n/)) expect(stripVTControlCharacters(line).length).toBeLessThan(81);
    expect(await hotwave('cancel', 'watched')).toMatchObject({ code: 64, out: '' });
    expect((await hotwave('cancel', 'watched', '--then', 'rollback')).code).toBe(0);
    expect((await hotwave('watch', 'watched')).code).toBe(5);
  });

  test('a worker that is killed and an API server that is away are named as what it waits for', async () => {
    await world.aSet('patient');
    const file = await world.releaseFile('patient', 'v2.0', '  waves: [1, rest]\n  gates: [{ before: 2 }]');
    expect((await hotwave('start', file, '--wait', '--until', 'gate')).code).toBe(3);

    await worker.kill();
    const silent = await hotwave('status', 'patient');
    expect(silent).toMatchObject({ code: 7, out: '' });
    expect(firstLine(silent.err)).toBe(
      'hotwave: no worker answers for it (patient-v2-0 runs; last known: waiting-approval, wave 2)',
    );
    const unsent = await hotwave('rollback', 'patient');
    expect(unsent.code).toBe(7);
    expect(unsent.err).toMatch(/^hotwave: no worker answers, so nothing was sent\n.*--id rollback-.*\n.*--signal/);
    worker = await world.startWorker();

    await world.lab.stopProgram('kube-apiserver');
    expect((await hotwave('approve', 'patient', '--wave', '2')).code).toBe(0);
    const trouble = await until({ what: 'the second attempt', deadlineMs: 60_000 }, async () => {
      const { out } = await hotwave('status', 'patient');
      return /^attempt \d+ of .*$/m.exec(out)?.[0];
    });
    expect(trouble).toMatch(
      /^attempt \d+ of (?:openWave|watchSet); the one before failed: the API server at .* does not answer/,
    );
    await world.lab.startProgram('kube-apiserver');
    expect(await hotwave('watch', 'patient')).toMatchObject({ code: 0 });
  });
});
