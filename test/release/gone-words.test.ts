import { describe, expect, test } from 'vitest';
import { GONE_WORDS, goneWords } from '../../scripts/gone-words.ts';

describe('a word that is gone', () => {
  test.each([
    'Who moves gets the new image.',
    'It waits. Whoever comes is asked.',
    '/** What a worker is made of. */',
    'hotwave halt stops the line.',
    'The release waits on a person.',
    'Two servers were left behind.',
    'skip leaves failed servers behind',
    'A budget lets one server move.',
    'the ledger of the set',
    'it keeps three specimens',
    'servers that have departed',
    'the skew budget',
    'the set has drifted',
    'the release was left on hold',
    'the set could not be held',
    'the guard asks every engine',
    'pause freezes the set',
    'hotwave override arena/duel',
  ])('is found in %j', (text) => {
    expect(goneWords(text)).toHaveLength(1);
  });

  test('is found over the end of a line of a comment, and its line is told', () => {
    expect(goneWords('const a = 1;\n/**\n * A release that was left\n * behind its wave.\n */')).toEqual([
      { line: 3, text: 'left behind', instead: 'excluded' },
    ]);
  });

  test('has a word that is written instead', () => {
    expect(GONE_WORDS.filter(({ instead }) => instead === '')).toEqual([]);
  });
});

test.each([
  'What became of servers that are not there?',
  'the names of servers that nobody knows',
  'onFailure: { keepSpecimens: 1 }',
  'spec.driftDetection of a HelmRelease, and the drift detection of Flux',
  'a proof holds while its basis is the same',
  'hotwave guard arena/duel',
  'The demo leaves no process behind.',
])('%j is no word that is gone', (text) => {
  expect(goneWords(text)).toEqual([]);
});
