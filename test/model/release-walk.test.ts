import fc from 'fast-check';
import { expect } from 'vitest';
import { isInRanges } from '../../release/fleet/ranges.ts';
import type { History } from '../replay/histories.ts';
import { replay } from '../replay/replay-histories.ts';
import { NEW_IMAGE, OLD_IMAGE, SIDECAR, USER_STRATEGY } from '../support/builders.ts';
import type { FakeServer } from '../support/fake-server.ts';
import { overridesIn } from '../support/observer.ts';
import { test } from '../support/stage.ts';
import type { Stage } from '../support/stage.ts';
import { stories } from './story.ts';
import { walk } from './walk.ts';
import type { Ending } from './walk.ts';

// Random stories on real workflows: the rules that hold for all of them. A story of a failed run comes again with its seed.

const SEED = Number(process.env['HOTWAVE_SEED'] ?? 20_261_124);
const COUNT = Number(process.env['HOTWAVE_STORIES'] ?? 120);

const cases = fc.sample(stories, { seed: SEED, numRuns: COUNT }).map((story, index) => ({ index, story }));

/** Tests of this file run side by side, but for this one. */
const AFTER_THE_STORIES = { concurrent: false, timeout: 120_000 };

const histories: (readonly [string, History])[] = [];

test.for(cases)(
  `story $index of ${COUNT} (seed ${SEED}) ends, and nothing happened in it that must not`,
  async ({ index, story }, { stage }) => {
    const failures = new Map(story.failures.map(([ordinal, failure]) => [`duel-${ordinal}`, failure]));
    const it = await stage({
      failures: (server, image) => (image === NEW_IMAGE ? failures.get(server) : undefined),
    });
    const ending = await walk(it, story);
    expect(ending.violations).toEqual([]);
    expectTruth(it, ending);
    histories.push([`story ${index}`, ending.history]);
  },
);

test('every story that ended leaves a history that can be replayed', AFTER_THE_STORIES, async () => {
  expect(histories.length).toBeGreaterThan(0);
  expect(await replay(histories)).toEqual({});
});

/** The end of the release says what the servers run. */
function expectTruth({ cluster }: Stage, { state, result, struck }: Ending): void {
  const servers = [...cluster.set().servers.values()];
  const chosen = servers.filter(({ ordinal }) => state.strategy === 'rolling' || [1, 3, 5, 7, 8].includes(ordinal));
  const excused = new Set([
    ...(state.skipped ?? []).map(({ server }) => server),
    ...state.failures.map(({ server }) => server),
    ...(state.keptForDebugging ?? []),
    ...struck,
    // A part of the release was taken back, and the release says of whom.
    ...Object.keys(overridesIn(cluster)).filter((name) => state.warnings.some((warning) => warning.includes(name))),
    ...chosen.filter(({ ordinal }) => isInSkippedWave(state, ordinal)).map(({ name }) => name),
  ]);
  const wrong = (version: string, image: string): string[] =>
    chosen.filter((server) => !runs(server, version, image) && !excused.has(server.name)).map(({ name }) => name);
  if (result.outcome === 'done') expect(wrong('2.0', NEW_IMAGE)).toEqual([]);
  if (result.outcome === 'rolled-back') expect(wrongBack(chosen, struck)).toEqual([]);
  if ((result.outcome === 'done' || result.outcome === 'rolled-back') && struck.size === 0)
    expect(cluster.set().raw.spec.updateStrategy).toEqual(USER_STRATEGY);
  expect(result.reason).not.toBe('');
}

function wrongBack(chosen: readonly FakeServer[], struck: ReadonlySet<string>): string[] {
  return chosen.filter((server) => !runs(server, '1.0', OLD_IMAGE) && !struck.has(server.name)).map(({ name }) => name);
}

function isInSkippedWave({ skippedWaves = [], waves }: Ending['state'], ordinal: number): boolean {
  return waves.some(({ number, servers = '' }) => skippedWaves.includes(number) && isInRanges(servers, ordinal));
}

function runs(server: FakeServer, version: string, image: string): boolean {
  return server.engine.loaded === version && server.container(SIDECAR)?.status.image === image;
}
