import { approvalsMissing } from '../decisions/gate-votes.ts';
import { usefulVerbs } from '../decisions/verbs.ts';
import type { MonitorState } from '../monitor/monitor.ts';
import { monitorWhy } from '../narrate/narrate-monitor.ts';
import { why } from '../narrate/narrate.ts';
import { isFinal } from '../progress/state.ts';
import type { DecisionRecord, ReleaseState } from '../progress/state.ts';
import { plainText } from '../spec/plain-text.ts';
import { MOST_DECISIONS, MOST_FAILURES, MOST_WAVES } from './notice.ts';
import type { CardDecision, CardGate, ReleaseCard } from './notice.ts';

/** Where the workflow runs that tells: what the state itself does not know. */
export type CardFacts = Pick<ReleaseCard, 'workflowId' | 'runId' | 'temporalNamespace'>;

/** Longest text of people or engines on a card. */
const MOST_CHARACTERS = 300;
const text = (foreign: string): string => plainText(foreign, MOST_CHARACTERS);

/** A release as a card in a chat shows it. */
export function cardOf(state: ReleaseState, facts: CardFacts): ReleaseCard {
  const { cluster, set, release, planHash, strategy, version, previousVersion, requester, phase } = state;
  const { startedAt, endedAt, wait, waves, failures, decisions } = state;
  const isOver = isFinal(phase);
  return {
    ...facts,
    cluster,
    set,
    release,
    planHash,
    strategy,
    version,
    previousVersion,
    requester,
    phase,
    why: text(why(state)),
    startedAt,
    ...(endedAt === undefined ? {} : { endedAt }),
    ...(isOver || wait === undefined ? {} : { until: wait.until }),
    waves: waves.slice(0, MOST_WAVES).map(({ number, name, size, status, proven, failed }) => {
      return { number, name, size, status, proven, failed };
    }),
    ...(waves.length > MOST_WAVES ? { moreWaves: waves.length - MOST_WAVES } : {}),
    failures: failures.slice(-MOST_FAILURES).map((one) => {
      return { server: one.server, class: one.class, reason: text(one.reason) };
    }),
    // A state names the latest failures; its waves count those that count, which may be fewer.
    failed: Math.max(
      failures.length,
      waves.reduce((sum, { failed }) => sum + failed, 0),
    ),
    ...(isOver || state.goesBack === true ? {} : gateOf(state)),
    decisions: decisions.slice(-MOST_DECISIONS).map(decisionOf),
    can: usefulVerbs(state),
  };
}

function gateOf({ gate }: ReleaseState): { readonly gate?: CardGate } {
  if (!gate) return {};
  return { gate: { wave: gate.wave, missing: approvalsMissing(gate) ?? '', approvedBy: gate.approvedBy } };
}

function decisionOf({ verb, actor, channel, vouchedBy, at, accepted, reason, answer }: DecisionRecord): CardDecision {
  return {
    verb,
    actor,
    channel,
    ...(vouchedBy === undefined ? {} : { vouchedBy }),
    at,
    accepted,
    ...(reason === undefined ? {} : { reason: text(reason) }),
    answer: text(answer),
  };
}

/** A monitor's knowledge of the release that it stands behind, beside its own state. */
export type GuardedRelease = Pick<ReleaseCard, 'strategy' | 'previousVersion' | 'startedAt' | 'endedAt' | 'phase'>;

/** The same card for what a monitor has found: the release has ended, and nothing can be decided about it. */
export function guardCard(state: MonitorState, guarded: GuardedRelease, facts: CardFacts, now: number): ReleaseCard {
  const { cluster, set, release, version, requester, problems } = state;
  const wrong = problems.filter(({ mismatch }) => mismatch !== '');
  return {
    ...facts,
    ...guarded,
    cluster,
    set,
    release,
    planHash: '',
    version,
    requester,
    why: text(monitorWhy(state, now)),
    waves: [],
    failures: wrong.slice(-MOST_FAILURES).map(({ server, mismatch, reason }) => {
      return { server, class: mismatch, reason: text(reason) };
    }),
    failed: wrong.length,
    decisions: [],
    can: [],
  };
}
