import { expect, test } from 'vitest';
import { describeProof, isSent, judgeReloadAnswer, reloadPatienceOf } from '../../release/checks/reload.ts';
import type { Probe, Reload } from '../../release/spec/spec.ts';

const proof: Probe = { http: { port: 80, path: '/version', timeout: 5_000, within: 7_000 } };
const http: Reload = { http: { port: 80, path: '/r', method: 'POST', timeout: 2_000 } };
const exec: Reload = { exec: { container: 'app', command: ['r'], timeout: 3_000 } };

test.each<[string, Reload, number]>([
  ['exec', exec, 53_000],
  ['http', http, 51_000],
  ['self', { self: {} }, 0],
])(
  'a reload by %s may take its time twice, also until it arrives, with the proof in between',
  (_kind, reload, expected) => {
    expect(reloadPatienceOf(reload, proof)).toBe(expected);
  },
);

test('where the engine reloads itself nothing is sent, and the wait for the proof says so', () => {
  expect([exec, http, { self: {} }].map(isSent)).toEqual([true, true, false]);
  expect(describeProof({ self: {} })).toMatch(/by itself/);
  expect(describeProof(exec)).not.toMatch(/by itself/);
});

test.each([
  [{}, 204, '', { kind: 'done' }],
  [{}, 302, '', { kind: 'failed', reason: 'the reload answered status 302' }],
  [{}, 500, 'no such scene\nat x', { kind: 'failed', reason: 'the reload answered status 500: no such scene' }],
  [{ expectStatus: 409 }, 409, '', { kind: 'done' }],
  [{ expectStatus: 202 }, 200, '', { kind: 'failed', reason: 'the reload answered status 200, expected 202' }],
  [{ expect: 'ok v2' }, 200, 'ok v2\n', { kind: 'done' }],
  [{ expect: 'ok v2\nloaded' }, 200, 'ok v2 \r\nloaded\r\n', { kind: 'done' }],
  [{ expect: 'ok v2' }, 200, 'ok v1', { kind: 'failed', reason: 'the reload answered "ok v1", expected "ok v2"' }],
])('asked for %o, status %i and body "%s" are judged', (wishes, status, body, expected) => {
  expect(judgeReloadAnswer(wishes, { status, body })).toEqual(expected);
});
