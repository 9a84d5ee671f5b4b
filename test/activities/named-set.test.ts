import { describe, expect, test } from 'vitest';
import { readAuditHead } from '../../activities/audit/read-audit.ts';
import type { AuditHead } from '../../activities/audit/read-audit.ts';
import { inspectCluster } from '../../activities/preflight/inspect-cluster.ts';
import { planReleaseActivity } from '../../activities/preflight/preflight.ts';
import { ClusterFailure } from '../../activities/ports/failure.ts';
import { NO_RELEASES } from '../../activities/ports/releases.ts';
import type { PreflightLine, PreflightResult } from '../../release/plan/preflight.ts';
import { inActivity } from '../support/activity-context.ts';
import { fakeCluster } from '../support/fake-cluster.ts';
import type { FakeCluster } from '../support/fake-cluster.ts';
import type { FakeClusterModel } from '../support/fake-cluster-model.ts';
import { aRelease } from '../support/a-release.ts';

// Somebody has typed "aren" for "arena", or the name of a set that there is not.

const WHERE = 'https://fake (context fake)';
const NO_NAMESPACE = `namespace aren does not exist on cluster ${WHERE}: correct the name`;
const KNOWN: FakeClusterModel = { namespaces: ['arena'] };
const NO_RIGHTS: FakeClusterModel = { lacks: () => true };

async function planIn(namespace: string, model: FakeClusterModel): Promise<string> {
  const around = { cluster: fakeCluster(model), metrics: undefined, calendar: undefined, releases: NO_RELEASES };
  const base = aRelease();
  const target = { ...base.spec.target, namespace, gameServerSet: 'duelo' };
  const file = { ...base, spec: { ...base.spec, target } };
  const { lines } = (await inActivity<PreflightResult>(() => planReleaseActivity(around)({ file }))).result;
  return lines.flatMap(({ title, status, detail }) => (status === 'refused' ? [`${title}: ${detail}`] : [])).join('\n');
}

describe('a plan for a set that is not there', () => {
  test('says that the namespace is not there, when the worker may look', async () => {
    expect(await planIn('aren', KNOWN)).toBe(`set: ${NO_NAMESPACE}`);
    expect(await planIn('aren', { ...KNOWN, ...NO_RIGHTS })).toContain(`permissions: ${NO_NAMESPACE}`);
  });

  test('says that the set is not there, when the namespace is', async () => {
    expect(await planIn('arena', KNOWN)).toBe(`set: there is no GameServerSet duelo in namespace arena of ${WHERE}`);
  });

  test('says both, when nobody can know', async () => {
    expect(await planIn('aren', {})).toBe(
      `set: there is no GameServerSet duelo in namespace aren of ${WHERE}, or no such namespace: check both names`,
    );
    expect(await planIn('aren', NO_RIGHTS)).toMatch(
      /^permissions: the worker may not get gameserversets.* as its head says; or correct the name: the worker may not look whether there is a namespace aren$/m,
    );
  });
});

test('doctor says the same of a namespace in which the worker may do nothing', async () => {
  const permissionsIn = async (model: FakeClusterModel): Promise<PreflightLine | undefined> => {
    const ask = inspectCluster(fakeCluster(model), undefined);
    const { result } = await inActivity<readonly PreflightLine[]>(() => ask({ namespace: 'aren' }));
    return result.find(({ title }) => title === 'permissions');
  };
  expect(await permissionsIn({ ...KNOWN, ...NO_RIGHTS })).toMatchObject({ status: 'refused', detail: NO_NAMESPACE });
  expect((await permissionsIn(NO_RIGHTS))?.detail).toContain('; or correct the name: ');
});

describe('versions and verify', () => {
  const MAY_NOT = 'may not get gameserversets in namespace aren as user robot: ask an administrator';

  async function headOf(cluster: FakeCluster): Promise<AuditHead> {
    return (await inActivity(() => readAuditHead(cluster)({ set: { namespace: 'aren', name: 'duel' } }))).result;
  }

  function forbidding(model: FakeClusterModel): FakeCluster {
    const cluster = fakeCluster(model);
    cluster.readSet = () => Promise.reject(new ClusterFailure('forbidden', MAY_NOT, { retryable: false }));
    return cluster;
  }

  test('say of a namespace in which the worker may not read that it is not there, or may not be', async () => {
    expect(await headOf(forbidding(KNOWN))).toEqual({ kind: 'refused', reason: NO_NAMESPACE });
    expect(await headOf(forbidding({}))).toEqual({
      kind: 'refused',
      reason: `${MAY_NOT}; or correct the name: the worker may not look whether there is a namespace aren`,
    });
    expect(await headOf(fakeCluster(KNOWN))).toEqual({ kind: 'refused', reason: NO_NAMESPACE });
  });
});
