import { expect } from 'vitest';
import type { Activities } from '../../activities/index.ts';
import { ClusterFailure } from '../../activities/ports/failure.ts';
import type { ReleaseState } from '../../release/progress/state.ts';
import { aRelease, test } from '../support/stage.ts';
import type { Stage } from '../support/stage.ts';
import { replay } from '../replay/replay-histories.ts';

const waves = { waves: [1, 'rest'], gates: [{ before: 2, timeout: '1h' }] };

const hangs = new ClusterFailure('unreachable', 'the API server at https://fake did not answer within 8 s', {
  retryable: true,
});
const denies = new ClusterFailure(
  'other',
  'the API server at https://fake answered 500: Internal error occurred: failed calling webhook "signed.studio.test": context deadline exceeded',
  { retryable: true },
);
const plugin = new ClusterFailure('unauthorized', 'the credential plugin aws-iam has not answered within 8 s', {
  retryable: true,
});

/** Fails the calls of an activity until the test lets them through. */
function failing({ calls }: Stage, activity: keyof Activities, failure: ClusterFailure): { stop(): void } {
  const toldTo = { stop: false };
  calls.fail({ activity, operation: 'patch', about: () => !toldTo.stop }, { failure, times: Number.MAX_SAFE_INTEGER });
  return { stop: () => (toldTo.stop = true) };
}

const waitsFor =
  (owner: string) =>
  ({ wait }: ReleaseState): boolean =>
    wait?.owner === owner;

test.for([
  ['does not answer', hangs, 'the API server'],
  ['lets a webhook refuse', denies, 'the admission webhook signed.studio.test'],
  ['gets no credentials', plugin, 'the credential plugin aws-iam'],
] as const)(
  'a rollback whose write %s says that the write waits, for whom and until when that call gives up',
  async ([, failure, owner], { stage }) => {
    const it = await stage();
    const trouble = failing(it, 'rollBackSet', failure);
    const release = await it.start(aRelease(waves));
    await release.until('the gate', ({ phase }) => phase === 'waiting-approval');
    const before = Date.now();
    await release.decide({ verb: 'rollback', reason: 'players complain' });
    const { wait, phase } = await release.until('the trouble', waitsFor(owner));
    expect(phase).toBe('rolling-back');
    expect(wait!.for).toMatch(
      /^brings 1\.0 back; the write of the old image waits and is sent again; attempt \d failed: /,
    );
    expect(wait!.for.endsWith(failure.message)).toBe(true);
    // The call gives up 15 minutes after it was scheduled.
    expect(wait!.until).toBeGreaterThan(before + 15 * 60_000);
    expect(wait!.until).toBeLessThan(Date.now() + 15 * 60_000);
    const again = await release.decide({ verb: 'rollback', reason: 'what is it doing?' });
    expect(again.accepted).toBe(false);
    expect(again.message).toContain('is rolling back already: brings 1.0 back; the write of the old image waits');
    expect(again.message).toContain(failure.message);
    expect(again.message).toMatch(
      /; it waits for .*, until \d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC at the latest, and goes on by itself: nothing more has to be sent$/,
    );
    trouble.stop();
    expect(await release.result()).toMatchObject({ outcome: 'rolled-back' });
    expect(await replay([['it', await release.handle.fetchHistory()]])).toEqual({});
  },
);

test('a write that goes through after all is said no more to wait', async ({ stage }) => {
  const it = await stage();
  const trouble = failing(it, 'openWave', hangs);
  const release = await it.start(aRelease(waves));
  const { wait } = await release.until('the trouble', waitsFor('the API server'));
  expect(wait!.for).toMatch(
    /^lets 1 server move; the write that lets servers move waits and is sent again; attempt 1 /,
  );
  trouble.stop();
  const gate = await release.until('the gate', ({ phase }) => phase === 'waiting-approval');
  expect(gate.wait!.owner).toBe('a person');
});
