import { z } from 'zod';
import { whenRead } from './read-fields.ts';
import { plainLine } from './text.ts';
import { durationUpTo } from './quantity.ts';

const busy = z
  .strictObject({
    opsState: z.array(plainLine(63)).min(1).max(20).optional(),
    annotation: z
      .strictObject({ name: plainLine(317), value: z.string().max(256).optional() })
      .optional()
      .meta({ description: 'An annotation of the GameServer; without value, any value but an empty one, 0 or false' }),
  })
  .refine(({ opsState, annotation }) => opsState !== undefined || annotation !== undefined, {
    error: 'expected opsState or annotation',
    when: whenRead('opsState', 'annotation'),
  });

/** Schema of how the reload waits for players. */
export const admissionSchema = z.strictObject({
  busy: busy.meta({ description: 'Which servers have players that a reload would disturb' }),
  wait: durationUpTo('7d')
    .prefault('10m')
    .meta({ description: 'How long a wave waits for its busy servers; at most 7d' }),
  lastWait: durationUpTo('7d')
    .prefault('1h')
    .meta({ description: 'How long the last wave waits for the servers that were deferred to it; at most 7d' }),
  then: z
    .enum(['reload', 'leave', 'pause'])
    .prefault('pause')
    .meta({ description: 'Rule for those that are busy even then' }),
});

/** How the reload waits for players. */
export type Admission = z.output<typeof admissionSchema>;
