import { describe, expect } from 'vitest';
import type { ReleaseState } from '../../release/progress/state.ts';
import { RELEASE_ANNOTATION } from '../../release/record/record.ts';
import type { FakeCluster } from '../support/fake-cluster.ts';
import type { StartedRelease } from '../support/hotwave.ts';
import { everyServer, loadedBy } from '../support/observer.ts';
import { A_PRIORITY } from '../support/moments.ts';
import { aRelease, aTargetedRelease, test } from '../support/stage.ts';
import type { Stage } from '../support/stage.ts';

const NAMED = { waves: [{ name: 'first', servers: [3, 4] }, 'rest'] };
const priority = (ordinal: number): number => ordinal * 7;
const OWN = Array.from({ length: 10 }, (_, ordinal) => priority(ordinal));
const SET = { sets: [{ replicas: 10, priority }] };

const atGate = ({ phase }: ReleaseState): boolean => phase === 'waiting-approval';

function prioritiesIn(cluster: FakeCluster): (number | string)[] {
  return [...cluster.set().gameServers.values()].map(({ spec }) => spec.updatePriority);
}

/** A release with priorities of its own that somebody ends after its first wave. */
async function leftHalfWay(it: Stage): Promise<void> {
  const release = await it.start(aRelease({ ...NAMED, gates: [{ before: 2 }] }));
  await release.until('the gate', atGate);
  await release.decide({ verb: 'cancel', then: 'hold' });
  expect(await release.result()).toMatchObject({ outcome: 'cancelled' });
  expect(prioritiesIn(it.cluster)).not.toEqual(OWN);
}

async function carriedOut(release: StartedRelease): Promise<void> {
  expect(await release.result()).toMatchObject({ outcome: 'done' });
}

describe('priorities of a release that was left half-way', () => {
  test.for([
    ['gives priorities of its own', NAMED],
    ['needs none', { waves: [1, 'rest'] }],
  ] as const)('are put back by the next release, which %s', async ([, wishes], { stage }) => {
    const it = await stage(SET);
    await leftHalfWay(it);
    await carriedOut(await it.start(aRelease(wishes)));
    expect(prioritiesIn(it.cluster)).toEqual(OWN);
    expect(loadedBy(it.cluster)).toEqual(everyServer(it.cluster, '2.0'));
  });

  test('are put back when the next release is rolled back', async ({ stage }) => {
    const it = await stage(SET);
    await leftHalfWay(it);
    const next = await it.start(aRelease({ waves: [1, 'rest'], gates: [{ before: 2 }] }));
    await next.until('the gate', atGate);
    await next.decide({ verb: 'rollback' });
    expect(await next.result()).toMatchObject({ outcome: 'rolled-back' });
    expect(prioritiesIn(it.cluster)).toEqual(OWN);
  });

  test('are put back by a targeted release as well', async ({ stage }) => {
    const it = await stage(SET);
    await leftHalfWay(it);
    await carriedOut(await it.start(aTargetedRelease()));
    expect(prioritiesIn(it.cluster)).toEqual(OWN);
  });

  test('count no more where somebody has given another one since', async ({ stage }) => {
    const it = await stage(SET);
    await leftHalfWay(it);
    it.cluster.editServer('ops', 'duel-3', ({ spec }) => {
      spec.updatePriority = 5;
    });
    await carriedOut(await it.start(aRelease(NAMED)));
    expect(prioritiesIn(it.cluster)).toEqual(OWN.with(3, 5));
  });

  test('make the order of the next release that of the people', async ({ stage }) => {
    const it = await stage(SET);
    await leftHalfWay(it);
    const next = await it.start(aRelease({ waves: [1, 'rest'], gates: [{ before: 2 }] }));
    const { waves } = await next.until('the gate', atGate);
    // 3 and 4 run the new image already; of the others the highest priority goes first.
    expect(waves[0]).toMatchObject({ servers: '9' });
    await next.decide({ verb: 'approve', wave: 2 });
    await carriedOut(next);
  });
});

test('the record says what they were before the first priority is given, and after the last was put back', async ({
  stage,
}) => {
  const it = await stage(SET);
  const annotations = (): object => it.cluster.set().raw.metadata.annotations ?? {};
  const seen: boolean[] = [];
  it.calls.run({ ...A_PRIORITY, when: 'before' }, () => {
    seen.push(RELEASE_ANNOTATION in annotations());
  });
  await carriedOut(await it.start(aRelease(NAMED)));
  expect(seen).toEqual([true]);
  const restored = it.cluster.log.findLastIndex(
    (entry) => entry.kind === 'patch' && entry.patch.changes.some(({ path }) => path === '/spec/updatePriority'),
  );
  const ended = it.cluster.log.findLastIndex(
    (entry) => entry.kind === 'patch' && entry.target.kind === 'GameServerSet',
  );
  expect(restored).toBeLessThan(ended);
});

test('a release that Temporal has lost while it gave priorities is taken back with them', async ({ stage }) => {
  const it = await stage(SET);
  const held = it.calls.hold({ ...A_PRIORITY, when: 'after', skip: 2 });
  const release = await it.start(aRelease(NAMED));
  await held.reached;
  await release.handle.terminate('lost');
  held.release();
  await carriedOut(await it.start(aRelease({ waves: [1, 'rest'] })));
  expect(prioritiesIn(it.cluster)).toEqual(OWN);
});
