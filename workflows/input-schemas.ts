/**
 * The inputs of the workflows, as schemas: anybody who may start a workflow may start it with anything, and one
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
  DescribeInput,
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

/** The state that one run of a release hands to the next, as it wrote it itself. */
const continuation = {
  carried: z.custom<Carried>((carried) => typeof carried === 'object' && carried !== null).optional(),
  continueEachStep: z.boolean().optional(),
};

/** The input of a release. */
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

/** The input of a rollback from the facts on the set. */
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

/** The input of a courier. */
export const courierInputSchema: z.ZodType<CourierInput> = z.object({
  v,
  cluster,
  set,
  backOff: z.object({ first: z.int().min(1).max(DAY_MS), most: z.int().min(1).max(DAY_MS) }).optional(),
  mostEvents: z.int().min(20).max(20_000).optional(),
  carried: z.custom<CourierInput['carried']>((carried) => typeof carried === 'object' && carried !== null).optional(),
});

/** The question of `plan`. */
export const planInputSchema: z.ZodType<PlanInput> = z.object({ v, file: checkedFileSchema, cluster });

/** The question of `versions` and `verify`. */
export const auditInputSchema: z.ZodType<AuditInput> = z.object({
  v,
  cluster,
  set,
  file: checkedFileSchema.optional(),
  version: plainLine(128).optional(),
});

/** The questions of `doctor`. */
export const inspectInputSchema: z.ZodType<InspectInput> = z.object({ v, namespace: dnsLabel });

/** The questions of `init`. */
export const describeInputSchema: z.ZodType<DescribeInput> = z.object({
  v,
  namespace: dnsLabel,
  name: objectName.optional(),
});

/** The input of a halt. */
export const haltInputSchema: z.ZodType<HaltInput> = haltOfScopeSchema.extend({ v, vouch: vouchSchema.optional() });

/** The input of a monitor that starts, and of one that runs already, from a release. */
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
  underPolicy: z.literal(true).optional(),
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
