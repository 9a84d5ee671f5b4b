import { z } from 'zod';
import { ofType } from './issue-sentences.ts';
import { dnsLabel } from './names.ts';
import { whenRead } from './read-fields.ts';
import { plainLine } from './text.ts';
import { durationUpTo, formatDuration } from './quantity.ts';

const actor = plainLine(200);

/** A reminder is an event of the history and a line in a log; more of them at one gate tell nobody anything. */
const MOST_REMINDERS = 200;
/** As many waves as a plan may have. */
const LAST_WAVE = 1_000;
const MOST_GROUPS = 50;

/** Schema of the groups of people who may decide at gates. */
export const approversSchema = z
  .record(dnsLabel, z.array(actor).min(1).max(100), {
    error: ofType('expected groups of people such as { ops: [ann, bob] }'),
  })
  .refine((groups) => Object.keys(groups).length <= MOST_GROUPS, `expected at most ${MOST_GROUPS} groups`)
  .prefault({})
  .meta({ description: 'Groups of people by name, for the groups of gates' });

/** Schema of a gate before a wave. */
export const gateSchema = z
  .strictObject({
    before: z
      .int('expected the number of a wave')
      .min(1, 'expected the number of a wave, from 1')
      .max(LAST_WAVE, `expected the number of a wave, at most ${LAST_WAVE}`)
      .meta({ description: 'The number of the wave that this gate is before' }),
    approvals: z.int().min(1).max(20).prefault(1).meta({ description: 'How many people must approve' }),
    groups: z
      .record(dnsLabel, z.int().min(1).max(20))
      .optional()
      .meta({ description: 'How many approvals of each group of spec.approvers; nobody else may then vote' }),
    notRequester: z
      .boolean()
      .prefault(false)
      .meta({ description: 'The person who started the release may not approve' }),
    timeout: durationUpTo('30d')
      .prefault('4h')
      .meta({ description: 'How long the gate waits for people; at most 30d' }),
    onTimeout: z
      .enum(['pause', 'rollback', 'proceed'])
      .prefault('pause')
      .meta({ description: 'Consequence when the time of the gate is over' }),
    remindEvery: durationUpTo('30d', '1s').optional().meta({
      description:
        'How often people are reminded of a gate that waits; at most 200 times in timeout. Default: not at all',
    }),
    promoteAfter: durationUpTo('30d').optional().meta({
      description:
        'The gate opens by itself once the servers of the waves so far have been healthy for so long; they are sampled for all that time. Default: only people open it',
    }),
  })
  .superRefine(
    ({ timeout, remindEvery = Infinity }, context) => {
      if (timeout <= remindEvery * MOST_REMINDERS) return;
      const least = formatDuration(Math.ceil(timeout / MOST_REMINDERS / 1_000) * 1_000);
      context.addIssue({
        code: 'custom',
        path: ['remindEvery'],
        message: `expected at most ${MOST_REMINDERS} reminders in the time of the gate (${formatDuration(timeout)}): every ${least} or less often`,
      });
    },
    { when: whenRead('timeout', 'remindEvery') },
  );
