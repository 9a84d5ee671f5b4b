import { describe, expect, test } from 'vitest';
import { rollBackSet } from '../../activities/set/roll-back-set.ts';
import type { RollBackSetInput, SetWrite } from '../../activities/set/set-writes.ts';
import type { UpdateStrategy } from '../../release/fleet/fleet.ts';
import { FENCE_ANNOTATION } from '../../release/patches/fence.ts';
import { controlledStrategy, setBaseline } from '../../release/patches/patches.ts';
import { inActivity } from '../support/activity-context.ts';
import { NEW_IMAGE, OLD_IMAGE, SET, SIDECAR, USER_STRATEGY } from '../support/builders.ts';
import type { FakeCluster } from '../support/fake-cluster.ts';
import { fakeCluster } from '../support/fake-cluster.ts';
import { gitOps } from '../support/fake-git-ops.ts';
import type { RawSet } from '../support/fake-set-model.ts';

const HALF_WAY = { partition: 7, maxUnavailable: 3, paused: false };
type Rolling = NonNullable<UpdateStrategy['rollingUpdate']>;
const fence = { token: 'run', from: 2, to: 2 };

interface Told {
  /** The fence annotation that Git writes. */
  readonly mark?: string;
  /** A person has seen the strategy before they decided. */
  readonly isSeen?: boolean;
}

/** A set in the middle of a release, after somebody's change of it, and its rollback. */
async function rolledBack(
  change: (set: RawSet) => void,
  wishes: Partial<RollBackSetInput> = {},
): Promise<{ readonly written: SetWrite; readonly cluster: FakeCluster }> {
  const cluster = fakeCluster();
  const baseline = setBaseline((await cluster.readSet(SET))!, SIDECAR, NEW_IMAGE)!;
  cluster.edit('hotwave', (set) => {
    set.metadata.annotations = { [FENCE_ANNOTATION]: 'run/2' };
    set.spec.gameServerTemplate.spec.containers[1]!.image = NEW_IMAGE;
    set.spec.updateStrategy = controlledStrategy(baseline, HALF_WAY);
  });
  cluster.edit('argocd', change);
  const input: RollBackSetInput = { set: SET, baseline, fence, opened: true, maxUnavailable: 10, ...wishes };
  return { written: (await inActivity(() => rollBackSet(cluster)(input))).result, cluster };
}

const original = (set: RawSet): void => {
  set.spec.gameServerTemplate.spec.containers[1]!.image = OLD_IMAGE;
  set.spec.updateStrategy = USER_STRATEGY;
};

describe('a rollback of a set goes back', () => {
  test.each<[string, (set: RawSet) => void, Partial<RollBackSetInput>]>([
    ['from what the release has made of it', () => undefined, {}],
    ['when somebody has put the original back, while servers run the new image', original, {}],
    [
      'when they have taken the annotations away with it',
      (set) => {
        original(set);
        delete set.metadata.annotations;
      },
      {},
    ],
    [
      'when the edit that a person has seen is not there any more',
      () => undefined,
      { seen: { image: 'scripts:theirs', updateStrategy: { type: 'OnDelete' } } },
    ],
  ])('%s', async (_when, change, wishes) => {
    const { written, cluster } = await rolledBack(change, wishes);
    expect(written).toMatchObject({ kind: 'accepted', fence: 3 });
    const { spec, metadata } = cluster.set().raw;
    expect(spec.gameServerTemplate.spec.containers[1]!.image).toBe(OLD_IMAGE);
    expect(spec.updateStrategy?.rollingUpdate).toMatchObject({ partition: 0, maxUnavailable: '100%' });
    expect(metadata.annotations?.[FENCE_ANNOTATION]).toBe('run/3');
  });
});

describe('a rollback of a set moves nobody', () => {
  const isUntouched = ({ cluster }: { readonly cluster: FakeCluster }): void =>
    expect(cluster.log.filter(({ kind }) => kind === 'patch' || kind === 'moved')).toEqual([]);

  test('for another image of the main container that somebody has staged in the template', async () => {
    const all = await rolledBack((set) => (set.spec.gameServerTemplate.spec.containers[0]!.image = 'engine:staged'));
    expect(all.written).toMatchObject({ kind: 'foreign', templateChanged: true });
    expect(all.written).toHaveProperty(
      'reason',
      expect.stringMatching(
        /^argocd changed \/spec\/gameServerTemplate\/spec\/containers\/0\/image of duel from .* to engine:staged/,
      ),
    );
  });

  test('over an image that nobody has seen', async () => {
    const all = await rolledBack((set) => (set.spec.gameServerTemplate.spec.containers[1]!.image = 'scripts:theirs'));
    expect(all.written).toMatchObject({ kind: 'foreign' });
    isUntouched(all);
  });

  test('when another release has written the set since', async () => {
    const all = await rolledBack((set) => (set.metadata.annotations = { [FENCE_ANNOTATION]: 'other/1' }));
    expect(all.written).toMatchObject({ kind: 'foreign' });
    isUntouched(all);
  });

  test('when it had not opened anything and the original is there', async () => {
    const all = await rolledBack(
      (set) => {
        original(set);
        delete set.metadata.annotations;
      },
      { opened: false },
    );
    expect(all.written).toEqual({ kind: 'untouched' });
    isUntouched(all);
  });
});

describe('somebody who writes the old image and a strategy over the rollback again and again', () => {
  /** Whom the release has moved, and what Git says of the strategy. */
  async function against(
    moved: readonly string[],
    rollingUpdate: Rolling,
    { mark = 'run/2', isSeen = true }: Told = {},
  ): Promise<SetWrite> {
    // Controllers that have not come to the rollback when its strategy is written over.
    const updateStrategy = {
      type: 'RollingUpdate',
      rollingUpdate: { partition: 7, podUpdatePolicy: 'InPlaceIfPossible' },
    };
    const cluster = fakeCluster({ sets: [{ updateStrategy }], timings: { acceptMs: 60_000 } });
    const baseline = setBaseline((await cluster.readSet(SET))!, SIDECAR, NEW_IMAGE)!;
    const manifest = structuredClone(cluster.set().raw);
    manifest.spec.updateStrategy = { type: 'RollingUpdate', rollingUpdate };
    manifest.metadata.annotations = { [FENCE_ANNOTATION]: mark };
    for (const name of moved) cluster.set().servers.get(name)!.container(SIDECAR)!.image = NEW_IMAGE;
    const argo = gitOps(cluster, { manager: 'argocd-controller', manifest });
    argo.sync();
    argo.selfHeal(300);
    const seen = isSeen ? { image: OLD_IMAGE, updateStrategy: manifest.spec.updateStrategy } : undefined;
    const input: RollBackSetInput = { set: SET, baseline, fence, opened: true, maxUnavailable: 10, seen };
    const { result } = await inActivity(() => rollBackSet(cluster)(input));
    argo.stop();
    return result;
  }

  const free = { ...USER_STRATEGY.rollingUpdate, maxUnavailable: 3 };
  const holding = { ...USER_STRATEGY.rollingUpdate, partition: 5 };

  test.each<[string, readonly string[], Rolling, Told?]>([
    ['every server may go back under it', ['duel-2', 'duel-9'], free],
    ['it holds servers, and all of them have the old image', [], holding],
    ['nobody has seen it, and all servers have the old image', [], holding, { isSeen: false }],
  ])('does not stop it: %s', async (_when, moved, strategy, told) => {
    expect(await against(moved, strategy, told)).toMatchObject({ kind: 'accepted' });
  });

  test.each<[string, readonly string[], Rolling, Told?]>([
    ['it holds a server that has the new image', ['duel-2'], holding],
    ['it recreates servers', ['duel-2'], { ...free, podUpdatePolicy: 'ReCreate' }],
    ['nobody has seen it, and it may be too slow for what is broken', ['duel-2'], free, { isSeen: false }],
    ['another release has written the set', [], free, { mark: 'other/1' }],
  ])('stops it: %s', async (_when, moved, strategy, told) => {
    expect(await against(moved, strategy, told)).toMatchObject({ kind: 'foreign' });
  });
});
