import { agreed, counted } from '../spec/counted.ts';
import { FROZEN } from '../patches/patches.ts';
import type { SetControls } from '../patches/patches.ts';
import { plannedOnes, plannedServers } from '../fleet/newcomers.ts';
import type { KnownOnes, PlannedOnes } from '../fleet/newcomers.ts';
import type { PlannedServer, Wave } from '../plan/plan.ts';
import { resolveCount } from '../spec/quantity.ts';
import type { FailedBefore, FailurePolicy } from '../checks/verdict.ts';
import { triesAgain } from '../checks/verdict.ts';
import { STAGE, placesOf, rowOf } from './table.ts';
import type { Release, Row } from './table.ts';
import { isFinal, namedServers } from './state.ts';
import type { NamedServers, ReleaseState, WaveProgress } from './state.ts';

// The groups of servers: every question about a group of servers is answered from the table here, and nowhere else.

/** Servers that people have skipped: themselves, or with their wave. */
export function skippedServers({ plan, state }: Pick<Release, 'plan' | 'state'>): ReadonlySet<string> {
  const { skipped = [], skippedWaves = [] } = state;
  const waves = plan.waves.filter(({ number }) => skippedWaves.includes(number));
  return new Set([
    ...skipped.map(({ server }) => server),
    ...waves.flatMap(({ servers }) => servers.map(({ name }) => name)),
  ]);
}

/** Servers that the release goes on without, for whatever reason, in the order of their waves. */
export function excludedServers(release: Release): ReadonlySet<string> {
  const skipped = skippedServers(release);
  const isOut = (name: string): boolean => skipped.has(name) || rowOf(release, name).excluded !== undefined;
  const planned = plannedServers(release.plan).map(({ name }) => name);
  return new Set([...planned.filter(isOut), ...skipped]);
}

/** Those of the servers that go on with the release now. */
export function goingOn(release: Release, servers: readonly PlannedServer[]): readonly PlannedServer[] {
  const skipped = skippedServers(release);
  return servers.filter(({ name }) => {
    const { excluded, away } = rowOf(release, name);
    return excluded === undefined && away === undefined && !skipped.has(name);
  });
}

/** The newcomers at work that nobody has excluded: a name that a person has skipped stays so for every pod that has it. */
export function newcomersGoingOn(release: Release): readonly PlannedServer[] {
  const skipped = skippedServers(release);
  return release.progress.newcomers.servers.filter(
    ({ name }) => rowOf(release, name).excluded === undefined && !skipped.has(name),
  );
}

/** True while a planned server is the one that was planned, as far as is known. */
export function isHere(release: Release, { name }: Pick<PlannedServer, 'name'>): boolean {
  return rowOf(release, name).away === undefined;
}

/** The server as it is compared now: as planned, or as a person has accepted it. */
export function asAccepted(release: Release, server: PlannedServer): PlannedServer {
  return rowOf(release, server.name).server ?? server;
}

/** The planned servers that are still there. */
export function presentOnes(release: Release): PlannedOnes {
  return plannedOnes(release.plan, new Set(awayServers(release)));
}

/** A server that is none of these came meanwhile and was not dealt with yet. */
export function knownOnes(release: Release): KnownOnes {
  const { proved, notProved, servers } = release.progress.newcomers;
  return { planned: presentOnes(release), settled: [...proved, ...notProved, ...servers].map(({ uid }) => uid) };
}

/** Names of planned servers that are not the ones any more that were planned. */
function awayServers({ progress }: Release): readonly string[] {
  return [...progress.rows].filter(([, { away }]) => away !== undefined).map(([name]) => name);
}

/** The wave of a server; undefined for servers of no wave. */
export function waveOf({ plan }: Pick<Release, 'plan'>, name: string): Wave | undefined {
  return placesOf(plan).get(name)?.wave;
}

/** The verdict on failed servers of a wave; without a wave, of servers of no wave. */
export function policyOf({ plan, spec }: Release, wave?: Wave): FailurePolicy {
  const { then, perWave, classes } = spec.onFailure;
  const limit = perWave === undefined || !wave ? undefined : resolveCount(perWave, wave.servers.length);
  return { tolerate: plan.tolerate, then, classes, perWave: limit };
}

/** How many servers were excluded before because they failed. A server that was skipped since does not count. */
export function failedBefore(release: Release, wave?: Wave): FailedBefore {
  const skipped = skippedServers(release);
  const failed = [...release.progress.rows].filter(
    ([name, { excluded, trying }]) => (excluded === 'failed' || trying === true) && !skipped.has(name),
  );
  const inWave = new Set(wave?.servers.map(({ name }) => name));
  return { inAll: failed.length, inWave: failed.filter(([name]) => inWave.has(name)).length };
}

/**
 * How many of these servers may fail before a step need not wait for the others. Where failed servers are tried again
 * every one counts.
 */
export function failFast(release: Release, servers: readonly PlannedServer[]): number {
  const { plan, state, spec } = release;
  const isRetry = servers.length > 0 && servers.every(({ name }) => rowOf(release, name).trying === true);
  if (isRetry || triesAgain(spec.onFailure)) return servers.length;
  const wave = plan.waves[state.wave - 1];
  const { tolerate, perWave = Infinity } = policyOf(release, wave);
  const { inAll, inWave } = failedBefore(release, wave);
  return Math.max(0, Math.min(tolerate - inAll, perWave - inWave));
}

/** `duel-3, duel-7, ...`: a group of servers in a sentence. */
export function namesOf(servers: Iterable<string>): string {
  const names = [...servers];
  return `${names.slice(0, 5).join(', ')}${names.length > 5 ? ', ...' : ''}`;
}

/** `; excluded: duel-3; back on 1.0 by an override: duel-7`: whom the end of a release names. */
export function excludedSentence(release: Release): string {
  const reverted = new Set(revertedServers(release));
  const others = [...excludedServers(release)].filter((name) => !reverted.has(name));
  const back =
    reverted.size === 0 ? '' : `; back on ${release.plan.previousVersion} by an override: ${namesOf(reverted)}`;
  return `${others.length === 0 ? '' : `; excluded: ${namesOf(others)}`}${back}${lateSentence(release)}`;
}

/** Servers that say the old version, and were told to load the new one and never proved it: nobody knows what comes. */
export function lateServers(release: Release): readonly string[] {
  // An excluded server has not gone back, and is named for that.
  const out = leftOut(release);
  return [...release.progress.rows]
    .filter(([name, { mayLoadNew, away }]) => mayLoadNew === 'late' && away === undefined && !out.has(name))
    .map(([name]) => name);
}

/** `; told to load 2.0, never proved it and may load it yet: duel-3`. */
export function lateSentence(release: Release): string {
  const names = lateServers(release);
  return names.length === 0
    ? ''
    : `; told to load ${release.plan.version}, never proved it and may load it yet: ${namesOf(names)}`;
}

/** Servers that a partial rollback has taken back. */
export function revertedServers({ progress }: Release): readonly string[] {
  return [...progress.rows]
    .filter(([, { excluded, away }]) => excluded === 'reverted' && away !== 'gone')
    .map(([name]) => name);
}

/** Servers that a rollback of the whole release leaves as they are: skipped since it began, or kept for debugging. */
export function leftOut(release: Release): ReadonlySet<string> {
  return new Set([...skippedServers(release), ...(release.state.keptForDebugging ?? [])]);
}

/** Servers of which it is known at the end of a rollback that they are back, so that nothing of them fails any more. */
export function broughtBack(release: Release): ReadonlySet<string> {
  const { plan, progress, state } = release;
  const { back, newcomers, rows } = progress;
  // The image of new servers is taken back; those that are there stay as they are. Of one that was left half-way
  // nobody knows.
  if (progress.leaving || back?.scope !== 'release' || back.isNothing || plan.strategy === 'newServersOnly')
    return new Set();
  const out = leftOut(release);
  const silent = new Set(newcomers.notProved.map(({ name }) => name));
  // Of a rolling release the others were looked at as well.
  const others = plan.strategy === 'rolling' ? state.failures.map(({ server }) => server) : [];
  const all = [...(back.groups ?? []).flat(), ...others];
  return new Set(all.filter((name) => !out.has(name) && !silent.has(name) && rows.get(name)?.failed === undefined));
}

/** Adopted servers that keep the new version by their overrides when the release goes back. */
export function keptServers(release: Release): readonly PlannedServer[] {
  // One whose pod was made again is none of them any more: it goes back like whoever came meanwhile.
  const others = new Set([...leftOut(release), ...(release.progress.back?.groups ?? []).flat()]);
  return release.plan.adopted.filter((server) => isHere(release, server) && !others.has(server.name));
}

/** `; excluded: duel-3; kept as they are for debugging: duel-7`: whom the end of a rollback names. */
export function leftOutSentence(release: Release): string {
  const { keptForDebugging = [] } = release.state;
  const skipped = [...skippedServers(release)].filter((name) => !keptForDebugging.includes(name));
  const kept = keptForDebugging.length === 0 ? '' : `; kept as they are for debugging: ${keptForDebugging.join(', ')}`;
  return `${skipped.length === 0 ? '' : `; excluded: ${namesOf(skipped)}`}${kept}${lateSentence(release)}`;
}

/** Overrides of a partial rollback outlive the release, and win over whatever comes next: somebody has to know. */
export function overrideWarnings(release: Release): readonly string[] {
  const reverted = revertedServers(release);
  if (reverted.length === 0) return [];
  const { oldImage, container } = release.plan.baseline;
  return [
    `${counted(reverted.length, 'server')} ${agreed(reverted.length, 'keeps', 'keep')} an override of ${oldImage} until somebody takes the image of ${container} out of ${agreed(reverted.length, 'its GameServer', 'their GameServers')}: ${namesOf(reverted)}`,
  ];
}

/** The servers of the waves that were opened or begun. */
export function reachedServers({ plan, state }: Release): readonly PlannedServer[] {
  return plan.waves.filter(({ number }) => number <= state.wave).flatMap(({ servers }) => servers);
}

/**
 * The set controls when the release writes over an edit. Until the last wave is over nobody moves at first: whoever came
 * meanwhile may stand where one of the waves stood in Kruise's order, so the set is opened for its wave anew.
 */
export function holdOverEdit({ progress, state }: Release): SetControls | undefined {
  const { hold } = progress.set;
  const isOver = state.waves.every(({ status }) => status !== 'pending' && status !== 'running' && status !== 'failed');
  return hold && { ...hold, paused: false, ...(isOver ? {} : { partition: FROZEN }) };
}

/**
 * Those that move along when the set is opened for a wave, since Kruise moves by its own order: whoever of the waves before
 * is excluded or has not moved (its wave was skipped or taken back, a newcomer used up its quota), and whoever ran the image
 * before the plan and has lost it by an edit.
 */
export function notOpened(release: Release, wave: number): readonly PlannedServer[] {
  const { plan, state, progress } = release;
  const excluded = excludedServers(release);
  const isLeft = ({ name }: PlannedServer): boolean => excluded.has(name) || rowOf(release, name).stage === STAGE.none;
  const before = plan.waves.filter(({ number }) => number < wave);
  const lost = plan.alreadyUpdated.filter(({ name }) => progress.rows.get(name)?.stage === STAGE.none);
  const left = before.flatMap(({ number, servers }) =>
    state.waves[number - 1]?.status === 'rolled-back' ? servers : servers.filter(isLeft),
  );
  return [...left, ...lost];
}

/** Those of the waves behind this one, but for skipped ones. Without a wave nobody. */
export function laterServers({ plan, state }: Release, wave = Infinity): readonly PlannedServer[] {
  const { skippedWaves = [] } = state;
  return plan.waves
    .filter(({ number }) => number > wave && !skippedWaves.includes(number))
    .flatMap(({ servers }) => servers);
}

/** The waves as people see them: every number is counted from the table. */
export function withCounts(release: Release): ReleaseState {
  const { plan, state, progress } = release;
  if (plan.strategy === 'newServersOnly') return { ...state, waves: newServersWave(release) };
  const over = isFinal(state.phase) ? broughtBack(release) : new Set<string>();
  const waves = state.waves.map((wave) => ({ ...wave, ...countsOf(release, wave, over) }));
  const named = (isOne: (row: Row) => boolean): NamedServers | undefined =>
    namedServers([...placesOf(plan).keys()].filter((name) => isOne(progress.rows.get(name) ?? { stage: STAGE.none })));
  return {
    ...state,
    waves,
    deferred: named(({ deferred, excluded }) => deferred === true && excluded === undefined),
    returned: named(({ excluded }) => excluded === 'reverted'),
  };
}

/** @param over whose failure is over: they are back */
function countsOf(
  release: Release,
  wave: WaveProgress,
  over: ReadonlySet<string>,
): Pick<WaveProgress, 'ready' | 'proven' | 'failed'> {
  const servers = release.plan.waves[wave.number - 1]?.servers ?? [];
  const skipped = skippedServers(release);
  const counts = { ready: 0, proven: 0, failed: 0 };
  for (const { name } of servers) {
    const row = rowOf(release, name);
    const { stage, excluded, away } = row;
    if (away !== undefined || excluded === 'reverted') continue;
    if (stage >= STAGE.moved) counts.ready += 1;
    // One status each: whoever has failed counts as that, also when it proves the version.
    if (countsAsFailed(row, over.has(name)) && !skipped.has(name)) counts.failed += 1;
    else if (stage >= STAGE.proved) counts.proven += 1;
  }
  return counts;
}

function countsAsFailed({ failed, excluded, hadFailed }: Row, isOver: boolean): boolean {
  return failed !== undefined || excluded === 'failed' || (hadFailed === true && !isOver);
}

function newServersWave({ state, progress }: Release): readonly WaveProgress[] {
  const { proved = [], failed = 0 } = progress.newServers ?? {};
  const proven = proved.length;
  return state.waves.map((wave) => ({ ...wave, size: proven + failed, ready: proven, proven, failed }));
}

/** Servers of the plan or newcomers by name. */
export function serversNamed({ plan, progress }: Release, names: readonly string[]): readonly PlannedServer[] {
  const places = placesOf(plan);
  const came = new Map(progress.newcomers.servers.map((server) => [server.name, server]));
  return names.flatMap((name) => came.get(name) ?? places.get(name)?.server ?? []);
}

/**
 * The revision that servers go to by the template. Undefined for those that have the new image by an override still: the
 * template takes them over after the last wave, and until then no revision is theirs.
 */
export function awaitedRevision({ plan, progress }: Release, servers: readonly PlannedServer[]): string | undefined {
  const isWaiting = progress.back === undefined && progress.adoption === undefined;
  const overridden = new Set(isWaiting ? plan.adopted.map(({ name }) => name) : []);
  return servers.every(({ name }) => overridden.has(name)) ? undefined : progress.set.revision;
}
