import { z } from 'zod';
import { countSchema, durationSchema } from './quantity.ts';

/** The classes of failure that a policy may treat on their own; the others always stop the release for a person. */
export const POLICY_CLASSES = [
  'imagePull',
  'invalidImage',
  'crashLoop',
  'notReady',
  'identityStuck',
  'content',
  'reload',
  'version',
  'health',
  /** A value over the whole group is out of its bound: no server of its own is to blame. */
  'metric',
  /** Nobody can tell whether it is healthy: no data, or the one who has it does not answer. */
  'healthUnknown',
] as const;

const classPolicy = z.strictObject({
  then: z.enum(['rollback', 'pause', 'retry']),
  retries: z.int().min(1).max(20).prefault(3).meta({ description: 'retry: how often, before then of onFailure' }),
  backoff: durationSchema
    .prefault('10s')
    .meta({ description: 'retry: how long before the first one; doubled for each further one' }),
});

/** Schema of what failed servers lead to. */
export const onFailureSchema = z
  .strictObject({
    tolerate: countSchema(0).prefault(0).meta({ description: 'How many failed servers the release stands in all' }),
    perWave: countSchema(0)
      .optional()
      .meta({ description: 'How many it stands in one wave, as a share of that wave. Default: as many as in all' }),
    then: z.enum(['rollback', 'pause']).prefault('rollback'),
    scope: z.literal('release').prefault('release'),
    classes: z
      .partialRecord(z.enum(POLICY_CLASSES), classPolicy)
      .prefault({})
      .meta({ description: 'What servers that failed in one way lead to, instead of then' }),
    keepSpecimens: z
      .int()
      .min(0)
      .max(20)
      .prefault(0)
      .meta({ description: 'How many failed servers an automatic rollback leaves as they are, for debugging' }),
  })
  .prefault({});

/** What one way of failing leads to. */
export type ClassPolicy = z.output<typeof classPolicy>;
/** What failed servers lead to. */
export type FailureSpec = z.output<typeof onFailureSchema>;
