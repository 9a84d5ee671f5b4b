import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { withMandatoryGates } from '../../release/policy/mandatory-gates.ts';
import { readPolicyFile } from '../../release/policy/read-policy.ts';
import { describeRules, changesOf } from '../../release/policy/describe-policy.ts';
import { publicKeyOf } from '../../release/policy/ssh-signature.ts';
import { matchesAny, weigh } from '../../release/policy/weigh.ts';
import type { Claim, Seal } from '../../release/policy/weigh.ts';
import { formatDiagnostic } from '../../release/spec/diagnose.ts';
import { gateSchema } from '../../release/spec/gate-spec.ts';
import { aPolicy } from '../support/a-policy.ts';
import type { PolicyWishes } from '../support/a-policy.ts';

const NOW = Date.UTC(2026, 10, 28, 12);
const publicKey = (byte: number): string => publicKeyOf('ssh-ed25519', [new Uint8Array(32).fill(byte)]);
const [KEY, GATEWAY] = [publicKey(1), publicKey(2)];
const claim = (change: Partial<Claim> = {}): Claim => ({
  power: 'approve',
  namespace: 'arena',
  actor: 'bob',
  channel: 'cli',
  ...change,
});
const seal = (key: string, signedAt = NOW): Seal => ({ key, signedAt });
const KEYS: PolicyWishes = {
  people: {
    ann: { identities: ['slack:T1/ANN'] },
    bob: { identities: ['slack:T1/BOB'], keys: [{ key: `ssh-ed25519 ${KEY}` }] },
  },
  groups: { ops: ['bob'] },
  channels: {
    slack: { keys: [{ key: `ssh-ed25519 ${GATEWAY}` }] },
    feishu: { keys: [{ key: `ssh-ed25519 ${GATEWAY}` }] },
  },
};

describe('who decides', () => {
  test.each([
    ['a name of the policy', 'bob', 'bob'],
    ['the same name in other letters, with blanks', ' BOB ', 'bob'],
    ['an identity', 'slack:T1/BOB', 'bob'],
    ['an identity in other letters', 'Slack:t1/bob', 'bob'],
    ['somebody whom the policy does not know', 'github:Mallory', 'github:Mallory'],
    ['a decomposed letter', 'jo\u0308rg', 'jörg'],
  ])('%s is one person', (_what, actor, person) => {
    expect(weigh(aPolicy(), claim({ actor }), undefined, NOW)).toEqual({ person });
  });
});

describe('a rule', () => {
  const ops = aPolicy({ rules: [{ namespaces: ['arena'], may: { approve: ['ops'], pause: ['ops', 'ann'] } }] });
  test('lets those do it whom it names, by group or by name', () => {
    expect(weigh(ops, claim({ actor: 'slack:T1/BOB' }), undefined, NOW)).toEqual({ person: 'bob' });
    expect(weigh(ops, claim({ power: 'pause', actor: 'ann' }), undefined, NOW)).toEqual({ person: 'ann' });
  });

  test('refuses everybody else, and says whom it wants', () => {
    expect(weigh(ops, claim({ actor: 'ann' }), undefined, NOW)).toEqual({
      refusal: 'ann may not approve in namespace arena: the policy of the cluster wants somebody of ops',
    });
    expect(weigh(ops, claim({ power: 'pause', actor: 'mallory' }), undefined, NOW)).toEqual({
      refusal: 'mallory may not pause in namespace arena: the policy of the cluster wants somebody of ops or ann',
    });
  });

  test('says nothing about other namespaces and other verbs', () => {
    expect(weigh(ops, claim({ actor: 'ann', namespace: 'lobby' }), undefined, NOW)).toEqual({ person: 'ann' });
    expect(weigh(ops, claim({ actor: 'ann', power: 'resume' }), undefined, NOW)).toEqual({ person: 'ann' });
  });

  test('holds beside every other one that is about the namespace', () => {
    const both = aPolicy({
      rules: [
        { namespaces: ['*'], may: { approve: ['ann', 'bob'] } },
        { namespaces: ['arena'], may: { approve: ['ops'] } },
      ],
    });
    expect(weigh(both, claim({ actor: 'ann' }), undefined, NOW)).toHaveProperty('refusal');
    expect(weigh(both, claim({ actor: 'cleo' }), undefined, NOW)).toHaveProperty('refusal');
    expect(weigh(both, claim({ actor: 'bob' }), undefined, NOW)).toEqual({ person: 'bob' });
  });

  test('takes decisions only over the channels that it names', () => {
    const chat = aPolicy({ rules: [{ namespaces: ['*'], channels: ['slack', 'feishu'] }] });
    expect(weigh(chat, claim(), undefined, NOW)).toEqual({
      refusal: 'decisions over cli do not count in namespace arena: use slack or feishu',
    });
    expect(weigh(chat, claim({ channel: 'slack' }), undefined, NOW)).toEqual({ person: 'bob' });
  });

  test.each([
    ['arena', ['arena'], true],
    ['arena', ['ar*'], true],
    ['arena', ['*'], true],
    ['arena', ['aren'], false],
    ['arena-2', ['arena'], false],
    ['', ['*'], true],
  ])('about namespace %s with patterns %s: %s', (namespace, patterns, isAbout) => {
    expect(matchesAny(patterns, namespace)).toBe(isAbout);
  });
});

describe('what must be vouched for', () => {
  const vouched = aPolicy({ ...KEYS, rules: [{ namespaces: ['*'], vouched: ['approve'] }] });
  test('does not count as a claim', () => {
    expect(weigh(vouched, claim(), undefined, NOW)).toEqual({
      refusal:
        'the policy of the cluster wants approve in namespace arena to be vouched for: decide in a chat with a gateway, or sign it with hotwave approve --sign',
    });
    expect(weigh(vouched, claim({ power: 'pause' }), undefined, NOW)).toEqual({ person: 'bob' });
  });

  test('counts with the key of the person', () => {
    expect(weigh(vouched, claim(), seal(KEY), NOW)).toEqual({ person: 'bob', vouchedBy: "bob's key" });
  });

  test('counts with the key of the gateway for people of its own channel', () => {
    const slack = claim({ actor: 'slack:T1/ANN', channel: 'slack' });
    expect(weigh(vouched, slack, seal(GATEWAY), NOW)).toEqual({ person: 'ann', vouchedBy: 'the key of slack' });
  });

  test.each<readonly [string, Claim, Seal, string]>([
    [
      "one person's key for another",
      claim({ actor: 'ann' }),
      seal(KEY),
      'it is signed with the key of bob, but says that ann decides',
    ],
    [
      'a gateway for a name that its chat did not authenticate',
      claim({ actor: 'bob', channel: 'slack' }),
      seal(GATEWAY),
      'the key of slack vouches for people of slack only, such as slack:NAME, not for bob',
    ],
    [
      'a gateway for another channel',
      claim({ actor: 'dingtalk:bob', channel: 'dingtalk' }),
      seal(GATEWAY),
      'it is signed with the key of slack or feishu, which does not vouch for channel dingtalk',
    ],
    [
      'a key of nobody',
      claim(),
      seal('AAAAunknown'),
      'it is signed with a key that the policy of the cluster does not know, or not for this time',
    ],
    [
      'an old signature',
      claim(),
      seal(KEY, NOW - 301_000),
      'it was signed 5m1s ago, and a signature counts for 5m: decide again',
    ],
    [
      'a signature of tomorrow',
      claim(),
      seal(KEY, NOW + 301_000),
      'it was signed 5m1s ahead of the clock of the worker, at most 5m may be: set your clock',
    ],
  ])('%s is refused', (_what, wanted, by, refusal) => {
    expect(weigh(vouched, wanted, by, NOW)).toEqual({ refusal });
  });

  test('a bad signature is refused also where none is wanted', () => {
    expect(weigh(aPolicy(), claim(), seal('AAAAunknown'), NOW)).toHaveProperty('refusal');
  });

  test('a key counts only in its time, so that keys can be changed', () => {
    const policy = aPolicy({
      people: {
        bob: {
          keys: [
            { key: `ssh-ed25519 ${KEY}`, until: '2026-11-28T13:00:00+01:00' },
            { key: `ssh-ed25519 ${GATEWAY}`, from: '2026-11-28T12:00:00Z' },
          ],
        },
      },
      groups: {},
    });
    expect(weigh(policy, claim(), seal(KEY, NOW - 1), NOW)).toHaveProperty('vouchedBy');
    expect(weigh(policy, claim(), seal(KEY, NOW), NOW)).toHaveProperty('refusal');
    expect(weigh(policy, claim(), seal(GATEWAY, NOW), NOW)).toHaveProperty('vouchedBy');
    expect(weigh(policy, claim(), seal(GATEWAY, NOW - 1), NOW)).toHaveProperty('refusal');
  });
});

describe('mandatory gates', () => {
  const gate = (fields: object): ReturnType<typeof gateSchema.parse> => gateSchema.parse({ before: 2, ...fields });
  const policy = aPolicy({ rules: [{ namespaces: ['*'], gates: [{ before: 2, groups: { ops: 1 } }] }] });
  const merged = (own: ReturnType<typeof gate>[], waves = 3): unknown =>
    withMandatoryGates({ gates: own, approvers: {} }, policy, { namespace: 'arena', waves }).gates;

  test('stand where the file has none', () => {
    expect(merged([])).toEqual([{ ...gate({}), groups: { ops: 1 }, notRequester: true }]);
  });

  test('take nothing away from a stricter gate of the file', () => {
    expect(merged([gate({ approvals: 3, groups: { leads: 2 }, timeout: '1h' })])).toEqual([
      { ...gate({ approvals: 3, timeout: '1h' }), groups: { leads: 2, ops: 1 }, notRequester: true },
    ]);
  });

  test('do not open by themselves, whatever the file says', () => {
    expect(merged([gate({ onTimeout: 'proceed', promoteAfter: '10m' })])).toEqual([
      { ...gate({}), groups: { ops: 1 }, notRequester: true },
    ]);
  });

  test('stand before the last wave when the release has fewer waves', () => {
    expect(merged([], 1)).toEqual([{ ...gate({ before: 1 }), groups: { ops: 1 }, notRequester: true }]);
    expect(merged([], 0)).toEqual([{ ...gate({ before: 1 }), groups: { ops: 1 }, notRequester: true }]);
  });

  test('count the people of the policy for a group that the file names as well', () => {
    const own = { gates: [], approvers: { ops: ['mallory'], leads: ['dora'] } };
    expect(withMandatoryGates(own, policy, { namespace: 'arena', waves: 3 }).approvers).toEqual({
      ops: ['bob', 'cleo'],
      leads: ['dora'],
    });
  });

  test('are only those of the rules about the namespace', () => {
    const live = aPolicy({ rules: [{ namespaces: ['live-*'], gates: [{ before: 1 }] }] });
    expect(withMandatoryGates({ gates: [], approvers: {} }, live, { namespace: 'arena', waves: 2 }).gates).toEqual([]);
  });
});

test('the policy among the examples can be read', () => {
  expect(readPolicyFile(readFileSync('examples/policy.yaml', 'utf8'))).toHaveProperty('policy');
});

describe('a policy file', () => {
  const problems = (text: string): string[] => {
    const reading = readPolicyFile(text);
    return 'policy' in reading ? [] : reading.diagnostics.map((one) => formatDiagnostic('policy.yaml', one));
  };

  test('may be empty of everything but a bracket', () => {
    expect(problems('{}')).toEqual([]);
  });

  test.each([
    [
      'an unknown person in a group',
      'groups: { ops: [bob] }',
      'policy.yaml:1:17: groups.ops[0]: people has no bob: expected one of the names there',
    ],
    [
      'an unknown group in a rule',
      'rules: [{ namespaces: ["*"], may: { approve: [ops] } }]',
      'policy.yaml:1:47: rules[0].may.approve[0]: there is no group and no person ops',
    ],
    [
      'a gate that can never open',
      'people: { bob: {} }\ngroups: { ops: [bob] }\nrules: [{ namespaces: ["*"], gates: [{ before: 2, groups: { ops: 2 } }] }]',
      'policy.yaml:3:66: rules[0].gates[0].groups.ops: the group ops has only 1 people',
    ],
    [
      'one identity of two people',
      'people: { ann: { identities: ["x:1"] }, bob: { identities: ["X:1"] } }',
      'policy.yaml:1:61: people.bob.identities[0]: ann has it as well: expected one owner',
    ],
    [
      'an RSA key',
      'people: { ann: { keys: [{ key: ssh-rsa AAAA }] } }',
      'policy.yaml:1:32: people.ann.keys[0].key: expected a public SSH key as in ~/.ssh/id_ed25519.pub: ssh-ed25519 or ecdsa-sha2-nistp256',
    ],
    [
      'a key that is cut off',
      'people: { ann: { keys: [{ key: ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIBob }] } }',
      'policy.yaml:1:32: people.ann.keys[0].key: expected a public SSH key as in ~/.ssh/id_ed25519.pub',
    ],
    [
      'a verb that there is not',
      'rules: [{ namespaces: ["*"], may: { aprove: [ann] } }]',
      'policy.yaml:1:37: rules[0].may.aprove:',
    ],
    [
      'a sink of a type that there is not',
      'sinks: [{ name: cluster, type: events }]',
      'policy.yaml:1:32: sinks[0].type: expected http or kubernetes-events',
    ],
    ['a sink that is only a name', 'sinks: [events]', 'policy.yaml:1:9: sinks[0]: expected an object'],
    [
      'two sinks of one name, of which the second would be told nothing',
      'sinks: [{ name: all, type: kubernetes-events }, { name: all, type: kubernetes-events }]',
      'policy.yaml:1:57: sinks[1].name: sinks[0] has the name all as well: expected another one',
    ],
    [
      'an address of what is no HTTP sink',
      'sinks: [{ name: cluster, type: kubernetes-events, url: "https://chat.example" }]',
      'policy.yaml:1:51: sinks[0].url: unknown key',
    ],
    [
      'an HTTP sink without its secret',
      'sinks: [{ name: chat, url: "https://chat.example/notices" }]',
      'policy.yaml:1:8: sinks[0].secretFile: is missing',
    ],
  ])('with %s is refused with its place', (_what, text, expected) => {
    expect(problems(text)).toEqual([expect.stringContaining(expected)]);
  });
});

test('the rules of a namespace are said in short sentences', () => {
  const policy = aPolicy({
    rules: [
      { namespaces: ['*'], may: { approve: ['ops'] }, vouched: ['approve', 'override-freeze'] },
      { namespaces: ['arena'], channels: ['slack'] },
    ],
  });
  expect(describeRules(policy, 'arena')).toEqual([
    'approve: only ops',
    'vouched for: approve, override-freeze',
    'only over slack',
  ]);
  expect(describeRules(policy, 'lobby')).toEqual(['approve: only ops', 'vouched for: approve, override-freeze']);
});

test('a changed policy is said by the names that changed', () => {
  const before = aPolicy();
  const after = aPolicy({
    people: { ann: {}, cleo: { identities: ['feishu:cleo'] }, dora: {} },
    groups: { ops: ['cleo'] },
    rules: [{ namespaces: ['*'] }],
  });
  expect(changesOf(before, after)).toEqual(['people ann, -bob, +dora', 'groups ops', 'rules (0, now 1)']);
  expect(changesOf(after, after)).toEqual([]);
});
