import { describe, expect, test } from 'vitest';
import { weighBeginning } from '../../activities/policy/weigh-beginning.ts';
import { signText, readSigningKey } from '../../client/decisions/ssh-signature.ts';
import { beginningOfRollback, beginningOfStart, canonicalBeginning } from '../../release/decisions/canonical.ts';
import type { Unsigned } from '../../release/decisions/canonical.ts';
import { aPolicy } from '../support/a-policy.ts';
import { aRelease } from '../support/a-release.ts';
import { personalKey } from '../support/ssh-key.ts';

const BOB = readSigningKey(personalKey().private);
const rules = [{ namespaces: ['*'], vouched: true }];
const policy = aPolicy({ people: { bob: { keys: [{ key: BOB.public }] } }, groups: {}, rules });

/** The word of a worker about a workflow that is started as `sent`, with a signature over what was `signed`. */
function weighed(signed: Unsigned, sent: Unsigned) {
  const made = { channel: 'cli', signedAt: Date.now() };
  const signature = signText(canonicalBeginning({ ...signed, ...made }), BOB);
  return weighBeginning(policy, sent, { ...made, signature });
}

const BOBS = { person: 'bob', vouchedBy: "bob's key" };
const OF_ANOTHER = { refusal: 'the signature is of something else than this decision' };

describe('a signed start', () => {
  const start = { file: aRelease(), cluster: 'eu', requester: 'bob' };

  test('vouches for the start that was signed, however its file travels', () => {
    const arrived = JSON.parse(JSON.stringify(start)) as typeof start;
    expect(weighed(beginningOfStart(start), beginningOfStart(arrived))).toEqual(BOBS);
  });

  test('is over the file itself, and not over a hash that two files may have', () => {
    expect(beginningOfStart(start).file).toContain(aRelease().metadata.name);
  });

  test.for([
    { file: aRelease({ gates: [{ before: 1 }] }) },
    { cluster: 'us' },
    { requester: 'ann' },
    { takeover: { actor: 'bob', reason: 'dead' } },
    { duringFreeze: true },
  ])('vouches for no other: %j', (change) => {
    expect(weighed(beginningOfStart(start), beginningOfStart({ ...start, ...change }))).toEqual(OF_ANOTHER);
  });
});

describe('a signed rollback', () => {
  const back = { cluster: 'eu', set: { namespace: 'arena', name: 'duel' }, requester: 'bob', reason: 'it lags' };
  const to = { version: '1.0' };

  test('vouches for the rollback that was signed', () => {
    expect(weighed(beginningOfRollback({ ...back, to }), beginningOfRollback({ ...back, to }))).toEqual(BOBS);
  });

  test.for([
    { to: { ...to, image: 'registry.example/of-mallory:1' } },
    { to: { image: '1.0' } },
    { to: undefined },
    { file: aRelease() },
    { holderIsDead: true },
  ])('vouches for no other: %j', (change) => {
    const signed = beginningOfRollback({ ...back, to });
    expect(weighed(signed, beginningOfRollback({ ...back, to, ...change }))).toEqual(OF_ANOTHER);
  });
});
