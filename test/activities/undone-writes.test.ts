import { describe, expect, test } from 'vitest';
import { openWave } from '../../activities/set/open-wave.ts';
import { recordStuck } from '../../activities/set/record-stuck.ts';
import type { StuckRecord } from '../../activities/set/record-stuck.ts';
import { changeControls, reassertSet, verifyTemplate } from '../../activities/set/write-set.ts';
import { NO_RELEASES } from '../../activities/ports/releases.ts';
import { FENCE_ANNOTATION } from '../../release/patches/fence.ts';
import { OPEN, controlledStrategy, setBaseline } from '../../release/patches/patches.ts';
import type { SetBaseline } from '../../release/patches/patches.ts';
import type { UpdateStrategy } from '../../release/fleet/fleet.ts';
import type { OpenWaveInput, SetWrite } from '../../activities/set/set-writes.ts';
import { isPlan } from '../../release/plan/plan.ts';
import { planRelease } from '../../release/plan/plan-release.ts';
import { recordOfPlan } from '../../release/record/plan-record.ts';
import type { ReleaseRecord } from '../../release/record/record.ts';
import { inActivity } from '../support/activity-context.ts';
import { aRelease } from '../support/a-release.ts';
import { NEW_IMAGE, OLD_IMAGE, SET, SIDECAR, USER_STRATEGY, aGameServer, aSet, servers } from '../support/builders.ts';
import type { FakeCluster } from '../support/fake-cluster.ts';
import { fakeCluster } from '../support/fake-cluster.ts';
import { gitOps } from '../support/fake-git-ops.ts';

const HOLD = { partition: 7, maxUnavailable: 3, paused: false };
const fence = { token: 'run', from: 2, to: 2 };
const IMAGE = '/spec/gameServerTemplate/spec/containers/1/image';

/** Controllers that take nothing over, a set as its manifest says, and the baseline of a release of it. */
async function aSlowCluster(): Promise<{ readonly cluster: FakeCluster; readonly baseline: SetBaseline }> {
  const cluster = fakeCluster({ timings: { acceptMs: 60_000 } });
  const baseline = setBaseline((await cluster.readSet(SET))!, SIDECAR, NEW_IMAGE)!;
  return { cluster, baseline };
}

test('a write that a GitOps manager undoes before the controllers come to it names the manager and what it changed', async () => {
  const { cluster, baseline } = await aSlowCluster();
  const argo = gitOps(cluster, { manager: 'argocd-controller' });
  cluster.edit('hotwave', ({ metadata }) => (metadata.annotations = { [FENCE_ANNOTATION]: 'run/2' }));
  const seen = { image: OLD_IMAGE, updateStrategy: USER_STRATEGY };
  const held = { image: NEW_IMAGE, updateStrategy: controlledStrategy(baseline, HOLD) };
  argo.selfHeal(300);
  const input = { set: SET, baseline, fence, seen, held, hold: HOLD };
  const { result } = await inActivity(() => reassertSet(cluster)(input));
  argo.stop();
  expect(result).toEqual({
    kind: 'foreign',
    reason: `argocd-controller changed ${IMAGE} of duel from "${NEW_IMAGE}" to "${OLD_IMAGE}"; argocd-controller changed /spec/updateStrategy/rollingUpdate/partition of duel from 7 to 0, before the controllers took over what hotwave had written`,
    undoneBy: 'argocd-controller',
    hold: HOLD,
    fence: 3,
  });
});

test('a wave whose opening was written by a worker that died, and undone by a manager, says which write it was', async () => {
  const { cluster, baseline } = await aSlowCluster();
  cluster.edit('hotwave', ({ metadata }) => (metadata.annotations = { [FENCE_ANNOTATION]: 'run/3' }));
  const input = { set: SET, baseline, fence, planned: [], revision: 'r2', hold: HOLD, servers: ['duel-9'] };
  const { result } = await inActivity(() => openWave(cluster)(input as unknown as OpenWaveInput));
  expect(result).toMatchObject({ kind: 'foreign', fence: 3 });
});

describe('the record of a rollback that is stuck', () => {
  function aRecord(strategy: string): ReleaseRecord {
    const { spec } = aRelease();
    const plan = planRelease(spec, {
      set: aSet(),
      servers: servers(10),
      gameServers: servers(10).map(({ ordinal }) => aGameServer({ ordinal })),
    });
    if (!isPlan(plan)) throw new Error(plan.refusals.join());
    return { ...recordOfPlan(plan, spec, { release: 'scripts-2-0', startedAt: 0 }), strategy };
  }

  async function stuck(change: (cluster: FakeCluster) => void, strategy = 'rolling'): Promise<StuckRecord> {
    const { cluster, baseline } = await aSlowCluster();
    cluster.edit('hotwave', ({ spec, metadata }) => {
      metadata.annotations = { [FENCE_ANNOTATION]: 'run/2' };
      spec.updateStrategy = controlledStrategy(baseline, OPEN);
    });
    change(cluster);
    const input = { set: SET, baseline, fence, record: aRecord(strategy), reason: 'stuck', at: 0 };
    return (await inActivity(() => recordStuck(cluster, NO_RELEASES)(input))).result;
  }

  const meanwhile = async (...of: Parameters<typeof stuck>): Promise<unknown> => (await stuck(...of)).meanwhile;

  const rewritten = (cluster: FakeCluster): void =>
    cluster.edit('argocd-controller', ({ spec }) => {
      spec.gameServerTemplate.spec.containers[1]!.image = NEW_IMAGE;
    });

  test('says who has written another image into the template meanwhile', async () => {
    expect(await meanwhile(rewritten)).toBe(
      `argocd-controller changed ${IMAGE} of duel from "${OLD_IMAGE}" to "${NEW_IMAGE}"`,
    );
  });

  test('says who holds servers where they are', async () => {
    const held = (cluster: FakeCluster): void =>
      cluster.edit('flux', ({ spec }) => (spec.updateStrategy = { rollingUpdate: { partition: 9 } }));
    expect(await meanwhile(held)).toMatch(/^flux changed \/spec\/updateStrategy/);
  });

  test.each<[string, (cluster: FakeCluster) => void, string?]>([
    ['nobody has written anything', () => undefined],
    [
      'somebody has put a strategy back by which every server may move',
      (cluster) => cluster.edit('argocd-controller', ({ spec }) => (spec.updateStrategy = USER_STRATEGY)),
    ],
    ['the release never held the template', rewritten, 'targeted'],
  ])('names nobody when %s', async (_when, change, strategy) => {
    expect(await meanwhile(change, strategy)).toBeUndefined();
  });

  const strategyBy =
    (by: string, rollingUpdate: UpdateStrategy['rollingUpdate']) =>
    (cluster: FakeCluster): void =>
      cluster.edit(
        by,
        ({ spec }) => (spec.updateStrategy = { type: 'RollingUpdate', ...(rollingUpdate && { rollingUpdate }) }),
      );

  test.each<[string, (cluster: FakeCluster) => void, string, string]>([
    ['another image by which they move', rewritten, 'argocd-controller', 'turn its automatic sync off'],
    [
      'a strategy by which all may move',
      strategyBy('kustomize-controller', USER_STRATEGY.rollingUpdate),
      'kustomize-controller',
      'kubectl -n arena annotate gameserverset duel kustomize.toolkit.fluxcd.io/reconcile=disabled',
    ],
    [
      'a strategy by which some may move',
      strategyBy('helm-controller', { partition: 9 }),
      'helm-controller',
      'kubectl -n arena annotate gameserverset duel helm.toolkit.fluxcd.io/driftDetection=disabled',
    ],
    ['no field of a strategy', strategyBy('terraform', undefined), 'terraform', 'stop what writes as terraform'],
  ])('names who lets servers move with %s, and what ends that', async (_what, change, by, stop) => {
    expect((await stuck(change)).writer).toEqual({ by, stop });
  });

  test.each<[string, (cluster: FakeCluster) => void, string?]>([
    ['nobody else has written the set', () => undefined],
    ['somebody has paused it', strategyBy('argocd-controller', { paused: true })],
    ['a partition keeps every server', strategyBy('argocd-controller', { partition: 10 })],
    [
      'only replaced pods get the template',
      (cluster) => cluster.edit('flux', ({ spec }) => (spec.updateStrategy = { type: 'OnDelete' })),
    ],
    ['the release never held the template', rewritten, 'targeted'],
  ])('names nobody who lets servers move when %s', async (_when, change, strategy) => {
    expect((await stuck(change, strategy)).writer).toBeUndefined();
  });
});

describe('a release that leaves its set to an edit', () => {
  const PAUSED = { ...HOLD, paused: true };
  const theirs = { ...USER_STRATEGY, rollingUpdate: { ...USER_STRATEGY.rollingUpdate, paused: true } };

  async function left(
    seenStrategy: UpdateStrategy,
  ): Promise<{ readonly cluster: FakeCluster; readonly result: SetWrite }> {
    const { cluster, baseline } = await aSlowCluster();
    const argo = gitOps(cluster, { manager: 'argocd-controller' });
    cluster.edit('hotwave', ({ spec, metadata }) => {
      metadata.annotations = { [FENCE_ANNOTATION]: 'run/2' };
      spec.gameServerTemplate.spec.containers[1]!.image = NEW_IMAGE;
      spec.updateStrategy = controlledStrategy(baseline, PAUSED);
    });
    argo.sync();
    const input = { set: SET, baseline, fence, from: PAUSED, to: HOLD, seenImage: OLD_IMAGE, seenStrategy };
    const { result } = await inActivity(() => changeControls(cluster, NO_RELEASES)(input));
    return { cluster, result };
  }

  test('takes its own pause out of what somebody has applied around it: theirs does not mention it', async () => {
    const { cluster, result } = await left(theirs);
    expect(result).toEqual({ kind: 'accepted', hold: HOLD, revision: '', fence: 3 });
    expect(cluster.set().raw.spec.updateStrategy).toEqual(USER_STRATEGY);
  });

  test('changes nothing of a strategy that nobody has seen', async () => {
    const { cluster, result } = await left({ ...theirs, type: 'OnDelete' });
    expect(result).toMatchObject({ kind: 'foreign' });
    expect(cluster.set().raw.spec.updateStrategy).toEqual(theirs);
  });
});

test('a set that was put back is compared with the image of the release when servers fail after that', async () => {
  const { cluster, baseline } = await aSlowCluster();
  const argo = gitOps(cluster, { manager: 'argocd-controller' });
  const check = async (): Promise<unknown> =>
    (await inActivity(() => verifyTemplate(cluster)({ set: SET, baseline, image: NEW_IMAGE }))).result;
  cluster.edit('hotwave', ({ spec }) => (spec.gameServerTemplate.spec.containers[1]!.image = NEW_IMAGE));
  expect(await check()).toEqual({});
  argo.sync();
  expect(await check()).toEqual({
    changed: `argocd-controller changed ${IMAGE} of duel to "${OLD_IMAGE}", hotwave expected "${NEW_IMAGE}" and does not overwrite it`,
  });
});
