import { expect, test } from 'vitest';
import { plannedServer } from '../../release/plan/plan.ts';
import type { Plan } from '../../release/plan/plan.ts';
import { reordered } from '../../release/plan/reorder.ts';
import { aServer } from '../support/builders.ts';

const waves = (...groups: readonly (readonly number[])[]): Pick<Plan, 'waves'> => ({
  waves: groups.map((ordinals, index) => ({
    number: index + 1,
    name: String(index + 1),
    servers: ordinals.map((ordinal) => plannedServer(aServer({ ordinal }), [])),
  })),
});

const after = (groups: readonly (readonly number[])[], wave: number, taken: number[], left: number[]): number[][] => {
  const names = (ordinals: readonly number[]): string[] => ordinals.map((ordinal) => `duel-${ordinal}`);
  const plan = reordered(waves(...groups) as Plan, wave, { taken: names(taken), left: names(left) });
  return plan.waves.map(({ servers }) => servers.map(({ ordinal }) => ordinal));
};

test('a server of a later wave changes places with one of this wave', () => {
  expect(after([[9], [8, 7], [6, 5]], 2, [5], [7])).toEqual([[9], [8, 5], [6, 7]]);
});

test('several change places, wherever they were', () => {
  expect(
    after(
      [
        [9, 8],
        [7, 6],
        [5, 4],
      ],
      1,
      [5, 6],
      [9, 8],
    ),
  ).toEqual([
    [6, 5],
    [7, 9],
    [8, 4],
  ]);
});

test('a server that moved in the place of one that is in no wave to come joins the wave', () => {
  expect(after([[9], [8, 7], [6, 5]], 2, [5], [])).toEqual([[9], [8, 7, 5], [6]]);
});
