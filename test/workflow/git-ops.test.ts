import { describe, expect } from 'vitest';
import { readFailedVersions } from '../../release/record/failed-versions.ts';
import type { UpdateStrategy } from '../../release/fleet/fleet.ts';
import type { ReleaseState } from '../../release/progress/state.ts';
import { NEW_IMAGE, OLD_IMAGE, SIDECAR, USER_STRATEGY } from '../support/builders.ts';
import { until } from '../lab/until.ts';
import { asks, isOver } from '../support/carry.ts';
import { gitOps } from '../support/fake-git-ops.ts';
import type { RawSet } from '../support/fake-set-model.ts';
import { everyServer, imagesIn, loadedBy } from '../support/observer.ts';
import type { StartedRelease } from '../support/hotwave.ts';
import { stageCommand } from '../support/stage-command.ts';
import { aRelease, test } from '../support/stage.ts';
import type { SpecWishes, Stage } from '../support/stage.ts';

// A manager that applies the whole set from Git again and again, under a release.

const MANAGER = 'argocd-controller';
const EVERY_MS = 1_000;
type Rolling = NonNullable<UpdateStrategy['rollingUpdate']>;
const IMAGE = '/spec/gameServerTemplate/spec/containers/1/image';

const isEdited = ({ phase, pausedBecause, foreignEdit }: ReleaseState): boolean =>
  phase === 'paused' && pausedBecause !== undefined && foreignEdit?.wins === undefined && foreignEdit !== undefined;
const atGate = ({ phase }: ReleaseState): boolean => phase === 'waiting-approval';
const isStuck = ({ phase, pausedBecause }: ReleaseState): boolean => phase === 'paused' && pausedBecause !== undefined;

async function atItsGate(it: Stage, wishes: SpecWishes = {}): Promise<StartedRelease> {
  const release = await it.start(aRelease({ gates: [{ before: 2 }], ...wishes }));
  await release.until('the gate', atGate);
  return release;
}

/** The set as Git has it once the new image was put there. */
function manifestOf({ cluster }: Stage, image: string): RawSet {
  const manifest = structuredClone(cluster.set().raw);
  manifest.spec.gameServerTemplate.spec.containers.find(({ name }) => name === SIDECAR)!.image = image;
  return manifest;
}

describe('a manager that applies the set as it was', () => {
  test('makes the release stand still each time, which says who, how often and what to do', async ({ stage }) => {
    const it = await stage();
    const argo = gitOps(it.cluster, { manager: MANAGER });
    const release = await atItsGate(it);
    argo.selfHeal(EVERY_MS);
    const first = await release.until('the pause', isEdited);
    expect(first.pausedBecause).toMatch(
      /^argocd-controller changed .*; argocd-controller applies it from Git again and again: make peace with it/,
    );
    for (const often of ['', ', 2 times now']) {
      await release.decide({ verb: 'resume', wins: 'release' });
      await release.until('the write', (state) => !isEdited(state));
      const { pausedBecause } = await release.until('the next question', isEdited);
      expect(pausedBecause).toContain(
        `${MANAGER} has written that back after the release had written it over${often}, and will again`,
      );
    }
    await release.decide({ verb: 'resume', wins: 'edit' });
    expect(await release.result()).toMatchObject({ outcome: 'cancelled' });
    argo.stop();
    expect(it.cluster.set().raw.spec.updateStrategy).toEqual(USER_STRATEGY);
  });

  test('is not left with a set that the release has paused', async ({ stage }) => {
    const it = await stage();
    const argo = gitOps(it.cluster, { manager: MANAGER });
    const release = await atItsGate(it);
    await release.decide({ verb: 'pause', reason: 'lunch' });
    await release.idle('the pause', isStuck);
    argo.selfHeal(EVERY_MS);
    await release.idle('the news', isEdited);
    await release.decide({ verb: 'resume', wins: 'edit' });
    expect(await release.result()).toMatchObject({ outcome: 'cancelled' });
    argo.stop();
    expect(it.cluster.set().raw.spec.updateStrategy).toEqual(USER_STRATEGY);
    expect(Object.values(imagesIn(it.cluster))).toEqual(Array(10).fill(OLD_IMAGE));
  });

  test('after the set was put back makes the release ask, and the new version is not recorded as failed', async ({
    stage,
  }) => {
    const it = await stage();
    const argo = gitOps(it.cluster, { manager: MANAGER });
    it.calls.run({ activity: 'restoreSet', operation: 'patch', when: 'after' }, () => argo.sync());
    const release = await it.start(aRelease({ ready: { timeout: '2s' } }));
    const { pausedBecause } = await release.until('a question or the end', (now) => asks(now) || isOver(now));
    expect(pausedBecause).toContain(`; ${MANAGER} changed ${IMAGE} of duel to "${OLD_IMAGE}"`);
    await release.decide({ verb: 'rollback' });
    expect(await release.result()).toMatchObject({ outcome: 'rolled-back' });
    expect(loadedBy(it.cluster)).toEqual(everyServer(it.cluster, '1.0'));
    expect(readFailedVersions(it.cluster.set().raw.metadata.annotations).versions).toEqual([]);
  });

  test('is said to leave the set open while the release stands still', async ({ stage }) => {
    const it = await stage();
    const argo = gitOps(it.cluster, { manager: MANAGER });
    const release = await atItsGate(it);
    argo.sync();
    const { pausedBecause } = await release.until('the pause', isEdited);
    expect(pausedBecause).toContain('; the set is not closed, so servers may move; argocd-controller applies it');
  });

  test('agrees with a rollback', async ({ stage }) => {
    const it = await stage();
    const argo = gitOps(it.cluster, { manager: MANAGER });
    const release = await atItsGate(it);
    argo.selfHeal(EVERY_MS);
    await release.until('the pause', isEdited);
    await release.decide({ verb: 'rollback' });
    expect(await release.result()).toMatchObject({ outcome: 'rolled-back' });
    argo.stop();
    expect(loadedBy(it.cluster)).toEqual(everyServer(it.cluster, '1.0'));
    expect((await release.state()).warnings.join()).not.toContain(MANAGER);
  });
});

/** The strategy that Git may have beside the old image, and the one that the set has at the end of a rollback. */
const STRATEGIES: readonly (readonly [what: string, rollingUpdate: Rolling, atTheEnd: Rolling])[] = [
  ['one field of it as it was', { maxUnavailable: 1 }, {}],
  ['one field of it, with another value', { maxUnavailable: '30%' }, { maxUnavailable: '30%' }],
  ['a field that the set did not have', { minReadySeconds: 1 }, { minReadySeconds: 1 }],
  ['all of it, with another value', { ...USER_STRATEGY.rollingUpdate, maxUnavailable: 3 }, { maxUnavailable: 3 }],
];

describe('a manager that applies the old image with a strategy of its own, again and again', () => {
  test.for(STRATEGIES)('does not stop a rollback: %s', async ([, rollingUpdate, atTheEnd], { stage }) => {
    const it = await stage();
    const manifest = manifestOf(it, OLD_IMAGE);
    manifest.spec.updateStrategy = { type: 'RollingUpdate', rollingUpdate };
    const argo = gitOps(it.cluster, { manager: MANAGER, manifest });
    const release = await atItsGate(it);
    argo.selfHeal(300);
    await release.until('the pause', isEdited);
    await release.decide({ verb: 'rollback' });
    const end = await release.until('the end or a question', (now) => isOver(now) || isStuck(now));
    expect(end.pausedBecause).toBeUndefined();
    expect(await release.result()).toMatchObject({ outcome: 'rolled-back', restartsOfMainContainers: 0 });
    argo.stop();
    expect(loadedBy(it.cluster)).toEqual(everyServer(it.cluster, '1.0'));
    expect(it.cluster.set().raw.spec.updateStrategy).toEqual({
      type: 'RollingUpdate',
      rollingUpdate: { ...USER_STRATEGY.rollingUpdate, ...atTheEnd },
    });
  });
});

describe('a manager that applies a strategy by which some servers stay on the new image', () => {
  test('stops a rollback, which says that the set is not closed, who writes it and what ends that; then it ends whole', async ({
    stage,
  }) => {
    const it = await stage();
    const manifest = manifestOf(it, OLD_IMAGE);
    manifest.spec.updateStrategy = { type: 'RollingUpdate', rollingUpdate: { partition: 9 } };
    const argo = gitOps(it.cluster, { manager: MANAGER, manifest });
    const release = await it.start(aRelease({ gates: [{ before: 3 }], ready: { timeout: '5s' } }));
    await release.until('the gate', atGate);
    argo.selfHeal(100);
    await release.until('the pause', isEdited);
    await release.decide({ verb: 'rollback' });
    const { pausedBecause, cluster } = await release.until('the question', isStuck);
    expect(pausedBecause).toMatch(
      /^the rollback is incomplete: .*argocd-controller changed .*partition of duel from 0 to 9/,
    );
    expect(pausedBecause).toContain(
      `; the set is not closed: argocd-controller writes it, and servers may move: turn its automatic sync off (docs/git-ops.md), then hotwave rollback arena/duel --cluster ${cluster}`,
    );
    argo.stop();
    await release.decide({ verb: 'rollback' });
    expect(await release.result()).toMatchObject({ outcome: 'rolled-back' });
    expect(loadedBy(it.cluster)).toEqual(everyServer(it.cluster, '1.0'));
  });
});

describe('somebody who writes the strategy when every server is back', () => {
  test.for<[string, Rolling]>([
    ['holds some of them', { ...USER_STRATEGY.rollingUpdate, partition: 5 }],
    ['pauses the set', { ...USER_STRATEGY.rollingUpdate, paused: true }],
  ])('and %s does not stop the rollback, and keeps what was written', async ([, rollingUpdate], { stage }) => {
    const it = await stage();
    const release = await atItsGate(it);
    let isFirst = true;
    it.calls.run({ activity: 'restoreSet', operation: 'patch', when: 'before' }, () => {
      if (isFirst)
        it.cluster.edit('kubectl-edit', ({ spec }) => (spec.updateStrategy = { type: 'RollingUpdate', rollingUpdate }));
      isFirst = false;
    });
    await release.decide({ verb: 'rollback' });
    const end = await release.until('the end or a question', (now) => isOver(now) || isStuck(now));
    expect(end.pausedBecause).toBeUndefined();
    expect(await release.result()).toMatchObject({ outcome: 'rolled-back' });
    expect(it.cluster.set().raw.spec.updateStrategy).toEqual({ type: 'RollingUpdate', rollingUpdate });
    expect(end.warnings.join()).toContain('kubectl-edit');
  });
});

describe('a manager that applies the new image', () => {
  test('with the strategy of Git makes a rollback stand still, which names it; without it the rollback ends whole', async ({
    stage,
  }) => {
    const it = await stage();
    const argo = gitOps(it.cluster, { manager: MANAGER, manifest: manifestOf(it, NEW_IMAGE) });
    const release = await atItsGate(it, { ready: { timeout: '5s' } });
    argo.selfHeal(EVERY_MS);
    await release.until('the pause', isEdited);
    // It comes right after the strategy is put back, so that the rollback sees it at its last look.
    let isApplied = true;
    it.calls.run({ activity: 'restoreSet', operation: 'patch', when: 'after' }, () => isApplied && argo.sync());
    await release.decide({ verb: 'rollback' });
    const { pausedBecause } = await release.until('the question', isStuck);
    expect(pausedBecause).toMatch(/^the rollback is incomplete: .*argocd-controller changed .*containers\/1\/image/);
    expect(pausedBecause).toContain('; the set is not closed: argocd-controller writes it, and servers may move');
    argo.stop();
    // A slow machine may come to that write only now.
    isApplied = false;
    await release.decide({ verb: 'resume' });
    expect(await release.result()).toMatchObject({ outcome: 'rolled-back' });
    expect(loadedBy(it.cluster)).toEqual(everyServer(it.cluster, '1.0'));
    expect(it.cluster.set().raw.spec.updateStrategy).toEqual(USER_STRATEGY);
  });

  test('and leaves the strategy out is no edit: Git was changed together with the release', async ({ stage }) => {
    const it = await stage();
    const manifest = manifestOf(it, NEW_IMAGE);
    delete manifest.spec.updateStrategy;
    const argo = gitOps(it.cluster, { manager: MANAGER, manifest });
    const release = await atItsGate(it);
    argo.selfHeal(100);
    await release.decide({ verb: 'approve', wave: 2 });
    expect(await release.result()).toMatchObject({ outcome: 'done' });
    argo.stop();
    expect((await release.state()).decisions.map(({ verb }) => verb)).toEqual(['approve']);
    expect(loadedBy(it.cluster)).toEqual(everyServer(it.cluster, '2.0'));
  });
});

describe('somebody who comes back every second', () => {
  test('and takes the annotations of hotwave away does not stop a release', async ({ stage }) => {
    const it = await stage();
    let isOn = true;
    const strip = (): void => {
      if (!isOn) return;
      if (it.cluster.set().raw.metadata.annotations)
        it.cluster.edit(MANAGER, ({ metadata }) => delete metadata.annotations);
      it.cluster.clock.after(EVERY_MS, strip);
    };
    it.cluster.clock.after(1, strip);
    const release = await atItsGate(it, { bake: '2s' });
    await release.decide({ verb: 'approve', wave: 2 });
    expect(await release.result()).toMatchObject({ outcome: 'done', reason: 'every server proves 2.0' });
    isOn = false;
  });

  test('and asks for another number of servers does not stop a release', async ({ stage }) => {
    const it = await stage();
    let rounds = 0;
    const scale = (): void => {
      rounds += 1;
      it.cluster.edit('keda-operator', ({ spec }) => (spec.replicas = 10 + (rounds % 3)));
      if (rounds < 9) it.cluster.clock.after(EVERY_MS, scale);
    };
    const release = await atItsGate(it, { bake: '2s' });
    it.cluster.clock.after(1, scale);
    await release.decide({ verb: 'approve', wave: 2 });
    const result = await release.result();
    expect(result).toMatchObject({ outcome: 'done', restartsOfMainContainers: 0 });
    expect(loadedBy(it.cluster)).toEqual(everyServer(it.cluster, '2.0'));
    expect((await release.state()).decisions.map(({ verb }) => verb)).toEqual(['approve']);
  });
});

// Files and image are gone, and engines still prove the version until they load anything again.
test('a manager that applies the old set after a release makes verify fail, whose last line says what mismatches', async ({
  stage,
}) => {
  const it = await stage();
  const argo = gitOps(it.cluster, { manager: MANAGER });
  const release = await it.start(aRelease());
  expect(await release.result()).toMatchObject({ outcome: 'done' });
  expect(await stageCommand(it, ['verify', 'arena/duel'])).toMatchObject({
    code: 0,
    out: '10 of 10 servers on 2.0 ',
  });
  argo.selfHeal(EVERY_MS);
  await until({ what: 'the old image everywhere', deadlineMs: 60_000, everyMs: 5 }, () =>
    Object.values(imagesIn(it.cluster)).every((image) => image === OLD_IMAGE),
  );
  argo.stop();
  expect(loadedBy(it.cluster)).toEqual(everyServer(it.cluster, '2.0'));
  const { code, out } = await stageCommand(it, ['verify', 'arena/duel']);
  expect(code).toBe(1);
  expect(out).toMatch(/^10 of 10 servers on 2\.0; 10 mismatching: duel-0 \((ahead|unready): .* and 5 more $/);
});
