import { describe, expect, inject } from 'vitest';
import { FENCE_ANNOTATION } from '../../release/patches/fence.ts';
import type { ReleaseState } from '../../release/progress/state.ts';
import { RELEASE_ANNOTATION } from '../../release/record/record.ts';
import { createHotwaveWorker } from '../../worker/create-worker.ts';
import { releaseWorkflowId } from '../../workflows/messages.ts';
import { NEW_IMAGE, SET } from '../support/builders.ts';
import { asks } from '../support/carry.ts';
import { releaseOf } from '../support/hotwave.ts';
import type { StartedRelease } from '../support/hotwave.ts';
import { everyServer, expectNothingSince, loadedBy, now } from '../support/observer.ts';
import { stageCommand } from '../support/stage-command.ts';
import { aRelease, test } from '../support/stage.ts';
import type { Stage } from '../support/stage.ts';

const atGate = ({ phase }: ReleaseState): boolean => phase === 'waiting-approval';
const BACK = ['rollback', '--from-cluster', 'arena/duel', '--reason', 'Temporal is empty'];

function annotations(it: Stage): Record<string, string> {
  return it.cluster.set().raw.metadata.annotations!;
}

/** A release whose first wave is on 2.0, and that Temporal has lost. */
async function lost(it: Stage): Promise<StartedRelease> {
  const release = await it.start(aRelease({ gates: [{ before: 2 }] }));
  await release.until('the gate', atGate);
  await release.handle.terminate('the history is gone');
  return releaseOf(it.client.workflow.getHandle(releaseWorkflowId(it.clusterName, SET)), 'scripts-2-0');
}

describe('a rollback from the cluster', () => {
  test('takes the set: a release of another Temporal writes nothing any more, whatever people tell it', async ({
    stage,
    connections,
  }) => {
    const it = await stage();
    const release = await it.start(aRelease({ gates: [{ before: 2 }] }));
    await release.until('the gate', atGate);
    // The set says what it would say if another Temporal held it: nobody can ask there.
    it.cluster.edit('kubectl', ({ metadata }) => {
      const record = JSON.parse(metadata.annotations![RELEASE_ANNOTATION]!) as { holder: { temporal: string } };
      record.holder.temporal = '0b5f7a3e-0000-4000-8000-000000000000';
      metadata.annotations![RELEASE_ANNOTATION] = JSON.stringify(record);
    });
    const clusterName = `${it.clusterName}-b`;
    const worker = await createHotwaveWorker({
      connection: connections.native,
      clusterName,
      cluster: it.calls.through(it.cluster),
      bundlePath: inject('bundlePath'),
      pollers: 2,
    });
    const running = worker.run();
    const held = it.calls.hold({ activity: 'restoreSet', operation: 'patch' });
    const back = stageCommand({ clusterName }, BACK);
    await held.reached;
    await release.until('the question', asks);
    const before = now(it.cluster);
    await release.decide({ verb: 'resume', wins: 'release' });
    await release.idle('the next question', asks);
    expectNothingSince(it.cluster, before);
    held.release();
    expect(await back).toMatchObject({ code: 0 });
    expect(loadedBy(it.cluster)).toEqual(everyServer(it.cluster, '1.0'));
    await release.handle.terminate();
    worker.shutdown();
    await running;
  });

  test.for(['rollBackSet', 'restoreSet'] as const)(
    'is not kept from its end by a mark that somebody writes before %s',
    async (activity, { stage }) => {
      const it = await stage();
      await lost(it);
      it.calls.run({ activity, operation: 'readSet' }, () => {
        annotations(it)[FENCE_ANNOTATION] = 'garbage';
      });
      expect(await stageCommand(it, BACK)).toMatchObject({ code: 0 });
      expect(loadedBy(it.cluster)).toEqual(everyServer(it.cluster, '1.0'));
    },
  );

  test('that is cancelled while it is planned moves nobody', async ({ stage }) => {
    const it = await stage();
    const back = await lost(it);
    const held = it.calls.hold({ activity: 'planRollback', operation: 'listServers' });
    const running = stageCommand(it, BACK);
    await held.reached;
    expect(await stageCommand(it, ['cancel', 'arena/duel', '--then', 'hold', '--reason', 'wrong set'])).toMatchObject({
      code: 0,
    });
    const before = now(it.cluster);
    held.release();
    expect((await running).code).not.toBe(0);
    expect(await back.state()).toMatchObject({ phase: 'cancelled' });
    expectNothingSince(it.cluster, before);
  });

  test('is not paused while it is planned: the person is told', async ({ stage }) => {
    const it = await stage();
    await lost(it);
    const held = it.calls.hold({ activity: 'planRollback', operation: 'listServers' });
    const running = stageCommand(it, BACK);
    await held.reached;
    const { code, err } = await stageCommand(it, ['pause', 'arena/duel']);
    held.release();
    expect(code).toBe(6);
    expect(err).toContain('is not stopped half-way');
    expect(await running).toMatchObject({ code: 0 });
  });
});

describe('a release that was refused before its first write', () => {
  test.for([
    ['with its marks', (theirs: Record<string, string>) => theirs],
    ['without marks', () => ({})],
  ] as const)('does not take another one back that staged the same image, %s', async ([, marks], { stage }) => {
    const it = await stage();
    const other = await it.start(aRelease({ name: 'other', gates: [{ before: 2 }] }));
    await other.until('the gate', atGate);
    const theirs = structuredClone(it.cluster.set().raw);
    await other.decide({ verb: 'rollback' });
    await other.result();
    it.calls.run({ activity: 'stageTemplate', operation: 'readSet' }, () =>
      it.cluster.edit('hotwave', (raw) => {
        const { updateStrategy } = theirs.spec;
        const rollingUpdate = { ...updateStrategy!.rollingUpdate, maxUnavailable: 2 };
        raw.spec = { ...structuredClone(theirs.spec), updateStrategy: { ...updateStrategy!, rollingUpdate } };
        raw.metadata.annotations = { ...marks(theirs.metadata.annotations!) };
      }),
    );
    const release = await it.start(aRelease());
    await release.until('the question', asks);
    const before = now(it.cluster);
    await release.decide({ verb: 'rollback' });
    expect(await release.result()).toMatchObject({
      outcome: 'rolled-back',
      reason: expect.stringContaining('hotwave had written nothing') as string,
    });
    expectNothingSince(it.cluster, before);
    expect(it.cluster.set().raw.spec.gameServerTemplate.spec.containers[1]?.image).toBe(NEW_IMAGE);
  });
});
