import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { ReleaseState } from '../../release/progress/state.ts';
import { podsOf, scale, serverPath, setPath } from '../lab/game-server-sets.ts';
import type { GameServerSet } from '../lab/game-server-sets.ts';
import { hasCondition } from '../lab/kubernetes-objects.ts';
import { until } from '../lab/until.ts';
import { FleetWorld } from '../support/fleet-world.ts';
import type { StartedRelease } from '../support/hotwave.ts';

let world: FleetWorld;

beforeAll(async () => {
  world = await FleetWorld.start();
});

afterAll(() => world.stop());

const atGate = ({ phase }: ReleaseState): boolean => phase === 'waiting-approval';
const isEdited = ({ phase, foreignEdit }: ReleaseState): boolean => phase === 'paused' && foreignEdit !== undefined;

/** A release of a set of its own that waits at the gate before wave 2. */
async function waiting(name: string, replicas = 6, more = '  waves: [1, rest]'): Promise<StartedRelease> {
  await world.aSet(name, { replicas });
  const release = await world.hotwave.start(world.release(name, 'v2.0', `${more}\n  gates: [ { before: 2 } ]`));
  await release.until('the gate', atGate);
  return release;
}

/** The controllers have made of the set what its owner wants. */
async function settled(name: string): Promise<void> {
  const { api } = world.lab;
  await until({ what: `the servers of ${name}`, deadlineMs: 60_000, everyMs: 200 }, async () => {
    const { replicas } = (await api.get<GameServerSet>(setPath(name))).spec;
    const pods = await podsOf(api, name);
    const serving = pods.filter((pod) => hasCondition(pod, 'Ready') && pod.metadata.deletionTimestamp === undefined);
    return serving.length === replicas && pods.length === replicas;
  });
}

const EDITS: readonly (readonly [string, string, RegExp, object])[] = [
  [
    'the image',
    'edited-image',
    /changed \/spec\/gameServerTemplate\/spec\/containers\/\d\/image of edited-image from ".*v2\.0" to ".*v3\.0"$/,
    { image: 'v3.0' },
  ],
  [
    'the partition',
    'edited-partition',
    /changed \/spec\/updateStrategy\/rollingUpdate\/partition of edited-partition from 5 to 6$/,
    { spec: { updateStrategy: { rollingUpdate: { partition: 6 } } } },
  ],
  [
    'maxUnavailable',
    'edited-budget',
    /changed \/spec\/updateStrategy\/rollingUpdate\/maxUnavailable of edited-budget from \d+ to "7%"$/,
    { spec: { updateStrategy: { rollingUpdate: { maxUnavailable: '7%' } } } },
  ],
];

/** Images are items of a list, which a merge patch replaces as a whole. */
async function edit(name: string, change: object): Promise<void> {
  const { api } = world.lab;
  if (!('image' in change)) return api.patch(setPath(name), change);
  const set = await api.get<{ spec: { gameServerTemplate: { spec: { containers: { image: string }[] } } } }>(
    setPath(name),
  );
  const { containers } = set.spec.gameServerTemplate.spec;
  const edited = containers.map((container) => ({ ...container, image: container.image.replace('v2.0', 'v3.0') }));
  return api.patch(setPath(name), { spec: { gameServerTemplate: { spec: { containers: edited } } } });
}

describe('an edit by somebody else, at a gate', () => {
  test.each(EDITS)(
    'of %s pauses the release, and the release wins when a person says so',
    async (field, name, sentence, change) => {
      const release = await waiting(name);
      const edited = Date.now();
      await edit(name, change);
      const { foreignEdit } = await release.until('the pause', isEdited, 30_000);
      process.stderr.write(
        `fleet: foreign edit of ${field} at a gate: paused ${Date.now() - edited} ms after the edit\n`,
      );
      expect(foreignEdit?.what).toMatch(sentence);
      expect(await release.decide({ verb: 'resume' })).toMatchObject({ accepted: false });
      await release.idle('the freeze', isEdited);
      expect(await release.decide({ verb: 'resume', wins: 'release' })).toMatchObject({ accepted: true });
      await release.until('the gate', atGate);
      await release.decide({ verb: 'approve', wave: 2 });
      expect(await release.result()).toMatchObject({ outcome: 'done', restartsOfMainContainers: 0, recreatedPods: 0 });
      expect(await world.versions(name)).toEqual(Array(6).fill('v2.0'));
    },
  );

  test('of an updatePriority that the release gave pauses it, and names who wrote it', async () => {
    const release = await waiting('edited-priority', 6, '  waves: [ { name: low, servers: [0] }, rest ]');
    const edited = Date.now();
    await world.lab.api.patch(serverPath('edited-priority-3'), { spec: { updatePriority: 7 } });
    const { foreignEdit } = await release.until('the pause', isEdited, 30_000);
    process.stderr.write(
      `fleet: foreign edit of updatePriority at a gate: paused ${Date.now() - edited} ms after the edit\n`,
    );
    expect(foreignEdit?.what).toMatch(/changed \/spec\/updatePriority of edited-priority-3 from 10 to 7$/);
    await release.decide({ verb: 'resume', wins: 'release' });
    await release.until('the gate', atGate);
    await release.decide({ verb: 'approve', wave: 2 });
    expect(await release.result()).toMatchObject({ outcome: 'done' });
  });
});

describe('a set that changes under a rolling release', () => {
  const reserve = (name: string, ids: readonly number[]): Promise<void> =>
    world.lab.api.patch(setPath(name), { spec: { reserveGameServerIds: ids } });
  const deletePod = (name: string): Promise<void> =>
    world.lab.api.delete(`/api/v1/namespaces/default/pods/${name}`, {});

  test.each<readonly [string, string, (name: string) => Promise<void>, number, RegExp]>([
    [
      'a scale-up',
      'grows',
      (name) => scale(world.lab.api, name, 8),
      8,
      /2 that came meanwhile prove it too: grows-6, grows-7$/,
    ],
    ['a scale-down', 'shrinks', (name) => scale(world.lab.api, name, 4), 4, /^every server proves v2\.0/],
    [
      'a server that its owner kills',
      'kills',
      (name) => world.lab.api.patch(serverPath(`${name}-2`), { spec: { opsState: 'Kill' } }),
      5,
      /1 is not there any more: kills-2$/,
    ],
    [
      'an id that is reserved',
      'reserves',
      (name) => reserve(name, [3]),
      6,
      /1 that came meanwhile proves it too: reserves-6/,
    ],
    [
      'a pod that is deleted and recreated',
      'loses',
      (name) => deletePod(`${name}-2`),
      6,
      /came meanwhile proves it too: loses-2/,
    ],
  ])(
    'by %s: it goes on by itself and proves every server that is there',
    async (_what, name, change, servers, sentence) => {
      const release = await waiting(name);
      const before = new Set((await podsOf(world.lab.api, name)).map(({ metadata }) => metadata.uid));
      await change(name);
      await until({ what: 'the change', deadlineMs: 60_000, everyMs: 100 }, async () => {
        const now = (await podsOf(world.lab.api, name)).filter(
          ({ metadata }) => metadata.deletionTimestamp === undefined,
        );
        return now.length !== before.size || now.some(({ metadata }) => !before.has(metadata.uid));
      });
      await settled(name);
      await release.decide({ verb: 'approve', wave: 2 });
      const result = await release.result();
      expect(result).toMatchObject({ outcome: 'done', restartsOfMainContainers: 0 });
      expect(result.reason).toMatch(sentence);
      expect(await world.versions(name)).toEqual(Array(servers).fill('v2.0'));
      expect((await release.state()).failures).toEqual([]);
    },
  );

  test('by a scale-up: a rollback takes those that came back, too', async () => {
    const release = await waiting('grows-back');
    await scale(world.lab.api, 'grows-back', 8);
    await until(
      { what: 'the scale-up', deadlineMs: 60_000, everyMs: 100 },
      async () => (await podsOf(world.lab.api, 'grows-back')).length === 8,
    );
    await settled('grows-back');
    await release.decide({ verb: 'rollback' });
    expect(await release.result()).toMatchObject({ outcome: 'rolled-back' });
    expect(await world.versions('grows-back')).toEqual(Array(8).fill('v1.0'));
  });
});
