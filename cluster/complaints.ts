import { z } from 'zod';
import type { Complaint } from '../release/checks/complaint.ts';
import type { SetRef } from '../release/fleet/fleet.ts';
import { isForbidden } from '../activities/ports/failure.ts';
import { listAll, readAs } from './lists.ts';
import { checkedName, eventsPath } from './paths.ts';
import type { ApiClient } from './request.ts';

/** Longest message that is kept. Kubernetes cuts them at 1,024 bytes. */
const MOST_CHARACTERS = 1_024;

const text = z.string().nullish();

/** The core event. Old recorders count in `lastTimestamp`, new ones in `series` and `eventTime`. */
const eventSchema = z
  .object({
    involvedObject: z.object({ apiVersion: z.string().default(''), name: z.string().default('') }),
    reason: z.string().default(''),
    message: z.string().default(''),
    lastTimestamp: text,
    eventTime: text,
    series: z.object({ lastObservedTime: text }).nullish(),
  })
  .transform(({ involvedObject, reason, message, lastTimestamp, eventTime, series }) => ({
    apiVersion: involvedObject.apiVersion,
    complaint: {
      reason,
      message: message.slice(0, MOST_CHARACTERS),
      about: involvedObject.name,
      at: Math.max(...[series?.lastObservedTime, lastTimestamp, eventTime].map((time) => Date.parse(time ?? '') || 0)),
    },
  }));

/** Kruise v1.8.0 apis/apps/v1beta1/statefulset_types.go: conditions FailedCreatePod and FailedUpdatePod. */
const conditionSchema = z.object({
  type: z.string().default(''),
  status: z.string().default(''),
  message: z.string().default(''),
  lastTransitionTime: text,
});

const statusSchema = z.object({
  status: z.object({ conditions: z.array(conditionSchema).nullish() }).nullish(),
});

/** The complaints of Kruise in the conditions of an Advanced StatefulSet; nothing when there is none. */
export function complaintsOfWorkload(object: unknown, about: string): Complaint[] {
  if (object === undefined) return [];
  const { status } = readAs('StatefulSet', (workload) => statusSchema.parse(workload), object);
  return (status?.conditions ?? [])
    .filter((condition) => condition.type.startsWith('Failed') && condition.status === 'True')
    .map(({ type, message, lastTransitionTime }) => ({
      reason: type,
      message: message.slice(0, MOST_CHARACTERS),
      about,
      at: Date.parse(lastTransitionTime ?? '') || 0,
    }));
}

/**
 * Warnings about the set's Advanced StatefulSet, and about one server's pod; none where events may not be read.
 * @throws ClusterFailure like a list
 */
export async function complaintsInEvents(
  client: ApiClient,
  { namespace, name }: SetRef,
  server: string,
  signal: AbortSignal | undefined,
): Promise<Complaint[]> {
  const about = async (kind: string, object: string, api: RegExp): Promise<Complaint[]> => {
    const fieldSelector = `involvedObject.kind=${kind},involvedObject.name=${checkedName(object)},type=Warning`;
    const list = { path: eventsPath(namespace), fieldSelector, signal };
    const { items } = await listAll(client, list, (event) => readAs('Event', (body) => eventSchema.parse(body), event));
    return items.filter(({ apiVersion }) => api.test(apiVersion)).map(({ complaint }) => complaint);
  };
  try {
    // A StatefulSet of Kubernetes itself may have the same name.
    return [...(await about('StatefulSet', name, /^apps\.kruise\.io\//)), ...(await about('Pod', server, /^v1$/))];
  } catch (error) {
    if (isForbidden(error)) return [];
    throw error;
  }
}
