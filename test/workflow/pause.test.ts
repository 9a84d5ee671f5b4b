import { describe, expect } from 'vitest';
import type { Activities } from '../../activities/index.ts';
import type { ReleaseState } from '../../release/state.ts';
import { until } from '../lab/until.ts';
import { USER_STRATEGY } from '../support/builders.ts';
import { eachServer, effects, reloads } from '../support/fake-log.ts';
import type { StartedRelease } from '../support/hotwave.ts';
import { aRelease, test } from '../support/stage.ts';

const isPaused = ({ phase, pausedBecause }: ReleaseState): boolean => phase === 'paused' && pausedBecause !== undefined;

/** Every activity of a release that comes to its end, in order, but for those that only read at the very end. */
const STEPS: readonly (keyof Activities)[] = [
  'planRelease',
  'changePriorities',
  'stageTemplate',
  'openWave',
  'awaitReady',
  'checkServers',
  'reloadServers',
  'bakeWave',
  'verifyFleet',
  'restoreSet',
];

/** Resolves when no activity is under way: then nothing can be written before a person says something. */
async function untilIdle(release: StartedRelease): Promise<void> {
  await release.until('the pause', isPaused, 20_000);
  await until({ what: 'the last activity to end', deadlineMs: 20_000, everyMs: 50 }, async () => {
    const { raw } = await release.handle.describe();
    return (raw.pendingActivities ?? []).length === 0;
  });
}

describe('a pause', () => {
  test('freezes the set also when it comes between a write and its acceptance', async ({ stage }) => {
    const it = await stage({ timings: { acceptMs: 300 } });
    const held = it.calls.hold({ activity: 'openWave', operation: 'readWorkload' });
    const release = await it.start(aRelease());
    await held.reached;
    await release.decide({ verb: 'pause', actor: 'bob', reason: 'look at this' });
    held.release();
    await untilIdle(release);
    expect((await release.state()).pausedBecause).toBe('by bob: look at this');
    expect(it.cluster.set().raw.spec.updateStrategy).toMatchObject({ rollingUpdate: { paused: true } });
    await release.decide({ verb: 'resume' });
    expect(await release.result()).toMatchObject({ outcome: 'done' });
  });

  test.for(STEPS)(
    'during %s lets nothing be changed until somebody resumes, and then the release is done',
    async (activity, { stage }) => {
      const it = await stage();
      const held = it.calls.hold({ activity });
      const release = await it.start(
        aRelease({ waves: [{ name: 'first', servers: [3, 4] }, 'rest'], maxUnavailable: 1, bake: '100ms' }),
      );
      await held.reached;
      expect(await release.decide({ verb: 'pause', actor: 'bob', reason: 'look at this' })).toEqual({
        accepted: true,
        message: 'pausing: nothing more is written; servers that are being updated finish',
      });
      held.release();
      await untilIdle(release);
      expect((await release.state()).pausedBecause).toBe('by bob: look at this');
      const before = it.cluster.log.length;
      for (const verb of ['approve', 'reject', 'pause'] as const) {
        expect(await release.decide({ verb, wave: 1 })).toMatchObject({ accepted: false });
      }
      expect(effects(it.cluster, before)).toEqual([]);
      expect(await release.decide({ verb: 'resume' })).toMatchObject({ accepted: true });
      expect(await release.result()).toMatchObject({ outcome: 'done', restartsOfMainContainers: 0 });
      expect(reloads(it.cluster)).toEqual(eachServer(it.cluster, 1));
      expect(it.cluster.set().raw.spec.updateStrategy).toEqual(USER_STRATEGY);
    },
  );
});
