import { describe, expect, test } from 'vitest';
import { compactRanges, numbersIn } from '../../release/fleet/ranges.ts';
import { renderTable } from '../../client/render/table.ts';
import { fitted, textWidth, wrapped } from '../../client/render/text-width.ts';
import { plainView } from '../../client/render/view.ts';
import { plainDeep, plainText, terminalSafeJson } from '../../client/terminal/untrusted.ts';

describe('untrusted text', () => {
  test.each([
    ['\u001b[31mred\u001b[0m', 'red'],
    ['a\u001b]0;title\u0007b', 'ab'],
    ['two\nlines\tand a tab', 'two lines and a tab'],
    ['\u009b2Jcleared', 'cleared'],
    ['safe\u202Eelif', 'safeelif'],
    ['nul\u0000byte', 'nulbyte'],
    ['延迟 is fine', '延迟 is fine'],
  ])('%j is shown as %j', (given, shown) => {
    expect(plainText(given)).toBe(shown);
  });

  test('is made plain at every depth, keys included', () => {
    expect(plainDeep({ 'a\u0007': [{ reason: 'x\u001b[2Jy' }], n: 1, none: undefined })).toEqual({
      a: [{ reason: 'xy' }],
      n: 1,
      none: undefined,
    });
  });

  test('loses nothing in JSON and still cannot move the cursor', () => {
    const value = { reason: 'a\u001b[31m\u009b2J\u202E\nb' };
    const text = terminalSafeJson(value, 2);
    for (const unsafe of ['\u001b', '\u009b', '\u202E']) expect(text).not.toContain(unsafe);
    expect(JSON.parse(text)).toEqual(value);
  });
});

describe('compact ranges', () => {
  test.each([
    [[], ''],
    [[4], '4'],
    [[2, 1, 0], '0-2'],
    [[9, 0, 1, 2, 5], '0-2,5,9'],
    [[7, 7, 8], '7-8'],
  ])('%j -> %s', (numbers, text) => {
    expect(compactRanges(numbers)).toBe(text);
  });
});

test('the numbers of compact ranges are those that they were made of; what cannot be read names none', () => {
  expect(numbersIn('0-2,5,9')).toEqual([0, 1, 2, 5, 9]);
  expect(numbersIn('')).toEqual([]);
  expect(numbersIn('x,3-1,7')).toEqual([7]);
  expect(numbersIn('0-99999999999', 3)).toEqual([0, 1, 2]);
});

describe('width', () => {
  test('counts cells, not characters', () => {
    expect(textWidth('延迟')).toBe(4);
    expect(textWidth('e\u0301')).toBe(1);
    expect(textWidth('\u001b[31mred\u001b[39m')).toBe(3);
  });

  test.each([
    ['a heart that asks for its picture', '❤️', 2],
    ['a keycap', '1️⃣', 2],
    ['a flag', '🇨🇳', 2],
    ['a family of one picture', '👩‍👩‍👧', 2],
    ['half-width katakana', 'ｶﾞｲﾄﾞ', 5],
    ['bopomofo', 'ㄅㄆ', 4],
    ['a sign that stands alone', '✔', 1],
  ])('of %s is %s in so many cells: %i', (_what, text, cells) => {
    expect(textWidth(text)).toBe(cells);
  });

  test('a text is cut between what people see as characters', () => {
    expect(fitted('🇨🇳🇨🇳🇨🇳', 5)).toBe('🇨🇳🇨🇳…');
    expect(fitted('👩‍👩‍👧👩‍👩‍👧', 3)).toBe('👩‍👩‍👧…');
  });

  test.each([
    ['short', 10, 'short'],
    ['exactly-10', 10, 'exactly-10'],
    ['eleven char', 10, 'eleven ch…'],
    ['延迟延迟', 6, '延迟…'],
  ])('%s in %i cells is %s', (text, width, shown) => {
    expect(fitted(text, width)).toBe(shown);
  });

  test('a sentence is broken at spaces, a word that is too long anywhere', () => {
    expect(wrapped('waits for a person', 9)).toEqual(['waits for', 'a person']);
    expect(wrapped('registry.test/x', 8)).toEqual(['registry', '.test/x']);
  });
});

describe('a table', () => {
  const columns = [{ title: 'N', align: 'right' }, { title: 'NAME', flexible: true }, { title: 'STATE' }] as const;
  const rows = [
    ['1', 'a name that is much too long for a narrow terminal', 'done'],
    ['12', 'short', 'running'],
  ];

  test('is as wide as its content when nothing limits it', () => {
    expect(renderTable(columns, [['1', 'x', 'done']], plainView())).toEqual(['N  NAME  STATE', '1  x     done']);
  });

  test('gives up the flexible column first', () => {
    expect(renderTable(columns, rows, plainView(30))).toEqual([
      ' N  NAME               STATE',
      ' 1  a name that is m…  done',
      '12  short              running',
    ]);
  });

  test('is straight whatever its cells are written in', () => {
    const lines = renderTable(
      columns,
      [
        ['1', '🇨🇳 ｶﾞｲﾄﾞ', 'done'],
        ['2', 'ㄅㄆ', 'done'],
      ],
      plainView(),
    );
    const starts = lines.slice(1).map((line) => textWidth(line.slice(0, line.indexOf('done'))));
    expect(new Set(starts).size).toBe(1);
  });

  test('never exceeds the view', () => {
    for (const line of renderTable(columns, rows, plainView(12))) expect(textWidth(line)).toBeLessThanOrEqual(12);
  });
});
