import { z } from 'zod';
import { list, moment, phase, set, waveStatus } from './wire-parts.ts';
import { VERBS } from '../progress/state.ts';
import { MOST_DECISIONS, MOST_FAILURES, MOST_WAVES, NOTICE_KINDS } from '../notices/notice.ts';

const gate = z.object({
  wave: z.number(),
  missing: z.string().meta({ description: 'Groups whose votes are missing, for people: 1 more of ops' }),
  approvedBy: list(z.string()),
});

const decision = z.object({
  verb: z.enum(VERBS),
  actor: z.string(),
  channel: z.string(),
  vouchedBy: z.string().optional().meta({ description: 'Absent when the name is only claimed' }),
  at: moment,
  accepted: z.boolean(),
  reason: z.string().optional(),
  answer: z.string(),
});

const wave = z.object({
  number: z.number(),
  name: z.string(),
  size: z.number(),
  status: waveStatus,
  proven: z.number(),
  failed: z.number(),
});

const card = z.object({
  cluster: z.string(),
  set,
  release: z.string(),
  workflowId: z.string(),
  runId: z.string().meta({ description: 'The run that told it: a signed decision names it' }),
  temporalNamespace: z.string(),
  planHash: z.string().meta({ description: 'Empty before the plan stands, and of a monitor; a vote names it' }),
  strategy: z.string(),
  version: z.string(),
  previousVersion: z.string().meta({ description: 'Empty while it is not known' }),
  requester: z.string(),
  phase,
  why: z.string().meta({ description: 'Why it is where it is, for people' }),
  startedAt: moment,
  endedAt: moment.optional(),
  until: moment.optional().meta({ description: 'When the wait of now ends by itself, milliseconds since the epoch' }),
  waves: list(wave).meta({ description: `The first ${MOST_WAVES}` }),
  moreWaves: z.number().optional().meta({ description: 'How many waves are left out' }),
  failures: list(z.object({ server: z.string(), class: z.string(), reason: z.string() })).meta({
    description: `The latest ${MOST_FAILURES}`,
  }),
  failed: z.number().meta({ description: 'All servers that have failed' }),
  gate: gate.optional().meta({ description: 'The gate that is open' }),
  decisions: list(decision).meta({ description: `The latest ${MOST_DECISIONS}, oldest first` }),
  can: list(z.enum(VERBS)).meta({ description: 'Decisions that count now' }),
});

/**
 * The fields of a notice that a receiver may rely on: other fields and kinds may come. docs/notifications.md promises
 * it.
 */
export const noticeWireSchema = z.object({
  v: z.literal(1),
  id: z.string().meta({ description: 'The same when it is delivered again' }),
  sequence: z.number().meta({ description: 'From 1, in the order in which the release told them' }),
  kind: z.enum(NOTICE_KINDS).meta({ description: 'New kinds may come: leave out those that you do not know' }),
  at: moment,
  text: z.string().meta({ description: 'One sentence for people' }),
  release: card.meta({ description: 'A card with everything that a chat shows' }),
});
