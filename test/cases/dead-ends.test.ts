import { describe, expect } from 'vitest';
import type { ReleaseState } from '../../release/progress/state.ts';
import { FROZEN } from '../../release/patches/patches.ts';
import { releaseWorkflowId, taskQueueOf } from '../../workflows/messages.ts';
import { WRITES_AT_ONCE } from '../../activities/game-servers/game-server-writer.ts';
import { ClusterFailure } from '../../activities/ports/failure.ts';
import { NEW_IMAGE, OLD_IMAGE, SIDECAR, USER_STRATEGY } from '../support/builders.ts';
import { carriedToItsEnd, isOver } from '../support/carry.ts';
import type { LogEntry } from '../support/fake-cluster.ts';
import { gitOps } from '../support/fake-git-ops.ts';
import { movedTo } from '../support/fake-log.ts';
import type { RawSet } from '../support/fake-set-model.ts';
import type { StartedRelease } from '../support/hotwave.ts';
import { A_PRIORITY, A_SET_WRITE, A_STRATEGY_WRITE, AN_OVERRIDE } from '../support/moments.ts';
import { everyServer, expectNothingSince, loadedBy, now, overridesIn } from '../support/observer.ts';
import { stageCommand } from '../support/stage-command.ts';
import { aRelease, aTargetedRelease, test } from '../support/stage.ts';
import type { SpecWishes, Stage } from '../support/stage.ts';

const OTHER_IMAGE = 'registry.test/scripts:2.1';
/** Those that are on their way, and those that begin until the activity hears of it with its next heartbeat. */
const UNTIL_HEARD = 2 * WRITES_AT_ONCE;
const forbidden = new ClusterFailure('forbidden', 'the worker may not do that (403)', { retryable: false });

const isPaused = ({ phase, pausedBecause }: ReleaseState): boolean => phase === 'paused' && pausedBecause !== undefined;
const isHalted = ({ phase }: ReleaseState): boolean => phase === 'halted';
const atGate = ({ phase }: ReleaseState): boolean => phase === 'waiting-approval';

const setImage =
  (image: string) =>
  ({ spec }: RawSet): void => {
    spec.gameServerTemplate.spec.containers.find(({ name }) => name === SIDECAR)!.image = image;
  };

async function atItsGate(it: Stage, wishes: SpecWishes = {}): Promise<StartedRelease> {
  const release = await it.start(aRelease({ gates: [{ before: 2 }], ...wishes }));
  await release.until('the gate', atGate);
  return release;
}

function expectAsBefore({ cluster }: Stage): void {
  expect(loadedBy(cluster)).toEqual(everyServer(cluster, '1.0'));
  expect(overridesIn(cluster)).toEqual({});
  expect(cluster.set().raw.spec.updateStrategy).toEqual(USER_STRATEGY);
}

/** A GitOps controller writes everything back that its repository says: image and strategy. */
function appliedBack({ cluster }: Stage): void {
  cluster.edit('argocd', (set) => {
    setImage(OLD_IMAGE)(set);
    set.spec.updateStrategy = structuredClone(USER_STRATEGY);
  });
}

/** A write of a priority that is not the one that servers had. */
function isForwardPriority(entry: LogEntry): boolean {
  return (
    entry.kind === 'patch' &&
    entry.patch.changes.some(({ path, value }) => path === '/spec/updatePriority' && value !== 0)
  );
}

describe('a rollback has a way', () => {
  // B3
  test('when a GitOps controller has applied the whole original set at a gate', async ({ stage }) => {
    const it = await stage();
    const release = await atItsGate(it);
    appliedBack(it);
    await release.until('the pause', (state) => isPaused(state) && state.foreignEdit !== undefined);
    expect(await release.decide({ verb: 'rollback', actor: 'bob' })).toMatchObject({ accepted: true });
    await carriedToItsEnd(release);
    expect(await release.result()).toMatchObject({ outcome: 'rolled-back' });
    expectAsBefore(it);
  });

  // B3: the release may win as well.
  test('not as the only one: the release can also win over what the controller has applied', async ({ stage }) => {
    const it = await stage();
    const release = await atItsGate(it);
    appliedBack(it);
    await release.until('the pause', (state) => isPaused(state) && state.foreignEdit !== undefined);
    expect(await release.decide({ verb: 'resume', wins: 'release' })).toMatchObject({ accepted: true });
    await carriedToItsEnd(release);
    expect(await release.result()).toMatchObject({ outcome: 'done' });
    expect(loadedBy(it.cluster)).toEqual(everyServer(it.cluster, '2.0'));
    expect(it.cluster.set().raw.spec.updateStrategy).toEqual(USER_STRATEGY);
  });

  // B3: again and again.
  test.for(['apply', 'replace'] as const)(
    'when a GitOps controller writes the original set back all the time (%s)',
    async (by, { stage }) => {
      const it = await stage();
      const argo = gitOps(it.cluster, { manager: 'argocd', by });
      const release = await atItsGate(it);
      argo.selfHeal(200);
      await release.until('the pause', isPaused);
      await release.decide({ verb: 'rollback', actor: 'bob' });
      await carriedToItsEnd(release);
      argo.stop();
      expect(await release.result()).toMatchObject({ outcome: 'rolled-back' });
      expectAsBefore(it);
    },
  );

  // B3
  test('when somebody has replaced the whole set, annotations included', async ({ stage }) => {
    const it = await stage();
    const release = await atItsGate(it);
    it.cluster.edit('kubectl-replace', (set) => {
      setImage(OLD_IMAGE)(set);
      set.spec.updateStrategy = structuredClone(USER_STRATEGY);
      delete set.metadata.annotations;
    });
    await release.until('the pause', isPaused);
    await release.decide({ verb: 'rollback', actor: 'bob' });
    await carriedToItsEnd(release);
    expect(await release.result()).toMatchObject({ outcome: 'rolled-back' });
    expectAsBefore(it);
  });

  // B4
  test('when the foreign edit vanishes right before the write', async ({ stage }) => {
    const it = await stage();
    const release = await atItsGate(it);
    it.cluster.edit('helm', setImage(OTHER_IMAGE));
    await release.idle('the pause', (state) => isPaused(state) && state.foreignEdit !== undefined);
    const held = it.calls.hold(A_SET_WRITE);
    await release.decide({ verb: 'rollback', actor: 'bob' });
    await held.reached;
    it.cluster.edit('helm', setImage(NEW_IMAGE));
    held.release();
    await carriedToItsEnd(release);
    expect(await release.result()).toMatchObject({ outcome: 'rolled-back' });
    expectAsBefore(it);
  });

  // B4: the other way round.
  test('when a foreign edit comes right before the write, and goes again', async ({ stage }) => {
    const it = await stage();
    const release = await atItsGate(it);
    const held = it.calls.hold(A_SET_WRITE);
    await release.decide({ verb: 'rollback', actor: 'bob' });
    await held.reached;
    it.cluster.edit('helm', setImage(OTHER_IMAGE));
    held.release();
    await release.until('the question', isPaused);
    it.cluster.edit('helm', setImage(NEW_IMAGE));
    await carriedToItsEnd(release);
    expect(await release.result()).toMatchObject({ outcome: 'rolled-back' });
    expectAsBefore(it);
  });

  // B15
  test('while the release is halted, because it may be the cause', async ({ stage }) => {
    const it = await stage();
    const release = await atItsGate(it);
    await stageCommand(it, ['halt', '--reason', 'login is down']);
    await release.until('the halt', isHalted);
    expect(await release.decide({ verb: 'rollback', actor: 'bob' })).toMatchObject({ accepted: true });
    expect(await release.result()).toMatchObject({ outcome: 'rolled-back' });
    expectAsBefore(it);
    const other = await it.start(aRelease({ name: 'next' }));
    expect(await other.result()).toMatchObject({ outcome: 'refused' });
    await stageCommand(it, ['unhalt']);
  });

  // B15
  test.for(['awaitReady', 'reload'] as const)(
    'while the release is halted in the middle of its wave (%s)',
    async (moment, { stage }) => {
      const it = await stage();
      const which = moment === 'reload' ? ({ operation: 'exec', skip: 4 } as const) : ({ operation: 'exec' } as const);
      const held = it.calls.hold(which);
      const release = await it.start(aRelease());
      await held.reached;
      const halting = stageCommand(it, ['halt', '--reason', 'login is down']);
      await release.until('the halt to arrive', ({ halt }) => halt !== undefined);
      held.release();
      await halting;
      await release.until('the halt', isHalted);
      expect(await release.decide({ verb: 'rollback', actor: 'bob' })).toMatchObject({ accepted: true });
      expect(await release.result()).toMatchObject({ outcome: 'rolled-back' });
      expectAsBefore(it);
      await stageCommand(it, ['unhalt']);
    },
  );

  // B16
  test('that is heard at once when it comes while a set is opened whose controller is away, and names who is waited for', async ({
    stage,
  }) => {
    const it = await stage();
    const held = it.calls.hold({ ...A_STRATEGY_WRITE, skip: 1 });
    const release = await it.start(aRelease());
    await held.reached;
    it.cluster.set().controllersDown = true;
    held.release();
    await release.decide({ verb: 'rollback', actor: 'bob' });
    const isHeard = ({ phase, wait }: ReleaseState): boolean =>
      phase === 'rolling-back' && /kruise/i.test(`${wait?.owner} ${wait?.for}`);
    await release.until('the rollback to be heard', isHeard, 30_000);
    it.cluster.set().controllersDown = false;
    it.cluster.set().reconcile();
    await carriedToItsEnd(release);
    expect(await release.result()).toMatchObject({ outcome: 'rolled-back' });
    expectAsBefore(it);
  });

  // B13
  test('that comes while the priorities of a hundred servers are written does not wait for the rest of them', async ({
    stage,
  }) => {
    const it = await stage({ sets: [{ replicas: 200 }] });
    it.calls.slow(A_PRIORITY, 1_500);
    const waves = [{ name: 'quiet', servers: Array.from({ length: 150 }, (_, ordinal) => ordinal) }, 'rest'];
    const release = await it.start(aRelease({ waves }));
    const forward = (): number => it.cluster.log.filter(isForwardPriority).length;
    await release.until('the first priorities', () => forward() > 0);
    await release.decide({ verb: 'rollback', actor: 'bob' });
    const heard = forward();
    expect(await release.result()).toMatchObject({ outcome: 'rolled-back' });
    expect(forward() - heard).toBeLessThanOrEqual(UNTIL_HEARD);
    expect([...it.cluster.set().gameServers.values()].map(({ spec }) => spec.updatePriority)).toEqual(
      Array(200).fill(0),
    );
    expectAsBefore(it);
  });

  // B13
  test('that comes while overrides of an earlier release are taken away does not wait for the rest of them', async ({
    stage,
  }) => {
    const it = await stage({ sets: [{ replicas: 110, reclaimPolicy: 'Delete' }] });
    const servers = { servers: Array.from({ length: 100 }, (_, ordinal) => ordinal) };
    const target = { namespace: 'arena', gameServerSet: 'duel', servers };
    const chosen = aTargetedRelease({ name: 'chosen', target, waves: ['rest'], ready: { timeout: '60s' } });
    expect(await (await it.start(chosen)).result()).toMatchObject({ outcome: 'done' });
    it.calls.slow(AN_OVERRIDE, 1_500);
    const release = await it.start(aRelease({ name: 'promote', waves: ['rest'] }));
    const taken = (): number => 100 - Object.keys(overridesIn(it.cluster)).length;
    await release.until('overrides to be taken away', () => taken() > 0);
    await release.decide({ verb: 'rollback', actor: 'bob' });
    const before = now(it.cluster);
    expect(await release.result()).toMatchObject({ outcome: 'rolled-back' });
    const isTaken = (entry: LogEntry): boolean =>
      entry.kind === 'patch' &&
      entry.target.kind === 'GameServer' &&
      entry.outcome.kind === 'applied' &&
      !JSON.stringify(entry.patch.changes).includes(NEW_IMAGE);
    const takenSince = it.cluster.log.slice(before).filter(isTaken);
    expect(takenSince.length).toBeLessThanOrEqual(UNTIL_HEARD);
    expect(Object.keys(overridesIn(it.cluster))).toHaveLength(100);
  });
});

describe('a halt', () => {
  // B15
  test('can be ended for one set alone: the others stand still', async ({ stage }) => {
    const lobby = { namespace: 'arena', name: 'lobby' };
    const it = await stage({ sets: [{}, { ref: lobby }] });
    const release = await atItsGate(it);
    const target = { namespace: lobby.namespace, gameServerSet: lobby.name };
    const other = await it.start(aRelease({ name: 'lobby-2-0', target, gates: [{ before: 2 }] }));
    await other.until('the gate', atGate);
    await stageCommand(it, ['halt', '--reason', 'login is down']);
    await Promise.all([release.until('the halt', isHalted), other.until('the halt', isHalted)]);
    expect(await stageCommand(it, ['unhalt', '--only', 'arena/lobby'])).toMatchObject({ code: 0 });
    await other.until('the gate again', atGate);
    await other.decide({ verb: 'approve', wave: 2 });
    expect(await other.result()).toMatchObject({ outcome: 'done' });
    expect((await release.state()).phase).toBe('halted');
    await stageCommand(it, ['unhalt']);
    await release.until('the gate', atGate);
    await release.decide({ verb: 'cancel', then: 'hold' });
    await release.result();
  });

  // A11
  test('says at its end which release could not be told, when one does not answer', async ({ stage }) => {
    const it = await stage();
    const release = await atItsGate(it);
    await stageCommand(it, ['halt', '--reason', 'login is down']);
    await release.until('the halt', isHalted);
    // A workflow that no worker can run: it never answers.
    const mute = await it.client.workflow.start('aReleaseOfAnotherVersion', {
      workflowId: releaseWorkflowId(it.clusterName, { namespace: 'arena', name: 'mute' }),
      taskQueue: taskQueueOf(it.clusterName),
    });
    const { code, out, err } = await stageCommand(it, ['unhalt', '--reason', 'it is up']);
    await mute.terminate();
    expect(out + err).toMatch(/arena\/mute was not reached: .*may go on standing still/);
    expect(code).toBe(1);
    await release.until('the gate', atGate);
    await release.decide({ verb: 'cancel', then: 'hold' });
    await release.result();
  });
});

// B16
describe('what an admission webhook refuses', () => {
  const NOT_ON_FRIDAYS = 'admission webhook "vgameserverset.test" denied the request: spec: Forbidden: not on fridays';
  const imageOf = ({ gameServerTemplate: { spec } }: RawSet['spec']): string | undefined =>
    spec.containers.find(({ name }) => name === SIDECAR)?.image;

  test.for<readonly [what: string, isRefused: (spec: RawSet['spec']) => boolean]>([
    ['the new image', (spec) => imageOf(spec) === NEW_IMAGE],
    ['a wave', ({ updateStrategy }) => (updateStrategy?.rollingUpdate?.partition ?? 0) < FROZEN],
  ])(
    'be it %s, makes a release pause with the words of the webhook, and it goes on when somebody resumes',
    async ([, isRefused], { stage }) => {
      let isStrict = false;
      const it = await stage({ admission: ({ spec }) => (isStrict && isRefused(spec) ? NOT_ON_FRIDAYS : undefined) });
      const held = it.calls.hold({ activity: 'stageTemplate' });
      const release = await it.start(aRelease());
      await held.reached;
      isStrict = true;
      held.release();
      const { pausedBecause } = await release.until('the pause', isPaused);
      expect(pausedBecause).toContain(NOT_ON_FRIDAYS);
      isStrict = false;
      await release.decide({ verb: 'resume' });
      expect(await release.result()).toMatchObject({ outcome: 'done' });
    },
  );

  test('of a rollback makes it stand still with the words of the webhook, and it goes on when somebody resumes', async ({
    stage,
  }) => {
    let isStrict = false;
    const it = await stage({
      admission: ({ spec }) => (isStrict && imageOf(spec) === OLD_IMAGE ? NOT_ON_FRIDAYS : undefined),
    });
    const release = await atItsGate(it);
    isStrict = true;
    await release.decide({ verb: 'rollback', actor: 'bob' });
    const { pausedBecause } = await release.until('the pause', isPaused);
    expect(pausedBecause).toContain(NOT_ON_FRIDAYS);
    isStrict = false;
    await release.decide({ verb: 'resume' });
    expect(await release.result()).toMatchObject({ outcome: 'rolled-back' });
    expectAsBefore(it);
  });

  test('of a pause is said in the words of the webhook', async ({ stage }) => {
    let isStrict = false;
    const it = await stage({ admission: () => (isStrict ? NOT_ON_FRIDAYS : undefined) });
    const held = it.calls.hold({ activity: 'awaitReady' });
    const release = await it.start(aRelease({ ready: { timeout: '60s' } }));
    await held.reached;
    isStrict = true;
    await release.decide({ verb: 'pause', actor: 'bob' });
    const { pausedBecause } = await release.until('the pause', isPaused);
    expect(pausedBecause).toContain(NOT_ON_FRIDAYS);
    isStrict = false;
    held.release();
    await release.decide({ verb: 'rollback', actor: 'bob' });
    expect(await release.result()).toMatchObject({ outcome: 'rolled-back' });
    expectAsBefore(it);
  });
});

describe('a decision', () => {
  // B14
  test('to pause counts although another to resume has not been carried out yet', async ({ stage }) => {
    const it = await stage();
    const release = await atItsGate(it);
    await release.decide({ verb: 'pause', actor: 'bob' });
    await release.idle('the pause', isPaused);
    const held = it.calls.hold(A_SET_WRITE);
    await release.decide({ verb: 'resume', actor: 'bob' });
    await held.reached;
    expect(await release.decide({ verb: 'pause', actor: 'carol', reason: 'wait' })).toMatchObject({ accepted: true });
    held.release();
    const { pausedBecause } = await release.idle(
      'the pause',
      (state) => isPaused(state) && /carol/.test(state.pausedBecause!),
    );
    expect(pausedBecause).toContain('wait');
    const paused = now(it.cluster);
    await it.calls.quiet();
    expectNothingSince(it.cluster, paused);
    await release.decide({ verb: 'resume' });
    await release.until('the gate', atGate);
    await release.decide({ verb: 'cancel', then: 'rollback' });
    await release.result();
    expectAsBefore(it);
  });

  // B14
  test('to pause counts, whatever it is told, when the pause before it is still being carried out', async ({
    stage,
  }) => {
    const it = await stage();
    const release = await atItsGate(it);
    const held = it.calls.hold(A_SET_WRITE);
    await release.decide({ verb: 'pause', actor: 'bob' });
    await held.reached;
    await release.decide({ verb: 'resume', actor: 'bob' });
    // Accepted, or refused because it stands still: in both cases carol may count on it.
    const { accepted, message } = await release.decide({ verb: 'pause', actor: 'carol', reason: 'wait' });
    if (!accepted) expect(message).toMatch(/paus/);
    held.release();
    await it.calls.quiet();
    await release.idle('the pause', isPaused);
    const paused = now(it.cluster);
    await release.decide({ verb: 'approve', wave: 2 });
    await it.calls.quiet();
    expectNothingSince(it.cluster, paused);
    expect((await release.state()).phase).toBe('paused');
    await release.decide({ verb: 'cancel', then: 'rollback' });
    await release.result();
    expectAsBefore(it);
  });

  // B14: in a wave, where going on would move servers.
  test('to pause, given while a wave is being thawed, lets no further server move', async ({ stage }) => {
    const it = await stage({ timings: { swapMs: 3_000 } });
    const release = await it.start(aRelease({ waves: ['rest'], maxUnavailable: 1, ready: { timeout: '60s' } }));
    await release.until('the first server to move', () => movedTo(it.cluster, NEW_IMAGE).length > 0);
    await release.decide({ verb: 'pause', actor: 'bob' });
    await release.idle('the pause', isPaused);
    await it.calls.quiet();
    const moved = movedTo(it.cluster, NEW_IMAGE).length;
    const held = it.calls.hold(A_SET_WRITE);
    await release.decide({ verb: 'resume', actor: 'bob' });
    await held.reached;
    expect(await release.decide({ verb: 'pause', actor: 'carol' })).toMatchObject({ accepted: true });
    held.release();
    await release.idle('the pause', (state) => isPaused(state) && /carol/.test(state.pausedBecause!));
    const paused = now(it.cluster);
    await it.calls.quiet();
    expectNothingSince(it.cluster, paused);
    // One may have begun between the two.
    expect(movedTo(it.cluster, NEW_IMAGE).length).toBeLessThanOrEqual(moved + 1);
    await release.decide({ verb: 'resume' });
    expect(await release.result()).toMatchObject({ outcome: 'done' });
  });

  // B9
  test('to retry at a gate pauses the release when the API server refuses it, and can be given again', async ({
    stage,
  }) => {
    let broken = true;
    const it = await stage({ failures: (server) => (broken && server === 'duel-7' ? 'reloadfails' : undefined) });
    const release = await it.start(aRelease({ onFailure: { tolerate: 1 }, gates: [{ before: 3 }] }));
    await release.until('the gate', atGate);
    broken = false;
    it.calls.fail({ activity: 'reloadServers' }, { failure: forbidden, times: 1 });
    await release.decide({ verb: 'retry' });
    const { pausedBecause } = await release.until('the pause', isPaused);
    expect(pausedBecause).toContain('the worker may not do that (403)');
    await carriedToItsEnd(release);
    expect(await release.result()).toMatchObject({ outcome: 'done' });
    expect(loadedBy(it.cluster)).toEqual(everyServer(it.cluster, '2.0'));
  });
});

describe('the end', () => {
  // A10
  test.for([
    ['is forbidden', forbidden],
    ['is not answered', undefined],
  ] as const)('of a release is its end, also when counting its servers %s', async ([, failure], { stage }) => {
    const it = await stage();
    it.calls.fail({ activity: 'tally' }, { ...(failure && { failure }), times: 100_000 });
    const release = await it.start(aRelease());
    expect(await release.result()).toMatchObject({ outcome: 'done' });
    const next = await it.start(aRelease({ name: 'next', image: OTHER_IMAGE }));
    expect(await next.result()).toMatchObject({ outcome: 'done' });
  });

  // A10
  test('of a release comes also when the API server refuses everything after the last write', async ({ stage }) => {
    const it = await stage();
    const isLast = (parameters: readonly unknown[]): boolean => {
      const [target, patch] = parameters as readonly [{ kind: string }, { changes: readonly { path: string }[] }];
      return target.kind === 'GameServerSet' && patch.changes.some(({ path }) => path.includes('last-release'));
    };
    it.calls.run({ operation: 'patch', about: isLast, when: 'after' }, () =>
      it.calls.fail({ activity: 'tally' }, { failure: forbidden, times: 100_000 }),
    );
    const release = await it.start(aRelease());
    await release.until('the end', isOver);
    expect(await release.result()).toMatchObject({ outcome: 'done' });
  });
});
