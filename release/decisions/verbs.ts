import { approvalsMissing } from './gate-votes.ts';
import type { Phase, ReleaseState, Verb } from '../progress/state.ts';
import { isFinal } from '../progress/state.ts';

/** The phases in which something can still be decided. */
export type OpenPhase = Exclude<Phase, 'done' | 'rolled-back' | 'failed' | 'cancelled' | 'refused'>;

/**
 * The effect of a verb in a phase, or why it does nothing there and what to do instead. `{release}`, `{gate}` and
 * `{wave}` stand for the name of the release, the wave of the open gate and the wave at work.
 */
export type Cell =
  | {
      readonly accepts: string;
      /** It may still be refused, when this does not hold. */
      readonly provided?: string;
    }
  | { readonly refuses: string };

const accepts = (effect: string, provided?: string): Cell => ({
  accepts: effect,
  ...(provided === undefined ? {} : { provided }),
});
const refuses = (reason: string): Cell => ({ refuses: reason });

const GATE_OPEN = 'its gate is open and takes a vote of this person';
const FAILED = 'a server has failed';
const ENDS_FIRST = '{release} is rolling back, which is not stopped half-way; wait for it to end';
const HALTED = 'the releases are halted; end that first with hotwave unhalt';
const NO_FREEZE = '{release} does not wait for a freeze window';
const NOT_HALTED = '{release} is not halted: no halt of its namespace or cluster holds it';

/** The phases in the order in which a release may go through them, and what they mean. */
export const OPEN_PHASES: Readonly<Record<OpenPhase, string>> = {
  planning: 'checks the cluster and plans the waves; nothing is written yet',
  updating: 'moves a wave: image, Ready, content, reload, proof, health',
  baking: 'samples the health of a wave for a while',
  watching: 'follows new servers (strategy newServersOnly)',
  'waiting-approval': 'waits at a gate for people',
  frozen: 'waits for the end of a freeze window',
  pausing: 'ends what it is at, and lets no more server move',
  paused: 'stands still until a person says how to go on',
  halted: 'stands still because somebody halted the releases of its namespace or cluster',
  'rolling-back': 'brings the old version back and proves it',
};

/**
 * Every verb in every phase: the one source of what the release accepts and refuses, of `--help` and of docs/verbs.md.
 * A release that has ended refuses every verb.
 */
export const VERB_TABLE: Readonly<Record<Verb, Readonly<Record<OpenPhase, Cell>>>> = {
  approve: {
    planning: refuses('{release} waits at no gate: it is planning'),
    updating: refuses('{release} waits at no gate: it is updating wave {wave}'),
    baking: refuses('{release} waits at no gate: it is baking wave {wave}'),
    watching: refuses('{release} waits at no gate: it is watching new servers'),
    'waiting-approval': accepts('the vote counts; the wave starts with the last one that was missing', GATE_OPEN),
    frozen: refuses('{release} waits at no gate: a freeze window holds it; the verb for that is override-freeze'),
    pausing: accepts('the vote counts; the wave starts when somebody resumes', GATE_OPEN),
    paused: accepts('the vote counts; the wave starts when somebody resumes', GATE_OPEN),
    halted: accepts('the vote counts; the wave starts when the halt is over', GATE_OPEN),
    'rolling-back': refuses('{release} waits at no gate: it is rolling back'),
  },
  reject: {
    planning: refuses('{release} waits at no gate: it is planning; cancel ends it'),
    updating: refuses(
      '{release} waits at no gate: it is updating wave {wave}; the verbs for that are pause and rollback',
    ),
    baking: refuses('{release} waits at no gate: it is baking wave {wave}; the verbs for that are pause and rollback'),
    watching: refuses(
      '{release} waits at no gate: it is watching new servers; the verbs for that are pause and rollback',
    ),
    'waiting-approval': accepts('it rolls back or pauses, as onFailure says', GATE_OPEN),
    frozen: refuses('{release} waits at no gate: a freeze window holds it; cancel ends it'),
    pausing: accepts('it rolls back or pauses, as onFailure says, when somebody resumes', GATE_OPEN),
    paused: accepts('it rolls back or pauses, as onFailure says, when somebody resumes', GATE_OPEN),
    halted: accepts('it rolls back or pauses, as onFailure says, when the halt is over', GATE_OPEN),
    'rolling-back': refuses('{release} waits at no gate: it is rolling back already'),
  },
  pause: {
    planning: accepts('it stands still before the first write'),
    updating: accepts('nothing more is written; servers that are being updated finish'),
    baking: accepts('it stands still; the bake starts again on resume'),
    watching: accepts('it stands still; new servers are not looked at'),
    'waiting-approval': accepts('it stands still at the gate; votes still count'),
    frozen: accepts('it stands still, also after the freeze window'),
    pausing: refuses('{release} is paused already; resume goes on'),
    paused: refuses('{release} is paused already; resume goes on'),
    halted: accepts('it stands still, also after the halt'),
    'rolling-back': refuses('{release} is rolling back, which is not paused half-way; wait for it to end'),
  },
  resume: {
    planning: refuses('{release} is not paused: it is planning'),
    updating: refuses('{release} is not paused: it is updating wave {wave}'),
    baking: refuses('{release} is not paused: it is baking wave {wave}'),
    watching: refuses('{release} is not paused: it is watching new servers'),
    'waiting-approval': refuses('{release} is not paused; the verb for its gate is approve --wave {gate}'),
    frozen: refuses(
      '{release} is not paused: it goes on by itself after the freeze window; the verb for going on now is override-freeze',
    ),
    pausing: accepts(
      'it goes on where it stopped; what is done is not done again',
      'a foreign edit is decided with --wins',
    ),
    paused: accepts(
      'it goes on where it stopped; what is done is not done again',
      'a foreign edit is decided with --wins',
    ),
    halted: refuses(HALTED),
    'rolling-back': refuses('{release} is not paused: it is rolling back'),
  },
  retry: {
    planning: refuses('no server has failed yet: {release} is planning'),
    updating: refuses('{release} is updating wave {wave}; pause it first, or wait until it pauses'),
    baking: refuses('{release} is baking wave {wave}; pause it first, or wait until it pauses'),
    watching: refuses('{release} is watching new servers; pause it first'),
    'waiting-approval': accepts(
      'servers that were excluded are tried once more, then it waits at the gate again',
      FAILED,
    ),
    frozen: refuses('a freeze window holds {release}; retry after it'),
    pausing: accepts('it goes on, and servers that failed are tried once more, those of earlier waves too', FAILED),
    paused: accepts('it goes on, and servers that failed are tried once more, those of earlier waves too', FAILED),
    halted: refuses(HALTED),
    'rolling-back': refuses(ENDS_FIRST),
  },
  skip: {
    planning: refuses('{release} has no waves yet; cancel ends it'),
    updating: accepts(
      'the server or wave is excluded: neither waited for, reloaded nor proved',
      'it is in this release and a reason is given',
    ),
    baking: accepts(
      'the server or wave is excluded: its health does not count',
      'it is in this release and a reason is given',
    ),
    watching: refuses('{release} has no chosen servers: it follows whatever is created'),
    'waiting-approval': accepts(
      'the server or wave will be excluded; the gate wants its votes all the same',
      'it is in this release and a reason is given',
    ),
    frozen: accepts('the server or wave will be excluded', 'it is in this release and a reason is given'),
    pausing: accepts(
      'the server or wave is excluded; resume goes on without it',
      'it is in this release and a reason is given',
    ),
    paused: accepts(
      'the server or wave is excluded; resume goes on without it',
      'it is in this release and a reason is given',
    ),
    halted: accepts('the server or wave will be excluded', 'it is in this release and a reason is given'),
    'rolling-back': refuses(ENDS_FIRST),
  },
  rollback: {
    planning: accepts('it ends: nothing was written'),
    updating: accepts('every server gets the old version back', 'the scope is the whole release'),
    baking: accepts('every server gets the old version back', 'the scope is the whole release'),
    watching: accepts('new servers get the old version from now on', 'the scope is the whole release'),
    'waiting-approval': accepts('every server, or only a part with --scope, gets the old version back'),
    frozen: accepts('every server gets the old version back, freeze window or not', 'the scope is the whole release'),
    pausing: accepts('every server, or only a part with --scope, gets the old version back'),
    paused: accepts('every server, or only a part with --scope, gets the old version back'),
    halted: accepts('every server gets the old version back, halt or not', 'the scope is the whole release'),
    'rolling-back': refuses('{release} is rolling back already'),
  },
  cancel: {
    planning: accepts('it ends: nothing was written', '--then is given'),
    updating: accepts(
      'it ends; servers stay as they are (--then hold) or go back first (--then rollback)',
      '--then is given',
    ),
    baking: accepts(
      'it ends; servers stay as they are (--then hold) or go back first (--then rollback)',
      '--then is given',
    ),
    watching: accepts(
      'it ends; new servers keep getting the new version (--then hold) or the old one (--then rollback)',
      '--then is given',
    ),
    'waiting-approval': accepts(
      'it ends; servers stay as they are (--then hold) or go back first (--then rollback)',
      '--then is given',
    ),
    frozen: accepts(
      'it ends; servers stay as they are (--then hold) or go back first (--then rollback)',
      '--then is given',
    ),
    pausing: accepts(
      'it ends; servers stay as they are (--then hold) or go back first (--then rollback)',
      '--then is given',
    ),
    paused: accepts(
      'it ends; servers stay as they are (--then hold) or go back first (--then rollback)',
      '--then is given',
    ),
    halted: accepts(
      'it ends, halt or not; servers stay as they are (--then hold) or go back first (--then rollback)',
      '--then is given',
    ),
    'rolling-back': refuses(ENDS_FIRST),
  },
  supersede: {
    planning: accepts('it ends, the newer release starts'),
    updating: accepts('it ends, as it is (adopt) or rolled back, and the newer release starts'),
    baking: accepts('it ends, as it is (adopt) or rolled back, and the newer release starts'),
    watching: accepts('it ends, as it is (adopt) or rolled back, and the newer release starts'),
    'waiting-approval': accepts('it ends, as it is (adopt) or rolled back, and the newer release starts'),
    frozen: accepts('it ends, as it is (adopt) or rolled back, and the newer release starts'),
    pausing: accepts('it ends, as it is (adopt) or rolled back, and the newer release starts'),
    paused: accepts('it ends, as it is (adopt) or rolled back, and the newer release starts'),
    halted: refuses(HALTED),
    'rolling-back': refuses(ENDS_FIRST),
  },
  'override-freeze': {
    planning: refuses(NO_FREEZE),
    updating: refuses(NO_FREEZE),
    baking: refuses(NO_FREEZE),
    watching: refuses(NO_FREEZE),
    'waiting-approval': refuses(
      '{release} does not wait for a freeze window; the verb for its gate is approve --wave {gate}',
    ),
    frozen: accepts(
      'it goes on in spite of the freeze window',
      'a reason is given, by somebody else than the requester',
    ),
    pausing: refuses('{release} does not wait for a freeze window; the verb for going on is resume'),
    paused: refuses('{release} does not wait for a freeze window; the verb for going on is resume'),
    halted: refuses(HALTED),
    'rolling-back': refuses('{release} is rolling back, which no freeze window holds'),
  },
  halt: {
    planning: accepts('it stands still before the first write'),
    updating: accepts('nothing more is written; servers that are being updated finish'),
    baking: accepts('it stands still; the bake starts again afterwards'),
    watching: accepts('it stands still; new servers are not looked at'),
    'waiting-approval': accepts('it stands still at the gate'),
    frozen: accepts('it stands still, also after the freeze window'),
    pausing: accepts('it stays still, also when somebody resumes'),
    paused: accepts('it stays still, also when somebody resumes'),
    halted: accepts('it stands still for longer', 'the newer halt ends later'),
    'rolling-back': refuses('{release} is rolling back, which ends first: half-way is worse'),
  },
  unhalt: {
    planning: refuses(NOT_HALTED),
    updating: refuses(NOT_HALTED),
    baking: refuses(NOT_HALTED),
    watching: refuses(NOT_HALTED),
    'waiting-approval': refuses(NOT_HALTED),
    frozen: refuses(NOT_HALTED),
    pausing: refuses(NOT_HALTED),
    paused: refuses(NOT_HALTED),
    halted: accepts('it goes on where it stood; who was paused is paused again'),
    'rolling-back': refuses(NOT_HALTED),
  },
};

/** The cell of a verb in the phase of a release, as a sentence about that release; undefined once it has ended. */
export function cellOf(state: ReleaseState, verb: Verb): Cell | undefined {
  if (isFinal(state.phase)) return undefined;
  const cell = VERB_TABLE[verb][state.phase];
  return 'refuses' in cell ? { refuses: filled(cell.refuses, state) } : cell;
}

function filled(sentence: string, { release, gate, wave }: ReleaseState): string {
  return (
    sentence
      .replaceAll('{release}', release)
      .replaceAll('{gate}', String(gate?.wave ?? wave))
      // Before the first wave there is none to name.
      .replaceAll(' wave {wave}', wave === 0 ? '' : ` wave ${wave}`)
  );
}

/** The verbs of people: halt and unhalt are for a namespace or a cluster, and supersede comes with a newer release. */
const OF_A_PERSON: readonly Verb[] = [
  'approve',
  'reject',
  'override-freeze',
  'pause',
  'resume',
  'retry',
  'rollback',
  'cancel',
];

/** The verbs that people mostly want where a release stands, the likeliest first; verbs that are not named come after these. */
function likeliest(state: ReleaseState): readonly Verb[] {
  const hasFailed = state.failures.length > 0;
  switch (state.phase) {
    case 'waiting-approval':
      return hasFailed ? ['approve', 'retry', 'rollback', 'reject'] : ['approve', 'reject'];
    case 'paused':
    case 'pausing':
      return likeliestInPause(state);
    case 'frozen':
      return state.freeze ? ['override-freeze', 'pause', 'rollback'] : [];
    case 'updating':
    case 'baking':
      return hasFailed ? ['rollback', 'pause'] : ['pause', 'rollback'];
    default:
      return [];
  }
}

function likeliestInPause({ failures, gate, pausedBecause = '' }: ReleaseState): readonly Verb[] {
  if (failures.length === 0) return gate ? ['approve', 'reject', 'resume', 'rollback'] : ['resume', 'rollback'];
  return pausedBecause.startsWith('by ') ? ['resume', 'rollback'] : ['retry', 'rollback', 'resume'];
}

/** A gate takes votes also while a pause or a halt holds its wave. */
function takesVotes({ gate }: ReleaseState): boolean {
  return gate !== undefined && gate.rejected === undefined && approvalsMissing(gate) !== undefined;
}

/**
 * The verbs that a person can use now, the likeliest first: the one source of what `watch`, `status`, `explain`, the
 * Temporal UI and cards in chats offer.
 */
export function usefulVerbs(state: ReleaseState): readonly Verb[] {
  const useful = OF_A_PERSON.filter((verb) => {
    const cell = cellOf(state, verb);
    return cell !== undefined && 'accepts' in cell;
  });
  const first = likeliest(state);
  const rank = (verb: Verb): number => (first.includes(verb) ? first.indexOf(verb) : first.length);
  return useful
    .filter((verb) => {
      if (verb === 'approve' || verb === 'reject') return state.phase === 'waiting-approval' || takesVotes(state);
      return verb === 'retry' ? state.failures.length > 0 : true;
    })
    .toSorted((left, right) => rank(left) - rank(right));
}
