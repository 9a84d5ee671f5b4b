import { describe, expect, inject } from 'vitest';
import { NEW_IMAGE } from '../support/builders.ts';
import { movedTo } from '../support/fake-log.ts';
import { startKillableWorkers } from '../support/killable-workers.ts';
import { aRelease, emptyStage, test } from '../support/stage.ts';
import type { Stage } from '../support/stage.ts';

const sets = [{ replicas: 1 }];
const file = (name: string, more = {}) => aRelease({ name, waves: ['rest'], ready: { timeout: '90s' }, ...more });

/** The attempts that have told engines to reload, in order. */
const reloadAttempts = ({ cluster }: Stage): (number | undefined)[] =>
  cluster.log.flatMap((entry) =>
    entry.kind === 'exec' && entry.command.includes('reload') ? [entry.by?.attempt] : [],
  );

describe('a test can stop a worker', () => {
  test('in one call: its attempt is missed and replaced, and the call changes nothing when it is released', async ({
    stage,
  }) => {
    const it = await stage({ sets });
    const held = it.calls.hold({ activity: 'reloadServers', operation: 'exec' }, { stubborn: true });
    const release = await it.start(file('scripts-2-0'));
    await held.reached;
    expect(await release.result()).toMatchObject({ outcome: 'done' });
    expect(reloadAttempts(it)).toEqual([2]);
    held.release();
    await it.shutDown();
    expect(reloadAttempts(it)).toEqual([2]);
  });

  test(
    'as a whole process, which goes on where it stood when it is woken',
    { timeout: 180_000 },
    async ({ connections, onTestFinished }) => {
      const it = emptyStage(connections, { sets });
      const temporal = { address: inject('temporalAddress'), bundlePath: inject('bundlePath') };
      const workers = await startKillableWorkers([it], temporal);
      onTestFinished(() => workers.kill());
      const stopped = Promise.withResolvers<undefined>();
      it.calls.run({ activity: 'stageTemplate', operation: 'patch', when: 'after' }, () => {
        workers.stop();
        stopped.resolve(undefined);
      });
      const release = await it.start(file('scripts-2-0'));
      await stopped.promise;
      const other = await it.startWorker();
      expect(await release.result()).toMatchObject({ outcome: 'done' });
      await other.shutDown();
      await workers.wake();
      const next = await it.start(file('scripts-3-0', { image: `${NEW_IMAGE}-again` }));
      expect(await next.result()).toMatchObject({ outcome: 'done' });
      expect(movedTo(it.cluster, `${NEW_IMAGE}-again`)).toHaveLength(1);
    },
  );
});
