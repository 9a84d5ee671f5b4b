import { z } from 'zod';
import { whenRead } from './read-fields.ts';
import { countSchema, durationUpTo, formatDuration } from './quantity.ts';

/** The classes of failure that a policy may treat on their own; the others always stop the release for a person. */
export const POLICY_CLASSES = [
  'imagePull',
  'invalidImage',
  'crashLoop',
  'notReady',
  'identityStuck',
  /** Admission does not let Kruise write the pod, or has written another image into it. */
  'refused',
  'content',
  'reload',
  'version',
  'health',
  /** A value over the whole group is out of its bound: no server of its own is to blame. */
  'metric',
  /** Nobody can tell whether it is healthy: no data, or the one who has it does not answer. */
  'healthUnknown',
] as const;

/** Longest time before one more try, however often the one before was doubled. */
const LONGEST_BACK_OFF = 86_400_000;

const classPolicy = z
  .strictObject({
    then: z.enum(['rollback', 'pause', 'retry']),
    retries: z.int().min(1).max(20).prefault(3).meta({ description: 'retry: how often, before then of onFailure' }),
    backoff: durationUpTo('1d')
      .prefault('10s')
      .meta({ description: 'retry: how long before the first one; doubled for each further one, to at most 1d' }),
  })
  .superRefine(
    ({ then, retries, backoff }, context) => {
      const last = backoff * 2 ** (retries - 1);
      if (then !== 'retry' || last <= LONGEST_BACK_OFF) return;
      context.addIssue({
        code: 'custom',
        path: ['backoff'],
        message: `doubled for each of ${retries} retries it ends at ${formatDuration(last)}, and 1d is the most: fewer retries, or a shorter backoff`,
      });
    },
    { when: whenRead('then', 'retries', 'backoff') },
  );

/** Schema of what failed servers lead to. */
export const onFailureSchema = z
  .strictObject({
    tolerate: countSchema(0).prefault(0).meta({ description: 'How many failed servers the release stands in all' }),
    perWave: countSchema(0)
      .optional()
      .meta({ description: 'How many it stands in one wave, as a share of that wave. Default: as many as in all' }),
    then: z
      .enum(['rollback', 'pause'])
      .prefault('rollback')
      .meta({ description: 'Verdict when more servers have failed than are tolerated' }),
    scope: z.literal('release').prefault('release').meta({ description: 'How much goes back: the whole release' }),
    classes: z
      .partialRecord(z.enum(POLICY_CLASSES), classPolicy)
      .prefault({})
      .meta({ description: 'Verdict on servers that failed in one way, instead of then' }),
    keepSpecimens: z
      .int()
      .min(0)
      .max(20)
      .prefault(0)
      .meta({ description: 'How many failed servers an automatic rollback leaves as they are, for debugging' }),
  })
  .prefault({});

/** The verdict on one way of failing. */
export type ClassPolicy = z.output<typeof classPolicy>;
/** The verdict on failed servers. */
export type FailureSpec = z.output<typeof onFailureSchema>;
