import { describe, expect, test } from 'vitest';
import { formatDiagnostic, readReleaseFile } from '../../release/spec/diagnose.ts';

const lines = {
  head: ['apiVersion: hotwave.dev/v1', 'kind: Release', 'metadata: { name: scripts-2-0 }', 'spec:'],
  target: '  target: { gameServerSet: gss-2048 }',
  images: '  images: { sidecar: "registry.example/2048-sidecar:v2.0" }',
  reload: '  reload: { exec: { container: app-2048, command: [/usr/sbin/nginx, -s, reload] } }',
  proof: '  proof: { http: { port: 80, path: /version } }',
};

/** A valid release file with some of its lines replaced, or with lines added. */
function file(
  change: Partial<Record<'target' | 'images' | 'reload' | 'proof', string>> = {},
  ...more: string[]
): string {
  const { head, ...body } = { ...lines, ...change };
  return [...head, ...Object.values(body), ...more].filter((line) => line !== '').join('\n');
}

function complaints(text: string): string[] {
  const reading = readReleaseFile(text);
  return 'diagnostics' in reading ? reading.diagnostics.map((found) => formatDiagnostic('r.yaml', found)) : [];
}

test('a file with only target, images, reload and proof gets the documented defaults', () => {
  const reading = readReleaseFile(file());
  expect('release' in reading && reading.release.spec).toMatchObject({
    target: { namespace: 'default' },
    strategy: 'rolling',
    waves: [1, '5%', '25%', 'rest'],
    maxUnavailable: '10%',
    ready: { timeout: 300_000 },
    onFailure: { tolerate: 0, then: 'rollback' },
    gates: [],
  });
});

describe('what is wrong is said in one sentence with file, line and column', () => {
  test.each([
    ['an unknown key', file({}, '  wave: [1]'), /^r\.yaml:9:3: spec\.wave: unknown key wave$/],
    ['a wrong type', file({}, '  bake: 90'), /^r\.yaml:9:9: spec\.bake: expected a duration/],
    ['a negative wave', file({}, '  waves: [-1, rest]'), /^r\.yaml:9:11: spec\.waves\[0\]: .*1 or more/],
    [
      'waves that leave servers behind',
      file({}, '  waves: [1, 5%]'),
      /^r\.yaml:9:10: spec\.waves: the last wave must be rest/,
    ],
    [
      'an image without a tag',
      file({ images: '  images: { sidecar: nginx }' }),
      /^r\.yaml:6:22: spec\.images\.sidecar: expected an image with a tag/,
    ],
    ['no image at all', file({ images: '' }), /^r\.yaml:4:1: spec\.images: is missing; expected the new image/],
    [
      'a proof asked in two ways',
      file({ proof: '  proof: { http: { port: 80, path: /v }, exec: { container: a, command: [v] } }' }),
      /^r\.yaml:8:10: spec\.proof: expected exactly one of: http, exec, file, log, serviceQuality$/,
    ],
    [
      'a shell string for a command',
      file({ reload: '  reload: { exec: { container: a, command: nginx -s reload } }' }),
      /^r\.yaml:7:44: spec\.reload\.exec\.command: expected a list of arguments/,
    ],
    [
      'targeted without chosen servers',
      file({}, '  strategy: targeted'),
      /^r\.yaml:5:\d+: spec\.target\.servers: .*needs the chosen servers/,
    ],
    [
      'chosen servers of the whole set',
      file({ target: '  target: { gameServerSet: gss-2048, servers: { servers: [1] } }' }),
      /^r\.yaml:5:\d+: spec\.target\.servers: only strategy targeted chooses servers/,
    ],
    [
      'a choice of nobody',
      file({ target: '  target: { gameServerSet: gss-2048, servers: {} }' }, '  strategy: targeted'),
      /^r\.yaml:5:\d+: spec\.target\.servers: expected at least one of: servers, labels/,
    ],
    [
      'a range that goes downwards',
      file({ target: '  target: { gameServerSet: gss-2048, servers: { servers: [9-5] } }' }, '  strategy: targeted'),
      /^r\.yaml:5:\d+: spec\.target\.servers\.servers\[0\]: .*upwards/,
    ],
    [
      'an unknown strategy',
      file({}, '  strategy: canary'),
      /^r\.yaml:9:13: spec\.strategy: expected rolling, targeted or newServersOnly$/,
    ],
    ['a key given twice', file({}, lines.proof), /^r\.yaml:9:\d+: .*unique/i],
    ['YAML that is none', 'a: [', /^r\.yaml:1:\d+: /],
    ['an empty file', '', /^r\.yaml:1:1: apiVersion: expected hotwave\.dev\/v1$/],
  ])('%s', (_what, text, expected) => {
    expect(complaints(text)[0]).toMatch(expected);
  });
});
