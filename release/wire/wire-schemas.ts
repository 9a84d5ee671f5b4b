import { z } from 'zod';
import { noticeWireSchema } from './notice-wire-schema.ts';
import { VERBS } from '../progress/state.ts';
import { decisionSchema } from '../decisions/message.ts';
import { list, moment, phase, set, waveStatus } from './wire-parts.ts';

const failure = z.object({ server: z.string(), class: z.string(), reason: z.string() });

/**
 * The fields that a bot may rely on in the state of a release: other fields may come and go. docs/bots.md promises it.
 */
export const stateSchema = z.object({
  v: z.literal(1),
  release: z.string(),
  cluster: z.string(),
  set,
  strategy: z.string(),
  requester: z.string(),
  requesterVouchedBy: z.string().optional().meta({ description: 'Absent when the name is only claimed' }),
  image: z.string(),
  version: z.string(),
  previousVersion: z.string().meta({ description: 'Empty while it is not known' }),
  planHash: z.string().meta({ description: 'Empty before the plan stands; a vote names it' }),
  phase,
  wave: z.number().meta({ description: 'The wave at work, from 1; 0 before the first' }),
  waves: list(
    z.object({
      number: z.number(),
      name: z.string(),
      size: z.number(),
      status: waveStatus,
      ready: z.number(),
      proven: z.number(),
      failed: z.number(),
      startedAt: moment.optional(),
      endedAt: moment.optional(),
    }),
  ),
  wait: z
    .object({ for: z.string(), owner: z.string(), since: moment, until: moment })
    .optional()
    .meta({ description: 'The wait, its owner, its start and its deadline' }),
  gate: z
    .object({
      wave: z.number(),
      openedAt: moment,
      approvedBy: list(z.string()),
      groups: list(z.object({ name: z.string(), members: list(z.string()), needed: z.number() }))
        .optional()
        .meta({ description: 'Only these people may vote; absent when anybody may' }),
      spec: z.object({
        approvals: z.number(),
        notRequester: z.boolean(),
        timeout: z.number(),
        onTimeout: z.string(),
      }),
    })
    .optional()
    .meta({ description: 'The gate that is open' }),
  pausedBecause: z.string().optional(),
  failures: list(failure).meta({ description: 'Once a rollback is over those that still fail' }),
  failedBefore: list(failure)
    .optional()
    .meta({ description: 'Once a rollback is over: what had failed before, of servers that are back' }),
  decisions: list(
    z.object({
      id: z.string(),
      verb: z.enum(VERBS),
      actor: z
        .string()
        .meta({ description: 'The name that the policy has for the person, else the one that was sent' }),
      as: z.string().optional().meta({ description: 'The name that was sent, when the policy has another' }),
      channel: z.string(),
      vouchedBy: z.string().optional().meta({ description: 'Absent when the name is only claimed' }),
      at: moment,
      accepted: z.boolean(),
      answer: z.string(),
      reason: z.string().optional(),
    }),
  ),
  unreadable: z
    .object({ count: z.number(), last: z.string(), at: moment })
    .optional()
    .meta({ description: 'Messages that could not be read' }),
  reason: z.string().meta({ description: 'Why it ended as it did; empty while it runs' }),
  startedAt: moment,
  endedAt: moment.optional(),
});

/** The answer to a decision. */
export const answerSchema = z.object({
  accepted: z.boolean(),
  message: z.string().meta({ description: 'One sentence for people' }),
  given: z
    .boolean()
    .optional()
    .meta({ description: 'Of the query: the decision has been taken. Absent in what the update returns' }),
});

/** The JSON Schemas of what bots send and read, by the name of their file. */
export function wireSchemas(): Readonly<Record<string, object>> {
  const schema = (title: string, of: z.ZodType): object => ({
    title,
    ...z.toJSONSchema(of, { io: 'input', unrepresentable: 'any' }),
  });
  return {
    'decision.json': schema('A decision, as it is sent to a release', decisionSchema),
    'answer.json': schema('The answer of a release to a decision', answerSchema),
    'notice.json': schema('A notice, as it is sent to sinks', noticeWireSchema),
    'state.json': schema('The state of a release, as far as bots may rely on it', stateSchema),
  };
}
