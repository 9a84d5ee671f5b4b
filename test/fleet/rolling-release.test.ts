import { afterAll, beforeAll, expect, test } from 'vitest';
import type { ReleaseFile } from '../../release/spec/spec.ts';
import { fleetImage, podsOf, setPath, setPriorities } from '../lab/game-server-sets.ts';
import type { GameServerSet } from '../lab/game-server-sets.ts';
import { containerStatus } from '../lab/kubernetes-objects.ts';
import type { Pod } from '../lab/kubernetes-objects.ts';
import type { Lab } from '../lab/lab.ts';
import { FleetWorld, moves } from '../support/fleet-world.ts';
import type { Hotwave } from '../support/hotwave.ts';

let world: FleetWorld;
let lab: Lab;
let hotwave: Hotwave;

beforeAll(async () => {
  world = await FleetWorld.start();
  ({ lab, hotwave } = world);
});

afterAll(() => world.stop());

const release = (set: string, tag: string, more = ''): ReleaseFile => world.release(set, tag, more);
const aSet = (name: string, replicas = 3): Promise<readonly Pod[]> => world.aSet(name, { replicas });

async function expectEveryServerOn(set: string, tag: string): Promise<readonly Pod[]> {
  const pods = await podsOf(lab.api, set);
  expect(await world.versions(set)).toEqual(pods.map(() => tag));
  return pods;
}

test('servers change in the order of the plan, wave by wave, after the gate, and no outsider moves before its turn', async () => {
  const before = await aSet('mixed', 10);
  const priorities = [3, 9, 0, 9, 1, 5, 0, 2, 7, 4];
  const byName = Object.fromEntries(priorities.map((priority, index) => [`mixed-${index}`, priority]));
  await setPriorities(lab.api, { name: 'mixed' }, byName);
  const strategy = (await lab.api.get<GameServerSet>(setPath('mixed'))).spec.updateStrategy;
  const recorder = await world.record('mixed');

  const started = await hotwave.start(release('mixed', 'v2.0', '  waves: [1, 30%, rest]\n  gates: [ { before: 2 } ]'));
  await started.until('the gate', ({ phase }) => phase === 'waiting-approval');
  expect(moves(recorder.changes)).toEqual(['mixed-3']);
  expect(await started.decide({ verb: 'approve', wave: 3 })).toMatchObject({ accepted: false });
  expect(await started.decide({ verb: 'approve', wave: 2 })).toMatchObject({ accepted: true });
  const result = await started.result();
  await recorder.stop();

  expect(result).toMatchObject({
    outcome: 'done',
    waves: 3,
    servers: 10,
    restartsOfMainContainers: 0,
    recreatedPods: 0,
  });
  const moved = moves(recorder.changes).map((pod) => Number(pod.slice(6)));
  const waves = [moved.slice(0, 1), moved.slice(1, 4).sort(), moved.slice(4).sort()];
  expect(waves).toEqual([[3], [1, 5, 8], [0, 2, 4, 6, 7, 9]]);
  const after = await expectEveryServerOn('mixed', 'v2.0');
  expect(after.map(({ metadata }) => metadata.uid)).toEqual(before.map(({ metadata }) => metadata.uid));
  expect(after.map((pod) => containerStatus(pod, 'sidecar')!.restartCount)).toEqual(after.map(() => 1));
  expect((await lab.api.get<GameServerSet>(setPath('mixed'))).spec.updateStrategy).toEqual(strategy);
});

test('waves by list give low-importance servers their turn first, and the priorities are put back', async () => {
  await aSet('gray', 5);
  const recorder = await world.record('gray');
  const waves = '  waves: [ { name: low, servers: [0, 2] }, rest ]';
  const started = await hotwave.start(release('gray', 'v2.0', waves));
  expect(await started.result()).toMatchObject({ outcome: 'done', waves: 2 });
  await recorder.stop();
  const moved = moves(recorder.changes);
  expect([moved.slice(0, 2).sort(), moved.slice(2).sort()]).toEqual([
    ['gray-0', 'gray-2'],
    ['gray-1', 'gray-3', 'gray-4'],
  ]);
  const pods = await expectEveryServerOn('gray', 'v2.0');
  const labels = pods.map(({ metadata }) => metadata.labels?.['game.kruise.io/gs-update-priority']);
  expect(labels).toEqual(['0', '0', '0', '0', '0']);
});

test.each([
  ['v2.0-crash', 'crashLoop', /crashes: CrashLoopBackOff/],
  ['v2.0-neverready', 'notReady', /not Ready within \d+s/],
  ['v2.0-reloadfails', 'reload', /the reload ended with exit code 1/],
  ['v2.0-stale', 'version', /answered "v1.0", expected "v2.0-stale"/],
  ['v2.0-unhealthy', 'health', /healthz: status 503/],
  ['v2.0-badpull', 'imagePull', /ImagePullBackOff/],
])('a bad release %s is caught in wave 1 and every server proves the old version again', async (tag, kind, reason) => {
  const set = `bad-${tag.slice(5)}`;
  await aSet(set);
  const started = await hotwave.start(release(set, tag, '  waves: [1, rest]'));
  const result = await started.result();
  expect(result).toMatchObject({ outcome: 'rolled-back', restartsOfMainContainers: 0, recreatedPods: 0 });
  expect(result.reason).toMatch(reason);
  const { failures, failedBefore, waves } = await started.state();
  expect([failures, failedBefore?.map((failure) => failure.class)]).toEqual([[], [kind]]);
  expect(waves.map(({ status }) => status)).toEqual(['rolled-back', 'pending']);
  await expectEveryServerOn(set, 'v1.0');
});

test('a server whose new files are not there fails before any engine is told to reload', async () => {
  await aSet('hollow');
  const file = release('hollow', 'v2.0', '  waves: [1, rest]');
  const content = { exec: { ...file.spec.content!.exec!, within: 500 } };
  const started = await hotwave.start({ ...file, spec: { ...file.spec, content, version: 'v2.1' } });
  expect(await started.result()).toMatchObject({ outcome: 'rolled-back' });
  expect((await started.state()).failedBefore?.[0]).toMatchObject({ server: 'hollow-2', class: 'content' });
  const stats = await fetch(`http://127.0.0.1:${lab.enginePort!}/servers/default/hollow-2/stats`);
  // It never loaded anything else, so the rollback does not reload it either.
  expect(await stats.json()).toMatchObject({ loaded: 'v1.0', reloads: [] });
});

test('a main container that restarts stops the release for a person, whatever the policy says', async () => {
  await aSet('hurt');
  const started = await hotwave.start(release('hurt', 'v2.0-mainrestart', '  waves: [1, rest]'));
  const { pausedBecause, failures } = await started.until('a pause', ({ phase }) => phase === 'paused');
  expect(failures[0]?.class).toBe('mainContainerRestarted');
  expect(pausedBecause).toMatch(/main container app-2048 of hurt-2 restarted/);
  expect(await started.decide({ verb: 'rollback', reason: 'players left' })).toMatchObject({ accepted: true });
  expect(await started.result()).toMatchObject({ outcome: 'rolled-back', restartsOfMainContainers: 1 });
  await expectEveryServerOn('hurt', 'v1.0');
});

test('what cannot be planned is refused in one sentence and changes nothing', async () => {
  await aSet('small', 1);
  const before = await lab.api.get<GameServerSet>(setPath('small'));
  const refused = async (file: ReleaseFile): Promise<string> => {
    const result = await (await hotwave.start(file)).result();
    expect(result.outcome).toBe('refused');
    return result.reason;
  };
  expect(await refused(release('absent', 'v2.0'))).toMatch(/there is no GameServerSet absent in namespace default/);
  const file = release('small', 'v2.0');
  const images = { scripts: fleetImage('v2.0') };
  expect(await refused({ ...file, spec: { ...file.spec, images } })).toMatch(/spec.images names container scripts/);
  const proof = { http: { ...file.spec.proof.http!, path: '/nothing' } };
  expect(await refused({ ...file, spec: { ...file.spec, proof } })).toMatch(/does not prove the version/);
  expect((await lab.api.get<GameServerSet>(setPath('small'))).spec).toEqual(before.spec);
});
