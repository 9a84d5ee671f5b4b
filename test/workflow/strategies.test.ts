import { describe, expect } from 'vitest';
import type { Activities } from '../../activities/index.ts';
import type { ReleaseFile } from '../../release/spec/spec.ts';
import type { ReleaseState } from '../../release/progress/state.ts';
import { until } from '../lab/until.ts';
import { NEW_IMAGE, OLD_IMAGE, SIDECAR, USER_STRATEGY } from '../support/builders.ts';
import type { FakeCluster } from '../support/fake-cluster.ts';
import { effects, movedTo, reloads, setWrites } from '../support/fake-log.ts';
import { aRelease, aTargetedRelease, test } from '../support/stage.ts';
import type { SpecWishes } from '../support/stage.ts';

const isPaused = ({ phase, pausedBecause }: ReleaseState): boolean => phase === 'paused' && pausedBecause !== undefined;
const CHOSEN = ['duel-1', 'duel-3'];

/** The image that each GameServer overrides its own with, where it does. */
function overrides(cluster: FakeCluster): Record<string, string> {
  return Object.fromEntries(
    [...cluster.set().gameServers].flatMap(([name, { spec }]) =>
      (spec.containers ?? []).filter(({ image }) => image !== '').map(({ image }) => [name, image]),
    ),
  );
}

const loaded = (cluster: FakeCluster, names: readonly string[]): string[] =>
  names.map((name) => cluster.server(name).engine.loaded);

describe('a targeted release', () => {
  test('moves the chosen servers by overrides, wave by wave, and leaves set and template alone', async ({ stage }) => {
    const it = await stage();
    const release = await it.start(aTargetedRelease());
    expect(await release.result()).toMatchObject({
      outcome: 'done',
      reason: '2 chosen servers prove 2.0; 8 others were not touched',
      servers: 2,
      waves: 2,
      restartsOfMainContainers: 0,
    });
    expect(movedTo(it.cluster, NEW_IMAGE)).toEqual(['duel-3', 'duel-1']);
    expect(reloads(it.cluster)).toEqual(Object.fromEntries(CHOSEN.map((name) => [name, 1])));
    expect(overrides(it.cluster)).toEqual(Object.fromEntries(CHOSEN.map((name) => [name, NEW_IMAGE])));
    expect(it.cluster.set().raw.spec.updateStrategy).toEqual(USER_STRATEGY);
    expect(setWrites(it.cluster).map(({ image, partition }) => ({ image, partition }))).toEqual(
      setWrites(it.cluster).map(() => ({ image: undefined, partition: undefined })),
    );
  });

  test.for<keyof Activities>(['planRelease', 'overrideServers', 'reloadServers', 'checkServers', 'lookAtFleet'])(
    'that is paused during %s changes nothing until somebody resumes, and then is done',
    async (activity, { stage }) => {
      const it = await stage();
      const held = it.calls.hold({ activity });
      const release = await it.start(aTargetedRelease());
      await held.reached;
      await release.decide({ verb: 'pause', actor: 'bob', reason: 'look' });
      held.release();
      await release.idle('the pause', isPaused);
      const before = it.cluster.log.length;
      expect(await release.decide({ verb: 'pause' })).toMatchObject({ accepted: false });
      expect(effects(it.cluster, before)).toEqual([]);
      await release.decide({ verb: 'resume' });
      expect(await release.result()).toMatchObject({ outcome: 'done' });
      expect(reloads(it.cluster)).toEqual(Object.fromEntries(CHOSEN.map((name) => [name, 1])));
    },
  );

  test.for<keyof Activities>(['planRelease', 'overrideServers', 'reloadServers', 'lookAtFleet'])(
    'that is rolled back during %s leaves every server on the old version and no override',
    async (activity, { stage }) => {
      const it = await stage();
      const held = it.calls.hold({ activity });
      const release = await it.start(aTargetedRelease());
      await held.reached;
      await release.decide({ verb: 'rollback', actor: 'bob' });
      held.release();
      expect(await release.result()).toMatchObject({ outcome: 'rolled-back', restartsOfMainContainers: 0 });
      expect(loaded(it.cluster, CHOSEN)).toEqual(['1.0', '1.0']);
      expect(overrides(it.cluster)).toEqual({});
    },
  );

  test('is rolled back by itself when a server fails', async ({ stage }) => {
    const it = await stage({ failures: { 'duel-1': 'stale' } });
    const release = await it.start(aTargetedRelease());
    expect(await release.result()).toMatchObject({ outcome: 'rolled-back' });
    expect(loaded(it.cluster, CHOSEN)).toEqual(['1.0', '1.0']);
    expect(overrides(it.cluster)).toEqual({});
  });

  test('that is cancelled and left half-way leaves each server as it is', async ({ stage }) => {
    const it = await stage();
    const release = await it.start(aTargetedRelease({ gates: [{ before: 2 }] }));
    await release.until('the gate', ({ phase }) => phase === 'waiting-approval');
    await release.decide({ verb: 'cancel', then: 'hold', actor: 'bob' });
    expect(await release.result()).toMatchObject({ outcome: 'cancelled' });
    expect(overrides(it.cluster)).toEqual({ 'duel-3': NEW_IMAGE });
    expect(movedTo(it.cluster, OLD_IMAGE)).toEqual([]);
  });

  test('pauses when the template changes underneath', async ({ stage }) => {
    const { rollingUpdate } = USER_STRATEGY;
    const frozen = { ...USER_STRATEGY, rollingUpdate: { ...rollingUpdate, partition: 10 } };
    const it = await stage({ sets: [{ updateStrategy: frozen }] });
    const held = it.calls.hold({ activity: 'reloadServers' });
    const release = await it.start(aTargetedRelease());
    await held.reached;
    it.cluster.edit('helm', ({ spec }) => {
      spec.gameServerTemplate.spec.containers.find(({ name }) => name === SIDECAR)!.image = 'registry.test/scripts:2.1';
    });
    held.release();
    const { pausedBecause } = await release.until('the pause', isPaused);
    expect(pausedBecause).toMatch(/registry\.test\/scripts:2\.1/);
    await release.decide({ verb: 'cancel', then: 'hold' });
    expect(await release.result()).toMatchObject({ outcome: 'cancelled' });
  });

  test.for(['before', 'after'] as const)(
    'is done when a write of a GameServer gets lost, %s its effect',
    async (when, { stage }) => {
      const it = await stage();
      it.calls.fail({ activity: 'overrideServers', operation: 'patch', when });
      const release = await it.start(aTargetedRelease());
      expect(await release.result()).toMatchObject({ outcome: 'done' });
      expect(reloads(it.cluster)).toEqual(Object.fromEntries(CHOSEN.map((name) => [name, 1])));
    },
  );
});

describe('a release for new servers only', () => {
  const file = (wishes: SpecWishes = {}): ReleaseFile =>
    aRelease({ strategy: 'newServersOnly', newServers: { watch: '20s', count: 2 }, ...wishes });
  const onDelete = { sets: [{ replicas: 4, updateStrategy: { type: 'OnDelete' } }] };
  const scaleTo = (cluster: FakeCluster, replicas: number): void =>
    cluster.edit('hpa', ({ spec }) => {
      spec.replicas = replicas;
    });
  const isWatching = ({ phase }: ReleaseState): boolean => phase === 'watching';

  test('moves nobody, and proves the servers that are created', async ({ stage }) => {
    const it = await stage(onDelete);
    const release = await it.start(file());
    await release.until('the watch', isWatching);
    scaleTo(it.cluster, 6);
    expect(await release.result()).toMatchObject({ outcome: 'done' });
    expect(movedTo(it.cluster, NEW_IMAGE)).toEqual([]);
    expect(loaded(it.cluster, ['duel-0', 'duel-3', 'duel-4', 'duel-5'])).toEqual(['1.0', '1.0', '2.0', '2.0']);
  });

  test('that is paused and resumed still proves every new server', async ({ stage }) => {
    const it = await stage(onDelete);
    const release = await it.start(file());
    await release.until('the watch', isWatching);
    await release.decide({ verb: 'pause' });
    await release.until('the pause', isPaused);
    scaleTo(it.cluster, 6);
    await release.decide({ verb: 'resume' });
    expect(await release.result()).toMatchObject({ outcome: 'done' });
  });

  test('that is rolled back gives new servers the old image again and moves nobody', async ({ stage }) => {
    const it = await stage(onDelete);
    const release = await it.start(file());
    await release.until('the watch', isWatching);
    scaleTo(it.cluster, 5);
    await release.until('the first new server', ({ waves }) => waves.some(({ proven }) => proven === 1));
    await release.decide({ verb: 'rollback', actor: 'bob' });
    expect(await release.result()).toMatchObject({ outcome: 'rolled-back' });
    scaleTo(it.cluster, 6);
    await until(
      { what: 'the next server', deadlineMs: 60_000, everyMs: 5 },
      () => it.cluster.set().servers.get('duel-5')?.engine.loaded === '1.0',
    );
    expect(loaded(it.cluster, ['duel-0', 'duel-4'])).toEqual(['1.0', '2.0']);
    expect(movedTo(it.cluster, OLD_IMAGE)).toEqual([]);
  });
});
