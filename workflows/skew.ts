import { skewBudgetOf, skewVerdict } from '../release/decisions/max-mixed.ts';
import type { Verdict } from '../release/checks/verdict.ts';
import { Departure } from './release-run.ts';
import type { ReleaseContext } from './strategy.ts';

/**
 * What a release does between two parts of the runbook when its servers have been of two versions for too long. A
 * rollback for that is no failure of the version, so it leaves the runbook here.
 * @throws Departure
 */
export function judgeSkew({ run, spec }: ReleaseContext): Verdict {
  const verdict = skewVerdict(run.state, skewBudgetOf(spec), Date.now());
  if (verdict.kind === 'rollback') throw new Departure('rollback', 'rolled-back', verdict.reason);
  return verdict;
}

/**
 * Draws the consequence where a release waits and its servers have been of two versions for too long: a person has to
 * resume it, or it goes back. Nothing happens while there is time left.
 * @throws Departure
 */
export async function heedSkew(context: ReleaseContext): Promise<void> {
  const { run, onPause } = context;
  const verdict = judgeSkew(context);
  if (verdict.kind === 'pause') await run.pauseUntilResumed(onPause, verdict.reason);
}
