import { describe, expect, test } from 'vitest';
import { agreed, counted } from '../../release/spec/counted.ts';
import { wrongNumbers } from '../support/wrong-number.ts';

test.each([
  [0, 'server', '0 servers'],
  [1, 'server', '1 server'],
  [2, 'more wave', '2 more waves'],
  [11, 'approval', '11 approvals'],
])('%i of %s is %s', (count, noun, text) => {
  expect(counted(count, noun)).toBe(text);
});

test('a noun may have a plural of its own, and a verb goes with its count', () => {
  expect(counted(2, 'retry', 'retries')).toBe('2 retries');
  expect([0, 1, 2].map((count) => agreed(count, 'is', 'are'))).toEqual(['are', 'is', 'are']);
});

describe('the search for wrong numbers', () => {
  test.each([
    'waits for 1 servers to be Ready',
    '3 servers in 1 waves',
    '2 more server are left out',
    '1 chosen servers prove 2.0',
    '1 server are not Ready',
  ])('finds %j', (text) => {
    expect(wrongNumbers(text)).toHaveLength(1);
  });

  test.each([
    'waits for 1 server',
    '11 servers',
    'app:v1.1 servers',
    '1 of 3 servers proves 2.0',
    'wave 1 servers',
    '21 servers in 2 waves',
  ])('leaves %j alone', (text) => {
    expect(wrongNumbers(text)).toEqual([]);
  });
});
