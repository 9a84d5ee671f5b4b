import { describe, expect, test } from 'vitest';
import { formatDiagnostic, readCalendarFile, readReleaseFile } from '../../release/spec/diagnose.ts';
import type { ReleaseSpec } from '../../release/spec/spec.ts';

const head = [
  'apiVersion: hotwave.dev/v1',
  'kind: Release',
  'metadata: { name: r }',
  'spec:',
  '  target: { gameServerSet: s }',
  '  images: { sidecar: "registry.test/scripts:v2" }',
  '  reload: { self: {} }',
].join('\n');
const proof = '  proof: { http: { port: 80, path: /version } }\n';
const whole = `${head}\n${proof}`;

function complaints(text: string): string[] {
  const reading = readReleaseFile(text);
  return 'diagnostics' in reading ? reading.diagnostics.map((found) => formatDiagnostic('f.yaml', found)) : [];
}

function specOf(text: string): ReleaseSpec {
  const reading = readReleaseFile(text);
  if ('release' in reading) return reading.release.spec;
  throw new Error(complaints(text).join('\n'));
}

describe('a release file is taken', () => {
  test.each([
    ['with a --- at its end', `${whole}---\n`],
    ['with a --- and a comment at its end', `${whole}---\n\n# that was it\n`],
    ['with the end of a document and another --- behind it', `${whole}...\n---\n`],
    ['with empty documents before it', `---\n---\n${whole}`],
    ['with a comment before its ---', `# mine\n---\n${whole}`],
    ['with a byte order mark', `\uFEFF${whole}`],
    ['with line ends of Windows', whole.replaceAll('\n', '\r\n')],
    ['with a YAML directive', `%YAML 1.2\n---\n${whole}`],
    [
      'as JSON',
      '{"apiVersion":"hotwave.dev/v1","kind":"Release","metadata":{"name":"r"},"spec":{"target":{"gameServerSet":"s"},"images":{"sidecar":"r.test/s:v2"},"reload":{"self":{}},"proof":{"http":{"port":80,"path":"/v"}}}}',
    ],
  ])('%s', (_how, text) => {
    expect(complaints(text)).toEqual([]);
  });

  test('with merge keys, which give what is not said otherwise', () => {
    const spec = specOf(
      `${head}\n  proof: { http: &ask { port: 8080, path: /version, timeout: 2s } }\n  health: [ { http: { <<: *ask, path: /healthz } }, { tcp: { <<: [ { port: 1 }, { port: 2 } ] } } ]\n`,
    );
    expect(spec.health[0]?.http).toMatchObject({ port: 8080, path: '/healthz', timeout: 2_000 });
    expect(spec.health[1]?.tcp?.port).toBe(1);
  });
});

const utf16 = Buffer.from(`\uFEFF${whole}`, 'utf16le');

/** Milliseconds: each took many times as long when its time grew with the square of its length. */
const DEADLINE_MS = 20_000;

describe('what cannot be read is said in one sentence, with its place, and fast', () => {
  test.each([
    ['two releases', `${whole}---\n${whole}`, 'f.yaml:9:1: one document is expected, and here begins another'],
    ['two, one of them broken', `${whole}---\na: [\n`, /^f\.yaml:1[01]:\d+: /],
    [
      'UTF-16 of Windows',
      utf16.toString('utf8'),
      'f.yaml:1:1: this is no text in UTF-8; it may be UTF-16, or packed: save it as UTF-8',
    ],
    [
      'UTF-16 the other way round',
      Buffer.from(utf16).swap16().toString('utf8'),
      'f.yaml:1:1: this is no text in UTF-8;',
    ],
    ['UTF-16 without a mark', utf16.subarray(2).toString('utf8'), 'f.yaml:1:1: this is no text in UTF-8;'],
    ['a packed file', '\u001f\uFFFD\b\0\0', 'f.yaml:1:1: this is no text in UTF-8;'],
    [
      'Latin-1',
      Buffer.from(`${whole}# caf\u00E9\n`, 'latin1').toString('utf8'),
      'f.yaml:9:6: here is a byte that is no UTF-8: save the file as UTF-8',
    ],
    ['line ends of old Macs', whole.replaceAll('\n', '\r'), 'f.yaml:1:1: the lines end with CR alone:'],
    ['a tab', whole.replace('  target', '\ttarget'), 'f.yaml:5:1: a tab is no indentation: use blanks'],
    [
      'a merge of nothing that can be merged',
      `${head}\n  proof: { http: { <<: 5, port: 80 } }\n`,
      'f.yaml:8:20: << takes fields, or the name of some such as *base',
    ],
    ['a merge of a list of names', `${head}\n  proof: { http: { <<: [a, b] } }\n`, 'f.yaml:8:20: << takes fields'],
    [
      'a name that nobody has given',
      `${head}\n  proof: *ask\n`,
      'f.yaml:8:10: *ask is not known: give it before, as &ask',
    ],
    [
      'a template',
      whole.replace('name: r', 'name: {{ .Values.name }}'),
      'f.yaml:3:20: a name must be plain text; {{ … }} belongs in quotes where it is meant',
    ],
    ['a tag', `${head}\n  proof: !Ref x\n`, 'f.yaml:8:10: this tag is not known here: leave it out'],
    [
      'a merge that nobody has settled',
      whole.replace('  reload', '<<<<<<< HEAD\n  reload').replace('  proof', '=======\n  proof'),
      'f.yaml:7:1: git left both sides of a merge here: settle it',
    ],
    ['a rule of equal signs and a tab', `${whole.replace('  reload', '\t reload')}# x\n=======\n`, 'f.yaml:7:1: a tab'],
    [
      'an ideographic blank before a name',
      whole.replace('  reload', '\u3000\u3000reload'),
      'f.yaml:7:1: here is a blank that YAML does not know (U+3000): use ordinary ones',
    ],
    [
      'a blank of a web page before a name',
      whole.replace('  reload', ' \u00A0reload'),
      'f.yaml:7:2: here is a blank that YAML does not know (U+00A0): use ordinary ones',
    ],
    [
      'a colon of Chinese keyboards',
      whole.replace('kind: Release', 'kind：Release'),
      'f.yaml:2:5: here is a colon that YAML does not know (U+FF1A): use an ordinary one with a blank behind it',
    ],
    ['a list', '- a\n- b\n', 'f.yaml:1:1: expected fields with values (name: value), and this is a list'],
    ['a text', 'hello', 'f.yaml:1:1: expected fields with values (name: value), and this is plain text'],
    [
      'the page of a proxy',
      '<!DOCTYPE html>\n<html></html>\n',
      'f.yaml:1:1: expected fields with values (name: value), and this is HTML or XML',
    ],
    ['a field given twice', `${whole}${proof}`, 'f.yaml:9:3: proof is given twice: names must be unique'],
    [
      'names that multiply',
      `a: &a [x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b]\nd: [*c,*c,*c,*c,*c]\n`,
      'f.yaml:1:1: names such as *base repeat too much',
    ],
    [
      'ten thousand merges',
      `${head}\n  x: &x { a: 1 }\n  y: [${'{ <<: *x },'.repeat(10_000)}]\n${proof}`,
      'f.yaml:1:1: names such as *base repeat too much',
    ],
    [
      'a name that stands for itself',
      `${whole}  x: &x [ *x ]\n`,
      'f.yaml:9:11: *x stands for something that it is in itself',
    ],
    [
      'fifty thousand levels',
      `${whole}  waves: ${'['.repeat(50_000)}${']'.repeat(50_000)}\n`,
      /^f\.yaml:9:\d+: nested deeper than 64 levels$/,
    ],
    [
      'a hundred levels',
      `${whole}  waves: ${'['.repeat(200)}${']'.repeat(200)}\n`,
      /^f\.yaml:9:\d+: nested deeper than 64 levels$/,
    ],
    ['a million waves', `${whole}  waves: [${'1,'.repeat(1_000_000)} rest]\n`, 'f.yaml:1:1: the file has 2000'],
    [
      'as many waves as fit',
      `${whole}  waves: [${'1,'.repeat(250_000)} rest]\n`,
      'f.yaml:1:1: the file has 250011 lines and entries, and 20000 are the most',
    ],
    [
      'a thousand waves',
      `${whole}  waves: [${'1,'.repeat(1_000)} rest]\n`,
      'f.yaml:9:10: spec.waves: expected at most 100 entries',
    ],
  ])('%s', { timeout: DEADLINE_MS }, (_what, text, expected) => {
    const [first = 'nothing', ...more] = complaints(text);
    if (typeof expected === 'string') expect(first.slice(0, expected.length)).toBe(expected);
    else expect(first).toMatch(expected);
    expect(more).toEqual([]);
  });

  test('fifteen thousand unknown keys, each once', { timeout: DEADLINE_MS }, () => {
    const text = `${whole}${Array.from({ length: 15_000 }, (_, index) => `  k${index}: 1\n`).join('')}`;
    const found = complaints(text);
    expect([found.length, found[0], found.at(-1)]).toEqual([
      15_000,
      'f.yaml:9:3: spec.k0: unknown key',
      'f.yaml:15008:3: spec.k14999: unknown key',
    ]);
  });
});

test('a calendar is read in the same way', () => {
  expect(readCalendarFile('freeze: []\n---\n')).toEqual({ windows: [] });
  expect(readCalendarFile('- a\n')).toEqual({
    diagnostics: [
      { line: 1, column: 1, path: '', message: 'expected fields with values (name: value), and this is a list' },
    ],
  });
});
