import { why } from '../../release/narrate/narrate.ts';
import type { ServerFailure } from '../../release/checks/server.ts';
import type { DecisionRecord, ReleaseState, WaveProgress } from '../../release/progress/state.ts';
import { isFinal } from '../../release/progress/state.ts';
import { compactRanges } from '../../release/fleet/ranges.ts';
import { formatDuration } from '../../release/spec/quantity.ts';
import type { Work } from './story.ts';

/** The stages of a server in a wave, and of the set, as the picture shows them. */
export const STAGES = ['write', 'Ready', 'reload', 'proof and health', 'bake', 'look', 'rollback'] as const;
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

/** A row of the picture: the set, a wave, a server, or servers that are folded. */
export interface Row {
  readonly kind: 'set' | 'wave' | 'server' | 'folded';
  /** The server has failed, whatever became of it. */
  readonly hasFailed?: boolean;
  readonly name: string;
  readonly segments: readonly Segment[];
  /** Decisions, for the row of the set. */
  readonly marks: readonly { readonly at: number; readonly text: string }[];
}

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

/** More servers than this are folded: nobody reads a picture of them. */
const MOST_SERVERS = 200;

/** A release as a report tells it. @param now milliseconds since the epoch */
export function reportOf(state: ReleaseState, works: readonly Work[], now: number): Report {
  const to = state.endedAt ?? now;
  const { release, set, previousVersion, version } = state;
  const from = previousVersion === '' ? '' : `${previousVersion} → `;
  return {
    title: `${release}: ${from}${version} on ${set.namespace}/${set.name}`,
    why: why(state, now),
    from: state.startedAt,
    to,
    facts: factsOf(state, to),
    rows: rowsOf(state, works, to),
    waves: state.waves.map((wave, index) => waveLine(state, index, works, to)),
    failures: state.failures,
    failedBefore: state.failedBefore ?? [],
    decisions: state.decisions.map((one) => decisionLine(one)),
    warnings: state.warnings,
    writtenAt: now,
  };
}

function factsOf(state: ReleaseState, to: number): Report['facts'] {
  const { set, cluster, image, strategy, requester, requesterVouchedBy, phase, planHash, rollbackTo, waves } = state;
  const servers = waves.reduce((sum, { size }) => sum + size, 0);
  return [
    ['Outcome', isFinal(phase) ? phase : `${phase}, it runs`],
    ['Set', `${set.namespace}/${set.name} in cluster ${cluster}`],
    ['After', image],
    ...(rollbackTo ? ([['Before', `${rollbackTo.image} (${rollbackTo.version})`]] as const) : []),
    ['Servers', `${servers} in ${waves.length} ${waves.length === 1 ? 'wave' : 'waves'}, ${strategy}`],
    ['Started', `${moment(state.startedAt)} by ${requester} (${vouching(requesterVouchedBy)})`],
    [isFinal(phase) ? 'Ended' : 'As of', `${moment(to)}, after ${formatDuration(Math.max(0, to - state.startedAt))}`],
    ...(planHash === '' ? [] : ([['Plan', planHash]] as const)),
  ];
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
  const waves = state.waves.map((wave): Row => {
    const { number, name, startedAt, endedAt, status } = wave;
    const stage = status === 'rolled-back' ? 'rollback' : 'Ready';
    const inWave = works.filter(({ servers, from }) => servers && isDuring(wave, from, end));
    const segments = inWave.flatMap((work) => segmentOf(work, end) ?? []);
    const whole = startedAt === undefined ? [] : [{ stage, from: startedAt, to: endedAt ?? end } as const];
    return {
      kind: 'wave',
      name: `wave ${number} ${name}`,
      segments: segments.length > 0 ? segments : whole,
      marks: [],
    };
  });
  const failed = new Set([...state.failures, ...(state.failedBefore ?? [])].map(({ server }) => server));
  return [
    set,
    ...waves,
    ...serverRows(works, end).map((row) => (failed.has(row.name) ? { ...row, hasFailed: true } : row)),
  ];
}

function isDuring({ startedAt, endedAt }: WaveProgress, at: number, end: number): boolean {
  return startedAt !== undefined && at >= startedAt && at <= (endedAt ?? end);
}

function serverRows(works: readonly Work[], end: number): readonly Row[] {
  const byServer = new Map<string, Segment[]>();
  for (const work of works) {
    const segment = segmentOf(work, end);
    if (!segment) continue;
    for (const server of work.servers ?? []) byServer.set(server, [...(byServer.get(server) ?? []), segment]);
  }
  if (byServer.size <= MOST_SERVERS)
    return [...byServer].sort(byName).map(([name, segments]) => ({ kind: 'server', name, segments, marks: [] }));
  return folded(byServer);
}

/** Servers with the same story are one row. */
function folded(byServer: ReadonlyMap<string, readonly Segment[]>): readonly Row[] {
  const groups = new Map<string, { readonly names: string[]; readonly segments: readonly Segment[] }>();
  for (const [name, segments] of byServer) {
    const story = JSON.stringify(segments);
    const group = groups.get(story) ?? { names: [], segments };
    group.names.push(name);
    groups.set(story, group);
  }
  const rows = [...groups.values()].map(({ names, segments }): Row => {
    const name = `${names.length} servers: ${compactRanges(names.map((one) => Number(/\d+$/.exec(one)?.[0] ?? 0)))}`;
    return { kind: 'folded', name, segments, marks: [] };
  });
  return rows.slice(0, MOST_SERVERS);
}

function byName([left]: readonly [string, unknown], [right]: readonly [string, unknown]): number {
  return left.localeCompare(right, 'en', { numeric: true });
}

function waveLine(state: ReleaseState, index: number, works: readonly Work[], end: number): WaveLine {
  const wave = state.waves[index] as WaveProgress;
  const { number, name, size, status, ready, proven, failed, servers = '', startedAt, endedAt } = wave;
  const before = index === 0 ? state.startedAt : state.waves[index - 1]?.endedAt;
  const waited = startedAt === undefined || before === undefined ? '' : formatDuration(Math.max(0, startedAt - before));
  const took = startedAt === undefined ? '' : formatDuration(Math.max(0, (endedAt ?? end) - startedAt));
  const segments = works.filter(({ from }) => isDuring(wave, from, end)).flatMap((work) => segmentOf(work, end) ?? []);
  const stages = STAGES.flatMap((stage) => {
    const time = covered(segments.filter((one) => one.stage === stage));
    return time === 0 ? [] : [[stage, formatDuration(time)] as const];
  });
  return { number, name, size, status, ready, proven, failed, servers, waited, took, stages };
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
