import type { PreflightLine } from '../../release/plan/preflight.ts';
import { describeCalendar } from './check-calendar.ts';
import { describeAccess, neededAccess } from './preflight.ts';
import { cancellation } from '../runtime.ts';
import type { Calendar } from '../ports/calendar.ts';
import type { ClusterAccess } from '../ports/access.ts';

/** What `doctor` asks a worker about the cluster it serves. */
export function inspectCluster(
  cluster: ClusterAccess,
  calendar: Calendar | undefined,
): (input: { readonly namespace: string }) => Promise<readonly PreflightLine[]> {
  return async ({ namespace }) => {
    const wanted = neededAccess(namespace);
    const missing = await cluster.missingAccess(wanted, cancellation());
    const permissions: PreflightLine =
      missing.length === 0
        ? { title: 'permissions', status: 'ok', detail: `${wanted.length} permissions in namespace ${namespace}` }
        : {
            title: 'permissions',
            status: 'refused',
            detail: `the worker may not ${missing.map(describeAccess).join(', ')} in namespace ${namespace}: apply deploy/rbac.yaml or grant them`,
          };
    const frozen: PreflightLine = { title: 'calendar', ...(await describeCalendar(calendar)) };
    return [{ title: 'API server', status: 'ok', detail: cluster.describe() }, permissions, frozen];
  };
}
