import { z } from 'zod';
import { dnsLabel } from './names.ts';
import { durationSchema } from './quantity.ts';

const actor = z.string().min(1).max(200);

/** Schema of the groups of people who may decide at gates. */
export const approversSchema = z
  .record(dnsLabel, z.array(actor).min(1).max(100), {
    error: 'expected groups of people such as { ops: [ann, bob] }',
  })
  .prefault({})
  .meta({ description: 'Groups of people by name, for the groups of gates' });

/** Schema of a gate before a wave. */
export const gateSchema = z.strictObject({
  before: z
    .int('expected the number of a wave')
    .min(1)
    .meta({ description: 'The number of the wave that this gate is before' }),
  approvals: z.int().min(1).max(20).prefault(1),
  groups: z
    .record(dnsLabel, z.int().min(1).max(20))
    .optional()
    .meta({ description: 'How many approvals of each group of spec.approvers; nobody else may then vote' }),
  notRequester: z.boolean().prefault(false).meta({ description: 'The person who started the release may not approve' }),
  timeout: durationSchema.prefault('4h'),
  onTimeout: z.enum(['pause', 'rollback', 'proceed']).prefault('pause'),
  remindEvery: durationSchema
    .refine((milliseconds) => milliseconds >= 1_000, 'expected a duration of at least 1s')
    .optional()
    .meta({ description: 'How often people are reminded of a gate that waits. Default: not at all' }),
  promoteAfter: durationSchema.optional().meta({
    description:
      'The gate opens by itself once the servers of the waves so far have been healthy for so long; they are sampled for all that time. Default: only people open it',
  }),
});
