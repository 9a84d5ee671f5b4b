import { describe, expect } from 'vitest';
import type { FakeCluster, FakeClusterModel } from '../support/fake-cluster.ts';
import { loads, reloads, restarts } from '../support/fake-log.ts';
import { imagesIn, loadedBy } from '../support/observer.ts';
import { OLD_IMAGE } from '../support/builders.ts';
import { aRelease, test } from '../support/stage.ts';
import type { StartedRelease } from '../support/hotwave.ts';
import { asks } from '../support/carry.ts';
import { until } from '../lab/until.ts';

/** Engines that read the files when they are told, and load them seconds later. */
const SLOW: FakeClusterModel = { sets: [{ replicas: 10, engine: { loadMs: 4_000, readsWhenTold: true } }] };
const proofWithin = (within: string): object => ({ http: { port: 8080, path: '/version', within } });

/** Every engine has loaded whatever it was told to load. */
async function allLoaded(cluster: FakeCluster): Promise<void> {
  await until({ what: 'the engines to load what they were told', deadlineMs: 30_000 }, () =>
    Object.entries(reloads(cluster)).every(([name, count]) => count === timesLoaded(cluster, name)),
  );
}

function timesLoaded(cluster: FakeCluster, name: string, why: 'reload' | 'files' = 'reload'): number {
  return loads(cluster, name).filter((load) => load.endsWith(` ${why}`)).length;
}

/** Versions that engines have loaded since the mark. */
function loadedSince({ log }: FakeCluster, mark: number): string[] {
  return log.slice(mark).flatMap((entry) => (entry.kind === 'loaded' ? [entry.version] : []));
}

async function toldAndNotProved(release: StartedRelease, cluster: FakeCluster): Promise<void> {
  await release.until('an engine to be told', () => Object.keys(reloads(cluster)).length > 0);
}

describe('an engine that was told the new version just before a rollback', () => {
  test('is asked again when the time of its proof is over, so it does not load it after the end', async ({ stage }) => {
    const it = await stage(SLOW);
    const release = await it.start(aRelease({ waves: ['rest'], proof: proofWithin('6s') }));
    await toldAndNotProved(release, it.cluster);
    await release.decide({ verb: 'rollback' });
    const { outcome, reason } = await release.result();
    const mark = it.cluster.log.length;
    expect(outcome).toBe('rolled-back');
    expect(reason).toContain('every server proves 1.0');
    await allLoaded(it.cluster);
    expect(new Set(Object.values(loadedBy(it.cluster)))).toEqual(new Set(['1.0']));
    expect(loadedSince(it.cluster, mark)).not.toContain('2.0');
  });

  test('is asked again as well when it watches its files and nobody tells it', async ({ stage }) => {
    const engine = { loadMs: 4_000, readsWhenTold: true, watchesFiles: true };
    const it = await stage({ sets: [{ replicas: 10, engine }] });
    const release = await it.start(aRelease({ waves: ['rest'], reload: { self: {} }, proof: proofWithin('6s') }));
    await until({ what: 'new files', deadlineMs: 30_000, everyMs: 5 }, () =>
      [...it.cluster.set().servers.values()].some(({ engine: { files } }) => files === '2.0'),
    );
    await release.decide({ verb: 'rollback' });
    const { outcome, reason } = await release.result();
    const mark = it.cluster.log.length;
    expect(outcome).toBe('rolled-back');
    expect(reason).toContain('every server proves 1.0');
    await until({ what: 'the engines to load what has come', deadlineMs: 30_000 }, () =>
      [...it.cluster.set().servers.keys()].every(
        (name) => restarts(it.cluster, name).length === timesLoaded(it.cluster, name, 'files'),
      ),
    );
    expect(loadedSince(it.cluster, mark)).not.toContain('2.0');
    expect(Object.keys(reloads(it.cluster))).toEqual([]);
  });

  test('is asked again before a part of the release is said to be back', async ({ stage }) => {
    const it = await stage(SLOW);
    const release = await it.start(aRelease({ waves: [1, 'rest'], proof: proofWithin('6s') }));
    await toldAndNotProved(release, it.cluster);
    await release.decide({ verb: 'pause' });
    await release.until('the pause', asks);
    await release.decide({ verb: 'rollback', scope: 'wave' });
    const { pausedBecause } = await release.until(
      'the part to be back',
      (state) => asks(state) && /back on 1\.0/.test(state.pausedBecause ?? ''),
    );
    expect(pausedBecause).toContain('1 server is back on 1.0');
    expect(loadedBy(it.cluster)['duel-9']).toBe('1.0');
    const mark = it.cluster.log.length;
    await allLoaded(it.cluster);
    expect(loadedSince(it.cluster, mark)).not.toContain('2.0');
    await release.decide({ verb: 'cancel', then: 'rollback' });
    expect(await release.result()).toMatchObject({ outcome: 'cancelled' });
  });
});

test('an engine that has not proved the new version in all its time is named when the release is back', async ({
  stage,
}) => {
  const it = await stage({ sets: [{ replicas: 10, engine: { loadMs: 15_000, readsWhenTold: true } }] });
  const release = await it.start(aRelease({ waves: [1, 'rest'], proof: proofWithin('1s') }));
  const { outcome, reason } = await release.result();
  expect(outcome).toBe('rolled-back');
  expect(reason).toContain('all others prove 1.0; told to load 2.0, never proved it and may load it yet: duel-9');
  expect(reason).not.toContain('every server');
  expect(imagesIn(it.cluster)['duel-9']).toBe(OLD_IMAGE);
  expect(it.cluster.set().raw.metadata.annotations ?? {}).not.toHaveProperty(['hotwave.dev/stable']);
});
