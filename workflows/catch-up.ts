import { isSent } from '../release/reload.ts';
import { withFailures } from '../release/state.ts';
import type { Verdict } from '../release/verdict.ts';
import { judgeStep } from '../release/verdict.ts';
import { overThoseThatStay } from './live-set.ts';
import { check, reload } from './steps.ts';
import type { ReleaseContext, Step } from './strategy.ts';

/** The servers that are caught up with are in no wave: a number that no wave has. */
const NO_WAVE = 0;

/**
 * Makes those servers load the version that run its image already but whose engine did not prove it when the release was
 * planned: an earlier release may have ended between image and reload. Ready is not loaded.
 */
export async function catchUp(context: ReleaseContext): Promise<Verdict> {
  const { run, plan, spec, left } = context;
  const behind = [...plan.alreadyUpdated, ...plan.adopted].filter(({ name }) => plan.unproved.includes(name));
  if (behind.length === 0) return { kind: 'advance' };
  for (const step of steps(context)) {
    const report = await overThoseThatStay(context, behind, step);
    const verdict = judgeStep(report, left.size, { tolerate: plan.tolerate, then: spec.onFailure.then });
    run.set(withFailures(run.state, report.failures));
    if (verdict.kind !== 'advance') return verdict;
    for (const name of [...report.failures.map(({ server }) => server), ...report.moreFailed]) left.add(name);
  }
  return { kind: 'advance' };
}

function steps(context: ReleaseContext): readonly Step[] {
  const { content, proof, health } = context.spec;
  return [
    ...(content ? [check(context, 'content', [content])] : []),
    ...(isSent(context.spec.reload) ? [reload(context, NO_WAVE)] : []),
    check(context, 'version', [proof]),
    ...(health.length > 0 ? [check(context, 'health', health)] : []),
  ];
}
