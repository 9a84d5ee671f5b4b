import { hostname } from 'node:os';
import { z } from 'zod';
import { ClusterFailure } from '../activities/ports/failure.ts';
import type { Permit } from '../activities/ports/heartbeats.ts';
import { FIELD_MANAGER } from '../release/fleet/fleet.ts';
import type { SetEvent } from '../release/notices/set-event.ts';
import { isDeniedByWebhook, isMissingPermission, wordsOf } from './errors.ts';
import type { Refusal } from './errors.ts';
import { objectMetaSchema } from './object-meta.ts';
import { GAME_VERSION, checkedName, eventsPath } from './paths.ts';
import { WRITE_TIMEOUT_MS } from './request.ts';
import type { ApiClient } from './request.ts';
import { readAs } from './lists.ts';

/** The name of the client, in each of the fields that Kubernetes has for that. */
const REPORTER = 'hotwave';
/** Kubernetes v1.30 pkg/apis/core/validation/events.go, ReportingInstanceLengthLimit. */
const LONGEST_INSTANCE = 128;

const withUid = z.object({ metadata: objectMetaSchema.pick({ uid: true }) });

/**
 * Writes an Event about a set. `set` is the object as the API server has it; undefined when there is none.
 * @throws ClusterFailure when it is not known to be written; sending it again finds out, unless its reason is `invalid`
 */
export async function sendSetEvent(
  client: ApiClient,
  event: SetEvent,
  set: unknown,
  { signal, permit }: { readonly signal?: AbortSignal | undefined; readonly permit?: Permit | undefined },
): Promise<void> {
  const uid = set === undefined ? undefined : readAs('GameServerSet', (it) => withUid.parse(it).metadata.uid, set);
  const answer = await client.request('POST', eventsPath(event.set.namespace), {
    body: eventObject(event, uid),
    query: { fieldManager: FIELD_MANAGER, fieldValidation: 'Strict' },
    timeoutMs: WRITE_TIMEOUT_MS,
    signal,
    permit,
  });
  const isThere = answer.kind === 'object' || answer.refusal.reason === 'AlreadyExists';
  if (isThere) return;
  if (isDenied(answer.refusal))
    throw new ClusterFailure('invalid', `the API server refuses it: ${wordsOf(answer.refusal)}`, { retryable: false });
  client.refuse(answer.refusal);
}

/** A policy or a webhook refuses this very Event. A right can be given, and a quota has room again when Events have expired. */
function isDenied(refusal: Refusal): boolean {
  if (isDeniedByWebhook(refusal)) return true;
  return refusal.code === 403 && !isMissingPermission(refusal) && !refusal.message.includes('exceeded quota');
}

/**
 * A core Event. kubectl shows and sorts by the two time stamps, which are whole seconds; `eventTime` has the milliseconds,
 * and wants an action. kubectl looks for the Events of an object by its uid.
 */
function eventObject({ name, set, type, reason, message, at }: SetEvent, uid: string | undefined): object {
  const time = new Date(at).toISOString();
  return {
    apiVersion: 'v1',
    kind: 'Event',
    metadata: { name: checkedName(name), namespace: set.namespace },
    involvedObject: {
      apiVersion: GAME_VERSION,
      kind: 'GameServerSet',
      namespace: set.namespace,
      name: checkedName(set.name),
      uid,
    },
    type,
    reason,
    message,
    action: 'HotUpdate',
    count: 1,
    firstTimestamp: time,
    lastTimestamp: time,
    // Kubernetes reads six digits here and no others.
    eventTime: time.replace('Z', '000Z'),
    source: { component: REPORTER },
    reportingComponent: REPORTER,
    reportingInstance: hostname().slice(0, LONGEST_INSTANCE),
  };
}
