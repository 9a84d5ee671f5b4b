import { agreed, counted } from '../spec/counted.ts';
import { approvalsMissing, approvalsNeeded } from '../decisions/gate-votes.ts';
import { pointInTime } from '../decisions/halt.ts';
import type { OpenPhase } from '../decisions/verbs.ts';
import { OPEN_PHASES, VERB_TABLE, usefulVerbs } from '../decisions/verbs.ts';
import { isFinal } from '../progress/state.ts';
import type { OpenGate, ReleaseState } from '../progress/state.ts';
import { formatDuration } from '../spec/quantity.ts';
import { commandLine } from './shell.ts';
import { apartSentences, nextCommands, rollbackSentences, why } from './narrate.ts';

/** A question that people have about a release, and its answer in sentences. */
export interface ExplanationPart {
  readonly title: string;
  readonly lines: readonly string[];
}

/** A call that a release fails at and tries again, as only Temporal knows it. */
interface Trying {
  readonly retrying?: readonly { readonly activity: string; readonly attempt: number; readonly reason: string }[];
}

/**
 * The wait of a release, who ends that, what happens when nobody does, by which fields of the release file, on which
 * facts, and what people can do: each from the state alone, so that nothing is explained that is not there.
 * @param now milliseconds since the epoch
 */
export function explainRelease(state: ReleaseState & Trying, now: number): readonly ExplanationPart[] {
  const parts: ExplanationPart[] = [
    { title: 'waits for', lines: [why(state, now)] },
    { title: 'phase', lines: phaseLines(state) },
    { title: 'gate', lines: state.gate ? gateLines(state.gate, state.requester) : [] },
    { title: 'deadline', lines: deadlineLines(state, now) },
    { title: 'rule', lines: ruleLines(state) },
    { title: 'facts', lines: factLines(state) },
    { title: 'decided', lines: decidedLines(state) },
    { title: 'you can', lines: choiceLines(state) },
  ];
  return parts.filter(({ lines }) => lines.length > 0);
}

function phaseLines({ phase }: ReleaseState): string[] {
  return isFinal(phase) ? [`${phase}: it has ended, and nothing more happens`] : [`${phase}: ${OPEN_PHASES[phase]}`];
}

function gateLines(gate: OpenGate, requester: string): string[] {
  const { wave, spec, groups = [], approvedBy, rejected } = gate;
  const missing = approvalsMissing(gate);
  const whoever = groups.map(({ name, members, needed }) => `${needed} of ${name} (${members.join(', ')})`);
  return [
    `wave ${wave} needs ${counted(approvalsNeeded(gate), 'approval')}${whoever.length === 0 ? '' : `: ${whoever.join(', ')}`}`,
    approvedBy.length === 0 ? 'nobody has approved yet' : `approved by ${approvedBy.join(', ')}`,
    missing === undefined ? 'no approval is missing' : `missing: ${missing}`,
    ...(spec.notRequester ? [`${requester} started the release and may not approve it`] : []),
    ...(rejected ? [`rejected by ${rejected.actor}: ${rejected.reason}`] : []),
  ];
}

function deadlineLines(state: ReleaseState, now: number): string[] {
  const { wait } = state;
  const next = atTheDeadline(state);
  if (!wait || next === undefined) return [];
  const left = wait.until - now;
  const when = left > 0 ? `in ${formatDuration(left)}` : `${formatDuration(-left)} ago`;
  return [`${pointInTime(wait.until)} (${when})`, `then ${next}`];
}

/** The effect of the deadline of the wait; undefined while nothing is waited for. */
export function atTheDeadline(state: ReleaseState): string | undefined {
  const { wait, phase } = state;
  return wait && !isFinal(phase) ? AT_THE_DEADLINE[phase](state) : undefined;
}

const AFTER_A_GATE = {
  pause: 'the release pauses',
  rollback: 'the release rolls back',
  proceed: 'the wave starts without more approvals',
} as const;

/** The consequence when the deadline of a wait passes, by phase. */
const AT_THE_DEADLINE: Readonly<Record<OpenPhase, (state: ReleaseState) => string>> = {
  planning: () => 'the release is refused, and nothing was changed',
  updating: () => 'servers that are not as they must be have failed, and onFailure says what that leads to',
  baking: () => 'the wave is done, if its servers have stayed healthy',
  watching: () => 'the release ends with the new servers that there are',
  'waiting-approval': ({ gate }) => (gate ? AFTER_A_GATE[gate.spec.onTimeout] : 'the release pauses'),
  frozen: () => 'the freeze window is over, and the release goes on by itself',
  pausing: () => 'the release is paused',
  paused: () => 'the release ends as failed, and every server stays on the version that it has',
  halted: () => 'the halt ends by itself, and the release goes on',
  'rolling-back': () => 'the rollback is incomplete: the release pauses and names the servers that are not back',
};

/** The fields of the release file that a phase goes by. */
const FIELDS: Readonly<Record<OpenPhase, readonly string[]>> = {
  planning: [],
  updating: ['spec.ready.timeout', 'spec.onFailure'],
  baking: ['spec.bake', 'spec.health', 'spec.onFailure'],
  watching: ['spec.newServers'],
  'waiting-approval': ['spec.gates', 'spec.approvers'],
  frozen: ['spec.freeze'],
  pausing: ['spec.paused.timeout'],
  paused: ['spec.paused.timeout'],
  halted: [],
  'rolling-back': ['spec.ready.timeout'],
};

/** Where rules come from that are not in the release file. */
const OTHER_RULES: Readonly<Partial<Record<OpenPhase, string>>> = {
  'waiting-approval': 'the policy of the cluster may add gates and people: hotwave doctor -n NAMESPACE says which',
  frozen: 'the calendar of the cluster adds windows of its own',
  halted: 'somebody halted the releases of the namespace or the cluster: no field of the release file is about it',
};

function ruleLines({ phase, set }: ReleaseState): string[] {
  if (isFinal(phase)) return [];
  const other = OTHER_RULES[phase];
  return [
    ...FIELDS[phase].map((field) => commandLine('explain', field)),
    ...(other === undefined ? [] : [other.replace('NAMESPACE', set.namespace)]),
  ];
}

const SHOWN = 5;

function factLines(state: ReleaseState & Trying): string[] {
  const { waves, failures, foreignEdit, retrying = [], warnings, reason } = state;
  const begun = waves.filter(({ status }) => status !== 'pending');
  const planned = waves.length - begun.length;
  return [
    ...begun
      .slice(-SHOWN)
      .map(
        ({ number, status, size, ready, proven, failed }) =>
          `wave ${number} is ${status}: ${counted(size, 'server')}, ${ready} Ready, ${proven} proved, ${failed} failed`,
      ),
    ...(planned > 0 ? [`${counted(planned, 'wave')} ${agreed(planned, 'has', 'have')} not begun`] : []),
    ...failures
      .slice(-SHOWN)
      .map(({ server, class: kind, reason: because }) => `${server} failed (${kind}): ${because}`),
    ...(failures.length > SHOWN ? [`${counted(failures.length - SHOWN, 'more failure')}: hotwave status`] : []),
    ...retrying.map(({ activity, attempt, reason: last }) => `attempt ${attempt} of ${activity}, after: ${last}`),
    ...(foreignEdit ? [foreignEdit.what] : []),
    ...(foreignEdit?.comesAgain === undefined ? [] : [foreignEdit.comesAgain]),
    ...rollbackSentences(state),
    ...apartSentences(state),
    ...warnings,
    ...(reason === '' ? [] : [reason]),
  ];
}

function decidedLines({ decisions }: ReleaseState): string[] {
  return decisions
    .slice(-SHOWN)
    .map(
      ({ verb, actor, vouchedBy, accepted, answer }) =>
        `${verb} by ${actor} (${vouchedBy ?? 'claimed'}): ${accepted ? '' : 'refused, '}${answer}`,
    );
}

/** Each command that makes sense now, with what it would do. */
function choiceLines(state: ReleaseState): string[] {
  const { phase } = state;
  if (isFinal(phase)) return [];
  const effects = usefulVerbs(state).flatMap((verb) => {
    const cell = VERB_TABLE[verb][phase];
    return 'accepts' in cell ? [[verb, cell.accepts] as const] : [];
  });
  return nextCommands(state).flatMap((command) => {
    const effect = effects.find(([verb]) => command.startsWith(`hotwave ${verb} `))?.[1];
    return effect === undefined ? [command] : [command, `  ${effect}`];
  });
}
