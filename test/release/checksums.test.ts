import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { compareSums, inCommands, parseManifest, parseSums } from '../../release/checks/checksums.ts';
import type { ListedFile } from '../../release/checks/checksums.ts';

const A = 'a'.repeat(64);
const B = 'b'.repeat(64);

function problemOf(text: string): string {
  const manifest = parseManifest(text, '/hot');
  return 'problem' in manifest ? manifest.problem : 'none';
}

describe('a manifest', () => {
  test('names files relative to its directory, in text or binary mode', () => {
    expect(parseManifest(`\uFEFF${A}  js/game.js\n${B} *./a b.png\r\n\n`, '/hot/')).toEqual({
      files: [
        { path: '/hot/js/game.js', sha256: A },
        { path: '/hot/a b.png', sha256: B },
      ],
    });
  });

  test.each([
    ['nothing', ' \n', /^it names no file$/],
    ['something else', 'hello', /^line 1 is not a SHA-256 sum and a name: "hello"$/],
    ['another kind of sum', `${'a'.repeat(40)}  x`, /^line 1 is not a SHA-256 sum/],
    ['a sum in capitals', `${'A'.repeat(64)}  x`, /^line 1 is not a SHA-256 sum/],
    ['a way out', `${A}  ok\n${A}  js/../../etc/passwd`, /^line 2 leads out of the directory/],
    ['a full path', `${A}  /etc/passwd`, /^line 1 leads out of the directory/],
    ['a folder', `${A}  js/`, /^line 1 leads out of the directory/],
    ['a file twice', `${A}  x\n${B}  ./x`, /^line 2 names a file twice/],
    ['an escaped name', `${A}  a\\nb`, /^line 1 has a character that no name/],
    ['a control character', `${A}  a\u001b[2J`, /^line 1 has a character that no name/],
    ['a name that is too long', `${A}  ${'x'.repeat(400)}`, /^line 1 has a path of more than 400 characters/],
    ['more files than are checked', `${A}  x\n`.repeat(2_001), /^it names 2001 files, at most 2000 are checked$/],
  ])('with %s is of no use', (_what, text, expected) => {
    expect(problemOf(text)).toMatch(expected);
  });

  test('never leads out of its directory, whatever is in it', () => {
    const name = fc.string({ unit: fc.constantFrom('.', '/', 'a', '\\', ' ', '-', '*', '\t'), maxLength: 12 });
    fc.assert(
      fc.property(fc.array(name, { maxLength: 4 }), (names) => {
        const manifest = parseManifest(names.map((text) => `${A}  ${text}`).join('\n'), '/hot');
        const paths = 'files' in manifest ? manifest.files.map(({ path }) => path) : [];
        for (const path of paths) expect(new URL(`file://${encodeURI(path)}`).pathname).toMatch(/^\/hot\/[^/]/);
      }),
    );
  });
});

describe('files are hashed', () => {
  const files = (count: number, name = 'f'): ListedFile[] =>
    Array.from({ length: count }, (_, index) => ({ path: `/hot/${name}${index}`, sha256: A }));

  test('at most 100 in one command, and as many as their names leave room for', () => {
    expect(inCommands(files(250)).map((part) => part.length)).toEqual([100, 100, 50]);
    expect(inCommands(files(40, 'x'.repeat(390))).map((part) => part.length)).toEqual([30, 10]);
    expect(inCommands(files(250)).flat()).toEqual(files(250));
  });

  test('and the first three that are wrong are named', () => {
    const found = parseSums(`${A}  /hot/f0\n${B}  /hot/f1\nnoise\n`);
    expect(compareSums(files(1), found)).toBeUndefined();
    expect(compareSums(files(2), found)).toBe(
      '1 of 2 files are not as listed: /hot/f1 has bbbbbbbbbbbb, expected aaaaaaaaaaaa',
    );
    expect(compareSums(files(6), found)).toBe(
      '5 of 6 files are not as listed: /hot/f1 has bbbbbbbbbbbb, expected aaaaaaaaaaaa, /hot/f2 is missing, /hot/f3 is missing, and 2 more',
    );
  });
});
