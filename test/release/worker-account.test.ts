import { describe, expect, test } from 'vitest';
import { accountLine, admissionLine, POLICY_NAMES, SHIPPED_ACCOUNT } from '../../release/plan/worker-account.ts';
import type { FoundPolicy } from '../../release/plan/worker-account.ts';
import { shippedManifests } from '../lab/permissions.ts';

const ME = { name: SHIPPED_ACCOUNT };
const OTHER = { name: 'system:serviceaccount:games:robot' };

function policies(change: Partial<FoundPolicy> = {}): { readonly policies: readonly FoundPolicy[] } {
  const good = { installed: true, bound: true, accounts: [SHIPPED_ACCOUNT] };
  return {
    policies: [
      { name: 'hotwave-gameserversets', ...good },
      { name: 'hotwave-gameservers', ...good },
      { name: 'hotwave-exec', ...good, ...change },
    ],
  };
}

test('who a worker is is what the API server calls it', () => {
  expect(accountLine(ME)).toEqual({ title: 'account', status: 'ok', detail: SHIPPED_ACCOUNT });
  expect(accountLine({ unknown: 'the API server does not tell it' })).toEqual({
    title: 'account',
    status: 'warning',
    detail: 'not known: the API server does not tell it',
  });
});

test('the policies that a worker looks for are those of deploy/admission-policy.yaml', () => {
  const shipped = shippedManifests('admission-policy.yaml').filter(({ kind }) => kind === 'ValidatingAdmissionPolicy');
  expect(POLICY_NAMES).toEqual(shipped.map(({ metadata }) => metadata.name));
});

describe('of the admission policies of deploy/ a worker says', () => {
  test.each<[string, Parameters<typeof admissionLine>, string]>([
    [
      'that they are there and whom they bind',
      [ME, policies()],
      `ok: hotwave-gameserversets, hotwave-gameservers and hotwave-exec are installed and bound, for ${SHIPPED_ACCOUNT}`,
    ],
    [
      'which one is not there',
      [ME, policies({ installed: false, bound: false, accounts: [] })],
      'warning: hotwave-exec is not installed: kubectl apply -f deploy/admission-policy.yaml',
    ],
    [
      'which one nothing binds',
      [ME, policies({ bound: false })],
      'warning: hotwave-exec has no binding that denies: kubectl apply -f deploy/admission-policy.yaml',
    ],
    [
      'that they are for another account, and bind this one in nothing',
      [OTHER, policies()],
      `warning: hotwave-gameserversets, hotwave-gameservers and hotwave-exec are for ${SHIPPED_ACCOUNT}, and this worker is ${OTHER.name}: they hold it in nothing. Put its name into the four matchConditions of deploy/admission-policy.yaml, or run the worker as that account`,
    ],
    [
      'that nobody can tell whom one is for',
      [ME, policies({ accounts: [] })],
      'warning: hotwave-exec names no account in its matchConditions that hotwave can read: compare it with deploy/admission-policy.yaml',
    ],
    [
      'that it may not look, and who may',
      [ME, { unknown: 'the worker may not look' }],
      'ok: not known: the worker may not look. An administrator sees it: kubectl get validatingadmissionpolicies,validatingadmissionpolicybindings -l app.kubernetes.io/name=hotwave',
    ],
    [
      'that as shipped they are not for its account, also when it may not look',
      [OTHER, { unknown: 'the worker may not look' }],
      `warning: not known: the worker may not look. As shipped they are for ${SHIPPED_ACCOUNT}, and this worker is ${OTHER.name}. An administrator sees it: kubectl get validatingadmissionpolicies,validatingadmissionpolicybindings -l app.kubernetes.io/name=hotwave`,
    ],
  ])('%s', (_what, [account, found], line) => {
    const { title, status, detail } = admissionLine(account, found);
    expect(title).toBe('admission policy');
    expect(`${status}: ${detail}`).toBe(line);
  });
});
