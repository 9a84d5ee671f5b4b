import { describe, expect, test } from 'vitest';
import { blockedText, blockerIn } from '../../release/checks/complaint.ts';
import type { Complaint } from '../../release/checks/complaint.ts';

const REVISION = 'duel-5d9c8f7b4';
const SINCE = Date.UTC(2026, 0, 2);
const WISHES = { since: SINCE, waiting: new Set(['duel-2', 'duel-1']), shut: new Set<string>(), revision: REVISION };

const POLICY = `pods "duel-2" is forbidden: ValidatingAdmissionPolicy 'signed' with binding 'signed' denied request: image is not signed`;
const WEBHOOK = 'admission webhook "validate.kyverno.svc-fail" denied the request: tags must be immutable';
const BUDGET =
  'admission webhook "vpod.kb.io" denied the request: podunavailablebudget.policy.kruise.io "arena" is forbidden: pub unavailable allowed is negative';
const TIMEOUT =
  'Internal error occurred: failed calling webhook "mgameserverset.kb.io": failed to call webhook: Post "https://kruise-game-webhook-service.kruise-game-system.svc:443/mutate-v1-pod?timeout=10s": context deadline exceeded';

function aComplaint(refusal: string, wishes: Partial<Complaint> & { readonly revision?: string } = {}): Complaint {
  const { revision = REVISION, ...complaint } = wishes;
  const message = `failed to update pod duel-2 in-place(revision ${revision}): ${refusal}`;
  return { reason: 'FailedUpdatePodInPlace', message, about: 'duel', at: SINCE, ...complaint };
}

describe('what Kruise was not allowed to write is named with who refused it', () => {
  test.each<[string, string, boolean]>([
    ['a policy', POLICY, true],
    ['a webhook', WEBHOOK, true],
    ['a webhook that counts', 'admission webhook "count" denied the request: 429 images, 500 at most', true],
    ['a rule of the API server', 'Pod "duel-2" is invalid: spec: Forbidden: pod updates may not change fields', true],
    ['the authorizer', 'pods "duel-2" is forbidden: User "kruise" cannot update resource "pods"', true],
    ['a budget, which has room again', BUDGET, false],
    ['a webhook that does not answer', TIMEOUT, false],
    ['a webhook whose registry does not', `${WEBHOOK}: GET https://r.test/v2/: 429 Too Many Requests`, false],
    ['another write at the same moment', 'Operation cannot be fulfilled: the object has been modified', false],
    ['nobody that is known', 'etcdserver: leader changed', false],
  ])('%s', (_who, refusal, isDenied) => {
    expect(blockerIn([aComplaint(refusal)], WISHES)).toEqual({ server: 'duel-2', words: refusal, isDenied });
  });
});

describe('a complaint counts', () => {
  test('not when it was made before this step', () => {
    expect(blockerIn([aComplaint(POLICY, { at: SINCE - 1 })], WISHES)).toBeUndefined();
  });

  test('also when it was made before, and its server was taken out of service again: Kruise says little more', () => {
    const again = { ...WISHES, shut: new Set(['duel-2']) };
    expect(blockerIn([aComplaint(POLICY, { at: SINCE - 600_000 })], again)).toEqual({
      server: 'duel-2',
      words: `${POLICY} (so Kruise said at 2026-01-01T23:50:00.000Z)`,
      isDenied: true,
    });
    expect(blockerIn([aComplaint(POLICY, { at: SINCE - 600_001 })], again)).toBeUndefined();
    expect(
      blockerIn([aComplaint(POLICY, { at: SINCE - 1 })], { ...WISHES, shut: new Set(['duel-1']) }),
    ).toBeUndefined();
  });

  test('not when its server has moved since', () => {
    expect(blockerIn([aComplaint(POLICY)], { ...WISHES, waiting: new Set(['duel-1']) })).toBeUndefined();
  });

  test('not when it is about the way to another revision', () => {
    expect(blockerIn([aComplaint(POLICY, { revision: 'duel-77c5' })], WISHES)).toBeUndefined();
  });

  test('also when it was gathered with others', () => {
    const { message } = aComplaint(POLICY);
    const combined = aComplaint('', { message: `(combined from similar events): ${message}` });
    expect(blockerIn([combined], WISHES)).toMatchObject({ server: 'duel-2', words: POLICY });
  });

  test('the newest of several', () => {
    const [old, young] = [aComplaint(TIMEOUT), aComplaint(POLICY, { at: SINCE + 9_000 })];
    expect(blockerIn([old, young], WISHES)).toMatchObject({ words: POLICY, isDenied: true });
    expect(blockerIn([young, old], WISHES)).toMatchObject({ words: POLICY, isDenied: true });
  });

  test('when a pod of the set cannot be made, whichever', () => {
    const quota = 'pods "duel-9" is forbidden: exceeded quota: arena, requested: pods=1, used: pods=9, limited: pods=9';
    const event = `create Pod duel-9 in StatefulSet duel failed error: ${quota}`;
    const condition = `StatefulPodControl failed to create Pod error: ${quota}`;
    for (const message of [event, condition])
      expect(blockerIn([aComplaint('', { reason: 'FailedCreate', message })], WISHES)).toEqual({
        server: undefined,
        words: quota,
        isDenied: false,
      });
  });

  test('but not before a server whose own write was refused', () => {
    const message = 'create Pod duel-99 in StatefulSet duel failed error: exceeded quota';
    const young = aComplaint('', { reason: 'FailedCreate', message, at: SINCE + 9_000 });
    expect(blockerIn([aComplaint(POLICY), young], WISHES)).toMatchObject({ words: POLICY, isDenied: true });
  });

  test('but that one pod was denied fails nobody early, and stops no override', () => {
    const message = `create Pod duel-99 in StatefulSet duel failed error: ${POLICY}`;
    const denied = [aComplaint('', { reason: 'FailedCreate', message })];
    expect(blockerIn(denied, WISHES)).toEqual({ server: undefined, words: POLICY, isDenied: false });
    expect(blockerIn(denied, { ...WISHES, revision: undefined })).toBeUndefined();
  });

  test('when a budget protects the pod of a server that waits, whoever writes it', () => {
    const reason = 'PubPreventPodDeletion';
    const event = aComplaint('', { reason, message: 'openkruise pub prevents pod deletion', about: 'duel-1' });
    const words = 'a PodUnavailableBudget has no room for one more server that is not available';
    expect(blockerIn([event], { ...WISHES, revision: undefined })).toEqual({
      server: 'duel-1',
      words,
      isDenied: false,
    });
    expect(blockerIn([{ ...event, about: 'duel-0' }], WISHES)).toBeUndefined();
    // The answer to the write says more.
    expect(blockerIn([{ ...event, at: SINCE + 5_000 }, aComplaint(BUDGET)], WISHES)).toMatchObject({ words: BUDGET });
  });

  test.each(['FailedMount', 'BackOff', 'Unhealthy', 'FailedScheduling'])('%s is no answer to a write', (reason) => {
    expect(blockerIn([aComplaint('', { reason, message: 'something else', about: 'duel-2' })], WISHES)).toBeUndefined();
  });
});

test('who is behind the refused server is told so', () => {
  const blocker = { server: 'duel-2', words: POLICY, isDenied: true };
  expect(blockedText(blocker, 'duel-2')).toBe(`the write of its new image is refused: ${POLICY}`);
  expect(blockedText(blocker, 'duel-1')).toBe(
    `Kruise does not come to it: the write of the new image of duel-2 is refused: ${POLICY}`,
  );
  expect(blockedText({ ...blocker, server: undefined, words: 'no quota' }, 'duel-1')).toBe(
    'Kruise could not make a pod of the set, and moves nobody while it cannot: no quota',
  );
});

test('the words of others are harmless and short', () => {
  const evil = aComplaint(`\u001B[2Jdenied the request: token=hunter2 ${'x'.repeat(2_000)}`);
  const { words } = blockerIn([evil], WISHES)!;
  expect(words).toHaveLength(300);
  expect(words).toMatch(/^denied the request: token=\[redacted\] x+$/);
});
