import { why } from '../../release/narrate/narrate.ts';
import type { ServerFailure } from '../../release/checks/server.ts';
import type { DecisionRecord, Phase, ReleaseState, WaveProgress } from '../../release/progress/state.ts';
import { isFinal } from '../../release/progress/state.ts';
import { compactRanges } from '../../release/fleet/ranges.ts';
import { counted } from '../../release/spec/counted.ts';
import { formatDuration } from '../../release/spec/quantity.ts';
import type { Work } from './story.ts';

/** The stages of a server in a wave, and of the set, as the picture shows them. */
export const STAGES = ['write', 'Ready', 'reload', 'proof and health', 'bake', 'look', 'rollback', 'wait'] as const;
/** A stage of a server in a wave, or of the set. */
export type StageName = (typeof STAGES)[number];

const STAGE_OF: Readonly<Record<string, StageName>> = {
  stageTemplate: 'write',
  stageForNewServers: 'write',
  openWave: 'write',
  changeControls: 'write',
  changePriorities: 'write',
  overrideServers: 'write',
  settleOverrides: 'write',
  reassertSet: 'write',
  restoreSet: 'write',
  awaitReady: 'Ready',
  admitServers: 'Ready',
  reloadServers: 'reload',
  checkServers: 'proof and health',
  followNewServers: 'proof and health',
  bakeWave: 'bake',
  lookAtFleet: 'look',
  verifyFleet: 'look',
  rollBackSet: 'rollback',
  rollBackNewServers: 'rollback',
  rollbackSnapshot: 'rollback',
};

/** A piece of the picture. */
export interface Segment {
  readonly stage: StageName;
  readonly from: number;
  readonly to: number;
  readonly failure?: string | undefined;
}

/** A row of the picture: the set, a wave, the way back, a server, or servers that are folded. */
export interface Row {
  readonly kind: 'set' | 'wave' | 'rollback' | 'server' | 'folded';
  /** The server has failed, whatever became of it. */
  readonly hasFailed?: boolean;
  readonly name: string;
  readonly segments: readonly Segment[];
  /** Decisions, for the row of the set. */
  readonly marks: readonly { readonly at: number; readonly text: string }[];
}

/** More servers than this are folded: nobody reads a picture of them. */
const MOST_SERVERS = 200;
/** Rows of folded servers. */
const MOST_FOLDED = 100;

/** A release as a report tells it. */
export interface Report {
  readonly title: string;
  readonly why: string;
  /** Milliseconds since the epoch. */
  readonly from: number;
  readonly to: number;
  readonly facts: readonly (readonly [string, string])[];
  readonly rows: readonly Row[];
  readonly waves: readonly WaveLine[];
  readonly failures: readonly ServerFailure[];
  /** Failed before a rollback, and back since. */
  readonly failedBefore: readonly ServerFailure[];
  readonly decisions: readonly DecisionLine[];
  readonly warnings: readonly string[];
  readonly writtenAt: number;
}

/** A wave in numbers, and the time of its parts. */
export interface WaveLine extends Pick<
  WaveProgress,
  'number' | 'name' | 'size' | 'status' | 'ready' | 'proven' | 'failed'
> {
  readonly servers: string;
  readonly waited: string;
  readonly took: string;
  readonly stages: readonly (readonly [StageName, string])[];
}

/** A decision, and what vouches for the name. */
export interface DecisionLine extends Pick<
  DecisionRecord,
  'verb' | 'actor' | 'channel' | 'accepted' | 'answer' | 'at'
> {
  readonly vouched: string;
  readonly reason: string;
}

/** A release whose workflow was closed without hotwave: by whom Temporal does not say. */
export interface EndedFromOutside {
  /** As Temporal says it: `terminated`, `failed`, `timed out`. */
  readonly how: string;
  /** Milliseconds since the epoch. */
  readonly at: number | undefined;
}

/** A release as a report tells it. @param now milliseconds since the epoch */
export function reportOf(state: ReleaseState, works: readonly Work[], now: number, outside?: EndedFromOutside): Report {
  const to = state.endedAt ?? outside?.at ?? now;
  const { release, set, previousVersion, version } = state;
  const from = previousVersion === '' ? '' : `${previousVersion} → `;
  const reason = why(state, to);
  return {
    title: `${release}: ${from}${version} on ${set.namespace}/${set.name}`,
    why: outside
      ? `${outside.how} from outside, without hotwave: every server stays as it was. Before that: ${reason}`
      : reason,
    from: state.startedAt,
    to,
    facts: factsOf(state, works, to, outside),
    rows: rowsOf(state, works, to),
    waves: state.waves.map((wave, index) => waveLine(state, index, works, to)),
    failures: state.failures,
    failedBefore: state.failedBefore ?? [],
    decisions: state.decisions.map((one) => decisionLine(one)),
    warnings: state.warnings,
    writtenAt: now,
  };
}

type Fact = readonly [string, string];

function factsOf(
  state: ReleaseState,
  works: readonly Work[],
  to: number,
  outside: EndedFromOutside | undefined,
): readonly Fact[] {
  const { set, cluster, image, version, strategy, requester, requesterVouchedBy, phase, planHash, rollbackTo } = state;
  const servers = state.waves.reduce((sum, { size }) => sum + size, 0);
  const hasEnded = isFinal(phase) || outside !== undefined;
  const back = works.filter(({ isBack, activity }) => isBack === true || STAGE_OF[activity] === 'rollback');
  return [
    ['Outcome', isFinal(phase) ? phase : outside ? `${outside.how} from outside, while ${phase}` : `${phase}, it runs`],
    ['Set', `${set.namespace}/${set.name} in cluster ${cluster}`],
    ...(rollbackTo ? [['Before', `${rollbackTo.image} (${rollbackTo.version})`] as const] : []),
    ['After', version === '' ? image : `${image} (${version})`],
    ['Servers', `${counted(servers, 'server')} in ${counted(state.waves.length, 'wave')}, ${strategy}`],
    ['Started', `${moment(state.startedAt)} by ${requester} (${vouching(requesterVouchedBy)})`],
    [hasEnded ? 'Ended' : 'As of', `${moment(to)}, after ${formatDuration(Math.max(0, to - state.startedAt))}`],
    ...(back.length === 0 ? [] : [['Rollback', timesOf(back, to)] as const]),
    ...excludedFacts(state),
    ...(planHash === '' ? [] : [['Plan', planHash] as const]),
  ];
}

/** The servers that a release goes on without, and what stopped it for a time. */
function excludedFacts(state: ReleaseState): readonly Fact[] {
  const { skipped = [], skippedWaves = [], keptForDebugging = [], returned, halt, freeze, supersededBy } = state;
  const facts: readonly (readonly [string, readonly string[]])[] = [
    [
      'Skipped',
      skipped.map(({ server, actor, reason }) => `${server} by ${actor}${reason === '' ? '' : `: ${reason}`}`),
    ],
    ['Skipped waves', skippedWaves.map(String)],
    ['Kept for debugging', keptForDebugging],
    [
      'Reverted',
      returned === undefined ? [] : [`${counted(returned.count, 'server')}, ${returned.servers.join(', ')}`],
    ],
    ['Halted', halt === undefined ? [] : [`by ${halt.actor} since ${moment(halt.since)}: ${halt.reason}`]],
    ['Frozen', freeze === undefined ? [] : [`${freeze.window}, until ${moment(freeze.until)}`]],
    ['Superseded by', supersededBy === undefined ? [] : [supersededBy]],
  ];
  return facts.flatMap(([name, values]) => (values.length === 0 ? [] : [[name, values.join('; ')] as const]));
}

/** `4s: Ready 2s, reload 1s`: from the first piece of work to the end of the last. */
function timesOf(works: readonly Work[], end: number): string {
  const from = Math.min(...works.map((work) => work.from));
  const to = Math.max(...works.map((work) => work.to ?? end));
  const stages = stageTimes(works.flatMap((work) => segmentOf(work, end) ?? []));
  return `${formatDuration(to - from)}: ${stages.map(([stage, time]) => `${stage} ${time}`).join(', ')}`;
}

function vouching(key: string | undefined): string {
  return key === undefined ? 'claimed' : `vouched for by ${key}`;
}

/** `2026-01-02 12:03:04 UTC`: a report is read in other places than it was written in. */
export function moment(milliseconds: number): string {
  return `${new Date(milliseconds).toISOString().slice(0, 19).replace('T', ' ')} UTC`;
}

function segmentOf({ activity, from, to, failure }: Work, end: number): Segment | undefined {
  const stage = STAGE_OF[activity];
  return stage && { stage, from, to: Math.max(from, to ?? end), failure };
}

function rowsOf(state: ReleaseState, works: readonly Work[], end: number): readonly Row[] {
  const ofSet = works.filter(({ servers }) => servers === undefined).flatMap((work) => segmentOf(work, end) ?? []);
  const marks = state.decisions
    .filter(({ accepted }) => accepted)
    .map(({ at, verb, actor, wave }) => ({
      at,
      text: `${verb}${wave === undefined ? '' : ` wave ${wave}`} by ${actor}`,
    }));
  const set: Row = { kind: 'set', name: state.set.name, segments: ofSet, marks };
  const waves = state.waves.map((wave, index): Row => {
    const ofWave = works.filter((work) => work.servers && isOfWave(wave, work, end));
    const segments = [...waitBefore(state, index, end), ...ofWave.flatMap((work) => segmentOf(work, end) ?? [])];
    return { kind: 'wave', name: `wave ${nameOf(wave)}`, segments, marks: [] };
  });
  const back = works.filter(({ servers, isBack }) => servers && isBack === true);
  const segments = back.flatMap((work) => segmentOf(work, end) ?? []);
  const rollback: readonly Row[] =
    back.length === 0 ? [] : [{ kind: 'rollback', name: 'rollback', segments, marks: [] }];
  return [set, ...waves, ...rollback, ...serverRows(state, works, end)];
}

/** `2`, or `3 (rest)` where the wave has a name of its own. */
function nameOf({ number, name }: Pick<WaveProgress, 'number' | 'name'>): string {
  return name === '' || name === String(number) ? String(number) : `${number} (${name})`;
}

/** Waits that people end: a gate, a pause, a freeze, a halt. */
const STANDS_STILL: ReadonlySet<Phase> = new Set<Phase>(['waiting-approval', 'frozen', 'paused', 'halted']);

/** From the end of the wave before to the begin of this one; to the end while the release stands still before it. */
function waitBefore(state: ReleaseState, index: number, end: number): readonly Segment[] {
  const before = index === 0 ? state.startedAt : state.waves[index - 1]?.endedAt;
  const begun = state.waves[index]?.startedAt ?? (STANDS_STILL.has(state.phase) ? end : undefined);
  if (before === undefined || begun === undefined || begun <= before) return [];
  return [{ stage: 'wait', from: before, to: begun }];
}

/** The way back is no part of a wave, although the last wave is still open then. */
function isOfWave({ startedAt, endedAt }: WaveProgress, { from, isBack, activity }: Work, end: number): boolean {
  const isRollback = isBack === true || STAGE_OF[activity] === 'rollback';
  return !isRollback && startedAt !== undefined && from >= startedAt && from <= (endedAt ?? end);
}

/** So many failed servers have a row of their own among folded ones. */
const MOST_FAILED = 50;

function serverRows(state: ReleaseState, works: readonly Work[], end: number): readonly Row[] {
  const byServer = new Map<string, Segment[]>();
  for (const work of works) {
    const segment = segmentOf(work, end);
    if (!segment) continue;
    for (const server of work.servers ?? []) {
      const segments = byServer.get(server);
      if (segments) segments.push(segment);
      else byServer.set(server, [segment]);
    }
  }
  const failed = new Set([...state.failures, ...(state.failedBefore ?? [])].map(({ server }) => server));
  const rowOf = ([name, segments]: readonly [string, readonly Segment[]]): Row => {
    return { kind: 'server', name, segments, marks: [], ...(failed.has(name) ? { hasFailed: true } : {}) };
  };
  const servers = [...byServer].sort(byName);
  if (servers.length <= MOST_SERVERS) return servers.map(rowOf);
  const apart = servers.filter(([name]) => failed.has(name)).slice(0, MOST_FAILED);
  const others = servers.filter((one) => !apart.includes(one));
  return [...apart.map(rowOf), ...folded(others)];
}

/** Servers with the same story are one row; rows that the picture has no place for are counted in the last one. */
function folded(servers: readonly (readonly [string, readonly Segment[]])[]): readonly Row[] {
  const groups = new Map<string, { readonly names: string[]; readonly segments: readonly Segment[] }>();
  for (const [name, segments] of servers) {
    const story = JSON.stringify(segments);
    const group = groups.get(story) ?? { names: [], segments };
    group.names.push(name);
    groups.set(story, group);
  }
  const all = [...groups.values()].sort(
    (left, right) => (left.segments[0]?.from ?? 0) - (right.segments[0]?.from ?? 0),
  );
  const rows = all.slice(0, MOST_FOLDED).map(({ names, segments }): Row => {
    return { kind: 'folded', name: foldedName(names), segments, marks: [] };
  });
  const rest = all.slice(MOST_FOLDED).flatMap(({ names }) => names);
  if (rest.length === 0) return rows;
  return [...rows, { kind: 'folded', name: `not drawn: ${foldedName(rest)}`, segments: [], marks: [] }];
}

function foldedName(names: readonly string[]): string {
  return `${counted(names.length, 'server')}: ${compactRanges(names.map((one) => Number(/\d+$/.exec(one)?.[0] ?? 0)))}`;
}

function byName([left]: readonly [string, unknown], [right]: readonly [string, unknown]): number {
  return left.localeCompare(right, 'en', { numeric: true });
}

function waveLine(state: ReleaseState, index: number, works: readonly Work[], end: number): WaveLine {
  const wave = state.waves[index] as WaveProgress;
  const { number, size, status, ready, proven, failed, servers = '', startedAt, endedAt } = wave;
  const waited = waitBefore(state, index, end)
    .map(({ from, to }) => formatDuration(to - from))
    .join('');
  const took = startedAt === undefined ? '' : formatDuration(Math.max(0, (endedAt ?? end) - startedAt));
  const ofWave = works.filter((work) => isOfWave(wave, work, end));
  const stages = stageTimes(ofWave.flatMap((work) => segmentOf(work, end) ?? []));
  return { number, name: nameOf(wave), size, status, ready, proven, failed, servers, waited, took, stages };
}

function stageTimes(segments: readonly Segment[]): WaveLine['stages'] {
  return STAGES.flatMap((stage) => {
    const time = covered(segments.filter((one) => one.stage === stage));
    return time === 0 ? [] : [[stage, formatDuration(time)] as const];
  });
}

/** The time that pieces cover together, in milliseconds: work beside other work counts once. */
function covered(segments: readonly Segment[]): number {
  let [sum, end] = [0, -Infinity];
  for (const { from, to } of [...segments].sort((left, right) => left.from - right.from)) {
    sum += Math.max(0, to - Math.max(from, end));
    end = Math.max(end, to);
  }
  return sum;
}

function decisionLine({
  verb,
  actor,
  channel,
  accepted,
  answer,
  at,
  vouchedBy,
  reason = '',
}: DecisionRecord): DecisionLine {
  return { verb, actor, channel, accepted, answer, at, vouched: vouching(vouchedBy), reason };
}
