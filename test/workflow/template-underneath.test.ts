import { describe, expect } from 'vitest';
import type { Audit } from '../../release/audit/audit-verdict.ts';
import type { ReleaseFile } from '../../release/spec/spec.ts';
import { until } from '../lab/until.ts';
import { taskQueueOf, WORKFLOWS } from '../../workflows/messages.ts';
import type { AuditResult } from '../../workflows/messages.ts';
import { NEW_IMAGE, OLD_IMAGE, SET, SIDECAR } from '../support/builders.ts';
import type { FakeCluster, FakeClusterModel } from '../support/fake-cluster.ts';
import { aRelease, aTargetedRelease, test } from '../support/stage.ts';
import type { Stage } from '../support/stage.ts';

const OTHER_IMAGE = NEW_IMAGE.replace('2.0', '3.0');
const SIX: FakeClusterModel = { sets: [{ replicas: 6, reclaimPolicy: 'Delete' }] };
const ALL = [0, 1, 2, 3, 4, 5].map((ordinal) => `duel-${ordinal}`);

function overrides(cluster: FakeCluster): Record<string, string> {
  return Object.fromEntries(
    [...cluster.set().gameServers].flatMap(([name, { spec }]) =>
      (spec.containers ?? []).map(({ image }) => [name, image]),
    ),
  );
}

const loaded = (cluster: FakeCluster): Record<string, string> =>
  Object.fromEntries(ALL.map((name) => [name, cluster.server(name).engine.loaded]));

const images = (cluster: FakeCluster): string[] => ALL.map((name) => cluster.server(name).container(SIDECAR)!.image);

function versions(
  ...[first, ...others]: [string, ...(readonly [string, readonly number[]])[]]
): Record<string, string> {
  const usual = Object.fromEntries(ALL.map((name) => [name, first]));
  return others.reduce(
    (sum, [version, ordinals]) => ({ ...sum, ...Object.fromEntries(ordinals.map((n) => [`duel-${n}`, version])) }),
    usual,
  );
}

/** Somebody gives the template another image by hand, and the servers that may move have moved. */
async function editTemplate(cluster: FakeCluster, image: string, arrived: number): Promise<void> {
  cluster.edit('kubectl-edit', ({ spec }) => {
    spec.gameServerTemplate.spec.containers.find(({ name }) => name === SIDECAR)!.image = image;
  });
  await until(
    { what: `${arrived} servers on ${image}`, deadlineMs: 60_000, everyMs: 5 },
    () =>
      images(cluster).filter((found) => found === image).length === arrived &&
      cluster
        .set()
        .sorted()
        .every(({ available }) => available),
  );
}

async function audit(stage: Stage): Promise<Audit> {
  const result = (await stage.client.workflow.execute(WORKFLOWS.readAudit, {
    workflowId: `audit-${stage.clusterName}-${Date.now()}`,
    taskQueue: taskQueueOf(stage.clusterName),
    args: [{ v: 1, cluster: stage.clusterName, set: SET }],
  })) as AuditResult;
  if (result.kind !== 'audit') throw new Error(result.reason);
  return result.audit;
}

const mismatches = ({ rows }: Audit): Record<string, string> =>
  Object.fromEntries(rows.filter(({ mismatch }) => mismatch !== '').map(({ server, mismatch }) => [server, mismatch]));

const targeted = (wishes: Parameters<typeof aTargetedRelease>[0] = {}): ReleaseFile =>
  aTargetedRelease({ name: 'chosen', ...wishes });
const promote = (wishes: Parameters<typeof aRelease>[0] = {}): ReleaseFile => aRelease({ name: 'promote', ...wishes });

describe('promote', () => {
  test('after the template was changed by hand brings everybody to the new version, and no override wins over it', async ({
    stage,
  }) => {
    const it = await stage(SIX);
    expect(await (await it.start(targeted())).result()).toMatchObject({ outcome: 'done' });
    await editTemplate(it.cluster, OTHER_IMAGE, 4);
    const before = await audit(it);
    expect(before.rows.map(({ override }) => override)).toEqual(['', NEW_IMAGE, '', NEW_IMAGE, '', '']);
    expect(mismatches(before)).toEqual({
      'duel-0': 'ahead',
      'duel-2': 'ahead',
      'duel-4': 'ahead',
      'duel-5': 'ahead',
    });
    expect(before.notes).toEqual([
      expect.stringMatching(/the template asks for .*3\.0, which chosen did not leave there \(by kubectl-edit\)/),
    ]);

    // Nobody made the engines load what the hand had brought: that is not what a rollback could prove.
    expect(await (await it.start(promote())).result()).toMatchObject({
      outcome: 'refused',
      reason: expect.stringMatching(/answered "1\.0", expected "3\.0"/) as string,
    });
    expect(await (await it.start(promote({ previousVersion: '1.0' }))).result()).toMatchObject({
      outcome: 'done',
      reason: 'every server proves 2.0',
      servers: 4,
    });
    expect(loaded(it.cluster)).toEqual(versions('2.0'));
    expect(images(it.cluster)).toEqual(ALL.map(() => NEW_IMAGE));
    expect(overrides(it.cluster)).toEqual({});
    expect(await audit(it)).toMatchObject({ verified: true, mismatches: {}, notes: [] });
  });

  test('that is rolled back leaves the servers of the targeted release on their version, and says so', async ({
    stage,
  }) => {
    const it = await stage(SIX);
    await (await it.start(targeted())).result();
    const release = await it.start(promote({ gates: [{ before: 2 }] }));
    await release.until('the gate', ({ phase }) => phase === 'waiting-approval');
    await release.decide({ verb: 'rollback', actor: 'bob' });
    const result = await release.result();
    expect(result).toMatchObject({ outcome: 'rolled-back' });
    expect(result.reason).toMatch(
      /the others prove 1\.0; 2 servers keep 2\.0 by their overrides, as before the release: duel-1, duel-3$/,
    );
    expect(loaded(it.cluster)).toEqual(versions('1.0', ['2.0', [1, 3]]));
    expect(overrides(it.cluster)).toEqual({ 'duel-1': NEW_IMAGE, 'duel-3': NEW_IMAGE });
    expect(await audit(it)).toMatchObject({ verified: true, mismatches: {} });
  });

  test.for(['settleOverrides', 'restoreSet'] as const)(
    'that is rolled back in %s, while overrides are taken away, gives them back',
    async (activity, { stage }) => {
      const it = await stage(SIX);
      await (await it.start(targeted())).result();
      const held = it.calls.hold({ activity });
      const release = await it.start(promote({ waves: ['rest'] }));
      await held.reached;
      await release.decide({ verb: 'rollback', actor: 'bob' });
      held.release();
      const result = await release.result();
      expect(result).toMatchObject({ outcome: 'rolled-back', restartsOfMainContainers: 0 });
      expect(loaded(it.cluster)).toEqual(versions('1.0', ['2.0', [1, 3]]));
      expect(overrides(it.cluster)).toEqual({ 'duel-1': NEW_IMAGE, 'duel-3': NEW_IMAGE });
      expect(await audit(it)).toMatchObject({ verified: true, mismatches: {} });
    },
  );
});

describe('a targeted release whose template was changed at its gate', () => {
  test('goes back to the old version by overrides that stay, and says why', async ({ stage }) => {
    const it = await stage(SIX);
    const release = await it.start(targeted({ gates: [{ before: 2 }] }));
    await release.until('the gate', ({ phase }) => phase === 'waiting-approval');
    await editTemplate(it.cluster, OTHER_IMAGE, 5);
    await release.decide({ verb: 'rollback', actor: 'bob' });
    const result = await release.result();
    expect(result).toMatchObject({ outcome: 'rolled-back' });
    expect(result.reason).toMatch(
      /the chosen servers of the waves that had begun prove 1\.0; they keep an override of .*1\.0, because the template has another image$/,
    );
    expect(overrides(it.cluster)).toEqual({ 'duel-3': OLD_IMAGE });
    expect(loaded(it.cluster)['duel-3']).toBe('1.0');
    const after = await audit(it);
    expect(mismatches(after)).toEqual({
      'duel-0': 'ahead',
      'duel-1': 'ahead',
      'duel-2': 'ahead',
      'duel-3': 'override',
      'duel-4': 'ahead',
      'duel-5': 'ahead',
    });
    expect(after.rows.find(({ server }) => server === 'duel-3')).toMatchObject({ override: OLD_IMAGE, proves: true });
  });

  test('takes its overrides away when somebody has put the old image back meanwhile', async ({ stage }) => {
    const it = await stage(SIX);
    const release = await it.start(targeted({ gates: [{ before: 2 }] }));
    await release.until('the gate', ({ phase }) => phase === 'waiting-approval');
    await editTemplate(it.cluster, OTHER_IMAGE, 5);
    await editTemplate(it.cluster, OLD_IMAGE, 5);
    await release.decide({ verb: 'rollback', actor: 'bob' });
    expect(await release.result()).toMatchObject({ outcome: 'rolled-back' });
    expect(overrides(it.cluster)).toEqual({});
    expect(images(it.cluster)).toEqual(ALL.map(() => OLD_IMAGE));
  });
});

describe('two targeted releases in a row', () => {
  const second = (wishes: Parameters<typeof aTargetedRelease>[0] = {}): ReleaseFile => {
    const { spec } = targeted();
    return targeted({
      name: 'second',
      image: OTHER_IMAGE,
      target: { ...spec.target, servers: { servers: [0, 5] } },
      ...wishes,
    });
  };

  test('leave each server on what its own release proved, and that is no mismatch', async ({ stage }) => {
    const it = await stage(SIX);
    await (await it.start(targeted())).result();
    expect(await (await it.start(second())).result()).toMatchObject({ outcome: 'done' });
    expect(loaded(it.cluster)).toEqual(versions('1.0', ['2.0', [1, 3]], ['3.0', [0, 5]]));
    const found = await audit(it);
    expect(found).toMatchObject({ verified: true, mismatches: {}, notes: [] });
    expect(found.rows.map(({ wanted }) => wanted)).toEqual(['3.0', '2.0', '1.0', '2.0', '1.0', '3.0']);
  });

  test('of which the second is rolled back leave the first as it was', async ({ stage }) => {
    const it = await stage(SIX);
    await (await it.start(targeted())).result();
    const { spec } = targeted();
    const release = await it.start(
      second({ target: { ...spec.target, servers: { servers: [1] } }, waves: ['rest'], health: [], bake: '20s' }),
    );
    await release.until('the bake', ({ phase }) => phase === 'baking');
    await release.decide({ verb: 'rollback', actor: 'bob' });
    expect(await release.result()).toMatchObject({ outcome: 'rolled-back' });
    expect(loaded(it.cluster)).toEqual(versions('1.0', ['2.0', [1, 3]]));
    expect(await audit(it)).toMatchObject({ verified: true, mismatches: {} });
  });
});
