import { expect } from 'vitest';
import type { z } from 'zod';
import { answerSchema, stateSchema } from '../../release/wire/wire-schemas.ts';
import type { ReleaseState } from '../../release/progress/state.ts';
import { MESSAGES } from '../../workflows/messages.ts';
import type { ExpectedAnswer } from '../../workflows/messages.ts';
import { aPolicy, fakePolicy } from '../support/a-policy.ts';
import { BOTS } from '../support/bot-programs.ts';
import type { StartedRelease } from '../support/hotwave.ts';
import { listed, runBot } from '../support/run-bot.ts';
import { personalKey } from '../support/ssh-key.ts';
import { aRelease, test } from '../support/stage.ts';

const KEY = personalKey();
const isOpen = ({ phase }: ReleaseState): boolean => phase === 'waiting-approval';
/** Every vote must be vouched for. */
const VOUCHED = aPolicy({
  people: { bot: { keys: [{ key: KEY.public }] } },
  groups: {},
  rules: [{ namespaces: ['*'], vouched: ['approve'] }],
});
/** Building the Go program for the first time. */
const BUILDING_MS = 15 * 60_000;

test.for(BOTS)(
  'the program of docs/bots.md for %s approves by update and by signal, and is believed by its key',
  { timeout: BUILDING_MS },
  async (bot, { stage }) => {
    const it = await stage({}, undefined, { policy: fakePolicy(VOUCHED) });
    const release = await it.start(aRelease({ gates: [{ before: 1 }, { before: 2 }, { before: 3 }] }));
    for (const [wave, by] of [
      [1, 'update'],
      [2, 'update'],
      [3, 'signal'],
    ] as const) {
      await release.idle(`the gate before wave ${wave}`, (state) => isOpen(state) && state.gate?.wave === wave);
      await listed(it, wave);
      const output = await runBot(bot, it, { keyPath: KEY.path, by });
      expect(output.toLowerCase()).toContain('the policy of the cluster is asked');
      if (by === 'update') expect(output).toContain(`approved: wave ${wave} starts`);
    }
    expect(await release.result()).toMatchObject({ outcome: 'done' });
    const { decisions } = await release.state();
    const vote = { verb: 'approve', actor: 'bot', channel: bot, vouchedBy: "bot's key", accepted: true };
    expect(decisions).toMatchObject([
      { ...vote, wave: 1 },
      { ...vote, wave: 2 },
      { ...vote, wave: 3 },
    ]);
  },
);

/** The promise to bots is what there is: the compiler checks the types, and this the values. */
function expectPromised(state: z.input<typeof stateSchema>): void {
  expect(stateSchema.safeParse(state).error).toBeUndefined();
}

async function expectAnswer(release: StartedRelease): Promise<void> {
  const decision = { id: '1', verb: 'pause', release: 'scripts-2-0', actor: 'ann' };
  const answer = await release.handle.query<ExpectedAnswer, [object]>(MESSAGES.answer, decision);
  expect(answerSchema.parse(answer)).toEqual(answer);
}

test('a list of decisions counts each for itself, by signal and when it is asked about', async ({ stage }) => {
  const it = await stage();
  const release = await it.start(aRelease({ gates: [{ before: 2, approvals: 2 }] }));
  const { release: name, planHash: plan } = await release.until('the gate', isOpen);
  const vote = { verb: 'approve', release: name, plan, wave: 2 };
  const votes = ['ann', 'bob'].map((actor) => ({ ...vote, id: `list-${actor}`, actor }));
  const asked = await release.handle.query<readonly ExpectedAnswer[], [readonly object[]]>(MESSAGES.answer, votes);
  expect(asked).toMatchObject([
    { given: false, accepted: true },
    { given: false, accepted: true },
  ]);
  await release.handle.signal(MESSAGES.decideSignal, [{ verb: 'approve' }, ...votes]);
  await release.result();
  const { decisions, unreadable } = await release.state();
  expect(decisions.map(({ actor, accepted }) => [actor, accepted])).toEqual([
    ['ann', true],
    ['bob', true],
  ]);
  expect(unreadable).toMatchObject({ count: 1 });
});

test('a list of decisions is decided in its order under a policy, also where one ends the release, and what is no list is counted', async ({
  stage,
}) => {
  const it = await stage({}, undefined, { policy: fakePolicy(aPolicy({ groups: {} })) });
  const release = await it.start(aRelease({ gates: [{ before: 2, approvals: 3 }] }), 'ann', { continueEachStep: true });
  const { release: name, planHash: plan } = await release.until('the gate', isOpen);
  const vote = (id: string, actor: string): object => ({ verb: 'approve', release: name, plan, wave: 2, id, actor });
  const tooMany = Array.from({ length: 101 }, (_, index) => vote(`many-${index}`, `m${index}`));
  for (const sent of [[], tooMany]) await release.handle.signal(MESSAGES.decideSignal, sent);
  await release.handle.signal(MESSAGES.decideSignal, [
    vote('one', 'bob'),
    null,
    [vote('nested', 'eve')],
    vote('one', 'bob'),
    { verb: 'rollback', release: name, id: 'two', actor: 'cleo' },
    vote('three', 'dan'),
  ]);
  expect(await release.result()).toMatchObject({ outcome: 'rolled-back' });
  const { decisions, unreadable } = await release.state();
  expect(decisions.map(({ id, accepted }) => [id, accepted])).toEqual([
    ['one', true],
    ['two', true],
    ['three', false],
  ]);
  expect(unreadable).toMatchObject({ count: 4 });
});

test('the state and the answers of a release are what their schemas promise, at a gate, after votes, and at the end', async ({
  stage,
}) => {
  const it = await stage();
  const release = await it.start(aRelease({ gates: [{ before: 2, groups: { ops: 1 } }], approvers: { ops: ['bob'] } }));
  expectPromised(await release.until('the gate', isOpen));
  await expectAnswer(release);
  await release.decide({ verb: 'approve', wave: 2, actor: 'mallory' });
  await release.handle.signal(MESSAGES.decideSignal, { verb: 'approve' });
  const seen = await release.until('the unreadable one', ({ unreadable }) => unreadable !== undefined);
  expectPromised(seen);
  expect(seen.unreadable).toMatchObject({ count: 1 });
  await release.decide({ verb: 'approve', wave: 2, actor: 'bob' });
  await release.result();
  expectPromised(await release.state());
});
