import { agreed, counted } from '../spec/counted.ts';
import { acceptancePatience } from '../checks/acceptance.ts';
import { isSent } from '../checks/reload.ts';
import { groupsOf } from './backward.ts';
import { commandLine, setWords } from '../narrate/shell.ts';
import type { SetWriter } from '../plan/git-ops.ts';
import { evidenceGone, knowing, pausedFor, passedRow, showing, withRow, withShownWave } from './changes.ts';
import type { SeenValues } from '../patches/patches.ts';
import type { Appliers, Event, SetWritten } from './events.ts';
import { lateSentence, leftOut, skippedServers } from './groups.ts';
import { controlAfter } from './apply-set.ts';
import { MOST_ROUNDS } from './apply-membership.ts';
import type { Newcomers, Release, Row, WayBack } from './table.ts';
import { NO_NEWCOMERS, STAGE, rowOf } from './table.ts';
import { begunWave, withoutFailures } from './state.ts';
import type { Outcome, RollbackOrder, RollbackScope } from './state.ts';
import { overwriting } from './written-back.ts';

/** The way back, of all or of a part. */
export const backAppliers = {
  snapshot: (release, event) => lookedAt(release, event),
  takenBack: (release, event, now) => takenBack(release, event, now),
  backByOverrides: (release) => changingBack(release, { byOverrides: true }),
  nextGroup: (release) => nextGroup(release),
  overridesSettled: (release, event) => overridesSettled(release, event.after),
  stuckNoted: (release, event) => stuckNoted(release, event),
  partBack: (release, event, now) => partBack(release, event.problem, now),
  tryAgain: (release) => tryAgain(release),
} satisfies Partial<Appliers>;

/** Why and how a release goes back. */
export interface TurnBack {
  readonly reason: string;
  /** Default all at once. */
  readonly order?: RollbackOrder;
  readonly scope?: RollbackScope;
  readonly outcome?: Outcome;
  /** Servers have failed: the image is remembered, and some may be kept for debugging. */
  readonly hasFailed?: boolean;
}

/** The release goes back, or a part of it. */
export function turnedBack(release: Release, how: TurnBack): Release {
  const { scope = 'release', order = 'all', outcome = 'rolled-back', reason } = how;
  const back: WayBack = {
    scope,
    order,
    outcome,
    reason,
    group: 0,
    isLookedAt: false,
    isWritten: false,
    isSwept: false,
    isNothing: false,
    byOverrides: false,
    isNoted: false,
    settled: {},
  };
  return scope === 'release' ? wholeBack(release, back, how.hasFailed === true) : partLeaves(release, back);
}

/** From here on everybody goes back, also those that the release had gone on without. */
function wholeBack(release: Release, back: WayBack, hasFailed: boolean): Release {
  const { plan, spec, progress } = release;
  const members = plan.waves.flatMap(({ servers }) => servers.map(({ name }) => name));
  const failing = members.filter((name) => {
    const { failed, excluded } = rowOf(release, name);
    return failed !== undefined || excluded === 'failed';
  });
  const kept = hasFailed ? failing.slice(0, spec.onFailure.keepSpecimens) : [];
  const rows = new Map([...progress.rows].map(([name, row]) => [name, onTheWayBack(release, row)] as const));
  const known = knowing(release, {
    back,
    rows,
    pause: undefined,
    stop: undefined,
    lost: undefined,
    lostReport: undefined,
    confirmedAt: 0,
    endedAt: undefined,
    isPutBack: false,
    groupRetry: undefined,
    // A server that came meanwhile is looked for anew: what it was proved on the way forward is what has to go.
    newcomers: NO_NEWCOMERS,
    ...(hasFailed ? { failedBecause: back.reason } : {}),
  });
  return showing(known, {
    goesBack: true,
    skipped: undefined,
    skippedWaves: undefined,
    requests: {},
    gate: undefined,
    freeze: undefined,
    mixedUntil: undefined,
    pausedBecause: undefined,
    foreignEdit: undefined,
    halt: undefined,
    ...(kept.length > 0 ? { keptForDebugging: kept } : {}),
  });
}

function onTheWayBack({ plan: { version, previousVersion }, spec }: Release, row: Row): Row {
  const { deferred: _deferred, admitted: _admitted, trying: _trying, mayHaveLoaded, basis: _basis, ...rest } = row;
  const mayLoadNew = row.mayLoadNew ?? loadingNew(row, isSent(spec.reload));
  // A server that a part of the release has reverted keeps that, and its override, until the template is back.
  const excluded = rest.excluded === 'reverted' ? ('reverted' as const) : undefined;
  // It has been told to load the version before that is now desired of it.
  const isTold = excluded === 'reverted' || version === previousVersion;
  const asked = isTold && mayHaveLoaded === true ? { mayHaveLoaded } : {};
  const hadFailed = row.failed !== undefined || row.excluded === 'failed' ? (true as const) : row.hadFailed;
  return { ...passedRow(rest), ...asked, stage: STAGE.none, excluded, hadFailed, mayLoadNew };
}

/** An engine loads seconds after it was told to, and what it says until then is no proof of the old version. */
function loadingNew({ stage, mayHaveLoaded, failed, excluded, triedAt }: Row, isTold: boolean): Row['mayLoadNew'] {
  // The answer to a reload that fails is no promise to load.
  if (stage >= STAGE.proved || failed === 'reload') return 'never';
  const isLoading = isTold ? mayHaveLoaded === true && stage >= STAGE.files : stage === STAGE.told;
  if (!isLoading) return undefined;
  return failed !== undefined || excluded === 'failed' || triedAt === 'prove' ? 'late' : 'soon';
}

/** A part goes back by overrides; from now on the release goes on without it, also when not all can be proved to be back. */
function partLeaves(release: Release, back: WayBack): Release {
  const { plan, state, progress } = release;
  const skipped = skippedServers(release);
  const wave = begunWave(state);
  const waves = back.scope === 'wave' ? plan.waves.filter(({ number }) => number === wave) : plan.waves;
  const names = waves
    .flatMap((members) => members.servers)
    .map(({ name }) => name)
    .filter((name) => !skipped.has(name) && (back.scope === 'wave' || hasFailed(release, name)));
  const { rollback: _heeded, ...requests } = state.requests;
  const rowed = withRow(release, names, (row) => ({ ...onTheWayBack(release, row), excluded: 'reverted' }));
  const marked =
    back.scope === 'wave' && wave !== undefined ? withShownWave(rowed, wave, { status: 'rolled-back' }) : rowed;
  const next = {
    ...marked,
    state: withoutFailures({ ...marked.state, requests, pausedBecause: undefined }, new Set(names)),
  };
  const problem = names.length === 0 ? { problem: 'none of them is there' } : {};
  return knowing(next, {
    back: { ...back, groups: [names], ...problem },
    pause: undefined,
    stop: undefined,
    confirmedAt: progress.confirmedAt,
  });
}

function hasFailed(release: Release, name: string): boolean {
  const { failed, excluded } = rowOf(release, name);
  return failed !== undefined || excluded === 'failed';
}

function changingBack(release: Release, change: Partial<WayBack>): Release {
  const { back } = release.progress;
  return back ? knowing(release, { back: { ...back, ...change } }) : release;
}

type Snapshot = Extract<Event, { kind: 'snapshot' }>;

/** How the servers of a group stand before they are brought back: what has to go, and who had moved at all. */
function lookedAt(release: Release, seen: Snapshot): Release {
  const { back } = release.progress;
  if (!back) return release;
  const groups = back.groups ?? groupsOf(release).map((servers) => servers.map(({ name }) => name));
  // Behind the last group everybody else was looked at: those of them that have moved are one more group.
  const isSweep = back.group >= groups.length && back.groups !== undefined;
  const { came, newcomers } = cameMeanwhile(release, { back, seen, isSweep, listed: new Set(groups.flat()) });
  const out = leftOut(release);
  // A server that keeps the new version by an override has not to go; only whether it is there counts.
  const kept = new Set(release.plan.adopted.map(({ name }) => name));
  const going = isSweep ? seen.touched.filter((name) => !out.has(name) && !kept.has(name)) : (groups[back.group] ?? []);
  const members = [...new Set([...going, ...came])];
  // A server whose sidecar has only restarted is asked first: its engine may never have loaded anything else.
  const moved = isSweep ? Object.keys(seen.outgoing) : [];
  const mustLoad = new Set([...moved, ...doubtful(release, seen), ...release.plan.unproved]);
  for (const name of came) if (seen.touched.includes(name)) mustLoad.add(name);
  const known = withRow(
    release,
    seen.gone.filter((name) => kept.has(name)),
    (row) => ({ ...row, away: 'gone' }),
  );
  const added = members.length === 0 ? [] : [members];
  const all = isSweep ? [...groups, ...added] : groups.map((names, index) => (index === back.group ? members : names));
  return knowing(goingRows(known, { members, mustLoad, seen }), {
    newcomers,
    back: { ...back, groups: all, isLookedAt: true, isSwept: isSweep, staying: stayingOf(release, seen) },
  });
}

interface Coming {
  readonly back: WayBack;
  readonly seen: Snapshot;
  readonly isSweep: boolean;
  readonly listed: ReadonlySet<string>;
}

/**
 * A server that came meanwhile goes back, too, or is asked. One that does not serve, or comes after the last round, is
 * named as not proved: a set that grows for ever must not hold its rollback for ever.
 */
function cameMeanwhile(
  release: Release,
  { back, seen, isSweep, listed }: Coming,
): { readonly came: readonly string[]; readonly newcomers: Newcomers } {
  const { newcomers } = release.progress;
  // With chosen servers the image of a newcomer was never the release's.
  if (release.plan.strategy !== 'rolling' || back.scope !== 'release') return { came: [], newcomers };
  const out = leftOut(release);
  const round = newcomers.round + (isSweep ? 1 : 0);
  const found = seen.newcomers.filter(({ name }) => !out.has(name) && !listed.has(name));
  const came = round > MOST_ROUNDS ? [] : found;
  const silent = [
    ...seen.notServing.filter(({ name }) => !out.has(name)),
    ...found.filter((one) => !came.includes(one)),
  ];
  return {
    came: came.map(({ name }) => name),
    newcomers: {
      ...newcomers,
      round,
      servers: [...newcomers.servers, ...came],
      notProved: [...newcomers.notProved, ...silent],
    },
  };
}

/** A server that was created with the image that is taken back keeps it. */
function stayingOf({ plan }: Release, { newcomers, touched }: Snapshot): readonly string[] | undefined {
  if (plan.strategy !== 'newServersOnly') return undefined;
  return newcomers.map(({ name }) => name).filter((name) => touched.includes(name));
}

/** Those that may have loaded the new version without the release's having told them. */
function doubtful({ isOnRecord, progress, spec }: Release, { touched }: Snapshot): readonly string[] {
  return isOnRecord || progress.foreign.hasMoved === true || !isSent(spec.reload) ? touched : [];
}

interface Going {
  readonly members: readonly string[];
  readonly mustLoad: ReadonlySet<string>;
  readonly seen: Snapshot;
}

function goingRows(release: Release, { members, mustLoad, seen }: Going): Release {
  const away = new Set(seen.gone);
  // An engine that watches its files needs nobody to tell it.
  const loading = new Set(isSent(release.spec.reload) ? [] : seen.touched);
  return withRow(release, members, (row, name) => ({
    ...passedRow(row),
    stage: STAGE.none,
    basis: undefined,
    outgoing: seen.outgoing[name] ?? row.outgoing,
    // A server that has come back meanwhile may have loaded anything.
    touched: row.touched ?? (mustLoad.has(name) || row.away === 'gone' ? true : undefined),
    mayLoadNew: row.mayLoadNew ?? (loading.has(name) ? 'soon' : undefined),
    away: away.has(name) ? 'gone' : undefined,
  }));
}

function takenBack(release: Release, { written }: Extract<Event, { kind: 'takenBack' }>, now: number): Release {
  const { back, set } = release.progress;
  if (!back) return release;
  if (written.kind === 'untouched') return changingBack(release, { isWritten: true, isNothing: true });
  if (written.kind === 'refused' && written.templateChanged === true && release.plan.strategy === 'rolling')
    return changingBack(release, { byOverrides: true });
  const foreign = written.kind === 'refused' ? release.progress.foreign : overwriting(release.progress.foreign);
  const next = knowing(release, { set: controlAfter(set, written), foreign });
  if (written.kind === 'pending') return takenSoon(next, written.reason, now);
  return written.kind === 'accepted' ? changingBack(next, { isWritten: true }) : notTakenBack(next, written, now);
}

function notTakenBack(
  release: Release,
  written: Extract<SetWritten, { kind: 'refused' | 'written' }>,
  now: number,
): Release {
  const problem = written.reason ?? 'the rollback was interrupted';
  const known = written.kind === 'refused' && written.found ? withFound(release, written.found, problem, now) : release;
  return changingBack(known, { problem, isNoted: false });
}

/** A value of somebody else over the release's is shown: a person says whose values stay, or goes back over it. */
function withFound(release: Release, found: SeenValues, what: string, now: number): Release {
  const known = knowing(release, { foreign: { ...release.progress.foreign, seen: found } });
  return showing(known, { foreignEdit: { what, seenAt: now } });
}

/** The controllers are waited for, but no longer than they may need. */
function takenSoon(release: Release, problem: string, now: number): Release {
  const { set } = release.progress;
  const since = set.pendingSince ?? now;
  const next = knowing(release, { set: { ...set, pendingSince: since } });
  const isLate = now - since >= acceptancePatience('observed', release.plan.baseline.replicas);
  return isLate ? changingBack(next, { problem, isNoted: false }) : next;
}

/** It stands on the set; what somebody else has made of that meanwhile may be the cause, and may go on moving servers. */
function stuckNoted(release: Release, { meanwhile, writer }: Extract<Event, { kind: 'stuckNoted' }>): Release {
  const problem = release.progress.back?.problem;
  if (problem === undefined || (meanwhile === undefined && writer === undefined))
    return changingBack(release, { isNoted: true });
  const isNews = meanwhile !== undefined && !problem.includes(meanwhile);
  const whole = isNews ? `${problem}; meanwhile ${meanwhile}` : problem;
  return changingBack(release, { isNoted: true, problem: `${whole}${writer ? unfrozen(release, writer) : STOP_THAT}` });
}

const STOP_THAT = ': stop that (docs/git-ops.md), then resume';

function unfrozen({ state: { set, cluster } }: Release, { by, stop }: SetWriter): string {
  const again = commandLine('rollback', ...setWords({ set, cluster }));
  return `; the set is not closed: ${by} writes it, and servers may move: ${stop} (docs/git-ops.md), then ${again}`;
}

/** Everybody of the group was dealt with: the next one, or what is wrong with this one. */
function nextGroup(release: Release): Release {
  const { back } = release.progress;
  const names = back?.groups?.[back.group] ?? [];
  const failed = names.filter((name) => rowOf(release, name).failed !== undefined);
  if (!back) return release;
  const { isNothing } = back;
  if (failed.length === 0 || isNothing) return changingBack(release, { group: back.group + 1, isLookedAt: false });
  const reached = names.filter((name) => rowOf(release, name).away === undefined);
  return changingBack(release, { problem: problemOf(release, failed, reached.length), isNoted: false });
}

function problemOf({ state, plan }: Release, failed: readonly string[], reached: number): string {
  const known = state.failures.filter(({ server }) => failed.includes(server));
  const gone = known.find(({ class: kind }) => kind === 'imagePull');
  const first = gone ?? known[0];
  const cause = gone ? `the old image ${plan.baseline.oldImage} cannot be pulled: ` : '';
  return `${cause}${failed.length} of ${counted(reached, 'server')} ${agreed(failed.length, 'is', 'are')} not proved to be back: ${first?.server ?? failed[0] ?? ''}: ${first?.reason ?? ''}`;
}

function overridesSettled(release: Release, after: Extract<Event, { kind: 'overridesSettled' }>['after']): Release {
  const { back } = release.progress;
  if (after === 'adopt') return knowing(release, { adoption: 'cleared' });
  if (!back) return release;
  const settled =
    after === 'kept' ? { ...back.settled, kept: 'written' as const } : { ...back.settled, overrides: true as const };
  return changingBack(release, { settled });
}

/** A part is back, or is not proved to be: the release stands still again, and goes on without it when it is resumed. */
function partBack(release: Release, problem: string | undefined, now: number): Release {
  const { back } = release.progress;
  const skipped = skippedServers(release);
  const servers = (back?.groups ?? []).flat().filter((name) => !skipped.has(name));
  if (servers.length === 0 && problem === undefined)
    return pausedFor(knowing(release, { back: undefined }), 'who was to go back was skipped; resume goes on', now);
  const { previousVersion } = release.plan;
  const count = `${counted(servers.length, 'server')} ${agreed(servers.length, 'is', 'are')}`;
  const reason =
    problem === undefined
      ? `${count} back on ${previousVersion}${lateSentence(release)}; resume goes on without them`
      : `${count} not proved to be back on ${previousVersion}: ${problem}; rollback --scope failed tries again, resume goes on without them`;
  return pausedFor(knowing(release, { back: undefined }), reason, now);
}

/** An incomplete rollback is tried once more, from the look at the servers on. */
export function tryAgain(release: Release): Release {
  const { back, rows, set } = release.progress;
  if (!back) return release;
  const failed = [...rows].filter(([, row]) => row.failed !== undefined).map(([name]) => name);
  const next = withRow(release, failed, (row) => ({ ...evidenceGone(passedRow(row)), touched: row.touched }));
  // The image of new servers is taken back in one write, which is not made again.
  const isDone = release.plan.strategy === 'newServersOnly' && back.isWritten;
  const again: WayBack = {
    ...back,
    group: 0,
    groups: undefined,
    isLookedAt: false,
    isWritten: isDone,
    isSwept: false,
    isNothing: isDone,
    problem: undefined,
    isNoted: false,
    settled: {},
  };
  // The set stood open all the time, so anybody may have been moved by whoever wrote it meanwhile.
  const foreign = { ...release.progress.foreign, hasMoved: true as const };
  const known = knowing(next, {
    back: again,
    pause: undefined,
    stop: undefined,
    set: { ...set, refused: undefined },
    // The set is taken back once more, so what was put back has to be put back once more.
    isPutBack: isDone && release.progress.isPutBack,
    foreign,
    // Newcomers go back with the groups, which are made anew.
    newcomers: back.scope === 'release' ? NO_NEWCOMERS : release.progress.newcomers,
  });
  return showing(known, {
    requests: {},
    gate: undefined,
    pausedBecause: undefined,
    foreignEdit: undefined,
    keptForDebugging: undefined,
  });
}
