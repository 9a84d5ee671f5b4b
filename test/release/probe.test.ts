import { describe, expect, test } from 'vitest';
import { fingerprint } from '../../release/fleet/run.ts';
import {
  answerOfConditions,
  answerOfServiceQuality,
  changedAt,
  describeProbe,
  expectationOf,
  isReadFromPod,
  judgeAnswer,
  patienceOf,
  textAt,
} from '../../release/checks/probe.ts';
import type { Probe } from '../../release/spec/probe-spec.ts';
import { MAIN, SIDECAR, aServer, anUpdatedServer } from '../support/builders.ts';

const times = { timeout: 1_000, within: 4_000 };
const kinds: Record<string, Probe> = {
  'http :80/version': { http: { port: 80, path: '/version', ...times } },
  'http :80/status#/engine/version': { http: { port: 80, path: '/status', pointer: '/engine/version', ...times } },
  'exec show version in app': { exec: { container: 'app', command: ['show', 'version'], ...times } },
  'file /run/v in app': { file: { container: 'app', path: '/run/v', ...times } },
  'files of /x/SUMS in app': { checksums: { container: 'app', manifest: '/x/SUMS', ...times } },
  'log of app': { log: { container: 'app', line: '{{version}}', ...times } },
  'service quality loaded': { serviceQuality: { name: 'loaded', within: 4_000 } },
  'tcp :25565': { tcp: { port: 25_565, ...times } },
  'prometheus up': { prometheus: { query: 'up', max: 1, ...times } },
};

test.each(Object.entries(kinds))('a reason names the probe: %s', (name, probe) => {
  expect(describeProbe(probe)).toBe(name);
  expect(patienceOf(probe)).toBe(4_000);
});

test('conditions need no patience of their own in the file', () => {
  const probe: Probe = { conditions: ['Ready', 'x/y'] };
  expect([describeProbe(probe), patienceOf(probe), isReadFromPod(probe)]).toEqual([
    'conditions Ready, x/y',
    30_000,
    true,
  ]);
  expect(Object.values(kinds).filter(isReadFromPod)).toEqual([kinds['service quality loaded']]);
});

test('only what answers with text is expected to say the version', () => {
  const asked = Object.entries(kinds).filter(([, probe]) => expectationOf(probe, 'v2') === 'v2');
  expect(asked.map(([name]) => name.split(' ')[0])).toEqual(['http', 'http', 'exec', 'file', 'service']);
  expect(expectationOf({ file: { container: 'a', path: '/v', expect: 'x', ...times } }, 'v2')).toBe('x');
});

describe('an answer is the expected text', () => {
  const file: Probe = { file: { container: 'app', path: '/VERSION', ...times } };
  const isRight = (text: string, expected: string): boolean =>
    judgeAnswer(file, { kind: 'answered', success: true, text, detail: '' }, expected) === undefined;

  test.each([
    ['with the line break of Windows', 'v2\r\n', 'v2'],
    ['with blanks behind its lines', 'map: desert  \nmode: duel\t\n\n', 'map: desert\nmode: duel'],
    ['with line breaks of Windows on one side only', 'a\r\nb', 'a\nb'],
    ['with an accent of two characters on one side', 'Cafe\u0301 2', 'Caf\u00E9 2'],
    ['with a Hangul syllable taken apart', '\u1112\u1161\u11AB-1', '\uD55C-1'],
    ['behind a byte order mark', '\uFEFFv2', 'v2'],
    ['with the line breaks of old Macs', 'a\rb\r', 'a\nb'],
    ['though the release file has a line break at its end', 'v2', 'v2\n'],
  ])('%s', (_how, text, expected) => {
    expect(isRight(text, expected)).toBe(true);
  });

  test.each([
    ['another case', 'V2', 'v2'],
    ['blanks within it', 'v 2', 'v2'],
    ['blanks before a line', 'a\n  b', 'a\nb'],
    ['a look-alike', '\uFF562', 'v2'],
    ['an empty line more', 'a\n\nb', 'a\nb'],
  ])('but not with %s', (_how, text, expected) => {
    expect(isRight(text, expected)).toBe(false);
  });

  test('is found out fast in 64 KiB of blanks', () => {
    const began = performance.now();
    expect(isRight(`${' '.repeat(64 * 1024)}x`, 'v2')).toBe(false);
    expect(performance.now() - began).toBeLessThan(10_000);
  });
});

describe('one value of a JSON answer', () => {
  const body = JSON.stringify({
    engine: { version: 'v2', players: 0, ok: true, mods: ['a'] },
    'a/b': { '~': 'odd' },
    no: null,
  });

  test.each([
    ['/engine/version', { text: 'v2' }],
    ['/engine/players', { text: '0' }],
    ['/engine/ok', { text: 'true' }],
    ['/engine/mods', { text: '["a"]' }],
    ['/engine/mods/0', { text: 'a' }],
    ['/a~1b/~0', { text: 'odd' }],
    ['/engine/build', { problem: 'the answer has nothing at /engine/build' }],
    ['/engine/version/0', { problem: 'the answer has nothing at /engine/version/0' }],
    ['/no', { problem: 'the answer has nothing at /no' }],
  ])('%s', (pointer, expected) => {
    expect(textAt(body, pointer)).toEqual(expected);
  });

  test.each([
    ['a number is what the engine has written', '{"version":1.10}', '1.10'],
    ['one that is longer than numbers here are', '{"version":20261128071800123}', '20261128071800123'],
    ['one in a list', '{"version":[1.10]}', '[1.1]'],
    ['a byte order mark stands before it', '\uFEFF {"version":"2.0"}\n', '2.0'],
  ])('%s', (_what, answer, expected) => {
    expect(textAt(answer, '/version')).toEqual({ text: expected });
  });

  test.each(['/__proto__', '/constructor/name', '/version/length'])(
    'is nothing that JSON does not say: %s',
    (pointer) => {
      expect(textAt('{"version":["2.0"]}', pointer)).toEqual({ problem: `the answer has nothing at ${pointer}` });
    },
  );

  test('is not there when the answer is a page', () => {
    expect(textAt('<html>', '/engine')).toEqual({ problem: 'the answer is no JSON' });
  });
});

describe('what OpenKruise says about a service quality', () => {
  const judge = (status: string, message = 'v2'): unknown => {
    const server = aServer({ serviceQualities: { loaded: { status, message } } });
    return judgeAnswer(kinds['service quality loaded']!, answerOfServiceQuality(server, 'loaded'), 'v2');
  };

  test.each([
    ['True', 'v2', undefined],
    ['True', 'v1', { unknown: false, reason: 'service quality loaded answered "v1", expected "v2"' }],
    ['False', 'v2', { unknown: false, reason: 'service quality loaded: is False: v2' }],
    ['Unknown', '', { unknown: true, reason: 'service quality loaded: OpenKruise reports Unknown' }],
  ])('%s with "%s"', (status, message, expected) => {
    expect(judge(status, message)).toEqual(expected);
  });

  test('nothing at all is not known, not false', () => {
    const answer = answerOfServiceQuality(aServer(), 'loaded');
    expect(answer).toEqual({ kind: 'unknown', reason: 'OpenKruise has not reported it for duel-0' });
  });
});

test('conditions that are not True are named, with what they are', () => {
  const server = aServer({ ready: false });
  expect(answerOfConditions(server, ['Initialized', 'Ready', 'Lost'])).toMatchObject({
    success: false,
    detail: 'Ready is False, Lost is not there',
  });
  expect(answerOfConditions(server, ['Initialized'])).toMatchObject({ success: true });
});

describe('the change of a server began', () => {
  const before = aServer({ ordinal: 1, mainStatus: { startedAt: 1_000 }, sidecarStatus: { startedAt: 1_000 } });
  const planned = {
    ...before,
    containers: Object.fromEntries([MAIN, SIDECAR].map((name) => [name, fingerprint(before, name)])),
  };

  test('when the container started that is another one than planned', () => {
    const after = anUpdatedServer({
      ordinal: 1,
      mainStatus: { startedAt: 1_000 },
      sidecarStatus: { startedAt: 9_000 },
    });
    expect(changedAt(after, planned)).toBe(9_000);
  });

  test('never, when every container is the planned one', () => {
    expect(changedAt(before, planned)).toBeUndefined();
  });
});
