import { readRecords } from '../record/record.ts';
import type { Annotated } from './annotations.ts';
import { annotated, demandingAnnotation } from './annotations.ts';
import type { GuardedPatch } from './guarded-patch.ts';

/** Annotation of a set that hotwave has written: which release wrote it last, and its how-manieth write that was. */
export const FENCE_ANNOTATION = 'hotwave.dev/fence';

/**
 * The right of one write to follow those before it. Every write of a release counts up, so that one that comes late,
 * from a worker that was stopped or a release that was replaced, finds another number there and is refused.
 */
export interface Fence {
  /** Names the run of the release; without a slash. */
  readonly token: string;
  /** The number that the set has at least; 0 as long as this release has written nothing. */
  readonly from: number;
  /** The number that it has at most: more than `from` after writes of which nobody knows how they ended. */
  readonly to: number;
}

/** The value of a fence annotation. */
interface FenceMark {
  readonly token: string;
  readonly number: number;
}

/** The number that a write with this fence leaves on the set. */
export function nextNumber({ to }: Fence): number {
  return to + 1;
}

/** The text of a fence annotation. */
function fenceText({ token, number }: FenceMark): string {
  return `${token}/${number}`;
}

/** Reads a fence annotation; undefined for what is none of hotwave's. */
function readFence(text: string | undefined): FenceMark | undefined {
  const { token, number } = /^(?<token>[^/]{1,200})\/(?<number>\d{1,9})$/.exec(text ?? '')?.groups ?? {};
  return token === undefined || number === undefined ? undefined : { token, number: Number(number) };
}

/** The number of this release's last write that is on the set, or undefined when none of it is there. */
export function numberOn(set: Annotated, { token }: Fence): number | undefined {
  const mark = readFence(set.annotations?.[FENCE_ANNOTATION]);
  return mark?.token === token ? mark.number : undefined;
}

/**
 * The same write behind the fence: it is refused unless the set still has the mark that it has now, and leaves the next
 * one. Two writers therefore never both succeed, whatever they believe about each other.
 *
 * Accepted as they are: this release's own marks up to `to`; the mark that its plan has seen; and none at all, because who
 * applies a whole set anew (GitOps, a file that was exported before) takes annotations away or back, and a rollback must
 * have a way. So is any mark while the record names this release: another release replaces both with its first write.
 * @param planned the mark that the plan has read; null when there was none
 * @returns why not, as a sentence, when somebody else has written the set since
 */
export function fenced(
  patch: GuardedPatch,
  set: Annotated,
  fence: Fence,
  { planned, name }: { readonly planned: string | null; readonly name: string },
): GuardedPatch | { readonly refused: string } {
  const live = set.annotations?.[FENCE_ANNOTATION] ?? null;
  const number = numberOn(set, fence);
  const next = fenceText({ token: fence.token, number: nextNumber(fence) });
  const behind = (mark: string | null): GuardedPatch =>
    annotated(demandingAnnotation(patch, set, FENCE_ANNOTATION, mark), set, FENCE_ANNOTATION, next);
  // An attempt before this one may have done it, and its answer got lost: then the wanted values are there.
  if (number === nextNumber(fence)) return behind(fenceText({ token: fence.token, number: fence.to }));
  if (number !== undefined && number > nextNumber(fence)) return { refused: laterWrite(name) };
  const isOurs = number !== undefined || live === null || live === planned || holds(set, fence);
  return isOurs ? behind(live) : { refused: otherRelease(set, name) };
}

/** The set is on record as held by this release. */
function holds({ annotations }: Annotated, { token }: Fence): boolean {
  return readRecords(annotations).running?.holder?.runId === token;
}

/** Why a write that came late is refused. */
export function laterWrite(name: string): string {
  return `another attempt of this release has written ${name} since: this one writes nothing`;
}

function otherRelease({ annotations }: Annotated, name: string): string {
  const { running, last } = readRecords(annotations);
  const who = running?.release ?? last?.release;
  const holder = running?.holder ? ` (workflow ${running.holder.workflowId})` : '';
  return `${who === undefined ? 'another release' : `release ${who}${holder}`} has written ${name} since this release looked at it: this one writes nothing`;
}
