import fc from 'fast-check';
import { expect, test } from 'vitest';
import { play } from './play.ts';
import { stories } from './story.ts';

// Whole releases as values: the rules that hold for all of them. A story of a failed run comes again with its seed, and is
// shrunk to a script.

const SEED = Number(process.env['HOTWAVE_SEED'] ?? 20_261_127);
const COUNT = Number(process.env['HOTWAVE_STORIES'] ?? 3_000);

test(
  `${COUNT} stories (seed ${SEED}) end, and nothing happened in them that must not`,
  () => {
    const check = fc.check(
      fc.property(stories, (story) => {
        const { violations } = play(story);
        if (violations.length > 0) throw new Error([...violations, ...shortened(play(story, true).script)].join('\n'));
      }),
      { seed: SEED, numRuns: COUNT },
    );
    const [story] = check.counterexample ?? [];
    const words = check.failed ? `${String(check.errorInstance)}\n${JSON.stringify(story)}` : '';
    expect(words).toBe('');
  },
  Math.max(120_000, COUNT * 20),
);

/** A story without an end would fill the log. */
function shortened(script: readonly string[]): readonly string[] {
  return script.length <= 120
    ? script
    : [...script.slice(0, 60), `(${script.length - 90} lines)`, ...script.slice(-30)];
}
