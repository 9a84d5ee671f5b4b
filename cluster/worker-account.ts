import { z } from 'zod';
import type { Access } from '../activities/ports/access.ts';
import { POLICY_NAMES } from '../release/plan/worker-account.ts';
import type { FoundAccount, FoundPolicies, FoundPolicy } from '../release/plan/worker-account.ts';
import { plainText } from '../release/spec/plain-text.ts';
import { checkedName, SELF_REVIEW_PATH } from './paths.ts';
import { listAll, readAs } from './lists.ts';
import type { ApiClient } from './request.ts';

/** Says whether the worker may do one thing. */
type IsAllowed = (access: Access) => Promise<boolean>;

/** Longer than any name of an account that means something. */
const MOST_CHARACTERS = 253;

const selfSchema = z.object({ status: z.object({ userInfo: z.object({ username: z.string() }) }) });

/**
 * The identity of the worker at the API server. Everybody who has logged in may ask this about themselves (ClusterRole
 * system:basic-user); API servers before 1.28 do not know the question.
 */
export async function accountOf(client: ApiClient, signal: AbortSignal | undefined): Promise<FoundAccount> {
  const body = { apiVersion: 'authentication.k8s.io/v1', kind: 'SelfSubjectReview' };
  const answer = await client.request('POST', SELF_REVIEW_PATH, { body, signal });
  if (answer.kind === 'object') {
    const { status } = readAs('SelfSubjectReview', (object) => selfSchema.parse(object), answer.body);
    return { name: plainText(status.userInfo.username, MOST_CHARACTERS) };
  }
  const { code, message } = answer.refusal;
  if (code === 404) return { unknown: 'the API server does not tell it (Kubernetes before 1.28)' };
  if (code === 403) return { unknown: `the API server does not tell it: ${plainText(message, 200)}` };
  return client.refuse(answer.refusal);
}

const GROUP = 'admissionregistration.k8s.io';
const [POLICIES, BINDINGS] = ['validatingadmissionpolicies', 'validatingadmissionpolicybindings'] as const;

const policySchema = z.object({
  metadata: z.object({ name: z.string() }),
  spec: z.object({ matchConditions: z.array(z.object({ expression: z.string() })).default([]) }),
});
const bindingSchema = z.object({
  spec: z.object({ policyName: z.string().default(''), validationActions: z.array(z.string()).default([]) }),
});

/** How deploy/admission-policy.yaml says whom a policy is for. */
const ACCOUNT = /request\.userInfo\.username\s*==\s*(?:'([^']*)'|"([^"]*)")/g;

/**
 * Which of the policies of deploy/admission-policy.yaml are installed and bound. deploy/rbac.yaml does not let hotwave read
 * them, nor need it to: it is asked first whether they may be read, so that no request is denied.
 */
export async function policiesOf(
  client: ApiClient,
  isAllowed: IsAllowed,
  signal: AbortSignal | undefined,
): Promise<FoundPolicies> {
  for (const resource of [POLICIES, BINDINGS])
    if (!(await isAllowed({ verb: 'list', group: GROUP, resource, namespace: '' })))
      return { unknown: `the worker may not list ${resource}, and need not` };
  const list = async <Item>(resource: string, project: (object: unknown) => Item): Promise<readonly Item[]> => {
    const request = { path: `/apis/${GROUP}/v1/${resource}`, signal };
    return (await listAll(client, request, (object) => readAs(resource, project, object))).items;
  };
  const policies = await list(POLICIES, (object) => policySchema.parse(object));
  const bindings = await list(BINDINGS, (object) => bindingSchema.parse(object).spec);
  const denying = bindings.filter(({ validationActions }) => validationActions.includes('Deny'));
  return {
    policies: POLICY_NAMES.map((name): FoundPolicy => {
      const found = policies.find(({ metadata }) => metadata.name === name);
      const expressions = found?.spec.matchConditions.map(({ expression }) => expression).join('\n') ?? '';
      return {
        name,
        installed: found !== undefined,
        bound: denying.some(({ policyName }) => policyName === name),
        accounts: [...expressions.matchAll(ACCOUNT)].map(([, single, double]) =>
          plainText(single ?? double ?? '', MOST_CHARACTERS),
        ),
      };
    }),
  };
}

/** True when a namespace exists; undefined when the worker may not look, which deploy/rbac.yaml does not let it. */
export async function hasNamespace(
  client: ApiClient,
  namespace: string,
  { isAllowed, signal }: { readonly isAllowed: IsAllowed; readonly signal: AbortSignal | undefined },
): Promise<boolean | undefined> {
  const name = checkedName(namespace);
  if (!(await isAllowed({ verb: 'get', group: '', resource: 'namespaces', name, namespace }))) return undefined;
  const answer = await client.request('GET', `/api/v1/namespaces/${name}`, { signal });
  if (answer.kind === 'object') return true;
  return answer.refusal.code === 404 ? false : client.refuse(answer.refusal);
}
