import { acceptancePatience } from '../checks/acceptance.ts';
import { FROZEN, controlledStrategy, sameJson } from '../patches/patches.ts';
import { reordered } from '../plan/reorder.ts';
import { knowing, showing, stopped, withShownWave, withWarnings } from './changes.ts';
import type { Appliers, Event, SetWritten } from './events.ts';
import { namesOf } from './groups.ts';
import type { ForeignView, Release, SetControl } from './table.ts';
import { adding } from './sentences.ts';
import { membersOf, withObservations } from './state.ts';
import { comesAgain, overwriting, writtenAnew } from './written-back.ts';

/** The set was written, or was found to be another than the release may write. */
export const setAppliers = {
  prioritiesChanged: (release, event) =>
    knowing(release, { priorities: event.direction === 'assign' && hasOwn(release) ? 'given' : 'restored' }),
  staged: (release, event, now) =>
    staged(waiting(release, event.written, now), withPatience(release, event.written, 'observed', now)),
  recorded: (release) => knowing(release, { isStaged: true, set: { ...release.progress.set, isRecorded: true } }),
  opened: (release, event, now) =>
    opened(waiting(release, event.written, now), {
      ...event,
      written: withPatience(release, event.written, 'written', now),
    }),
  templateChecked: (release, event) => templateChecked(release, event),
  controlsChanged: (release, event, now) => {
    if (event.why !== 'resume') return controlsChanged(release, event);
    return controlsChanged(waiting(release, event.written, now), {
      ...event,
      written: withPatience(release, event.written, 'observed', now),
    });
  },
  reasserted: (release, event) => reasserted(release, event),
  putBack: (release, event) => putBack(release, event.written),
  endBegun: (release, _event, now) => knowing(release, { endedAt: release.progress.endedAt ?? now }),
  endRecorded: (release) => knowing(release, { isPutBack: true, set: { ...release.progress.set, isRecorded: false } }),
  writeUnknown: (release) => writeUnknown(release),
  marked: (release, event) => knowing(release, { set: { ...release.progress.set, fence: fenceAt(event.fence) } }),
} satisfies Partial<Appliers>;

/** True when there is something to put back at the end: the release has given priorities of its own. */
function hasOwn({ plan }: Release): boolean {
  return plan.priorities.some(({ from, to }) => String(from) !== String(to));
}

/** Since when the controllers have been waited for. */
function waiting(release: Release, { kind }: SetWritten, now: number): Release {
  const { set } = release.progress;
  const pendingSince = kind === 'pending' ? (set.pendingSince ?? now) : undefined;
  return knowing(release, { set: { ...set, pendingSince } });
}

/** It may have been written or not: the next write accepts both. */
function writeUnknown(release: Release): Release {
  const { set } = release.progress;
  return knowing(release, { set: { ...set, fence: { from: set.fence.from, to: set.fence.to + 1 } } });
}

function fenceAt(number: number): SetControl['fence'] {
  return { from: number, to: number };
}

/** The set controls after a write. */
export function controlAfter(set: SetControl, written: SetWritten): SetControl {
  const fence = written.fence === undefined ? set.fence : fenceAt(written.fence);
  if (written.kind === 'refused' || written.kind === 'untouched') return { ...set, fence };
  if (written.kind === 'pending') {
    // Another write may come before this one is taken over: it finds the one or the other number.
    return { ...set, hold: written.hold, fence: { from: set.fence.from, to: written.fence }, refused: undefined };
  }
  const revision = written.kind === 'accepted' && written.revision !== undefined ? written.revision : set.revision;
  return { ...set, hold: written.hold ?? set.hold, revision, fence, refused: undefined, pendingSince: undefined };
}

/** A write that the controllers do not take over is waited for no longer than they may need. */
function withPatience(release: Release, written: SetWritten, by: 'written' | 'observed', now: number): SetWritten {
  const { progress, plan } = release;
  if (written.kind !== 'pending') return written;
  const since = progress.set.pendingSince ?? now;
  if (now - since < acceptancePatience(by, plan.baseline.replicas)) return written;
  const { hold, fence, reason } = written;
  return { kind: 'written', hold, fence, reason };
}

/** Why a write does not let the release go on; undefined when it does. An interrupted one is simply made again. */
function writeProblem(written: SetWritten): string | undefined {
  return written.kind === 'refused' || written.kind === 'written' ? written.reason : undefined;
}

function staged(release: Release, written: SetWritten): Release {
  const isWritten = written.kind !== 'refused';
  const set = controlAfter(release.progress.set, written);
  const next = knowing(release, {
    isStaged: isWritten,
    set: { ...set, isRecorded: isWritten || set.isRecorded },
  });
  const problem = writeProblem(written);
  return problem === undefined ? next : stopped(next, 'pause', problem);
}

function opened(release: Release, event: Extract<Event, { kind: 'opened' }>): Release {
  const { written, wave } = event;
  const known = knowing(release, { set: controlAfter(release.progress.set, written) });
  const next = withOrder(known, wave, written);
  const problem = writeProblem(written);
  // A server that is in the way may have been moved by somebody: the fleet is looked at before the next try.
  if (problem !== undefined) return stopped(knowing(next, { mustLook: true }), 'pause', problem);
  if (written.kind !== 'accepted') return next;
  const { progress } = next;
  const joined = written.joined ?? [];
  const told =
    joined.length === 0 ? [] : [`${namesOf(joined)}: came meanwhile and move along, proved before the release ends`];
  const shown = { ...next, state: withObservations(next.state, told) };
  switch (event.for) {
    case 'wave':
      return wave === undefined ? shown : knowing(shown, { opened: [...progress.opened, wave] });
    case 'adopted':
      return knowing(shown, { adoption: 'opened' });
    case 'newcomers':
      return knowing(shown, { newcomers: { ...progress.newcomers, old: [] } });
  }
}

/** Kruise's order has changed: a person is asked, or has said that those whom it takes first move in this wave. */
function withOrder(release: Release, wave: number | undefined, written: SetWritten): Release {
  if (written.kind === 'refused')
    return written.orderChanged === true ? knowing(release, { order: 'changed' }) : release;
  if (written.kind === 'untouched' || written.instead === undefined || wave === undefined) return release;
  const { taken, left } = written.instead;
  const plan = reordered(release.plan, wave, written.instead);
  const after = plan.waves.reduce((one, { number, servers }) => withShownWave(one, number, membersOf(servers)), {
    ...release,
    plan,
  });
  const some = left.length === 0 ? '' : `, and ${namesOf(left)} in a later one`;
  const told = `${namesOf(taken)}: Kruise takes it first now, so it moves in wave ${wave}${some}`;
  return { ...after, state: withObservations(after.state, [told]) };
}

function templateChecked(
  release: Release,
  { before, changed, wave }: Extract<Event, { kind: 'templateChecked' }>,
): Release {
  const { progress } = release;
  switch (before) {
    case 'wave':
      if (changed !== undefined) return stopped(release, 'pause', changed);
      return wave === undefined ? release : knowing(release, { opened: [...progress.opened, wave] });
    case 'end':
      return changed === undefined ? knowing(release, { isEditChecked: true }) : stopped(release, 'pause', changed);
    case 'rollback': {
      if (changed === undefined) return knowing(release, { isEditChecked: true });
      return stopped(release, 'pause', `${progress.stop?.reason ?? ''}; ${changed}`);
    }
    case 'overrides':
      if (!progress.back) return release;
      return knowing(release, {
        back: { ...progress.back, settled: { ...progress.back.settled, overridesStay: changed !== undefined } },
      });
  }
}

/** The changes of others stay while the release changes the rest: a pause, for one. */
function stillEdited({ plan, progress }: Release, after: SetControl): ForeignView {
  const { foreign, set } = progress;
  if (!foreign.seen || !set.hold || !after.hold) return foreign;
  const [before, now] = [controlledStrategy(plan.baseline, set.hold), controlledStrategy(plan.baseline, after.hold)];
  const edited = foreign.seen.updateStrategy;
  if (edited === undefined || !sameJson(edited, before)) return foreign;
  const facts = foreign.facts && { ...foreign.facts, updateStrategy: now };
  return { ...foreign, facts, seen: { ...foreign.seen, updateStrategy: now } };
}

function controlsChanged(before: Release, { why, written }: Extract<Event, { kind: 'controlsChanged' }>): Release {
  const foreign = stillEdited(before, controlAfter(before.progress.set, written));
  const release = knowing(before, { foreign });
  const { progress, state } = release;
  const problem = writeProblem(written);
  const set = controlAfter(progress.set, written);
  if (why === 'hold') return held(release, set, problem);
  if (problem === undefined) return knowing(release, { set });
  const refused = knowing(release, { set: { ...set, refused: problem } });
  if (why === 'resume') return progress.leaving ? leftPaused(refused, problem) : stopped(refused, 'pause', problem);
  if (state.pausedBecause === undefined) return refused;
  return showing(refused, { pausedBecause: adding(state.pausedBecause, 'the set could not be closed', problem) });
}

/** The owner of the set finds it paused, and cannot know why. */
function leftPaused(release: Release, problem: string): Release {
  const { leaving } = release.progress;
  if (!leaving) return release;
  const reason = adding(leaving.reason, 'the set stays paused by this release', problem);
  return knowing(release, { leaving: { ...leaving, reason } });
}

/** The last write of a release that is left where it is. */
function held(release: Release, set: SetControl, problem: string | undefined): Release {
  const { leaving } = release.progress;
  if (!leaving) return knowing(release, { set });
  const reason =
    problem === undefined ? leaving.reason : adding(leaving.reason, 'its set controls could not be written', problem);
  return knowing(release, { set: { ...set, hold: undefined, isRecorded: false }, leaving: { ...leaving, reason } });
}

/** A value that somebody else had written is written over; each server that it has moved is looked at. */
function reasserted(release: Release, { written, priorities }: Extract<Event, { kind: 'reasserted' }>): Release {
  const { progress, state } = release;
  const set = controlAfter(progress.set, written);
  const problem = writeProblem(written);
  if (problem !== undefined) {
    // A write that is refused names one field only: a person is asked anew, about all that is seen then.
    const undoneBy = written.kind === 'written' ? written.undoneBy : undefined;
    const foreign = undoneBy === undefined ? progress.foreign : writtenAnew(overwriting(progress.foreign), undoneBy);
    const { letsMove } = state.foreignEdit ?? {};
    const edit = {
      what: problem,
      letsMove,
      comesAgain: undoneBy === undefined ? undefined : comesAgain(foreign, undoneBy),
    };
    const foreignEdit = state.foreignEdit && { ...edit, seenAt: state.foreignEdit.seenAt };
    return showing(knowing(release, { set, foreign }), { foreignEdit });
  }
  const over = overwriting(progress.foreign);
  const foreign = { ...over, seen: undefined, strays: priorities ? [] : over.strays };
  // Waves that were opened are opened again: the edit may have closed them.
  const opened = set.hold && set.hold.partition === FROZEN ? [] : progress.opened;
  const order = progress.order === 'followed' ? progress.order : undefined;
  return showing(knowing(release, { set, foreign, opened, order, mustLook: true }), {
    foreignEdit: undefined,
  });
}

function putBack(release: Release, written: SetWritten): Release {
  const problem = writeProblem(written);
  if (problem !== undefined) return stopped(release, 'pause', problem);
  const { revision } = release.progress.set;
  const set = controlAfter(release.progress.set, written);
  const kept = written.kind === 'accepted' && written.kept !== undefined ? [written.kept] : [];
  return knowing(withWarnings(release, kept), {
    isPutBack: true,
    set: { ...set, revision, hold: undefined, isRecorded: false },
  });
}
