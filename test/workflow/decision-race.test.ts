import { WorkflowNotFoundError } from '@temporalio/client';
import { expect, inject } from 'vitest';
import { open, temporalOver } from '../../client/temporal/connect.ts';
import { sendDecision } from '../../client/decisions/send-decision.ts';
import type { Outcome } from '../../client/decisions/send-decision.ts';
import type { DecisionMessage } from '../../workflows/messages.ts';
import { eachServer, reloads } from '../support/fake-log.ts';
import { until } from '../lab/until.ts';
import type { StartedRelease } from '../support/hotwave.ts';
import { aRelease, test } from '../support/stage.ts';

const CLIENTS = 50;
const DECISIONS_PER_CLIENT = 20;
/** A machine that does other things besides answers late, but it answers. */
const PATIENCE = { silence: 120_000, crowd: 240_000 };

/**
 * The signals of one client: votes for the gate, doubles of its own and of others, stale ones, and once a rejection.
 */
function decisionsOf(client: number): DecisionMessage[] {
  const vote = { verb: 'approve', release: 'scripts-2-0', channel: 'race', actor: `person-${client}` } as const;
  return Array.from({ length: DECISIONS_PER_CLIENT }, (_, index): DecisionMessage => {
    const id = `${client}-${index}`;
    if (client === CLIENTS / 2 && index === 0) return { ...vote, id, verb: 'reject', wave: 2, reason: 'stop' };
    switch (index % 5) {
      case 0:
        return { ...vote, id: `vote-${client}`, wave: 2 };
      case 1:
        return { ...vote, id: 'vote-of-all', actor: 'everybody', wave: 2 };
      case 2:
        return { ...vote, id, wave: 1 };
      case 3:
        return { ...vote, id, release: 'scripts-1-0', wave: 2 };
      default:
        return { ...vote, id, wave: 2 };
    }
  });
}

test(
  '1,000 decisions of 50 clients at one gate have one outcome, and each is answered with a reason',
  { timeout: 300_000 },
  async ({ stage }) => {
    const it = await stage();
    const release = await it.start(aRelease({ gates: [{ before: 2, approvals: 3 }] }));
    await release.until('the gate', ({ phase }) => phase === 'waiting-approval');
    const answers = await Promise.all(
      Array.from({ length: CLIENTS }, (_, client) => sendAll(release.handle.workflowId, client)),
    );
    const { outcome } = await release.result();

    expect(answers.flat().filter((answer) => answer === undefined || answer.message === '')).toEqual([]);
    const taken = (await release.state()).decisions.filter(({ accepted }) => accepted);
    expect(taken.map(({ verb }) => verb)).toEqual(
      outcome === 'done' ? ['approve', 'approve', 'approve'] : [...taken.slice(1).map(() => 'approve'), 'reject'],
    );
    expect(new Set(taken.map(({ actor }) => actor)).size).toBe(taken.length);
    const told = new Set(answers.flat().flatMap((answer) => (answer?.accepted ? [answer.message] : [])));
    expect(taken.map(({ answer }) => answer).filter((answer) => !told.has(answer))).toEqual([]);
    expect(reloads(it.cluster)).toEqual(outcome === 'done' ? eachServer(it.cluster, 1) : { 'duel-9': 2 });
    expect((await release.handle.describe()).historyLength).toBeLessThan(2_000);
  },
);

/** One client with its own connection, all its decisions at once. */
async function sendAll(workflowId: string, client: number): Promise<Outcome[]> {
  const address = inject('temporalAddress');
  const connection = await open({ address });
  const temporal = temporalOver(connection, { address, namespace: 'default', identity: `client-${client}` });
  const handle = temporal.client.workflow.getHandle(workflowId);
  const answers = await Promise.all(
    decisionsOf(client).map((decision) => sendDecision(temporal, { handle }, decision, PATIENCE).catch(onlyTooLate)),
  );
  await connection.close();
  return answers;
}

/** A decision that comes when all is over is told so. */
function onlyTooLate(error: unknown): Outcome {
  if (error instanceof WorkflowNotFoundError) return { accepted: false, message: error.message };
  throw error;
}

test('refused updates leave nothing in the history, but for workflow tasks that a busy server keeps', async ({
  stage,
}) => {
  const it = await stage();
  const release = await it.start(aRelease({ gates: [{ before: 2 }] }));
  await release.until('the gate', ({ phase }) => phase === 'waiting-approval');
  await settledHistory(release);
  const before = await lastingEvents(release);
  for (let wave = 3; wave < 13; wave += 1) {
    expect(await release.decide({ verb: 'approve', wave })).toMatchObject({ accepted: false });
  }
  expect(await lastingEvents(release)).toEqual(before);
  await release.decide({ verb: 'cancel', then: 'hold' });
  expect(await release.result()).toMatchObject({ outcome: 'cancelled' });
});

/** The types of all events but those of workflow tasks, in their order. */
async function lastingEvents({ handle }: StartedRelease): Promise<unknown[]> {
  const { events } = await handle.fetchHistory();
  const isOfTask = (attributes: object): boolean =>
    Object.keys(attributes).some((key) => key.startsWith('workflowTask') && key.endsWith('EventAttributes'));
  return (events ?? []).filter((event) => !isOfTask(event)).map(({ eventType }) => eventType);
}

/** Waits until the tasks of the last step are over: the phase is seen a moment before that. */
async function settledHistory({ handle }: StartedRelease): Promise<void> {
  let last = -1;
  await until({ what: 'the history to be quiet', deadlineMs: 60_000, everyMs: 500 }, async () => {
    const { historyLength } = await handle.describe();
    const isQuiet = historyLength === last;
    last = historyLength;
    return isQuiet;
  });
}
