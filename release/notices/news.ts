import { approvalsMissing } from '../decisions/gate-votes.ts';
import type { ServerFailure } from '../checks/server.ts';
import type { MonitorState } from '../monitor/monitor.ts';
import {
  endedSentence,
  failingSentence,
  frozenSentence,
  gateDecidedSentence,
  gateOpenedSentence,
  haltedSentence,
  mismatchSentence,
  pausedSentence,
  reminderSentence,
  resumedSentence,
  rollingBackSentence,
  startedSentence,
  voteSentence,
} from '../narrate/narrate-notice.ts';
import { isFinal } from '../progress/state.ts';
import type { OpenGate, Phase, ReleaseState } from '../progress/state.ts';
import type { NoticeKind } from './notice.ts';

/** The news before it is a notice: without its place in the order, and without the card. */
export interface News {
  readonly kind: NoticeKind;
  readonly text: string;
  /** Milliseconds since the epoch. */
  readonly at: number;
  /** Of `failing`: who failed, as far as known by name, and how many. So that one notice can tell of many. */
  readonly failed?: { readonly failures: readonly ServerFailure[]; readonly count: number } | undefined;
}

/** Phases in which a release stands still, and the kind of news that says so. */
const STANDING = { paused: 'paused', frozen: 'frozen', halted: 'halted' } as const satisfies Partial<
  Record<Phase, NoticeKind>
>;

/** Phases in which it moves again after it stood still. */
const MOVING: ReadonlySet<Phase> = new Set<Phase>(['updating', 'baking', 'watching', 'waiting-approval']);

/**
 * The news in a change of a release, in the order in which they are told. Nothing follows from a state that
 * did not change.
 * @param now milliseconds since the epoch
 */
export function noticesBetween(before: ReleaseState, after: ReleaseState, now: number): readonly News[] {
  const told = (kind: NoticeKind, text: string): News => ({ kind, text, at: now });
  return [
    ...(before.planHash === '' && after.planHash !== '' ? [told('started', startedSentence(after))] : []),
    ...failing(before, after, now),
    ...gateNews(before, after).map(([kind, text]) => told(kind, text)),
    ...phaseNews(before, after).map(([kind, text]) => told(kind, text)),
  ];
}

type Told = readonly [NoticeKind, string];

function gateNews(before: ReleaseState, after: ReleaseState): Told[] {
  const [was, is] = [before.gate, after.gate];
  // Its time begins anew when a release goes on at it; nobody has decided it by that.
  if (was !== undefined && was.wave === is?.wave) return sameGate(after, was, is);
  // A release that goes back or ends leaves its gate undecided; that is told as what it is.
  const isLeft = after.goesBack === true || isFinal(after.phase);
  return [
    ...(was && !was.rejected && !isLeft ? [['gate-decided', gateDecidedSentence(after, was)] as const] : []),
    ...(is && !isLeft ? [['gate-opened', gateOpenedSentence(after, is)] as const] : []),
  ];
}

function sameGate(after: ReleaseState, was: OpenGate, is: OpenGate): Told[] {
  if (is.rejected && !was.rejected) return [['gate-decided', gateDecidedSentence(after, is)]];
  const voted = is.approvedBy.filter((actor) => !was.approvedBy.includes(actor));
  // The last vote is told as what it decides.
  const isVote = voted.length > 0 && approvalsMissing(is) !== undefined;
  return [
    ...(isVote ? [['vote', voteSentence(after, is, voted)] as const] : []),
    ...((is.reminders ?? 0) > (was.reminders ?? 0) ? [['reminder', reminderSentence(after, is)] as const] : []),
  ];
}

function phaseNews(before: ReleaseState, after: ReleaseState): Told[] {
  const { phase } = after;
  if (phase === before.phase) return samePhase(before, after);
  if (isFinal(phase)) return [[phase, endedSentence(after)]];
  switch (phase) {
    case 'paused':
      return [['paused', pausedSentence(after)]];
    case 'frozen':
      return [['frozen', frozenSentence(after)]];
    case 'halted':
      return [['halted', haltedSentence(after)]];
    case 'rolling-back':
      return [['rolling-back', rollingBackSentence(after)]];
    default:
      return before.phase in STANDING && MOVING.has(phase) ? [['resumed', resumedSentence(after)]] : [];
  }
}

/** It stands still for another reason than before: people would wait for the wrong thing. */
function samePhase(before: ReleaseState, after: ReleaseState): Told[] {
  const isOther = after.pausedBecause !== undefined && after.pausedBecause !== before.pausedBecause;
  return after.phase === 'paused' && isOther ? [['paused', pausedSentence(after)]] : [];
}

function failing(before: ReleaseState, after: ReleaseState, now: number): News[] {
  const known = new Set(before.failures.map(({ server }) => server));
  const failures = after.failures.filter(({ server }) => !known.has(server));
  if (failures.length === 0) return [];
  // The state names only the latest fifty; the waves count all.
  const count = Math.max(failures.length, failedIn(after) - failedIn(before));
  return [failingNews(after, { failures, count }, now)];
}

function failedIn({ waves }: ReleaseState): number {
  return waves.reduce((sum, { failed }) => sum + failed, 0);
}

function failingNews(state: ReleaseState, failed: NonNullable<News['failed']>, at: number): News {
  return { kind: 'failing', text: failingSentence(state, failed.failures, failed.count), at, failed };
}

/** Failures that one notice names; the others it counts. */
const MOST_REMEMBERED = 10;

/**
 * News behind news that still waits: servers that fail one after the other are told as one as long as nobody was told of
 * the first.
 */
export function withNews(waiting: readonly News[], news: readonly News[], state: ReleaseState): readonly News[] {
  return news.reduce((all, one) => {
    const last = all.at(-1);
    if (!one.failed || !last?.failed) return [...all, one];
    const failed = {
      failures: [...last.failed.failures, ...one.failed.failures].slice(0, MOST_REMEMBERED),
      count: last.failed.count + one.failed.count,
    };
    return [...all.slice(0, -1), failingNews(state, failed, one.at)];
  }, waiting);
}

/** The news in a change of a monitor: servers that were found not to run what they should, each once. */
export function monitorNews(before: MonitorState, after: MonitorState, now: number): readonly News[] {
  const keyOf = ({ server, since }: MonitorState['problems'][number]): string => `${server}@${since}`;
  const known = new Set(before.problems.filter(({ mismatch }) => mismatch !== '').map(keyOf));
  const found = after.problems.filter((problem) => problem.mismatch !== '' && !known.has(keyOf(problem)));
  return found.length === 0 ? [] : [{ kind: 'mismatch', text: mismatchSentence(after, found), at: now }];
}
