import type { ReleaseState } from '../../release/progress/state.ts';
import { NEW_IMAGE } from '../support/builders.ts';
import type { FakeClusterModel } from '../support/fake-cluster.ts';
import type { Failure } from '../support/fake-server.ts';
import type { StartedRelease } from '../support/hotwave.ts';
import { aRelease, aTargetedRelease } from '../support/stage.ts';
import type { Stage } from '../support/stage.ts';
import { ClusterFailure } from '../../activities/ports/failure.ts';

/** A way that a release can take through its workflow, told so that it can be gone again. */
export interface Path {
  /** Also the name of the file with its recorded history. */
  readonly name: string;
  /** Default a set of four servers. */
  readonly model?: FakeClusterModel;
  /** Starts a release and steers it to its end. */
  readonly go: (stage: Stage) => Promise<StartedRelease>;
}

const waves = [1, 'rest'];

const inPhase =
  (phase: ReleaseState['phase']) =>
  (state: ReleaseState): boolean =>
    state.phase === phase;

/** A release that has come to its gate before wave 2. */
async function atGate(stage: Stage, gate: object = {}, wishes: object = {}): Promise<StartedRelease> {
  const release = await stage.start(aRelease({ waves, gates: [{ before: 2, ...gate }], ...wishes }));
  await release.until('the gate', inPhase('waiting-approval'));
  return release;
}

/** Lets a release do something in the middle of its reloads. */
async function whileReloading(
  stage: Stage,
  act: (release: StartedRelease) => Promise<unknown>,
): Promise<StartedRelease> {
  const held = stage.calls.hold({ activity: 'reloadServers', skip: 1 });
  const release = await stage.start(aRelease({ waves }));
  await held.reached;
  await act(release);
  held.release();
  return release;
}

/** A window from yesterday until the day after tomorrow. */
function aroundNow(): object {
  const day = (offset: number): string => new Date(Date.now() + offset * 86_400_000).toISOString().slice(0, 10);
  return { name: 'finale', from: day(-1), to: day(2) };
}

/** The server that moves first takes the new version badly. */
function oneFails(failure: Failure): FakeClusterModel {
  return { failures: (server, image) => (server === 'duel-3' && image === NEW_IMAGE ? failure : undefined) };
}

/** Every path of which a history is kept. A new kind of path in the workflow gets a line here. */
export const PATHS: readonly Path[] = [
  {
    name: 'done',
    go: (stage) => stage.start(aRelease({ waves: [{ name: 'first', servers: [1] }, 'rest'], bake: '50ms' })),
  },
  { name: 'done-without-health', go: (stage) => stage.start(aRelease({ waves, health: [], bake: '50ms' })) },
  { name: 'done-and-guarded', go: (stage) => stage.start(aRelease({ waves, guard: '1s' })) },
  {
    name: 'approved-by-update',
    go: async (stage: Stage): Promise<StartedRelease> => {
      const release = await atGate(stage, { approvals: 2 });
      await release.decide({ verb: 'approve', wave: 2, actor: 'bob' });
      await release.decide({ verb: 'approve', wave: 3, actor: 'cid' });
      await release.decide({ verb: 'approve', wave: 2, actor: 'cid' });
      return release;
    },
  },
  {
    name: 'approved-by-signal',
    go: async (stage: Stage): Promise<StartedRelease> => {
      const release = await atGate(stage);
      await release.signal({ verb: 'approve', wave: 3 });
      await release.signal({ verb: 'approve', wave: 2 });
      return release;
    },
  },
  {
    name: 'rejected',
    go: async (stage: Stage): Promise<StartedRelease> => {
      const release = await atGate(stage);
      await release.decide({ verb: 'reject', wave: 2, reason: 'not today' });
      return release;
    },
  },
  {
    name: 'gate-timed-out',
    go: async (stage: Stage): Promise<StartedRelease> => {
      const release = await stage.start(aRelease({ waves, gates: [{ before: 2, timeout: '1s', onTimeout: 'pause' }] }));
      await release.until('the pause', inPhase('paused'));
      await release.decide({ verb: 'approve', wave: 2 });
      await release.decide({ verb: 'resume' });
      return release;
    },
  },
  {
    name: 'paused-and-resumed',
    go: async (stage: Stage): Promise<StartedRelease> => {
      const release = await whileReloading(stage, (running) => running.decide({ verb: 'pause' }));
      await release.until('the pause', inPhase('paused'));
      await release.decide({ verb: 'resume' });
      return release;
    },
  },
  {
    name: 'paused-by-a-foreign-edit',
    go: async (stage: Stage): Promise<StartedRelease> => {
      const release = await whileReloading(stage, () => {
        stage.cluster.edit('helm', ({ spec }) => {
          spec.updateStrategy = { ...spec.updateStrategy, type: 'OnDelete' };
        });
        return Promise.resolve();
      });
      await release.until('the pause', inPhase('paused'));
      await release.decide({ verb: 'rollback' });
      return release;
    },
  },
  { name: 'rolled-back-by-itself', go: (stage) => stage.start(aRelease({ waves, image: `${NEW_IMAGE}-stale` })) },
  {
    name: 'rolled-back-by-a-person',
    go: (stage) => whileReloading(stage, (release) => release.decide({ verb: 'rollback' })),
  },
  {
    name: 'rolled-back-at-the-second-try',
    go: async (stage: Stage): Promise<StartedRelease> => {
      const failure = new ClusterFailure('forbidden', 'the worker may not patch gameserversets', { retryable: false });
      stage.calls.fail({ activity: 'rollBackSet', operation: 'patch' }, { failure });
      const release = await stage.start(aRelease({ waves, image: `${NEW_IMAGE}-stale` }));
      await release.until('the incomplete rollback', inPhase('paused'));
      await release.decide({ verb: 'resume' });
      return release;
    },
  },
  {
    name: 'cancelled-and-held',
    go: (stage) => whileReloading(stage, (release) => release.decide({ verb: 'cancel', then: 'hold' })),
  },
  {
    name: 'cancelled-and-rolled-back',
    go: async (stage: Stage): Promise<StartedRelease> => {
      const release = await atGate(stage);
      await release.decide({ verb: 'cancel', then: 'rollback' });
      return release;
    },
  },
  { name: 'cancelled-in-temporal', go: (stage) => whileReloading(stage, (release) => release.handle.cancel()) },
  {
    name: 'halted',
    go: async (stage: Stage): Promise<StartedRelease> => {
      const release = await whileReloading(stage, (running) =>
        running.decide({ verb: 'halt', reason: 'fire', until: Date.now() + 60_000 }),
      );
      await release.until('the halt', inPhase('halted'));
      await release.decide({ verb: 'unhalt' });
      return release;
    },
  },
  {
    name: 'freeze-window-overridden',
    go: async (stage: Stage): Promise<StartedRelease> => {
      const duringFreeze = { reason: 'cannot wait' };
      const release = await stage.start(aRelease({ waves, freeze: [aroundNow()] }), 'ann', { duringFreeze });
      await release.until('the freeze', inPhase('frozen'));
      await release.decide({ verb: 'override-freeze', actor: 'bob', reason: 'agreed' });
      return release;
    },
  },
  {
    name: 'retried-at-its-gate',
    model: oneFails('reloadfails'),
    go: async (stage: Stage): Promise<StartedRelease> => {
      const release = await atGate(stage, {}, { onFailure: { tolerate: 1 } });
      await release.decide({ verb: 'retry' });
      await release.until('the gate again', ({ phase, requests }) => phase === 'waiting-approval' && !requests.retry);
      await release.decide({ verb: 'approve', wave: 2 });
      return release;
    },
  },
  {
    name: 'retried-by-its-policy',
    model: oneFails('reloadfails'),
    go: (stage) =>
      stage.start(
        aRelease({ waves, onFailure: { classes: { reload: { then: 'retry', retries: 1, backoff: '200ms' } } } }),
      ),
  },
  {
    name: 'server-skipped',
    model: oneFails('reloadfails'),
    go: async (stage: Stage): Promise<StartedRelease> => {
      const release = await stage.start(aRelease({ waves, onFailure: { then: 'pause' } }));
      await release.until('the pause', inPhase('paused'));
      await release.decide({ verb: 'skip', server: 'duel-3', reason: 'its node goes' });
      await release.decide({ verb: 'resume' });
      return release;
    },
  },
  {
    name: 'part-rolled-back',
    go: async (stage: Stage): Promise<StartedRelease> => {
      const release = await atGate(stage);
      await release.decide({ verb: 'rollback', scope: 'wave' });
      await release.until('the stand', inPhase('paused'));
      await release.decide({ verb: 'rollback' });
      return release;
    },
  },
  {
    name: 'superseded',
    go: async (stage: Stage): Promise<StartedRelease> => {
      const release = await atGate(stage);
      await release.decide({ verb: 'supersede', then: 'hold', by: 'scripts-3-0' });
      return release;
    },
  },
  ...(['release', 'edit'] as const).map((wins) => ({
    name: `edited-and-the-${wins}-wins`,
    go: async (stage: Stage): Promise<StartedRelease> => {
      const release = await atGate(stage);
      stage.cluster.edit('kubectl-edit', ({ spec }) => {
        spec.updateStrategy = { ...spec.updateStrategy, type: 'OnDelete' };
      });
      await release.until(
        'the foreign edit',
        ({ foreignEdit, phase }) => foreignEdit !== undefined && phase === 'paused',
      );
      await release.decide({ verb: 'resume', wins });
      // The edit is written over first; a release that leaves the set to it ends.
      if (wins === 'edit') return release;
      await release.until(
        'the gate again',
        ({ phase, foreignEdit }) => phase === 'waiting-approval' && foreignEdit === undefined,
      );
      await release.signal({ verb: 'approve', wave: 2 });
      return release;
    },
  })),
  { name: 'targeted', go: (stage) => stage.start(aTargetedRelease()) },
  { name: 'targeted-and-rolled-back', go: (stage) => stage.start(aTargetedRelease({ image: `${NEW_IMAGE}-stale` })) },
  {
    name: 'new-servers-only',
    model: { sets: [{ replicas: 2, updateStrategy: { type: 'OnDelete' } }] },
    go: async (stage: Stage): Promise<StartedRelease> => {
      const file = aRelease({ strategy: 'newServersOnly', newServers: { watch: '20s', count: 1 } });
      const release = await stage.start(file);
      await release.until('the watch', inPhase('watching'));
      stage.cluster.edit('hpa', ({ spec }) => {
        spec.replicas = 3;
      });
      return release;
    },
  },
  { name: 'refused', model: { sets: [{ ref: { namespace: 'arena', name: 'other' } }] }, go: (stage) => stage.start() },
];
