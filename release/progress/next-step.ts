import { describeMixed, isOverMixed, mixedBudgetOf } from '../decisions/max-mixed.ts';
import { backwardStep } from './backward.ts';
import { forwardStep } from './forward.ts';
import type { Leaving, Release } from './table.ts';
import type { Step } from './step.ts';
import { isFinal } from './state.ts';
import type { Requests } from './state.ts';
import { editSentence } from './written-back.ts';
import type { Event } from './events.ts';
import { templateEdits } from '../patches/template.ts';
import { controlledStrategy, sameJson } from '../patches/patches.ts';

/** How long after its end a halt may still be taken back by whoever made it, in milliseconds. */
const HALT_GRACE_MS = 30_000;

const note = (event: Event): Step => ({ kind: 'note', event });

/**
 * The next step of a release. Total: whatever the value says, there is an answer, and each wait in it has an end. The
 * wishes of people and others come first, then the way that the release goes.
 */
export function nextStep(release: Release, now: number): Step {
  const { state, progress } = release;
  if (isFinal(state.phase)) return { kind: 'end' };
  return (
    leavingStep(release) ??
    departureStep(release) ??
    standingStep(release, now) ??
    (progress.back ? backwardStep(release, now) : forwardStep(release, now)) ??
    note({ kind: 'finished', outcome: progress.back?.outcome ?? 'done', reason: '' })
  );
}

/** A release that is left where it is says so on the set, and ends. */
function leavingStep(release: Release): Step | undefined {
  const { progress } = release;
  const { leaving, set, back } = progress;
  if (!leaving) return undefined;
  // A rollback that could not be finished leaves the set open for the old version.
  const isOpened = back !== undefined && (back.isWritten || leaving.to === 'hold');
  if ((set.isRecorded || set.hold) && !isOpened) {
    if (leaving.to === 'leave') return leftStep(release, leaving);
    return { kind: 'controls', change: {}, why: 'hold' };
  }
  return note({ kind: 'finished', outcome: leaving.outcome, reason: leaving.reason });
}

/** The set is left to somebody's edit, without a pause of the release in it. */
function leftStep(release: Release, leaving: Leaving): Step {
  const { hold, refused } = release.progress.set;
  if (hold?.paused === true && refused === undefined)
    return { kind: 'controls', change: { paused: false }, why: 'resume' };
  if (leaving.isLookedAt !== true && restartsEngines(release)) return { kind: 'look', purpose: 'left', notBefore: 0 };
  return { kind: 'recordLeft' };
}

/** The edit to which the set is left is one of the template: whoever moves by it gets other main containers. */
function restartsEngines({ plan, progress }: Release): boolean {
  const { template = {}, gone } = progress.foreign.facts ?? {};
  return gone === undefined && templateEdits(plan.baseline, template).length > 0;
}

/** People have asked to end it, or to go back: that counts also while it stands still. */
function departureStep(release: Release): Step | undefined {
  const { state, progress } = release;
  const { cancel, rollback } = state.requests;
  if (progress.back && progress.pause === undefined) return undefined;
  if (cancel && !isTooLate(release, cancel)) return cancelStep(release, cancel);
  if (!rollback || (rollback.scope ?? 'release') !== 'release') return undefined;
  if (progress.back?.scope === 'release') return note({ kind: 'tryAgain' });
  return whole(`asked for by ${rollback.actor}: ${rollback.reason}`, { order: rollback.order ?? 'all' });
}

/** The set says already how the release ended, and nothing is left to be stopped: that is how it ends. */
function isTooLate({ progress }: Release, cancel: NonNullable<Requests['cancel']>): boolean {
  const stands = progress.pause !== undefined || progress.stop !== undefined;
  return cancel.then === 'hold' && progress.isPutBack && !stands;
}

function cancelStep({ progress }: Release, cancel: NonNullable<Requests['cancel']>): Step {
  const reason = `by ${cancel.actor}: ${cancel.reason}`;
  const problem = progress.back?.problem;
  if (cancel.then === 'rollback')
    return problem === undefined ? whole(reason, { outcome: 'cancelled' }) : note({ kind: 'tryAgain' });
  const left = problem === undefined ? reason : `${reason}; the rollback is incomplete: ${problem}`;
  return note({ kind: 'leaving', to: 'hold', outcome: 'cancelled', reason: left });
}

/** The whole release goes back. */
function whole(
  reason: string,
  {
    order = 'all',
    outcome = 'rolled-back',
    hasFailed = false,
  }: Partial<Pick<TurnedBack, 'order' | 'outcome' | 'hasFailed'>>,
): Step {
  return note({ kind: 'turnedBack', scope: 'release', order, outcome, reason, hasFailed });
}

type TurnedBack = Extract<Event, { kind: 'turnedBack' }>;

/** The causes that make a release stand still, from the strongest to the weakest, and what lets it go on. */
function standingStep(release: Release, now: number): Step | undefined {
  const { state, progress } = release;
  const goesBack = progress.back?.scope === 'release';
  const stands = state.pausedBecause !== undefined;
  if (state.halt && (!goesBack || stands)) return haltedStep(release, now);
  const asked = goesBack ? editStays(release) : askedStep(release, now);
  if (asked) return asked;
  if (stands) return pausedStep(release, now);
  if (isResumed(release)) return note({ kind: 'resumed' });
  if (state.requests.retry && !goesBack) return note({ kind: 'retrying' });
  return stopStep(release) ?? thawStep(release);
}

/** It stands no more, or a person has let Kruise's order count. */
function isResumed({ state, progress }: Release): boolean {
  return progress.pause !== undefined || state.foreignEdit?.wins === 'order';
}

/** The wishes of people and others for a release that goes forward. */
function askedStep(release: Release, now: number): Step | undefined {
  const { state, progress } = release;
  const { pause, rollback } = state.requests;
  if (rollback && !pause && !progress.back) return note(partOf(release));
  if (state.foreignEdit && state.foreignEdit.wins !== 'order') return foreignEditStep(release, now);
  if (!pause) return undefined;
  if (state.pausedBecause === undefined) return note({ kind: 'paused', reason: `by ${pause.actor}: ${pause.reason}` });
  return pausedStep(release, now);
}

function partOf({ state }: Release): Event {
  const { rollback } = state.requests;
  const reason = `asked for by ${rollback?.actor ?? ''}: ${rollback?.reason ?? ''}`;
  const scope = rollback?.scope ?? 'failed';
  return { kind: 'turnedBack', scope, order: 'all', outcome: 'rolled-back', reason, hasFailed: false };
}

function haltedStep(release: Release, now: number): Step {
  const { halt } = release.state;
  const frozen = freezeStep(release);
  if (frozen) return frozen;
  const until = (halt?.until ?? now) + HALT_GRACE_MS;
  return now >= until ? note({ kind: 'haltOver' }) : { kind: 'wait', for: 'unhalt', until };
}

/** A person has decided that what somebody else has changed stays. */
function editStays({ state: { foreignEdit } }: Release): Step | undefined {
  if (foreignEdit?.wins !== 'edit') return undefined;
  return note({ kind: 'leaving', to: 'leave', outcome: 'cancelled', reason: `${foreignEdit.what}; the edit stays` });
}

/** Somebody else has changed what the release holds: a person says whose values stay. */
function foreignEditStep(release: Release, now: number): Step | undefined {
  const { state } = release;
  const { foreignEdit, pausedBecause } = state;
  const stays = editStays(release);
  if (stays) return stays;
  if (foreignEdit?.wins === 'release') return { kind: 'reassert' };
  if (pausedBecause === undefined)
    return note({ kind: 'paused', reason: foreignEdit ? editSentence(foreignEdit) : '' });
  return pausedStep(release, now);
}

function pausedStep(release: Release, now: number): Step {
  const { state, progress, spec } = release;
  const { pause } = progress;
  const frozen = freezeStep(release);
  if (frozen) return frozen;
  const budget = mixedBudgetOf(spec);
  if (budget && isOverMixed(state, now) && progress.back === undefined && !saysOverMixed(release))
    return note({ kind: 'overMixed' });
  const until = pause?.until ?? now;
  if (now >= until) return note({ kind: 'personAwaitedInVain' });
  const isTold = progress.back !== undefined || saysOverMixed(release);
  const mixed = isTold ? until : (state.mixedUntil ?? until);
  return { kind: 'wait', for: 'person', until: Math.min(until, Math.max(mixed, now + 1)) };
}

/** A person is told it once. */
function saysOverMixed({ state, spec }: Release): boolean {
  const budget = mixedBudgetOf(spec);
  return budget !== undefined && state.pausedBecause?.includes(describeMixed(budget)) === true;
}

/** A release that stands still lets nobody more move; what somebody else made of the controls is not overwritten. */
function freezeStep(release: Release): Step | undefined {
  const { progress, plan } = release;
  const { hold, refused } = progress.set;
  if (!hold || hold.paused || refused !== undefined || progress.back?.scope === 'release') return undefined;
  const edited = progress.foreign.seen?.updateStrategy;
  if (edited !== undefined && !sameJson(edited, controlledStrategy(plan.baseline, hold))) return undefined;
  return { kind: 'controls', change: { paused: true }, why: 'pause' };
}

function thawStep({ progress }: Release): Step | undefined {
  const { hold, refused } = progress.set;
  if (hold?.paused !== true || refused !== undefined || progress.back) return undefined;
  return { kind: 'controls', change: { paused: false }, why: 'resume' };
}

/** The last step has come to something that the release cannot simply go on from. */
function stopStep({ progress, plan }: Release): Step | undefined {
  const { stop, lost, lostReport } = progress;
  if (lostReport && lost) return { kind: 'whereabouts', names: lost };
  if (!stop || progress.back?.scope === 'release') return undefined;
  if (stop.kind === 'pause') return note({ kind: 'paused', reason: stop.reason });
  // A rollback by itself would undo what somebody else has changed, so that is left to a person.
  const holds = progress.set.hold !== undefined || plan.strategy === 'targeted';
  if (!progress.isEditChecked && (holds || (progress.isPutBack && plan.strategy === 'rolling')))
    return { kind: 'checkTemplate', before: 'rollback' };
  return whole(stop.reason, { hasFailed: true });
}
