import { z } from 'zod';
import { clusterName, dnsLabel, objectName } from '../spec/names.ts';
import { momentSchema } from '../spec/quantity.ts';
import type { Notice } from './notice.ts';

/** Most notices that are handed over at once. */
export const MOST_AT_ONCE = 20;
/** Longest notice as JSON, in characters: three times what the longest card makes. */
const MOST_CHARACTERS = 64_000;

/** Twice as deep as a notice is. To write down what is nested thousands of levels deep takes more stack than there is. */
const MOST_LEVELS = 10;

function isWithin(levels: number, value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return true;
  return levels > 0 && Object.values(value).every((inner) => isWithin(levels - 1, inner));
}

/** The fields of a card that a courier itself reads; the rest is for receivers, and is bounded by its length alone. */
const cardSchema = z.looseObject({
  cluster: clusterName,
  set: z.object({ namespace: dnsLabel, name: objectName }),
  release: objectName,
  startedAt: momentSchema,
  phase: z.string().max(40),
});

/**
 * A notice as a courier takes it. Anybody who may signal a workflow may signal a courier, so that it is read like
 * anything from outside. The id becomes part of a name in Kubernetes.
 */
export const noticeSchema = z
  .object({
    v: z.literal(1),
    id: z
      .string()
      .max(100)
      .regex(/^[a-z0-9]+([-.][a-z0-9]+)*$/),
    sequence: z.int().min(1).max(1_000_000_000),
    // A courier lives longer than a version: it brings kinds that it does not know.
    kind: z
      .string()
      .max(40)
      .regex(/^[a-z]+(-[a-z]+)*$/),
    at: momentSchema,
    text: z.string().max(1_000),
    release: cardSchema,
  })
  .refine((notice) => isWithin(MOST_LEVELS, notice), { error: 'it is nested too deep', abort: true })
  .refine(
    (notice) => JSON.stringify(notice).length <= MOST_CHARACTERS,
    'it is too long',
  ) as unknown as z.ZodType<Notice>;

/** The notices that a courier gets at once. */
export const batchSchema = z.object({ v: z.literal(1), notices: z.array(noticeSchema).min(1).max(MOST_AT_ONCE) });
