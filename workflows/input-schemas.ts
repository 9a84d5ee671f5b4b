/**
 * What the workflows are started with, as schemas: anybody who may start a workflow may start it with anything, and one
 * that throws for its input fails its task for ever.
 */
import { ApplicationFailure } from '@temporalio/common';
import { z } from 'zod';
import { haltOfScopeSchema, readMessage, vouchSchema } from '../release/decisions/message.ts';
import { monitorMemorySchema, monitorStateSchema } from '../release/monitor/monitor-schema.ts';
import { lastReleaseSchema } from '../release/record/record.ts';
import { clusterName, dnsLabel, objectName } from '../release/spec/names.ts';
import { plainLine, remark } from '../release/spec/text.ts';
import { momentSchema } from '../release/spec/quantity.ts';
import { checkedFileSchema } from '../release/spec/spec.ts';
import type {
  Carried,
  CourierInput,
  FromClusterInput,
  MonitorInput,
  HaltInput,
  InspectInput,
  AuditInput,
  PlanInput,
  ReleaseInput,
} from './messages.ts';

const DAY_MS = 86_400_000;

const v = z.literal(1);
const set = z.object({ namespace: dnsLabel, name: objectName });
const person = plainLine(200);
const reason = remark(1_000);
const cluster = clusterName;
/** Time between two looks: often enough for a test, seldom enough for the API server. */
const interval = z.int().min(10).max(DAY_MS);

/** What one run of a release hands to the next, as it wrote it itself. */
const continuation = {
  carried: z.custom<Carried>((carried) => typeof carried === 'object' && carried !== null).optional(),
  continueEachStep: z.boolean().optional(),
};

/** What a release is started with. */
export const releaseInputSchema: z.ZodType<ReleaseInput> = z.object({
  v,
  file: checkedFileSchema,
  cluster,
  requester: person,
  duringFreeze: z.object({ reason }).optional(),
  monitorInterval: interval.optional(),
  takeover: z.object({ actor: person, reason }).optional(),
  vouch: vouchSchema.optional(),
  ...continuation,
});

/** What a rollback from the facts on the set is started with. */
export const fromClusterInputSchema: z.ZodType<FromClusterInput> = z.object({
  v,
  cluster,
  set,
  requester: person,
  reason,
  file: checkedFileSchema.optional(),
  to: z.object({ version: plainLine(128).optional(), image: plainLine(1_024).optional() }).optional(),
  holderIsDead: z.boolean().optional(),
  vouch: vouchSchema.optional(),
  ...continuation,
});

/** What a courier is started with. */
export const courierInputSchema: z.ZodType<CourierInput> = z.object({
  v,
  cluster,
  set,
  backOff: z.object({ first: z.int().min(1).max(DAY_MS), most: z.int().min(1).max(DAY_MS) }).optional(),
  mostEvents: z.int().min(20).max(20_000).optional(),
  carried: z.custom<CourierInput['carried']>((carried) => typeof carried === 'object' && carried !== null).optional(),
});

/** What `plan` asks. */
export const planInputSchema: z.ZodType<PlanInput> = z.object({ v, file: checkedFileSchema, cluster });

/** What `versions` and `verify` ask. */
export const auditInputSchema: z.ZodType<AuditInput> = z.object({
  v,
  cluster,
  set,
  file: checkedFileSchema.optional(),
  version: plainLine(128).optional(),
});

/** What `doctor` asks. */
export const inspectInputSchema: z.ZodType<InspectInput> = z.object({ v, namespace: dnsLabel });

/** What a halt is started with. */
export const haltInputSchema: z.ZodType<HaltInput> = haltOfScopeSchema.extend({ v, vouch: vouchSchema.optional() });

/** What a guard is started with, and what a release hands to one that runs. */
export const monitorInputSchema: z.ZodType<MonitorInput> = z.object({
  v,
  cluster,
  requester: person,
  set,
  last: lastReleaseSchema,
  until: momentSchema,
  interval,
  mostEvents: z.int().min(20).max(20_000).optional(),
  sinks: z.literal(true).optional(),
  outbox: z.custom<MonitorInput['outbox']>((outbox) => typeof outbox === 'object' && outbox !== null).optional(),
  carried: z
    .object({ state: monitorStateSchema, memory: monitorMemorySchema.optional(), sweptAt: momentSchema })
    .optional(),
});

/**
 * The input of a workflow, checked.
 * @throws ApplicationFailure with one sentence, which ends the workflow: nothing better can become of it
 */
export function checkedInput<Input>(schema: z.ZodType<Input>, input: unknown): Input {
  const read = readMessage(schema, input);
  if ('ok' in read) return read.ok;
  throw ApplicationFailure.nonRetryable(`the input of this workflow is ${read.problem}`, 'BadInput');
}
