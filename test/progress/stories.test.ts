import fc from 'fast-check';
import { expect, test } from 'vitest';
import { play } from './play.ts';
import { stories } from './story.ts';
import type { Story } from './story.ts';

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

// Seed 31337: an edit of the image closes the set while the wave behind a skipped one is under way.
test('a release whose edit is written over lets those of a skipped wave move along', () => {
  const story: Story = {
    strategy: 'rolling',
    earlier: { kind: 'nothing', servers: [0], notLoaded: [] },
    size: 4,
    waves: [1, 2, 'rest'],
    gates: [],
    approvals: 1,
    gateMs: 60_000,
    onTimeout: 'pause',
    then: 'pause',
    tolerate: 0,
    keepSpecimens: 0,
    retries: false,
    health: false,
    content: false,
    bakeMs: 0,
    onMaxMixed: 'pause',
    busy: 'nobody',
    freezes: 0,
    newServers: undefined,
    maxMixedMs: undefined,
    faults: [],
    turns: [
      { happening: { kind: 'restored' }, inside: false, after: 3 },
      {
        happening: { kind: 'decision', wish: { verb: 'skip', actor: 'ann', off: 0, ordinal: 3 } },
        inside: false,
        after: 3,
      },
      { happening: { kind: 'image', to: 'old', turn: true }, inside: false, after: 1 },
    ],
  };
  expect(play(story).violations).toEqual([]);
});

// Seed 7: the sidecar of a server with an override restarts before the template takes the server over.
test('a server that has its image by an override still is proved again without a revision of its own', () => {
  const story: Story = {
    strategy: 'rolling',
    earlier: { kind: 'overrides', servers: [2, 0], notLoaded: [2] },
    size: 3,
    waves: [1, 'rest'],
    gates: [],
    approvals: 1,
    gateMs: 60_000,
    onTimeout: 'pause',
    then: 'pause',
    tolerate: 0,
    keepSpecimens: 0,
    retries: false,
    health: false,
    content: false,
    bakeMs: 0,
    onMaxMixed: 'pause',
    busy: 'nobody',
    freezes: 0,
    newServers: undefined,
    maxMixedMs: undefined,
    faults: [],
    turns: [
      {
        happening: { kind: 'decision', wish: { verb: 'approve', actor: 'ann', off: 0, ordinal: 0 } },
        inside: true,
        after: 2,
      },
      { happening: { kind: 'sidecarRestarts', ordinal: 2 }, inside: false, after: 4 },
      { happening: { kind: 'strategy', to: 'onDelete', turn: false }, inside: false, after: 0 },
    ],
  };
  expect(play(story).violations).toEqual([]);
});

/** A story without an end would fill the log. */
function shortened(script: readonly string[]): readonly string[] {
  return script.length <= 120
    ? script
    : [...script.slice(0, 60), `(${script.length - 90} lines)`, ...script.slice(-30)];
}
