import { z } from 'zod';
import { ordinalOf } from '../release/fleet/identity.ts';

/** One entry of `metadata.managedFields`: who set which fields. */
export const managedFieldsSchema = z.object({
  manager: z.string().default(''),
  operation: z.string().default(''),
  subresource: z.string().default(''),
  time: z.string().default(''),
  fieldsV1: z.unknown().optional(),
});

/** The parts of `metadata` that are read of every object. Unknown keys are dropped: nothing is ever written back. */
export const objectMetaSchema = z.object({
  name: z.string(),
  namespace: z.string().default(''),
  uid: z.string(),
  generation: z.number().default(0),
  resourceVersion: z.string().default(''),
  creationTimestamp: z.string().optional(),
  deletionTimestamp: z.string().optional(),
  labels: z.record(z.string(), z.string()).optional(),
  annotations: z.record(z.string(), z.string()).optional(),
  managedFields: z.array(managedFieldsSchema).optional(),
});

/** The managers, and which fields they set. */
export type ManagedFields = z.infer<typeof managedFieldsSchema>;

/** The `metadata` of a list. */
const listMetaSchema = z.object({
  resourceVersion: z.string().default(''),
  continue: z.string().default(''),
});

/** A list whose items are checked one by one. */
export const listSchema = z.object({ metadata: listMetaSchema, items: z.array(z.unknown()).nullish() });

/** Sorts by ordinal, lowest first. */
export function byOrdinal<Named extends { readonly name: string }>(items: readonly Named[]): Named[] {
  return [...items].sort((left, right) => ordinalOf(left.name) - ordinalOf(right.name));
}

/** When an object was made, in milliseconds since the epoch; 0 when it does not say. */
export function createdAt({ creationTimestamp = '' }: { readonly creationTimestamp?: string | undefined }): number {
  return Date.parse(creationTimestamp) || 0;
}
