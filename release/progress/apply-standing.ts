import type { PlannedServer } from '../plan/plan.ts';
import type { SeenValues } from '../patches/patches.ts';
import { letsSomebodyMove } from '../patches/patches.ts';
import { isOverMixed, mixedBudgetOf } from '../decisions/max-mixed.ts';
import { turnedBack, tryAgain } from './apply-back.ts';
import {
  ACCEPTABLE,
  evidenceGone,
  knowing,
  passedRow,
  pausedFor,
  showing,
  stopped,
  withRow,
  withShownWave,
  withWarnings,
} from './changes.ts';
import type { Appliers, Event } from './events.ts';
import { broughtBack, excludedServers, overrideWarnings, skippedServers } from './groups.ts';
import { adding, outcomeSentence, stoppedBy } from './sentences.ts';
import type { ForeignView, Newcomers, Release, Row } from './table.ts';
import { STAGE, rowOf } from './table.ts';
import { withoutFailures, withObservations } from './state.ts';
import type { ForeignEdit, Outcome, ReleaseState } from './state.ts';
import { comesAgain, editSentence, overwrittenWarnings, writtenAnew } from './written-back.ts';

/** Pauses, halts, what others changed, and the end. */
export const standingAppliers = {
  paused: (release, event, now) => pausedFor(release, event.reason, now),
  stopped: (release, event) => stopped(release, event.verdict, event.reason),
  resumed: (release, _event, now) =>
    release.progress.back?.problem === undefined ? resumed(release, now) : tryAgain(release),
  personAwaitedInVain: (release) => awaitedInVain(release),
  haltOver: (release, _event, now) => haltOver(release, now),
  retrying: (release, _event, now) => retrying(release, now),
  turnedBack: (release, event) => turnedBack(release, event),
  leaving: (release, event) => leaving(release, event),
  leftUnseen: (release, event) => leftUnseen(release, event.reason),
  leftRecorded: (release, event, now) => leftRecorded(release, event.problem, now),
  foreignSeen: (release, event, now) => foreignSeen(release, event, now),
  monitored: (release, event) => monitored(release, event.problem),
  finished: (release, event, now) =>
    finished(release, event.outcome, event.reason === '' ? outcomeSentence(release) : event.reason, now),
} satisfies Partial<Appliers>;

/** A person lets the release go on: what made it stand still counts no more, and what they saw they have accepted. */
function resumed(release: Release, now: number): Release {
  const { progress, state, spec } = release;
  const budget = mixedBudgetOf(spec);
  const mixedUntil = budget && isOverMixed(state, now) ? now + budget.limit : state.mixedUntil;
  // A person who resumes at a gate gives it its whole time again: nobody could decide about it meanwhile.
  const gate = state.gate && { ...state.gate, openedAt: now };
  const remindEvery = gate?.spec.remindEvery;
  const failed = [...progress.rows].filter(([, row]) => row.failed !== undefined);
  const next = withRow(
    release,
    failed.map(([name]) => name),
    ({ failed: _kind, tries: _tries, retryAt: _at, ...row }, name) =>
      isAcceptable(rowOf(release, name)) ? { ...row, accepting: true } : row,
  );
  const accepts = failed.some(([, row]) => isAcceptable(row));
  const wave = next.state.waves.find(({ status }) => status === 'failed');
  const running = wave ? withShownWave(next, wave.number, { status: 'running' }) : next;
  const known = knowing(running, {
    pause: undefined,
    stop: undefined,
    admission: undefined,
    groupRetry: undefined,
    newcomers: foundAgain(release),
    frozen: askedAgain(progress.frozen, now),
    isEditChecked: false,
    promotion: undefined,
    // A server that came meanwhile may have used up the quota of one that failed: the set is opened for it again.
    ...(failed.length > 0 ? { opened: [] } : {}),
    ...followingOrder(release),
    remindAt: remindEvery === undefined ? undefined : now + remindEvery,
    mustLook: progress.mustLook || accepts || progress.foreign.hasMoved === true,
    set: { ...progress.set, refused: undefined },
  });
  const { pause: _heeded, ...requests } = state.requests;
  const foreignEdit = state.foreignEdit?.wins === 'order' ? undefined : state.foreignEdit;
  return showing(known, { pausedBecause: undefined, mixedUntil, gate, requests, foreignEdit });
}

/** Newcomers are looked for again, and those that have failed are compared with what they are then. */
function foundAgain({ progress, state }: Release): Newcomers {
  const failed = new Set(state.failures.map(({ server }) => server));
  const { servers, proved } = progress.newcomers;
  const others = (known: readonly PlannedServer[]): readonly PlannedServer[] =>
    known.filter(({ name }) => !failed.has(name));
  return { ...progress.newcomers, servers: others(servers), proved: others(proved), isOver: false };
}

/** One that is known to be another pod is proved as a newcomer: of it there is nothing to accept. */
function isAcceptable({ failed, away }: Row): boolean {
  return failed !== undefined && ACCEPTABLE.has(failed) && away === undefined;
}

/** The calendar may have changed while the release was paused: it is asked again at once. */
function askedAgain(frozen: Release['progress']['frozen'], now: number): Release['progress']['frozen'] {
  return frozen && { ...frozen, until: now };
}

/** From now on Kruise's order counts, also for those of the wave at work that have not moved: it is opened anew. */
function followingOrder(release: Release): Partial<Release['progress']> {
  return release.progress.order === 'changed' ? { order: 'followed', opened: [] } : {};
}

function awaitedInVain(release: Release): Release {
  const { pausedBecause: because = '' } = release.state;
  const reason = `nobody resumed it in time; it was paused because: ${because}`;
  const problem = release.progress.back?.problem;
  const isTold = problem === undefined || because.includes(problem);
  const whole = isTold ? reason : `${reason}; the rollback is incomplete: ${problem}`;
  return leaving(release, { to: 'hold', outcome: 'failed', reason: whole });
}

/** Nobody said that the releases go on, so a person has to. */
function haltOver(release: Release, now: number): Release {
  const { halt, pausedBecause } = release.state;
  if (!halt) return release;
  const before = pausedBecause === undefined ? '' : `${pausedBecause}; `;
  const reason = `${before}nobody said that the releases go on; ${stoppedBy(halt)}`;
  return pausedFor(showing(release, { halt: undefined }), reason, now);
}

/** A person wants the failed servers tried again, those that the release went on without, too. */
function retrying(release: Release, now: number): Release {
  const { progress, state } = release;
  const skipped = skippedServers(release);
  const { retry: _heeded, ...requests } = state.requests;
  const again: string[] = [];
  const behind: string[] = [];
  for (const [name, { failed, excluded }] of progress.rows) {
    if (skipped.has(name)) continue;
    if (excluded === 'failed') behind.push(name);
    else if (failed !== undefined) again.push(name);
  }
  const listed = state.failures.map(({ server }) => server).filter((name) => !behind.includes(name));
  const tried = withRow(withRow(release, again, passedRow), behind, ({ excluded: _excluded, ...row }) => ({
    ...evidenceGone(row),
    stage: Math.min(row.stage, STAGE.moved) as typeof row.stage,
    trying: true,
  }));
  const newServers = progress.newServers && {
    ...progress.newServers,
    settled: progress.newServers.settled.filter((uid) => progress.newServers?.proved.some((one) => one.uid === uid)),
    failed: 0,
    // A server that is tried again is followed for as long as one server may take, also when the watch is over.
    until: Math.max(progress.newServers.until, now + release.spec.ready.timeout),
    isConfirmed: undefined,
  };
  const known = knowing(tried, { newServers, admission: undefined });
  return { ...known, state: withoutFailures({ ...known.state, requests }, new Set(listed)) };
}

function leaving(
  release: Release,
  { to, outcome, reason }: { readonly to: 'hold' | 'leave'; readonly outcome: Outcome; readonly reason: string },
): Release {
  const warned = to === 'hold' ? withWarnings(release, overrideWarnings(release)) : release;
  const known = knowing(warned, { leaving: { to, outcome, reason }, pause: undefined, stop: undefined });
  const cleared: Partial<ReleaseState> = {
    freeze: undefined,
    mixedUntil: undefined,
    pausedBecause: undefined,
    requests: {},
    halt: undefined,
    foreignEdit: undefined,
  };
  return showing(known, cleared);
}

function leftUnseen(release: Release, problem: string): Release {
  const { leaving: left } = release.progress;
  if (!left) return release;
  const reason = adding(left.reason, 'nobody could look whose containers that has restarted', problem);
  return knowing(release, { leaving: { ...left, reason, isLookedAt: true } });
}

function leftRecorded(release: Release, problem: string | undefined, now: number): Release {
  const { leaving: left } = release.progress;
  if (!left) return release;
  const reason =
    problem === undefined ? left.reason : adding(left.reason, 'that could not be noted on the set', problem);
  return finished(release, left.outcome, reason, now);
}

/** Another image gives servers what nobody planned, a strategy that holds fewer back lets Kruise move whomever it likes. */
function mayHaveMoved({ plan, progress }: Release, seen: SeenValues | undefined): boolean {
  if (plan.strategy !== 'rolling' || seen === undefined) return false;
  if (seen.image !== plan.baseline.newImage) return true;
  const { updateStrategy } = seen;
  if (updateStrategy === undefined || !progress.set.hold) return false;
  const { type } = updateStrategy ?? { type: 'RollingUpdate' };
  return type === 'RollingUpdate' && !holdsBackAsMany(updateStrategy, progress.set.hold.partition);
}

/** No more servers may move than the release itself has let move. */
function holdsBackAsMany(strategy: SeenValues['updateStrategy'], partition: number): boolean {
  const { paused, partition: held = 0 } = strategy?.rollingUpdate ?? {};
  return paused === true || held >= partition;
}

/** The findings of the watch of the set. */
function foreignSeen(release: Release, event: Extract<Event, { kind: 'foreignSeen' }>, now: number): Release {
  const { state } = release;
  const { what, told, by, ofOrder, ofOthers } = event;
  const foreign = foreignAfter(release, event);
  const known = knowing(release, { foreign });
  const shown = told === undefined ? known : { ...known, state: withObservations(known.state, [told]) };
  if (state.foreignEdit?.what === what) return shown;
  if (what === undefined) return editTakenBack(shown);
  const again = ofOthers ? undefined : comesAgain(foreign, by);
  const edit: ForeignEdit = {
    what,
    ...(letsMove(release, event) ? { letsMove: true } : {}),
    ...(again === undefined ? {} : { comesAgain: again }),
    ...(ofOrder ? { ofOrder: true } : {}),
    ...(ofOthers ? { ofOthers: true } : {}),
    seenAt: now,
  };
  const stands = state.pausedBecause === undefined ? {} : { pausedBecause: editSentence(edit) };
  return showing(ofOrder ? knowing(shown, { order: 'changed' }) : shown, { foreignEdit: edit, ...stands });
}

/** Where others have written the strategy, the release does not close the set: theirs says who may move. */
function letsMove(
  { progress: { set } }: Release,
  { seen, replicas }: Extract<Event, { kind: 'foreignSeen' }>,
): boolean {
  const strategy = seen?.updateStrategy;
  if (strategy === undefined || (set.hold && holdsBackAsMany(strategy, set.hold.partition))) return false;
  return letsSomebodyMove(strategy, replicas);
}

function foreignAfter(
  release: Release,
  { facts, strays, what, seen, by, told, replicas }: Extract<Event, { kind: 'foreignSeen' }>,
): ForeignView {
  const { progress, state } = release;
  const foreign: ForeignView = {
    ...progress.foreign,
    facts,
    seen,
    by,
    strays,
    replicas,
    replicaNews: progress.foreign.replicaNews + (told === undefined ? 0 : 1),
    ...(mayHaveMoved(release, seen) ? { hasMoved: true as const } : {}),
  };
  // Where an edit is known already, another difference is no further time.
  return what !== undefined && state.foreignEdit === undefined ? writtenAnew(foreign, by) : foreign;
}

function editTakenBack(release: Release): Release {
  const { foreignEdit, pausedBecause } = release.state;
  const because = `${foreignEdit?.what ?? ''}; that was taken back since, resume goes on`;
  return showing(release, {
    foreignEdit: undefined,
    ...(pausedBecause === undefined ? {} : { pausedBecause: because }),
  });
}

function monitored(release: Release, problem: string | undefined): Release {
  return knowing(withWarnings(release, problem === undefined ? [] : [problem]), { isMonitored: true });
}

function finished(release: Release, outcome: Outcome, reason: string, now: number): Release {
  const isBack = release.progress.back !== undefined && outcome !== 'failed';
  const waves = release.state.waves.map((wave) =>
    isBack && wave.status !== 'pending' ? { ...wave, status: 'rolled-back' as const } : wave,
  );
  const overrides = isBack || excludedServers(release).size === 0 ? [] : overrideWarnings(release);
  const warned = withWarnings(release, [...overrides, ...overwrittenWarnings(release)]);
  return showing(isBack ? withPastFailures(warned) : warned, {
    phase: outcome,
    reason,
    waves,
    step: '',
    wait: undefined,
    gate: undefined,
    pausedBecause: undefined,
    foreignEdit: undefined,
    freeze: undefined,
    mixedUntil: undefined,
    requests: {},
    endedAt: now,
  });
}

/** The reason of a rollback is over once they are: what still fails is listed apart from it. */
function withPastFailures(release: Release): Release {
  const back = broughtBack(release);
  const failedBefore = release.state.failures.filter(({ server }) => back.has(server));
  if (failedBefore.length === 0) return release;
  return showing({ ...release, state: withoutFailures(release.state, back) }, { failedBefore });
}
