import type { Verdict } from '../release/checks/verdict.ts';
import { attempt } from './attempt.ts';
import type { Outcome, Part } from './attempt.ts';
import { reloadAndProve } from './reload-and-prove.ts';
import { check } from './steps.ts';
import type { ReleaseContext } from './strategy.ts';

/**
 * Makes those servers load the version that run its image already but whose engine did not prove it when the release was
 * planned: an earlier release may have ended between image and reload. Ready is not loaded.
 */
export async function catchUp(context: ReleaseContext): Promise<Verdict> {
  const { plan } = context;
  const behind = [...plan.alreadyUpdated, ...plan.adopted].filter(({ name }) => plan.unproved.includes(name));
  if (behind.length === 0) return { kind: 'advance' };
  for (const step of steps(context)) {
    const { verdict } = await step({ servers: behind });
    if (verdict.kind !== 'advance') return verdict;
  }
  return { kind: 'advance' };
}

function steps(context: ReleaseContext): readonly ((part: Part) => Promise<Outcome>)[] {
  const { content, health } = context.spec;
  return [
    ...(content ? [(part: Part) => attempt(context, part, { run: check(context, 'content', [content]) })] : []),
    (part) => reloadAndProve(context, part),
    ...(health.length > 0 ? [(part: Part) => attempt(context, part, { run: check(context, 'health', health) })] : []),
  ];
}
