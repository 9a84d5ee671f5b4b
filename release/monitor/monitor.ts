import type { SetRef } from '../fleet/fleet.ts';
import type { MonitorChange } from './monitor-watch.ts';
import type { AuditRow } from '../audit/audit.ts';
import { formatDuration } from '../spec/quantity.ts';

/** An event, one line of a monitor's log. */
export interface MonitorEvent {
  /** Milliseconds since the epoch. */
  readonly at: number;
  readonly server?: string | undefined;
  readonly kind: MonitorChange['kind'] | 'proved' | 'repaired' | 'failed' | 'trouble';
  readonly text: string;
}

/** A server that does not prove what it should, or that is not yet known to. */
export interface MonitorProblem {
  readonly server: string;
  readonly since: number;
  /** The reason that the monitor looked: a crash, a new pod. */
  readonly cause: string;
  /** The findings of the last look; empty before the first. */
  readonly mismatch: AuditRow['mismatch'];
  readonly reason: string;
  /** How often it was looked at, and how often its engine was made to reload. */
  readonly looks: number;
  readonly reloads: number;
  /** When it is looked at again. */
  readonly nextAt: number;
}

/** The findings of one look at a server, and whether its engine was made to reload. */
export interface MonitorFinding {
  readonly server: string;
  readonly proves: boolean;
  readonly mismatch: AuditRow['mismatch'];
  readonly reason: string;
  readonly wanted: string;
  readonly loaded: string;
  readonly reloaded: boolean;
}

/** How often what was seen and done. */
export interface MonitorCounts {
  readonly crashed: number;
  readonly restarted: number;
  readonly recreated: number;
  readonly appeared: number;
  readonly gone: number;
  readonly notProved: number;
  readonly edited: number;
  readonly proved: number;
  readonly repaired: number;
  readonly reloads: number;
}

/** The whole state of a monitor: what the query returns and everything that people are shown is made from. */
export interface MonitorState {
  readonly v: 1;
  readonly release: string;
  readonly cluster: string;
  readonly set: SetRef;
  readonly image: string;
  readonly version: string;
  readonly requester: string;
  readonly phase: 'guarding' | 'ended';
  /** Why it ended; empty while it watches. */
  readonly reason: string;
  readonly startedAt: number;
  /** Milliseconds since the epoch. */
  readonly until: number;
  readonly endedAt?: number;
  /** Time between two looks, in milliseconds. */
  readonly interval: number;
  /** When the last report of a look came, and how many servers there were. */
  readonly lookedAt: number;
  readonly servers: number;
  readonly problems: readonly MonitorProblem[];
  /** The latest 100. */
  readonly events: readonly MonitorEvent[];
  readonly counts: MonitorCounts;
  /** Messages that could not be read: somebody tried something. */
  readonly unreadable?: number | undefined;
}

/** The input of a monitor. */
export type MonitorIdentity = Pick<
  MonitorState,
  'release' | 'cluster' | 'set' | 'image' | 'version' | 'requester' | 'until' | 'interval'
>;

/** An engine is made to reload this often for one problem; then a person has to look. */
export const MOST_RELOADS = 3;
/** More problems at once than this are counted, and found again once there is room. */
const MOST_PROBLEMS = 1_000;
const KEPT_EVENTS = 100;
const LONGEST_BACK_OFF = 5 * 60_000;

const NO_COUNTS: MonitorCounts = {
  crashed: 0,
  restarted: 0,
  recreated: 0,
  appeared: 0,
  gone: 0,
  notProved: 0,
  edited: 0,
  proved: 0,
  repaired: 0,
  reloads: 0,
};

/** The state of a monitor that has not looked yet. */
export function newMonitor(identity: MonitorIdentity, now: number): MonitorState {
  return {
    v: 1,
    ...identity,
    phase: 'guarding',
    reason: '',
    startedAt: now,
    lookedAt: 0,
    servers: 0,
    problems: [],
    events: [],
    counts: NO_COUNTS,
  };
}

/** Takes over what a look has seen. In every case the server has to prove its version again. */
export function withChanges(
  state: MonitorState,
  { changes, servers }: { readonly changes: readonly MonitorChange[]; readonly servers: number },
  now: number,
): MonitorState {
  const seen = changes.reduce<MonitorState>((sum, change) => withChange(sum, change, now), state);
  return { ...seen, servers, lookedAt: now };
}

function withChange(state: MonitorState, { kind, server, text }: MonitorChange, now: number): MonitorState {
  const counted = {
    ...withEvent(state, { at: now, server, kind, text }),
    counts: { ...state.counts, [kind]: state.counts[kind] + 1 },
  };
  if (server === undefined) return counted;
  const others = state.problems.filter((problem) => problem.server !== server);
  if (kind === 'gone') return { ...counted, problems: others };
  if (others.length >= MOST_PROBLEMS) return counted;
  const since = state.problems.find((problem) => problem.server === server)?.since ?? now;
  const fresh = { server, since, cause: text, mismatch: '', reason: '', looks: 0, reloads: 0, nextAt: now } as const;
  return { ...counted, problems: [...others, fresh] };
}

/** The servers that are due to be looked at, at most `limit`; and who of them may be made to reload. */
export function dueServers(
  { problems }: MonitorState,
  now: number,
  limit: number,
): readonly { readonly server: string; readonly mayReload: boolean }[] {
  return problems
    .filter(({ nextAt }) => nextAt <= now)
    .slice(0, limit)
    .map(({ server, reloads }) => ({ server, mayReload: reloads < MOST_RELOADS }));
}

/** When the next server is due, or undefined when nothing is wrong. */
export function nextDue({ problems }: MonitorState): number | undefined {
  return problems.length === 0 ? undefined : Math.min(...problems.map(({ nextAt }) => nextAt));
}

/** Takes over what looking at servers found. */
export function withFindings(state: MonitorState, findings: readonly MonitorFinding[], now: number): MonitorState {
  return findings.reduce<MonitorState>((sum, finding) => withFinding(sum, finding, now), state);
}

function withFinding(state: MonitorState, finding: MonitorFinding, now: number): MonitorState {
  const problem = state.problems.find(({ server }) => server === finding.server);
  if (!problem) return state;
  const counts = { ...state.counts, reloads: state.counts.reloads + (finding.reloaded ? 1 : 0) };
  const rest = { ...state, counts, problems: state.problems.filter((entry) => entry !== problem) };
  if (isWell(finding)) return withProof(rest, problem, finding, now);
  const still: MonitorProblem = {
    ...problem,
    mismatch: finding.mismatch,
    reason: finding.reason,
    looks: problem.looks + 1,
    reloads: problem.reloads + (finding.reloaded ? 1 : 0),
    nextAt: now + Math.min(LONGEST_BACK_OFF, state.interval * 2 ** problem.looks),
  };
  const kept = { ...rest, problems: [...rest.problems, still] };
  if (!isNews(problem, still)) return kept;
  const givenUp = still.reloads >= MOST_RELOADS ? `; ${still.reloads} reloads did not help, a person has to look` : '';
  const text = `${still.mismatch}: ${still.reason}${givenUp}`;
  return withEvent(kept, { at: now, server: finding.server, kind: 'failed', text });
}

const MAY_BE_STARTING: ReadonlySet<string> = new Set(['unready', 'unknown']);

/** A process that has just been started may take a moment: that it does is told only at the second look. */
function isNews(before: MonitorProblem, now: MonitorProblem): boolean {
  if (now.reloads > before.reloads && now.reloads === MOST_RELOADS) return true;
  const mayBeStarting = MAY_BE_STARTING.has(now.mismatch);
  if (before.looks === 0) return !mayBeStarting;
  return now.mismatch !== before.mismatch || (before.looks === 1 && mayBeStarting);
}

/** An override that asks for what it should is no reason to worry; everything else that mismatches is. */
function isWell({ proves, mismatch }: MonitorFinding): boolean {
  return proves && (mismatch === '' || mismatch === 'override');
}

function withProof(state: MonitorState, problem: MonitorProblem, finding: MonitorFinding, now: number): MonitorState {
  const reloaded = finding.reloaded || problem.reloads > 0;
  const kind = reloaded ? 'repaired' : 'proved';
  const took = formatDuration(Math.max(0, now - problem.since));
  const how = reloaded ? 'its engine was made to reload and proves' : 'proves';
  const text = `${how} ${finding.wanted}, ${took} after: ${problem.cause}`;
  const counts = { ...state.counts, [kind]: state.counts[kind] + 1 };
  return withEvent({ ...state, counts }, { at: now, server: finding.server, kind, text });
}

/** The monitor could not look: the API server or a permission is away. Said once until it can look again. */
export function withTrouble(state: MonitorState, reason: string, now: number): MonitorState {
  const last = state.events.at(-1);
  if (last?.kind === 'trouble' && last.text === reason) return state;
  return withEvent(state, { at: now, kind: 'trouble', text: reason });
}

/** One more message could not be read. */
export function withUnreadable(state: MonitorState): MonitorState {
  return { ...state, unreadable: (state.unreadable ?? 0) + 1 };
}

/** Ends a monitor. */
export function endMonitor(state: MonitorState, reason: string, now: number): MonitorState {
  return state.phase === 'ended' ? state : { ...state, phase: 'ended', reason, endedAt: now };
}

function withEvent(state: MonitorState, event: MonitorEvent): MonitorState {
  return { ...state, events: [...state.events, event].slice(-KEPT_EVENTS) };
}
