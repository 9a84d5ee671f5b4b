import type { Event } from '../release/progress/events.ts';
import type { Step } from '../release/progress/step.ts';

/**
 * The events of a step that could not be done at all: the API server is away, a permission is gone. Nothing of it ends
 * the release: at the worst it pauses with the reason.
 */
export function failureEvents(step: Step, reason: string): readonly Event[] {
  const unknown: readonly Event[] = WRITES.has(step.kind) ? [{ kind: 'writeUnknown' }] : [];
  return [...unknown, failureEvent(step, reason)];
}

const WRITES: ReadonlySet<Step['kind']> = new Set<Step['kind']>([
  'stage',
  'open',
  'controls',
  'putBack',
  'recordEnd',
  'recordLeft',
  'takeBack',
  'reassert',
  'noteStuck',
]);

function failureEvent(step: Step, reason: string): Event {
  switch (step.kind) {
    case 'controls':
      return { kind: 'controlsChanged', why: step.why, written: { kind: 'refused', reason } };
    case 'reassert':
      return { kind: 'reasserted', written: { kind: 'refused', reason }, priorities: false };
    case 'recordLeft':
      return { kind: 'leftRecorded', problem: reason };
    // That it cannot be said is no reason to stop here.
    case 'noteStuck':
      return { kind: 'stuckNoted' };
    // A set that nobody could look at is told as that, and the set is left all the same.
    case 'look':
      if (step.purpose === 'left') return { kind: 'leftUnseen', reason };
      return { kind: 'stopped', verdict: 'pause', reason };
    case 'monitor':
      return { kind: 'monitored', problem: reason };
    case 'checkTemplate':
      // A cluster that cannot be asked is no reason to keep a rollback back.
      if (step.before === 'rollback') return { kind: 'templateChecked', before: 'rollback' };
      return { kind: 'stopped', verdict: 'pause', reason };
    default:
      return { kind: 'stopped', verdict: 'pause', reason };
  }
}
