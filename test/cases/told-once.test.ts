import { describe, expect, inject } from 'vitest';
import { NEW_IMAGE, USER_STRATEGY } from '../support/builders.ts';
import type { WhichCalls } from '../support/cluster-calls.ts';
import type { FakeClusterModel } from '../support/fake-cluster.ts';
import { eachServer, movedTo, reloads } from '../support/fake-log.ts';
import { startKillableWorkers } from '../support/killable-workers.ts';
import type { KillableWorkers } from '../support/killable-workers.ts';
import { A_PRIORITY, A_RELOAD, A_SET_WRITE, AN_OVERRIDE } from '../support/moments.ts';
import { everyServer, expectNothingSince, loadedBy, now } from '../support/observer.ts';
import { aRelease, aTargetedRelease, emptyStage, test } from '../support/stage.ts';
import type { Connections, RunningWorker, Stage } from '../support/stage.ts';
import type { StartedRelease } from '../support/hotwave.ts';
import { until } from '../lab/until.ts';
import type { ReleaseState } from '../../release/progress/state.ts';

/** Engines that load seconds after they have said that they will. */
const SLOW_ENGINES: FakeClusterModel = { sets: [{ replicas: 20, engine: { loadMs: 3_000 } }] };
/** The file of such a release: a proof has all the time that an engine needs. */
const PATIENT = {
  waves: ['rest'],
  proof: { http: { port: 8080, path: '/version', within: '40s' } },
  concurrency: { total: 4, perNode: 4 },
  ready: { timeout: '60s' },
};

const atGate = ({ phase }: ReleaseState): boolean => phase === 'waiting-approval';
const isPaused = ({ phase, pausedBecause }: ReleaseState): boolean => phase === 'paused' && pausedBecause !== undefined;

describe('an engine that was told to reload, and loads seconds later,', () => {
  // A3
  test('is not told again after a pause and a resume: it is asked for its proof first', async ({ stage }) => {
    const it = await stage(SLOW_ENGINES);
    it.calls.slow(A_RELOAD, 300);
    const release = await it.start(aRelease(PATIENT));
    await release.until('some engines to be told', () => Object.keys(reloads(it.cluster)).length >= 4);
    await release.decide({ verb: 'pause', actor: 'bob' });
    await release.until('the pause', isPaused);
    await release.decide({ verb: 'resume' });
    expect(await release.result()).toMatchObject({ outcome: 'done' });
    expect(reloads(it.cluster)).toEqual(eachServer(it.cluster, 1));
    expect(loadedBy(it.cluster)).toEqual(everyServer(it.cluster, '2.0'));
  });

  // A3
  test('is not told again when another server is skipped meanwhile', async ({ stage }) => {
    const it = await stage(SLOW_ENGINES);
    it.calls.slow(A_RELOAD, 300);
    const release = await it.start(aRelease(PATIENT));
    await release.until('some engines to be told', () => Object.keys(reloads(it.cluster)).length >= 4);
    await release.decide({ verb: 'skip', server: 'duel-0', reason: 'its players stay' });
    expect(await release.result()).toMatchObject({ outcome: 'done' });
    const { 'duel-0': _skipped, ...others } = reloads(it.cluster);
    const { 'duel-0': _too, ...expected } = eachServer(it.cluster, 1);
    expect(others).toEqual(expected);
  });

  // A3
  test('is not told again after a halt and its end', async ({ stage }) => {
    const it = await stage(SLOW_ENGINES);
    it.calls.slow(A_RELOAD, 300);
    const release = await it.start(aRelease(PATIENT));
    await release.until('some engines to be told', () => Object.keys(reloads(it.cluster)).length >= 4);
    await release.signal({ verb: 'halt', actor: 'ops', channel: 'halt', until: Date.now() + 600_000, reason: 'fire' });
    await release.until('the halt', ({ phase }) => phase === 'halted');
    await release.decide({ verb: 'unhalt', actor: 'ops', channel: 'halt' });
    expect(await release.result()).toMatchObject({ outcome: 'done' });
    expect(reloads(it.cluster)).toEqual(eachServer(it.cluster, 1));
  });

  // A3: twice.
  test('is not told again however often somebody pauses', { timeout: 240_000 }, async ({ stage }) => {
    const it = await stage(SLOW_ENGINES);
    it.calls.slow(A_RELOAD, 300);
    const release = await it.start(aRelease(PATIENT));
    for (const told of [3, 8, 12]) {
      await release.until('engines to be told', () => Object.keys(reloads(it.cluster)).length >= told);
      await release.decide({ verb: 'pause', actor: 'bob' });
      await release.until('the pause', isPaused);
      await release.decide({ verb: 'resume' });
      await release.until('the end of the pause', ({ phase }) => phase !== 'paused');
    }
    expect(await release.result()).toMatchObject({ outcome: 'done' });
    expect(reloads(it.cluster)).toEqual(eachServer(it.cluster, 1));
  });
});

interface Sleeping {
  readonly it: Stage;
  readonly workers: KillableWorkers;
  /** Another worker takes over. */
  readonly takeOver: () => Promise<void>;
}

/** Runs something with a worker in a process of its own, which can be stopped and woken; all ends with it. */
async function withSleeper(
  connections: Connections,
  model: FakeClusterModel,
  run: (sleeping: Sleeping) => Promise<void>,
): Promise<void> {
  const it = emptyStage(connections, model);
  const workers = await startKillableWorkers([it], {
    address: inject('temporalAddress'),
    bundlePath: inject('bundlePath'),
  });
  const others: RunningWorker[] = [];
  const takeOver = async (): Promise<void> => void others.push(await it.startWorker());
  try {
    await run({ it, workers, takeOver });
  } finally {
    await workers.kill();
    await Promise.all(others.map((other) => other.shutDown()));
  }
}

/** As `release.until`, but a query that a stopped worker has swallowed is asked again. */
async function eventually(
  release: StartedRelease,
  what: string,
  isSo: (state: ReleaseState) => boolean,
): Promise<void> {
  await until({ what, deadlineMs: 150_000, everyMs: 250 }, async () => isSo(await release.state()));
}

const READY = { ready: { timeout: '90s' } };
const named = { ...READY, waves: [{ name: 'first', servers: [3, 4] }, 'rest'] };
const TARGET = { namespace: 'arena', gameServerSet: 'duel', servers: { servers: ['0-39'] }, allowCascade: true };

/** Where a worker is stopped: its call stands still, and with it the whole process. */
const MOMENTS: readonly (readonly [string, WhichCalls, ReturnType<typeof aRelease>])[] = [
  ['writes overrides', AN_OVERRIDE, aTargetedRelease({ ...READY, target: TARGET, waves: ['rest'] })],
  ['tells engines to reload', A_RELOAD, aRelease({ ...READY, waves: ['rest'] })],
  ['writes priorities', A_PRIORITY, aRelease(named)],
];

describe('a worker that was stopped', { timeout: 180_000 }, () => {
  // A2
  test.for(MOMENTS)(
    'while it %s writes and tells nothing when it wakes up: another has taken over, and the release is over',
    ([, which, file], { connections }) =>
      withSleeper(connections, { sets: [{ replicas: 40 }] }, async ({ it, workers, takeOver }) => {
        const held = it.calls.hold({ ...which, skip: 3 });
        it.calls.slow(which, 200);
        const release = await it.start(file);
        await held.reached;
        workers.stop();
        held.release();
        await takeOver();
        await eventually(release, 'the end', ({ endedAt }) => endedAt !== undefined);
        expect(await release.result()).toMatchObject({ outcome: 'done' });
        const end = now(it.cluster);
        await workers.wake();
        await it.calls.quiet();
        expectNothingSince(it.cluster, end);
        expect(Object.values(reloads(it.cluster)).filter((count) => count > 1)).toEqual([]);
      }),
  );

  // A2
  test('while it closes the set for a pause cannot close or open it later, when the release has gone on', ({
    connections,
  }) =>
    withSleeper(connections, {}, async ({ it, workers, takeOver }) => {
      const release = await it.start(aRelease({ ...READY, gates: [{ before: 2 }] }));
      await release.until('the gate', atGate);
      const held = it.calls.hold(A_SET_WRITE);
      await release.decide({ verb: 'pause', actor: 'bob' });
      await held.reached;
      workers.stop();
      await takeOver();
      await eventually(release, 'the pause', isPaused);
      await release.decide({ verb: 'resume' });
      await eventually(release, 'the gate', atGate);
      const asOpened = structuredClone(it.cluster.set().raw.spec);
      // The write that the sleeper had sent arrives now.
      held.release();
      await workers.wake();
      await it.calls.quiet();
      expect(it.cluster.set().raw.spec).toEqual(asOpened);
      await release.decide({ verb: 'approve', wave: 2 });
      expect(await release.result()).toMatchObject({ outcome: 'done' });
      expect(it.cluster.set().raw.spec.updateStrategy).toEqual(USER_STRATEGY);
    }));

  // A2
  test('while it rolls back does not reload anything when it wakes up in the middle of the next release', ({
    connections,
  }) =>
    withSleeper(connections, { sets: [{ replicas: 20 }] }, async ({ it, workers, takeOver }) => {
      // One at a time: a stopped process must not have others on their way that were allowed before it stopped.
      const wishes = { ...READY, waves: [12, 'rest'], gates: [{ before: 2 }], concurrency: { total: 1 } };
      const release = await it.start(aRelease(wishes));
      await release.until('the gate', atGate);
      const held = it.calls.hold({ ...A_RELOAD, skip: 3 });
      it.calls.slow(A_RELOAD, 200);
      await release.decide({ verb: 'rollback', actor: 'bob' });
      await held.reached;
      workers.stop();
      held.release();
      await takeOver();
      await eventually(release, 'the end', ({ endedAt }) => endedAt !== undefined);
      expect(await release.result()).toMatchObject({ outcome: 'rolled-back' });
      const next = await it.start(aRelease({ name: 'next', image: NEW_IMAGE, gates: [{ before: 2 }] }));
      await eventually(next, 'the gate', atGate);
      const mark = now(it.cluster);
      await workers.wake();
      await it.calls.quiet();
      expectNothingSince(it.cluster, mark);
      expect(movedTo(it.cluster, NEW_IMAGE, mark)).toEqual([]);
      await next.decide({ verb: 'cancel', then: 'hold' });
      await next.result();
    }));
});
