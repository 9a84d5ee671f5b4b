import { expect, test } from 'vitest';
import { help, UsageError, wishesOf } from './options.ts';

const namesIn = (args: readonly string[]): string[] => wishesOf(args).modes.map(({ name }) => name);

test('without arguments everything is measured, on a fleet of 200 and on 10,000 and 200 servers in memory', () => {
  const wishes = wishesOf([]);
  expect(wishes.modes).toHaveLength(8);
  expect(wishes.fleet).toEqual({ servers: 200, waves: 10, rounds: 2 });
  expect(wishes.inMemory).toEqual({ servers: 10_000, waves: 10, rounds: 1 });
  expect(wishes.sinks).toEqual({ servers: 200, waves: 10, rounds: 5 });
  expect(wishes.clicks).toMatchObject({ rounds: 5 });
});

test('a size that is given counts for the fleet and in memory', () => {
  const wishes = wishesOf(['--servers', '10', '--waves', '2', '--rounds', '3']);
  expect(wishes.fleet).toEqual({ servers: 10, waves: 2, rounds: 3 });
  expect(wishes.inMemory).toEqual(wishes.fleet);
});

test('only the ways that are named are measured', () => {
  expect(namesIn(['--modes', 'hotwave,native'])).toEqual(['native', 'hotwave']);
  expect(wishesOf(['--modes', 'native']).inMemory).toBeUndefined();
  expect(namesIn(['--modes', 'in-memory'])).toEqual([]);
  expect(wishesOf(['--modes', 'in-memory']).sinks).toBeUndefined();
  expect(wishesOf(['--modes', 'clicks', '--rounds', '7'])).toMatchObject({ sinks: undefined, clicks: { rounds: 7 } });
});

test.for([
  [['--modes', 'fast'], 'there is no mode fast'],
  [['--wave', '3'], "Unknown option '--wave'"],
  [['--servers', '0'], '--servers is 0'],
  [['--rounds', 'many'], '--rounds is many'],
  [['--servers', '1000000'], '--servers is 1000000'],
  [['--servers', '3', '--waves', '4'], '3 servers cannot be in 4 waves'],
  [['--servers'], '--servers'],
  [['fleet'], "Unexpected argument 'fleet'"],
] as const)('%j is refused in one sentence with exit code 64', ([args, sentence]) => {
  const refused = (): unknown => wishesOf(args);
  expect(refused).toThrow(UsageError);
  expect(refused).toThrow(sentence);
  expect(refused).toThrow(/^[^\n]*$/);
  expect(new UsageError('').exitCode).toBe(64);
});

test('help names every mode and gives examples that are understood', () => {
  for (const name of ['full-stepper', 'by-hand-10', 'in-memory', 'sinks', 'clicks']) expect(help).toContain(name);
  const examples = [...help.matchAll(/^ {2}npm run bench -- (.*)$/gm)].map(([, words = '']) => words.split(' '));
  expect(examples.length).toBeGreaterThan(3);
  for (const args of examples) expect(() => wishesOf(args)).not.toThrow();
});
