import { skewBudgetOf, skewVerdict } from '../release/skew.ts';
import { Departure } from './release-run.ts';
import type { ReleaseContext } from './strategy.ts';

/**
 * Draws the consequence where a release waits and its servers have been of two versions for too long: a person has to
 * resume it, or it goes back. Nothing happens while there is time left.
 * @throws Departure
 */
export async function heedSkew({ run, spec, onPause }: ReleaseContext): Promise<void> {
  const verdict = skewVerdict(run.state, skewBudgetOf(spec), Date.now());
  if (verdict.kind === 'rollback') throw new Departure('rollback', 'rolled-back', verdict.reason);
  if (verdict.kind === 'pause') await run.pauseUntilResumed(onPause, verdict.reason);
}
