import { expect, test } from 'vitest';
import { ownTime, waveTimes } from './own-time.ts';
import type { Observation } from './own-time.ts';

const waves = [['a-2', 'a-1'], ['a-0']];

/** Two waves: opened at 100 and 900, Ready at 400 and 1200, reloaded and proved after that. */
const seen: Observation = {
  startedAt: 50,
  ready: new Map([
    ['a-2', 300],
    ['a-1', 400],
    ['a-0', 1_200],
  ]),
  openings: [
    { at: 60, image: 'new', partition: 2_147_483_647 },
    { at: 100, image: 'new', partition: 1 },
    { at: 900, image: 'new', partition: 0 },
  ],
  engines: new Map([
    ['a-2', { reloads: [20, 520], proofs: [55, 700] }],
    ['a-1', { reloads: [500], proofs: [650, 800] }],
    ['a-0', { reloads: [1_300], proofs: [1_400] }],
  ]),
};

test('a wave is opened by the write whose partition leaves out the waves after it', () => {
  expect(waveTimes(seen, waves).map(({ opened }) => opened)).toEqual([100, 900]);
});

test('own time is from the last server Ready to the first reload, and from the last proof to the next opening', () => {
  expect(ownTime(waveTimes(seen, waves))).toEqual({
    readyToReload: [100, 100],
    proofToPatch: [100],
    readyToPatch: [500],
  });
});

test('reloads and proofs from before the wave was opened do not count', () => {
  const [first] = waveTimes(seen, waves);
  expect(first).toMatchObject({ firstReload: 500, lastReload: 520, lastProof: 800 });
});

test('an update in one step has no waves and so no own time', () => {
  const native: Observation = { ...seen, openings: [{ at: 60, image: 'new', partition: 0 }] };
  expect(ownTime(waveTimes(native, waves)).readyToPatch).toEqual([]);
});

test('a wave with a server that never became Ready has no time from it', () => {
  const stuck: Observation = { ...seen, ready: new Map([['a-2', 300]]) };
  expect(ownTime(waveTimes(stuck, waves))).toMatchObject({ readyToReload: [], readyToPatch: [] });
});
