import { describe, expect, test } from 'vitest';
import { inspectCluster } from '../../activities/preflight/inspect-cluster.ts';
import { freezeWindowSchema } from '../../release/spec/freeze-spec.ts';
import type { PreflightLine } from '../../release/plan/preflight.ts';
import { inActivity } from '../support/activity-context.ts';
import { aPolicy, fakePolicy } from '../support/a-policy.ts';
import { fakeCluster } from '../support/fake-cluster.ts';
import type { Calendar } from '../../activities/ports/calendar.ts';

async function lineOf(
  calendar: Calendar | undefined,
  wanted = 'calendar',
  cluster = fakeCluster(),
): Promise<PreflightLine | undefined> {
  const ask = inspectCluster(cluster, calendar);
  const { result } = await inActivity<readonly PreflightLine[]>(() => ask({ namespace: 'arena' }));
  return result.find(({ title }) => title === wanted);
}

/** A calendar with one window, from one day to another, counted from today. */
function windowOf(from: number, to: number): Calendar {
  const day = (offset: number): string => new Date(Date.now() + offset * 86_400_000).toISOString().slice(0, 10);
  const window = freezeWindowSchema.parse({ name: 'season finale', from: day(from), to: day(to) });
  return { read: () => Promise.resolve({ windows: [window] }) };
}

describe('who asks a worker about its cluster is told', () => {
  test('that it has no calendar, and how it gets one', async () => {
    expect(await lineOf(undefined)).toMatchObject({ status: 'ok', detail: /^none: HOTWAVE_CALENDAR/ });
  });

  test('which freeze window holds, and until when', async () => {
    expect(await lineOf(windowOf(-1, 2))).toMatchObject({
      status: 'warning',
      detail: /^freeze window season finale holds until .* 00:00 UTC: no release begins without override-freeze$/,
    });
  });

  test('which one comes next', async () => {
    expect(await lineOf(windowOf(2, 3))).toMatchObject({
      status: 'ok',
      detail: /^no freeze window now; the next is season finale, from /,
    });
  });

  test('that its calendar is broken, since no release begins then', async () => {
    const broken: Calendar = { read: () => Promise.resolve({ problem: 'the calendar of the cluster is broken' }) };
    expect(await lineOf(broken)).toMatchObject({ status: 'refused', detail: 'the calendar of the cluster is broken' });
  });

  test('who it is to the API server, and whether the admission policies hold that account', async () => {
    expect(await lineOf(undefined, 'account')).toEqual({
      title: 'account',
      status: 'ok',
      detail: 'system:serviceaccount:hotwave-system:hotwave',
    });
    const cluster = fakeCluster({ account: { name: 'kubernetes-admin' } });
    expect(await lineOf(undefined, 'admission policy', cluster)).toMatchObject({
      status: 'warning',
      detail: expect.stringMatching(
        /As shipped they are for system:serviceaccount:hotwave-system:hotwave, and this worker is kubernetes-admin/,
      ) as string,
    });
  });

  test('which versions the cluster runs, and what of it hotwave was never tried on', async () => {
    const versions = { kubernetes: 'v1.30.14', 'kruise-game': 'v1.2.0' };
    expect(await lineOf(undefined, 'versions', fakeCluster({ versions }))).toEqual({
      title: 'versions',
      status: 'warning',
      detail:
        'Kubernetes v1.30.14 was tried; OpenKruise is not known: the worker may not get deployment kruise-controller-manager; OpenKruiseGame v1.2.0 was never tried (1.0.0 and 1.1.0 were)',
    });
  });

  test('that it may not write Events, where the policy tells people so', async () => {
    const cluster = fakeCluster({ lacks: ({ verb, resource }) => verb === 'create' && resource === 'events' });
    const policy = fakePolicy(
      aPolicy({ sinks: [{ name: 'cluster', type: 'kubernetes-events', namespaces: ['arena'] }] }),
    );
    const permissionsIn = async (namespace: string): Promise<PreflightLine | undefined> => {
      const { result } = await inActivity(() => inspectCluster(cluster, undefined, policy)({ namespace }));
      return result.find(({ title }) => title === 'permissions');
    };
    expect(await permissionsIn('arena')).toMatchObject({
      status: 'refused',
      detail:
        'the worker may not create events in namespace arena: apply deploy/rbac.yaml, and bind its roles in that namespace as its head says',
    });
    expect(await permissionsIn('lobby')).toMatchObject({ status: 'ok' });
  });
});
