import { endOfRelease, recordOfPlan } from '../release/plan-record.ts';
import type { LastRelease, ReleaseRecord } from '../release/record.ts';
import type { WaveContext } from './wave.ts';

/** What the release leaves on the set with its first write. */
export function recordOf({ plan, spec, run: { state } }: WaveContext): ReleaseRecord {
  return recordOfPlan(plan, spec, state);
}

/**
 * What the release leaves on the set with its last write. It is made once for each outcome: the write may be repeated
 * after a pause, and must then find its own values there.
 */
export function endOf(context: WaveContext, outcome: LastRelease['outcome']): LastRelease {
  if (context.last?.outcome !== outcome) context.last = endOfRelease(recordOf(context), outcome, Date.now());
  return context.last;
}
