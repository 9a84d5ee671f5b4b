import { describe, expect, test } from 'vitest';
import {
  failureOfCredentials,
  failureOfError,
  failureOfRefusal,
  isMissingPermission,
  oneLine,
} from '../../cluster/errors.ts';
import type { Refusal } from '../../cluster/errors.ts';

const context = { server: 'https://api.test:6443', user: 'release-bot' };
const refusal = (code: number, message = 'no', more: Partial<Refusal> = {}): Refusal => ({
  code,
  reason: '',
  message,
  causes: [],
  ...more,
});

describe('a refusal of the API server', () => {
  test.each([
    [400, 'invalid', false],
    [401, 'unauthorized', true],
    [403, 'forbidden', false],
    [404, 'invalid', false],
    [409, 'other', true],
    [410, 'gone', true],
    [422, 'invalid', false],
    [429, 'overloaded', true],
    [500, 'other', true],
    [503, 'overloaded', true],
    [504, 'overloaded', true],
  ] as const)('with status %i is `%s`, retryable: %s', (code, reason, retryable) => {
    expect(failureOfRefusal(refusal(code), context)).toMatchObject({ reason, retryable });
  });

  test('says what is not allowed, where, and whom to ask', () => {
    const message =
      'gameserversets.game.kruise.io "duel" is forbidden: User "system:serviceaccount:games:hotwave" cannot patch resource "gameserversets" in API group "game.kruise.io" in the namespace "arena"';
    expect(failureOfRefusal(refusal(403, message), context).message).toBe(
      'may not patch gameserversets in namespace arena as user system:serviceaccount:games:hotwave: ask an administrator of the cluster for the permissions in deploy/rbac.yaml',
    );
  });

  test('names the role that grants what no release needs', () => {
    const message =
      'events is forbidden: User "system:serviceaccount:games:hotwave" cannot create resource "events" in API group "" in the namespace "arena"';
    expect(failureOfRefusal(refusal(403, message), context).message).toBe(
      'may not create events in namespace arena as user system:serviceaccount:games:hotwave: ask an administrator of the cluster to bind ClusterRole hotwave-events of deploy/rbac.yaml there',
    );
  });

  test('names the kubeconfig that cannot be read when old credentials are refused', () => {
    const unread = 'the kubeconfig /etc/hotwave/kubeconfig is empty';
    expect(failureOfRefusal(refusal(401), { ...context, unread }).message).toBe(
      'the API server at https://api.test:6443 does not accept the credentials of release-bot; renew them in the kubeconfig, which cannot be read: the kubeconfig /etc/hotwave/kubeconfig is empty',
    );
  });

  test('by an admission webhook is not a missing permission', () => {
    const message = 'admission webhook "policy.test" denied the request: images must come from registry.test';
    expect(isMissingPermission(refusal(403, message))).toBe(false);
    expect(isMissingPermission(refusal(403, 'User "x" cannot get resource "pods" in the namespace "y"'))).toBe(true);
  });

  test('by an admission policy is its sentence, which comes after many words', () => {
    const sentence = 'hotwave may change only updateStrategy and images of a GameServerSet, not spec.replicas';
    const binding = "ValidatingAdmissionPolicy 'fields' with binding 'fields' denied request";
    const message = `gameserversets.game.kruise.io "duel" is forbidden: ${binding}: ${sentence}`;
    expect(isMissingPermission(refusal(403, message))).toBe(false);
    expect(failureOfRefusal(refusal(403, message), context).message).toBe(
      `the API server refuses: gameserversets.game.kruise.io "duel" is forbidden: ValidatingAdmissionPolicy 'fields': ${sentence}`,
    );
  });

  test('hands on Retry-After', () => {
    expect(failureOfRefusal(refusal(429, 'slow down', { retryAfterMs: 3_000 }), context).retryAfterMs).toBe(3_000);
  });

  test('never quotes an object: strict validation sends the whole of it', () => {
    const object = JSON.stringify(JSON.stringify({ spec: { password: 'secret'.repeat(30) } }));
    const message = ` "" is invalid: patch: Invalid value: ${object}: strict decoding error: unknown field "spec.typo"`;
    expect(failureOfRefusal(refusal(422, message), context).message).toBe(
      'the API server at https://api.test:6443 answered 422: strict decoding error: unknown field "spec.typo"',
    );
    const other = failureOfRefusal(refusal(422, `spec: Invalid value: ${object}: must not be`), context).message;
    expect(other).toContain('spec: Invalid value: "…": must not be');
  });
});

describe('trouble on the way', () => {
  test.each([
    ['ECONNREFUSED', 'connection refused'],
    ['ENOTFOUND', 'its name is not known'],
    ['UND_ERR_CONNECT_TIMEOUT', 'no connection within 5 s'],
    ['EWEIRD', 'EWEIRD'],
  ])('%s is `unreachable` and names the server', (code, words) => {
    const cause = Object.assign(new Error('x'), { code });
    const failure = failureOfError(new TypeError('fetch failed', { cause }), context, 15_000);
    expect(failure).toMatchObject({ reason: 'unreachable', retryable: true });
    expect(failure.message).toBe(`the API server at https://api.test:6443 does not answer: ${words}`);
  });

  test('a certificate that is not trusted is told apart', () => {
    const failure = failureOfError(Object.assign(new Error('x'), { code: 'SELF_SIGNED_CERT_IN_CHAIN' }), context, 1);
    expect(failure.message).toContain('shows a certificate that the kubeconfig does not trust');
  });

  test('a timeout says how long was waited; the numeric code of an abort is no network code', () => {
    const timeout = new DOMException('timed out', 'TimeoutError');
    expect(failureOfError(timeout, context, 15_000).message).toBe(
      'the API server at https://api.test:6443 did not answer within 15 s',
    );
  });

  test('never carries what the error says: it may quote headers', () => {
    const failure = failureOfError(new Error('bad header Authorization: Bearer secret'), context, 1);
    expect(failure.message).toBe('the API server at https://api.test:6443 does not answer: the connection failed');
    expect(failureOfCredentials(new Error('exec: token=secret'), context).message).not.toContain('secret');
  });
});

test('oneLine keeps 300 characters on one line', () => {
  expect(oneLine(' a\n  b\t c ')).toBe('a b c');
  expect(oneLine('x'.repeat(400))).toHaveLength(300);
});
