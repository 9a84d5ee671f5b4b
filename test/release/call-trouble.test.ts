import { expect, test } from 'vitest';
import { callTroubleSchema, waitInTrouble } from '../../release/progress/call-trouble.ts';

const NOW = 1_000_000;
const wait = { for: 'lets 2 servers move', owner: 'kruise-game-manager', since: NOW, until: NOW + 60_000 };
const trouble = { activity: 'openWave', attempt: 4, reason: 'no answer', scheduledAt: NOW, until: NOW + 900_000 };

test('a wait whose call fails is the wait of that call, with its end', () => {
  expect(waitInTrouble(wait, trouble)).toEqual({
    for: 'lets 2 servers move; the write that lets servers move waits and is sent again; attempt 4 failed: no answer',
    owner: 'the API server',
    since: NOW,
    until: NOW + 900_000,
  });
});

test.each([
  ['the API server at https://a.test is overloaded (HTTP 429); trying again', 'the API server'],
  [
    'the API server at https://a.test answered 500: failed calling webhook "a.b.test": EOF',
    'the admission webhook a.b.test',
  ],
  ['the credential plugin aws-iam has not answered within 8 s', 'the credential plugin aws-iam'],
])('whoever does not let a call through is named: %s', (reason, owner) => {
  expect(waitInTrouble(wait, { ...trouble, reason }).owner).toBe(owner);
});

test('what an activity says is read with bounds: another name, a number that is none, control characters', () => {
  expect(callTroubleSchema.safeParse({ ...trouble, activity: 'toString' }).success).toBe(false);
  expect(callTroubleSchema.safeParse({ ...trouble, attempt: 1.5 }).success).toBe(false);
  expect(callTroubleSchema.safeParse({ ...trouble, reason: 'x'.repeat(10_001) }).success).toBe(false);
  expect(callTroubleSchema.safeParse(null).success).toBe(false);
  const { reason } = callTroubleSchema.parse({ ...trouble, reason: `a\u001B[31m\n${'x'.repeat(500)}` });
  expect(reason).toHaveLength(400);
  expect(reason).toMatch(/^a x+$/);
});
