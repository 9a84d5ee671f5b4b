import { z } from 'zod';
import { objectName } from './names.ts';
import { whenRead } from './read-fields.ts';
import { plainLine } from './text.ts';

/** Kubernetes numbers servers in 32 bits. */
const LAST_ORDINAL = 2_147_483_647;
const MOST_LABELS = 20;

const serverEntry = z.union(
  [
    z.int().min(0).max(LAST_ORDINAL),
    objectName.refine((text) => {
      const range = /^(\d+)-(\d+)$/.exec(text);
      return !range || (Number(range[1]) <= Number(range[2]) && Number(range[2]) <= LAST_ORDINAL);
    }, `a range of ordinals goes upwards, such as 5-9, to ${LAST_ORDINAL} at most`),
  ],
  { error: 'expected an ordinal such as 3, a range of ordinals such as 5-9, or the name of a server' },
);

/** The criteria for the servers that are meant; every criterion that is given must hold. */
const criteria = {
  servers: z.array(serverEntry).min(1).max(1_000).optional().meta({
    description: 'Ordinals, ranges of ordinals such as 5-9, or names',
  }),
  labels: z
    .record(plainLine(317), z.string().max(63, 'expected at most 63 characters'))
    .refine((labels) => Object.keys(labels).length <= MOST_LABELS, `expected at most ${MOST_LABELS} labels`)
    .optional()
    .meta({ description: 'Labels of the pod' }),
  opsState: z.array(plainLine(63)).min(1).max(20).optional(),
  updatePriority: z
    .strictObject({
      min: z.int().min(0).max(LAST_ORDINAL).optional(),
      max: z.int().min(0).max(LAST_ORDINAL).optional(),
    })
    .optional()
    .meta({ description: 'The lowest and the highest updatePriority, both included' }),
};

const CRITERIA_NAMES = 'servers, labels, opsState, updatePriority';

function isLimited(selection: z.output<z.ZodObject<typeof criteria>>): boolean {
  return [selection.servers, selection.labels, selection.opsState, selection.updatePriority].some(
    (entry) => entry !== undefined,
  );
}

const ONE_OF_THEM = {
  error: `expected at least one of: ${CRITERIA_NAMES}`,
  when: whenRead('servers', 'labels', 'opsState', 'updatePriority'),
};

/** Schema of a choice of servers. */
export const serverCriteria = z.strictObject(criteria).refine(isLimited, ONE_OF_THEM);

/** Schema of a named wave. */
export const serverSelection = z
  .strictObject({ name: plainLine(63), ...criteria })
  .refine(isLimited, ONE_OF_THEM)
  .meta({
    description: `A named wave: the servers that meet every criterion given (${CRITERIA_NAMES})`,
  });

/** Which servers are meant, by any of several criteria. */
export type ServerCriteria = z.output<typeof serverCriteria>;
