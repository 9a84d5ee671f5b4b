import fc from 'fast-check';
import { play } from './test/progress/play.ts';
import { stories } from './test/progress/story.ts';
const [seed, count] = [Number(process.argv[2] ?? 1), Number(process.argv[3] ?? 3000)];
const t = performance.now();
const kinds = new Map<string, number>();
const check = fc.check(fc.property(stories, (story) => {
  const { violations, script, release } = play(story);
  kinds.set(release.state.phase, (kinds.get(release.state.phase) ?? 0) + 1);
  if (violations.length > 0) throw new Error(`${violations.join('\n')}\n${[...script.slice(0, 70), '...', ...script.slice(Math.max(70, script.length - 25))].join('\n')}`);
}), { seed, numRuns: count });
if (check.failed) console.log(String((check.errorInstance as Error).stack ?? check.errorInstance).slice(0, 14000), '\n', JSON.stringify(check.counterexample));
console.log(check.failed, check.numRuns, Math.round(performance.now() - t), [...kinds]);
