import { describe, expect, test } from 'vitest';
import type { Access } from '../../activities/ports/access.ts';
import { accountOf, hasNamespace, policiesOf } from '../../cluster/worker-account.ts';
import type { ApiAnswer, ApiClient } from '../../cluster/request.ts';
import { POLICY_NAMES, SHIPPED_ACCOUNT } from '../../release/plan/worker-account.ts';
import { shippedManifests } from '../lab/permissions.ts';

/** A client whose API server answers each path with one thing, and notes what was asked. */
function clientOf(
  answers: Readonly<Record<string, unknown>>,
  code = 404,
): { readonly client: ApiClient; readonly asked: string[] } {
  const asked: string[] = [];
  const request = (method: string, path: string): Promise<ApiAnswer> => {
    asked.push(`${method} ${path}`);
    const body = answers[path];
    const refusal = { code, reason: '', message: 'not for you\u001b[2J', causes: [] };
    return Promise.resolve(body === undefined ? { kind: 'refused', refusal } : { kind: 'object', body });
  };
  return { client: { request } as unknown as ApiClient, asked };
}

const SELF = '/apis/authentication.k8s.io/v1/selfsubjectreviews';
const GROUP = '/apis/admissionregistration.k8s.io/v1';
const yes = (): Promise<boolean> => Promise.resolve(true);

describe('the account of a worker', () => {
  test('is what the API server says', async () => {
    const { client, asked } = clientOf({ [SELF]: { status: { userInfo: { username: SHIPPED_ACCOUNT } } } });
    expect(await accountOf(client, undefined)).toEqual({ name: SHIPPED_ACCOUNT });
    expect(asked).toEqual([`POST ${SELF}`]);
  });

  test.each([
    [404, 'the API server does not tell it (Kubernetes before 1.28)'],
    [403, 'the API server does not tell it: not for you'],
  ])('is not known where the question is answered with %d', async (code, unknown) => {
    expect(await accountOf(clientOf({}, code).client, undefined)).toEqual({ unknown });
  });
});

describe('the policies of deploy/admission-policy.yaml', () => {
  const shipped = shippedManifests('admission-policy.yaml');
  const items = (kind: string): object => ({
    metadata: { resourceVersion: '1' },
    items: shipped.filter((one) => one.kind === kind),
  });
  const answers = {
    [`${GROUP}/validatingadmissionpolicies`]: items('ValidatingAdmissionPolicy'),
    [`${GROUP}/validatingadmissionpolicybindings`]: items('ValidatingAdmissionPolicyBinding'),
  };

  test('are found with the account that they are for', async () => {
    const found = await policiesOf(clientOf(answers).client, yes, undefined);
    expect(found).toEqual({
      policies: POLICY_NAMES.map((name) => ({ name, installed: true, bound: true, accounts: [SHIPPED_ACCOUNT] })),
    });
  });

  test('are not installed where there are none, and not bound by what only warns', async () => {
    const [first] = shipped.filter((one) => one.kind === 'ValidatingAdmissionPolicy');
    const warns = { metadata: { name: 'x' }, spec: { policyName: POLICY_NAMES[0], validationActions: ['Warn'] } };
    const some = {
      [`${GROUP}/validatingadmissionpolicies`]: { metadata: { resourceVersion: '1' }, items: [first] },
      [`${GROUP}/validatingadmissionpolicybindings`]: { metadata: { resourceVersion: '1' }, items: [warns] },
    };
    expect(await policiesOf(clientOf(some).client, yes, undefined)).toEqual({
      policies: [
        { name: POLICY_NAMES[0], installed: true, bound: false, accounts: [SHIPPED_ACCOUNT] },
        { name: POLICY_NAMES[1], installed: false, bound: false, accounts: [] },
        { name: POLICY_NAMES[2], installed: false, bound: false, accounts: [] },
        { name: POLICY_NAMES[3], installed: false, bound: false, accounts: [] },
      ],
    });
  });

  test('are not asked for by who may not list them', async () => {
    const { client, asked } = clientOf(answers);
    const wanted: Access[] = [];
    const no = (access: Access): Promise<boolean> => (wanted.push(access), Promise.resolve(false));
    expect(await policiesOf(client, no, undefined)).toEqual({
      unknown: 'the worker may not list validatingadmissionpolicies, and need not',
    });
    expect([asked, wanted.map(({ verb, resource }) => `${verb} ${resource}`)]).toEqual([
      [],
      ['list validatingadmissionpolicies'],
    ]);
  });
});

describe('a namespace', () => {
  test.each<[string, Record<string, unknown>, boolean, boolean | undefined]>([
    ['is there', { '/api/v1/namespaces/arena': {} }, true, true],
    ['is not there', {}, true, false],
    ['is nothing that everybody may look for', {}, false, undefined],
  ])('%s', async (_what, answers, allowed, found) => {
    const isAllowed = (): Promise<boolean> => Promise.resolve(allowed);
    const { client } = clientOf(answers);
    expect(await hasNamespace(client, 'arena', { isAllowed, signal: undefined })).toBe(found);
  });
});
