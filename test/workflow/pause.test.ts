import { describe, expect } from 'vitest';
import type { Activities } from '../../activities/index.ts';
import type { ReleaseState } from '../../release/progress/state.ts';
import { USER_STRATEGY } from '../support/builders.ts';
import { eachServer, effects, reloads } from '../support/fake-log.ts';
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
  'lookAtFleet',
  'restoreSet',
];

describe('a pause', () => {
  test('closes the set also when it comes between a write and its acceptance', async ({ stage }) => {
    const it = await stage({ timings: { acceptMs: 300 } });
    const held = it.calls.hold({ activity: 'openWave', operation: 'readWorkload' });
    const release = await it.start(aRelease());
    await held.reached;
    await release.decide({ verb: 'pause', actor: 'bob', reason: 'look at this' });
    held.release();
    await release.idle('the pause', isPaused);
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
      await release.idle('the pause', isPaused);
      expect((await release.state()).pausedBecause).toBe('by bob: look at this');
      const before = it.cluster.log.length;
      for (const decision of [{ verb: 'approve', wave: 1 }, { verb: 'reject', wave: 1 }, { verb: 'pause' }] as const) {
        expect(await release.decide(decision)).toMatchObject({ accepted: false });
      }
      expect(effects(it.cluster, before)).toEqual([]);
      expect(await release.decide({ verb: 'resume' })).toMatchObject({ accepted: true });
      expect(await release.result()).toMatchObject({ outcome: 'done', restartsOfMainContainers: 0 });
      expect(reloads(it.cluster)).toEqual(eachServer(it.cluster, 1));
      expect(it.cluster.set().raw.spec.updateStrategy).toEqual(USER_STRATEGY);
    },
  );
});
