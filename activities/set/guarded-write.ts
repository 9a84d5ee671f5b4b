import { plainText } from '../../release/spec/plain-text.ts';
import type { GameServerSetView, SetRef } from '../../release/fleet/fleet.ts';
import type { Fence } from '../../release/patches/fence.ts';
import { FENCE_ANNOTATION, fenced, laterWrite, nextNumber, numberOn } from '../../release/patches/fence.ts';
import type { GuardedPatch, SetControls, PatchOutcome } from '../../release/patches/patches.ts';
import {
  annotationPath,
  firstDifference,
  controlsPatch,
  imageIn,
  setTarget,
  valueAt,
} from '../../release/patches/patches.ts';
import {
  TEMPLATE,
  changedTemplateFields,
  demandingTemplate,
  templateEditText,
  templateEdits,
} from '../../release/patches/template.ts';
import type { Patches } from '../ports/patches.ts';
import { cancellation } from '../runtime.ts';
import type { SetWrite, Subject } from './set-writes.ts';

const REPLICAS = '/spec/replicas';

/** Why a write was not made. */
export type Refusal = Extract<SetWrite, { readonly kind: 'foreign' }>;

/**
 * Writes a set behind the fence.
 * @param live the set as it was just read
 * @returns why it was not written, else undefined: the set has the next mark
 */
export async function writeSet(
  cluster: Patches,
  subject: Subject,
  live: GameServerSetView,
  patch: GuardedPatch,
): Promise<Refusal | undefined> {
  const { set, baseline, fence } = subject;
  const write = fenced(patch, live, fence, { planned: baseline.fence, name: set.name });
  if ('refused' in write) return { kind: 'foreign', reason: write.refused, ...known(live, fence) };
  const refusal = refusalOf(await cluster.patch(setTarget(set), write, { signal: cancellation() }), set.name);
  return refusal && { ...refusal, ...known(live, fence) };
}

/**
 * The same for a write that lets somebody move: they get everything that is in the template, so the whole of it must be
 * as the plan found it, and stay so until the write.
 */
export async function writeMovingSet(
  cluster: Patches,
  subject: Subject,
  live: GameServerSetView,
  patch: GuardedPatch,
): Promise<Refusal | undefined> {
  const refused = refusalOfTemplate(subject, live);
  if (refused) return refused;
  return await writeSet(cluster, subject, live, demandingTemplate(patch, live));
}

/** Why nobody may move: a foreign template, and which write of the release it has met. Undefined when there is none. */
export function refusalOfTemplate(subject: Subject, live: GameServerSetView): Refusal | undefined {
  const edited = foreignTemplate(subject, live);
  return edited && { ...edited, ...known(live, subject.fence) };
}

/** A change of the template beside the release's own image, as a refusal; undefined when there is none. */
export function foreignTemplate(
  { set, baseline }: Pick<Subject, 'set' | 'baseline'>,
  live: GameServerSetView,
): Refusal | undefined {
  const edits = templateEdits(baseline, changedTemplateFields(baseline, live));
  const [first] = edits;
  if (!first) return undefined;
  const more = edits.length > 1 ? ` (and ${edits.length - 1} more)` : '';
  const text = templateEditText(first, set.name, live.lastWriters[first.field]);
  return {
    kind: 'foreign',
    templateChanged: true,
    reason: `${text}${more}: a server that moves now would get that, too, and hotwave does not take it upon itself`,
  };
}

/**
 * Another image than the release's moves servers at once, and whom Kruise would then move says nothing about why. A
 * patch that its guard refuses, tried only, tells who wrote the image.
 */
export async function foreignImage(
  cluster: Patches,
  { set, baseline, fence }: Subject,
  hold: SetControls,
  live: GameServerSetView,
): Promise<Refusal | undefined> {
  if (imageIn(live, baseline) === baseline.newImage) return undefined;
  const probe = controlsPatch(baseline, live.replicas, hold, { ...hold, paused: !hold.paused });
  const options = { dryRun: true, signal: cancellation() };
  const refusal = refusalOf(await cluster.patch(setTarget(set), probe, options), set.name);
  return refusal && { ...refusal, ...known(live, fence) };
}

/** So often is a set looked at for one write: whoever kills servers writes it again and again. */
const MOST_LOOKS = 5;

/**
 * The same write, from a new look at the set when its number of servers or the spelling of its template has changed between
 * look and write: an autoscaler does that, and OpenKruiseGame whenever a matchmaker has a server killed.
 */
export function lookingAgain<Input>(write: (input: Input) => Promise<SetWrite>): (input: Input) => Promise<SetWrite> {
  return async (input) => {
    for (let looks = 1; ; looks += 1) {
      const written = await write(input);
      if (written.kind !== 'foreign' || written.isLate !== true || looks === MOST_LOOKS) return written;
    }
  };
}

/** A set that is gone. */
export function missing({ namespace, name }: SetRef): Refusal {
  return { kind: 'foreign', reason: `${namespace}/${name} does not exist any more` };
}

/** An attempt before this one may have written the set, and its answer got lost. */
function known(live: GameServerSetView, fence: Fence): { readonly fence?: number } {
  const number = numberOn(live, fence);
  return number === undefined || number > nextNumber(fence) ? {} : { fence: number };
}

/** The meaning of a refused patch; undefined when it was applied, now or before. */
export function refusalOf(outcome: PatchOutcome, name: string): Refusal | undefined {
  switch (outcome.kind) {
    case 'applied':
    case 'alreadyApplied':
      return undefined;
    case 'notFound':
      return { kind: 'foreign', reason: `GameServerSet ${name} does not exist any more` };
    case 'denied':
      return { kind: 'foreign', reason: `the API server refused the change of ${name}: ${outcome.message}` };
    case 'preconditionFailed':
      return preconditionRefusal(outcome, name);
  }
}

function preconditionRefusal(
  { path, expected, actual, manager: by = 'somebody' }: Extract<PatchOutcome, { readonly kind: 'preconditionFailed' }>,
  name: string,
): Refusal {
  if (path === annotationPath(FENCE_ANNOTATION)) return { kind: 'foreign', reason: laterWrite(name) };
  const field = path === TEMPLATE ? firstDifference(expected, actual, path) : path;
  const [now, before] = [actual, expected].map((value) => shown(valueAt(value, field.slice(path.length))));
  return {
    kind: 'foreign',
    ...(path === TEMPLATE ? { templateChanged: true } : {}),
    ...(path === TEMPLATE || path === REPLICAS ? { isLate: true } : {}),
    reason: `${by} changed ${field} of ${name} to ${now ?? ''}, hotwave expected ${before ?? ''} and does not overwrite it`,
  };
}

function shown(value: unknown): string {
  return value === undefined ? 'nothing' : plainText(JSON.stringify(value), 160);
}
