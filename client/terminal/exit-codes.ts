import type { Phase, ReleaseState } from '../../release/progress/state.ts';

/** The exit codes of every verb: the same everywhere, so that a script needs one table. */
export const EXIT = {
  ok: 0,
  failed: 1,
  rolledBack: 2,
  waiting: 3,
  stoppedWatching: 4,
  cancelled: 5,
  refused: 6,
  unreachable: 7,
  unknown: 8,
  changes: 10,
  usage: 64,
} as const;

/** One of the exit codes. */
export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

/** The meaning of each exit code, for help texts. */
export const EXIT_MEANINGS: Readonly<Record<ExitCode, string>> = {
  0: 'done, nothing wrong',
  1: 'failed and left as it is, or not as it should be',
  2: 'rolled back',
  3: 'waiting at a gate, or paused',
  4: 'stopped watching; the release goes on',
  5: 'cancelled',
  6: 'refused (locked, wrong phase, stale, not allowed)',
  7: 'Temporal, a worker or the cluster does not answer',
  8: 'there is no such release, set or monitor',
  10: 'there are changes to make',
  64: 'wrong usage or invalid release file',
};

const OF_PHASE: Readonly<Record<Phase, ExitCode>> = {
  planning: EXIT.ok,
  updating: EXIT.ok,
  baking: EXIT.ok,
  watching: EXIT.ok,
  'waiting-approval': EXIT.waiting,
  frozen: EXIT.waiting,
  halted: EXIT.waiting,
  pausing: EXIT.waiting,
  paused: EXIT.waiting,
  'rolling-back': EXIT.ok,
  done: EXIT.ok,
  'rolled-back': EXIT.rolledBack,
  failed: EXIT.failed,
  cancelled: EXIT.cancelled,
  refused: EXIT.refused,
};

/** The exit code that a release in this state stands for. */
export function exitCodeOf({ phase, unreachable }: Pick<ReleaseState, 'phase' | 'unreachable'>): ExitCode {
  return unreachable === true ? EXIT.unreachable : OF_PHASE[phase];
}
