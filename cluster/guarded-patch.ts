import { z } from 'zod';
import type { Permit } from '../activities/ports/heartbeats.ts';
import { explainRefusal, firstDifference, jsonPatchBody } from '../release/patches/patches.ts';
import type { GuardedPatch, PatchOutcome, PatchTarget } from '../release/patches/patches.ts';
import { isDeniedByWebhook, isMissingPermission, wordsOf } from './errors.ts';
import type { Refusal } from './errors.ts';
import { lastWriter } from './field-owners.ts';
import { managedFieldsSchema } from './object-meta.ts';
import { objectPath } from './paths.ts';
import { FIELD_MANAGER } from '../release/fleet/fleet.ts';
import { WRITE_TIMEOUT_MS } from './request.ts';
import type { ApiAnswer, ApiClient } from './request.ts';

/** How a guarded patch is sent. */
export interface PatchOptions {
  /** Run admission and validation, change nothing. */
  readonly dryRun?: boolean;
  readonly signal?: AbortSignal;
  /** Asked right before each sending. */
  readonly permit?: Permit;
}

/** The only text that the API server (1.30) has for every JSON Patch that does not apply, whatever the cause. */
const DOES_NOT_APPLY = 'the server rejected our request due to an error in our request';

/** An answer 404 without a Status object: the path itself is unknown, so the CRD is missing. */
export function isUnknownResource(refusal: Refusal): boolean {
  return refusal.code === 404 && refusal.reason === '';
}

function send(client: ApiClient, target: PatchTarget, patch: GuardedPatch, options: PatchOptions): Promise<ApiAnswer> {
  return client.request('PATCH', objectPath(target), {
    body: jsonPatchBody(patch),
    contentType: 'application/json-patch+json',
    query: {
      fieldManager: FIELD_MANAGER,
      fieldValidation: 'Strict',
      dryRun: options.dryRun ? 'All' : undefined,
    },
    signal: options.signal,
    permit: options.permit,
    timeoutMs: WRITE_TIMEOUT_MS,
  });
}

const managedSchema = z.object({ metadata: z.object({ managedFields: z.array(managedFieldsSchema).default([]) }) });

function withManager(outcome: PatchOutcome, object: unknown): PatchOutcome {
  if (outcome.kind !== 'preconditionFailed') return outcome;
  const parsed = managedSchema.safeParse(object);
  if (!parsed.success) return outcome;
  const { managedFields } = parsed.data.metadata;
  const field = firstDifference(outcome.expected, outcome.actual, outcome.path);
  // A field that was taken away has no holder: then whoever holds the rest of it.
  const manager = lastWriter(managedFields, field) ?? lastWriter(managedFields, outcome.path);
  return manager === undefined ? outcome : { ...outcome, manager };
}

/** Finds out from the object as it is now; undefined when its state does not explain the refusal. */
async function explain(
  client: ApiClient,
  target: PatchTarget,
  patch: GuardedPatch,
  signal: AbortSignal | undefined,
): Promise<PatchOutcome | undefined> {
  const answer = await client.request('GET', objectPath(target), { signal });
  if (answer.kind === 'object') {
    const outcome = explainRefusal(answer.body, patch);
    return outcome && withManager(outcome, answer.body);
  }
  return answer.refusal.code === 404 ? { kind: 'notFound' } : client.refuse(answer.refusal);
}

/** Refusals that are about this object and this patch, not about the API server. */
function concernsThePatch(refusal: Refusal): boolean {
  return isDeniedByWebhook(refusal) || ([400, 403, 409, 422].includes(refusal.code) && !isMissingPermission(refusal));
}

/** There is no such object. */
function isAboutNothing(refusal: Refusal): boolean {
  return refusal.code === 404 && !isUnknownResource(refusal) && !isDeniedByWebhook(refusal);
}

/**
 * Sends a guarded patch and says what came of it.
 *
 * @throws ClusterFailure when the API server could not be used; whether the patch was applied is then not known, and
 *   sending it again finds out.
 */
export async function sendGuardedPatch(
  client: ApiClient,
  target: PatchTarget,
  patch: GuardedPatch,
  options: PatchOptions = {},
): Promise<PatchOutcome> {
  for (let attempt = 1; ; attempt += 1) {
    const answer = await send(client, target, patch, options);
    if (answer.kind === 'object') return { kind: 'applied' };
    const { refusal } = answer;
    if (isAboutNothing(refusal)) return { kind: 'notFound' };
    if (!concernsThePatch(refusal)) return client.refuse(refusal);
    const explained = await explain(client, target, patch, options.signal);
    if (explained) return explained;
    if (refusal.code === 409 && !isDeniedByWebhook(refusal)) return client.refuse(refusal);
    if (!refusal.message.includes(DOES_NOT_APPLY)) return { kind: 'denied', message: wordsOf(refusal) };
    // The object may have changed between the refusal and the reading, so once more; then it is the patch.
    if (attempt > 1) return { kind: 'denied', message: 'the patch names a field that the object does not have' };
  }
}
