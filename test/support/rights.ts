import type { Cluster } from '../../activities/ports/cluster.ts';
import type { Api } from '../lab/api.ts';
import type { AuditedRequest } from '../lab/audit-log.ts';
import type { KubernetesObject } from '../lab/kubernetes-objects.ts';
import { shippedManifests } from '../lab/permissions.ts';
import type { Manifest } from '../lab/permissions.ts';
import { until } from '../lab/until.ts';

/** One verb on one resource. */
export interface Right {
  readonly verb: string;
  /** Empty for the core group. */
  readonly group: string;
  /** With its subresource: `pods/exec`. */
  readonly resource: string;
}

/** A right, and the ClusterRole of deploy/rbac.yaml that grants it. */
export interface GrantedRight extends Right {
  readonly role: string;
}

/** `patch gameservers.game.kruise.io`: a right as people name it. */
export function rightText({ verb, group, resource }: Right): string {
  return `${verb} ${resource}${group === '' ? '' : `.${group}`}`;
}

/** Every right that deploy/rbac.yaml grants, one by one. */
export function grantedRights(): readonly GrantedRight[] {
  return shippedManifests('rbac.yaml').flatMap(({ metadata, rules = [] }) =>
    rules.flatMap(({ apiGroups, resources, verbs }) =>
      apiGroups.flatMap((group) =>
        resources.flatMap((resource) => verbs.map((verb) => ({ role: metadata.name, verb, group, resource }))),
      ),
    ),
  );
}

/** How often each right was used, and in which namespaces, the most used first. */
export function usageOf(requests: readonly AuditedRequest[]): readonly string[] {
  const names = requests.map((request) => `${rightText(request)} in ${request.namespace || 'no namespace'}`);
  const counts = Map.groupBy(names, (name) => name);
  return [...counts].map(([name, { length }]) => `${length} ${name}`).sort((a, b) => parseInt(b) - parseInt(a));
}

/** Runs something while one right is not granted, and gives it back, whatever came of it. */
export async function without<Result>(
  right: GrantedRight,
  {
    api,
    cluster,
    namespace = 'default',
  }: { readonly api: Api; readonly cluster: Cluster; readonly namespace?: string },
  run: () => Promise<Result>,
): Promise<Result> {
  const path = `/apis/rbac.authorization.k8s.io/v1/clusterroles/${right.role}`;
  const setRules = async (change: (rules: Rules) => Rules, isGranted: boolean): Promise<void> => {
    const role = await api.get<Role>(path);
    await api.replace(path, { ...role, rules: change(role.rules ?? []) });
    const [resource = '', subresource] = right.resource.split('/');
    const access = { ...right, resource, namespace, ...(subresource === undefined ? {} : { subresource }) };
    const what = `${rightText(right)} to be ${isGranted ? 'granted' : 'taken away'}`;
    await until({ what, deadlineMs: 60_000, everyMs: 50 }, async () => {
      return ((await cluster.missingAccess([access])).length === 0) === isGranted;
    });
  };
  const { rules: own = [] } = await api.get<Role>(path);
  await setRules((rules) => rules.map((rule) => lacking(rule, right)).filter(({ verbs }) => verbs.length > 0), false);
  try {
    return await run();
  } finally {
    await setRules(() => own, true);
  }
}

type Rules = NonNullable<Manifest['rules']>;
type Role = KubernetesObject & { readonly rules?: Rules };

function lacking(rule: Rules[number], { group, resource, verb }: Right): Rules[number] {
  const isIt = rule.apiGroups.includes(group) && rule.resources.includes(resource);
  return isIt ? { ...rule, verbs: rule.verbs.filter((one) => one !== verb) } : rule;
}
