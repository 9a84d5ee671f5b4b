import type { PreflightLine } from '../../release/plan/preflight.ts';
import { PRODUCTS, versionsLine } from '../../release/plan/tried-versions.ts';
import { accountLine, admissionLine } from '../../release/plan/worker-account.ts';
import { describeCalendar } from './check-calendar.ts';
import { lacksRights } from './named-set.ts';
import { neededAccess } from './needed-access.ts';
import { cancellation } from '../runtime.ts';
import { accessOfSinks } from '../notices/record-notice.ts';
import type { Calendar } from '../ports/calendar.ts';
import { describePolicy } from '../policy/start-under-policy.ts';
import type { PolicySource } from '../ports/policy.ts';
import type { ClusterAccess } from '../ports/access.ts';

/** The questions of `doctor` to a worker about the cluster it serves. */
export function inspectCluster(
  cluster: ClusterAccess,
  calendar: Calendar | undefined,
  policy?: PolicySource,
): (input: { readonly namespace: string }) => Promise<readonly PreflightLine[]> {
  return async ({ namespace }) => {
    const reading = await policy?.read();
    const wanted = [...neededAccess(namespace), ...(reading ? accessOfSinks(reading.policy, namespace) : [])];
    const missing = await cluster.missingAccess(wanted, cancellation());
    const permissions: PreflightLine =
      missing.length === 0
        ? { title: 'permissions', status: 'ok', detail: `${wanted.length} permissions in namespace ${namespace}` }
        : {
            title: 'permissions',
            status: 'refused',
            detail: await lacksRights(cluster, namespace, { wanted, missing }),
          };
    const account = await cluster.account(cancellation());
    const held = admissionLine(account, await cluster.admissionPolicies(cancellation()));
    const frozen: PreflightLine = { title: 'calendar', ...(await describeCalendar(calendar)) };
    const server: PreflightLine = { title: 'API server', status: 'ok', detail: cluster.describe() };
    return [
      server,
      await describeVersions(cluster),
      accountLine(account),
      permissions,
      held,
      frozen,
      await describePolicy(policy, namespace),
    ];
  };
}

/** The versions on the cluster of the products that hotwave was tried on, as far as the worker may read them. */
async function describeVersions(cluster: ClusterAccess): Promise<PreflightLine> {
  const found = await Promise.all(
    PRODUCTS.map(async (product) => [product, await cluster.versionOf(product, cancellation())] as const),
  );
  return versionsLine(found);
}
