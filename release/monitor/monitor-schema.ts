import { z } from 'zod';
import { clusterName, dnsLabel, objectName } from '../spec/names.ts';
import { plainText } from '../spec/plain-text.ts';
import { plainLine } from '../spec/text.ts';
import { momentSchema } from '../spec/quantity.ts';
import type { MonitorMemory } from './monitor-watch.ts';
import type { MonitorCounts, MonitorState } from './monitor.ts';

const anyText = z
  .string()
  .max(20_000)
  .transform((text) => plainText(text));
const count = z.int().min(0).max(Number.MAX_SAFE_INTEGER);
const byServer = z.record(plainLine(253), z.string().max(4_096));

const counts: Readonly<Record<keyof MonitorCounts, typeof count>> = {
  crashed: count,
  restarted: count,
  recreated: count,
  appeared: count,
  gone: count,
  notProved: count,
  edited: count,
  proved: count,
  repaired: count,
  reloads: count,
};

/** The state of a monitor as one run hands it to the next. */
export const monitorStateSchema = z.object({
  v: z.literal(1),
  release: plainLine(63),
  cluster: clusterName,
  set: z.object({ namespace: dnsLabel, name: objectName }),
  image: anyText,
  version: anyText,
  requester: plainLine(200),
  phase: z.enum(['guarding', 'ended']),
  reason: anyText,
  startedAt: momentSchema,
  until: momentSchema,
  endedAt: momentSchema.optional(),
  interval: count,
  lookedAt: momentSchema,
  servers: count,
  problems: z
    .array(
      z.object({
        server: plainLine(253),
        since: momentSchema,
        cause: anyText,
        mismatch: z.string().max(40),
        reason: anyText,
        looks: count,
        reloads: count,
        nextAt: momentSchema,
      }),
    )
    .max(1_000),
  events: z
    .array(z.object({ at: momentSchema, server: plainLine(253).optional(), kind: z.string().max(40), text: anyText }))
    .max(100),
  counts: z.object(counts),
  unreadable: count.optional(),
}) as unknown as z.ZodType<MonitorState>;

/** A monitor's memory of its last look. */
export const monitorMemorySchema: z.ZodType<MonitorMemory> = z.object({
  containers: z.array(plainLine(253)).max(1_000),
  servers: byServer,
  gone: z.record(plainLine(253), momentSchema).optional(),
  template: z.string().max(4_096),
  strategy: z.string().max(4_096),
  overrides: byServer,
}) as unknown as z.ZodType<MonitorMemory>;
