import { expect, test } from 'vitest';
import { collectingTime, isBusy } from '../../release/checks/admission.ts';

const byState = { opsState: ['Allocated', 'Maintaining'] };
const byPlayers = { annotation: { name: 'game.example/players' } };
const byMatch = { annotation: { name: 'match', value: 'running' } };

test.each([
  ['an opsState that says so', byState, { opsState: 'Allocated' }, true],
  ['another opsState', byState, { opsState: 'None' }, false],
  ['an annotation with anything in it', byPlayers, { annotations: { 'game.example/players': '3' } }, true],
  ['an annotation that says nobody', byPlayers, { annotations: { 'game.example/players': '0' } }, false],
  ['an annotation that says false', byPlayers, { annotations: { 'game.example/players': 'false' } }, false],
  ['an empty annotation', byPlayers, { annotations: { 'game.example/players': '' } }, false],
  ['no such annotation', byPlayers, { annotations: { other: '3' } }, false],
  ['no annotations at all', byPlayers, {}, false],
  ['the value that is meant', byMatch, { annotations: { match: 'running' } }, true],
  ['another value', byMatch, { annotations: { match: 'over' } }, false],
  ['one criterion of two', { ...byState, ...byMatch }, { opsState: 'None', annotations: { match: 'running' } }, true],
] as const)('a server is busy or not by %s', (_what, busy, gameServer, expected) => {
  expect(
    isBusy(
      { ...busy, ...('opsState' in busy ? { opsState: [...busy.opsState] } : {}) },
      { opsState: 'None', ...gameServer },
    ),
  ).toBe(expected);
});

test.each([
  ['a hundredth of the time, for as many servers as most waves have', 600_000, 200, 6_000],
  ['longer for a wave whose names would fill the history', 600_000, 10_000, 120_000],
  ['all of it at the most', 600_000, 100_000, 600_000],
  ['no time when none is left', -5, 200, 0],
])('servers whose players have left are collected for %s', (_how, left, servers, time) => {
  expect(collectingTime(left, servers)).toBe(time);
});
