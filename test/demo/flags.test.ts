import { expect, test } from 'vitest';
import { chooseLab } from './choose-lab.ts';
import { UsageError, demoOptions, helpText } from './flags.ts';

test('without flags the demo approves by itself, tells its story, and ends its lab', () => {
  expect(demoOptions([])).toEqual({ lab: undefined, interactive: false, json: false, keep: false, help: false });
});

test('every flag of the help text is understood', () => {
  const named = helpText.match(/^ {2}--[a-z]+/gm)!.map((flag) => flag.trim());
  const given = named.flatMap((flag) => (flag === '--lab' ? [flag, 'fleet'] : [flag]));
  expect(demoOptions(given)).toEqual({ lab: 'fleet', interactive: true, json: true, keep: true, help: true });
});

test('the help text fits into 80 columns', () => {
  expect(Math.max(...helpText.split('\n').map((line) => line.length))).toBeLessThanOrEqual(80);
});

test.each([
  [['--fast'], /^Unknown option '--fast'; see npm run demo -- --help$/],
  [['--lab', 'moon'], /^--lab is truth, fleet or memory, not "moon"; see/],
  [['--lab'], /^Option '--lab <value>' argument missing; see/],
  [['extra'], /^Unexpected argument 'extra'; see/],
])('%j is refused in one sentence', (args, sentence) => {
  expect(() => demoOptions(args)).toThrow(UsageError);
  expect(() => demoOptions(args)).toThrow(sentence);
});

test('the demo takes the truth lab where it can run, else the fleet lab, and says why', () => {
  expect(chooseLab(undefined, undefined).kind).toBe('truth');
  const { kind, reason } = chooseLab(undefined, 'it needs root');
  expect([kind, reason]).toEqual([
    'fleet',
    'This is the fleet lab: simulated nodes, no containers. The truth lab cannot run here: it needs root.',
  ]);
});

test('a truth lab that was asked for and cannot run is missed, not replaced', () => {
  expect(() => chooseLab('truth', 'it needs root')).toThrow('the truth lab cannot run here: it needs root');
  expect(chooseLab('fleet', undefined).kind).toBe('fleet');
});
