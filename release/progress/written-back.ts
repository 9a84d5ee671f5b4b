import { FIELD_MANAGER } from '../fleet/fleet.ts';
import { gitOpsKind, writtenBackText } from '../plan/git-ops.ts';
import type { ForeignEdit } from './state.ts';
import type { ForeignView, Release } from './table.ts';

/** A value that the release writes over is remembered: a manager that writes it back does so again and again. */
export function overwriting(foreign: ForeignView): ForeignView {
  const { by, seen, overwritten } = foreign;
  if (by === undefined || by === FIELD_MANAGER || !seen) return foreign;
  const times = overwritten?.by === by ? overwritten.times : 0;
  return { ...foreign, overwritten: { by, image: seen.image, times } };
}

/** Somebody has changed the set anew, after all that was known was written over. */
export function writtenAnew(foreign: ForeignView, by: string | undefined): ForeignView {
  const { overwritten } = foreign;
  if (!overwritten || overwritten.by !== by) return foreign;
  // Many people write under one name: it is the same one when the same image comes back.
  if (gitOpsKind(by) === undefined && foreign.seen?.image !== overwritten.image) return foreign;
  return { ...foreign, overwritten: { ...overwritten, times: overwritten.times + 1 } };
}

/** Why an edit of this manager will come again, and what to do about it; undefined when nothing speaks for that. */
export function comesAgain({ overwritten }: ForeignView, by: string | undefined): string | undefined {
  if (by === undefined) return undefined;
  const times = overwritten?.by === by ? overwritten.times : 0;
  return times > 0 || gitOpsKind(by) !== undefined ? writtenBackText(by, times) : undefined;
}

type Told = Pick<ForeignEdit, 'what' | 'letsMove' | 'comesAgain'>;

/** The sentence about an edit. */
export function editSentence({ what, letsMove, comesAgain: again }: Told): string {
  const moving = letsMove === true ? ['the set is not closed, so servers may move'] : [];
  return [what, ...moving, ...(again === undefined ? [] : [again])].join('; ');
}

/** At the end: whoever asked for another image than the set has now may ask for it again. */
export function overwrittenWarnings({ plan, progress }: Release): readonly string[] {
  const { foreign, back, leaving } = progress;
  const { oldImage, newImage } = plan.baseline;
  const { by, image, times = 0 } = foreign.overwritten ?? {};
  if (by === undefined || leaving || image === (back ? oldImage : newImage)) return [];
  if (times === 0 && gitOpsKind(by) === undefined) return [];
  return [
    `${by} asked for ${image ?? ''}, which this release has written over: it may come again, for all servers at once (docs/git-ops.md)`,
  ];
}
