import type { PreflightLine } from './preflight.ts';

// The account of a worker in its cluster, and what holds that account: what `doctor` says of both.

/** The account of deploy/rbac.yaml, for which the policies of deploy/admission-policy.yaml are. */
export const SHIPPED_ACCOUNT = 'system:serviceaccount:hotwave-system:hotwave';

/** The policies of deploy/admission-policy.yaml. */
export const POLICY_NAMES = [
  'hotwave-gameserversets',
  'hotwave-gameservers',
  'hotwave-exec',
  'hotwave-events',
] as const;

/** The worker's name as the API server sees it, or why nobody knows. */
export type FoundAccount = { readonly name: string } | { readonly unknown: string };

/** One of the policies as the cluster has it. */
export interface FoundPolicy {
  readonly name: string;
  readonly installed: boolean;
  /** A binding names it, and denies. */
  readonly bound: boolean;
  /** The accounts that its matchConditions name. */
  readonly accounts: readonly string[];
}

/** All of the policies, or why nobody knows. */
export type FoundPolicies = { readonly policies: readonly FoundPolicy[] } | { readonly unknown: string };

/** The lines of `doctor` about the account. */
export function accountLine(account: FoundAccount): PreflightLine {
  const title = 'account';
  if ('name' in account) return { title, status: 'ok', detail: account.name };
  return { title, status: 'warning', detail: `not known: ${account.unknown}` };
}

const AS_ADMINISTRATOR =
  'An administrator sees it: kubectl get validatingadmissionpolicies,validatingadmissionpolicybindings -l app.kubernetes.io/name=hotwave';
const APPLY = 'kubectl apply -f deploy/admission-policy.yaml';

/** The lines of `doctor` about the policies: a warning when they are known not to hold the worker's account. */
export function admissionLine(account: FoundAccount, found: FoundPolicies): PreflightLine {
  const title = 'admission policy';
  if ('unknown' in found) {
    const isOther = 'name' in account && account.name !== SHIPPED_ACCOUNT;
    const whose = isOther ? ` As shipped they are for ${SHIPPED_ACCOUNT}, and this worker is ${account.name}.` : '';
    const detail = `not known: ${found.unknown}.${whose} ${AS_ADMINISTRATOR}`;
    return { title, status: isOther ? 'warning' : 'ok', detail };
  }
  const trouble = TROUBLES.map((judge) => judge(found.policies, account)).find((sentence) => sentence !== undefined);
  if (trouble !== undefined) return { title, status: 'warning', detail: trouble };
  const accounts = [...new Set(found.policies.flatMap((policy) => policy.accounts))];
  const detail = `${listed(found.policies)} ${are(found.policies)} installed and bound, for ${accounts.join(' and ')}`;
  return { title, status: 'ok', detail };
}

type Judge = (policies: readonly FoundPolicy[], account: FoundAccount) => string | undefined;

/** In the order in which they explain each other. */
const TROUBLES: readonly Judge[] = [
  (policies) =>
    about(
      policies,
      ({ installed }) => !installed,
      (some) => `${are(some)} not installed: ${APPLY}`,
    ),
  (policies) =>
    about(
      policies,
      ({ bound }) => !bound,
      (some) => `${have(some)} no binding that denies: ${APPLY}`,
    ),
  (policies) =>
    about(
      policies,
      ({ accounts }) => accounts.length === 0,
      (some) =>
        `${some.length === 1 ? 'names' : 'name'} no account in ${some.length === 1 ? 'its' : 'their'} matchConditions that hotwave can read: compare ${some.length === 1 ? 'it' : 'them'} with deploy/admission-policy.yaml`,
    ),
  (policies, account) => {
    if (!('name' in account)) return undefined;
    return about(
      policies,
      ({ accounts }) => !accounts.includes(account.name),
      (some) =>
        `${are(some)} for ${[...new Set(some.flatMap(({ accounts }) => accounts))].join(' and ')}, and this worker is ${account.name}: they hold it in nothing. Put its name into the four matchConditions of deploy/admission-policy.yaml, or run the worker as that account`,
    );
  },
];

function about(
  policies: readonly FoundPolicy[],
  isMeant: (policy: FoundPolicy) => boolean,
  say: (some: readonly FoundPolicy[]) => string,
): string | undefined {
  const some = policies.filter(isMeant);
  return some.length === 0 ? undefined : `${listed(some)} ${say(some)}`;
}

const are = ({ length }: readonly FoundPolicy[]): string => (length === 1 ? 'is' : 'are');
const have = ({ length }: readonly FoundPolicy[]): string => (length === 1 ? 'has' : 'have');

/** `a, b and c`. */
function listed(policies: readonly FoundPolicy[]): string {
  const names = policies.map(({ name }) => name);
  return names.length === 1 ? (names[0] ?? '') : `${names.slice(0, -1).join(', ')} and ${names.at(-1) ?? ''}`;
}
