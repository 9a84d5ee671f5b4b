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
    ['an unknown key', file({}, '  wave: [1]'), /^r\.yaml:9:3: spec\.wave: unknown key \(did you mean waves\?\)$/],
    ['a wrong type', file({}, '  bake: 90'), /^r\.yaml:9:9: spec\.bake: expected a duration/],
    ['a negative wave', file({}, '  waves: [-1, rest]'), /^r\.yaml:9:11: spec\.waves\[0\]: .*1 or more/],
    [
      'waves that leave servers out',
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
    ['a key given twice', file({}, lines.proof), /^r\.yaml:9:3: proof is given twice: names must be unique$/],
    ['YAML that is none', 'a: [', /^r\.yaml:1:\d+: /],
    ['an empty file', '', /^r\.yaml:1:1: the file is empty$/],
    ['a file of comments', '# to do', /^r\.yaml:1:1: the file is empty$/],
  ])('%s', (_what, text, expected) => {
    expect(complaints(text)[0]).toMatch(expected);
  });
});

describe('one mistake is one sentence', () => {
  const COUNT = 'expected a whole number of servers, 1 or more, or a share such as 5%';
  const health = '  health: [{ tcp: { port: 80 } }]';

  test.each([
    // Checks that combine fields, with one of them not understood.
    [
      '  gates: [{ before: 2, timeout: 4 hours, remindEvery: 1s }]',
      'spec.gates[0].timeout: expected a duration such as 90s, 5m or 4h',
    ],
    [
      `${health}\n  gates: [{ before: 2, timeout: 4 hours, promoteAfter: 30d }]`,
      'spec.gates[0].timeout: expected a duration such as 90s, 5m or 4h',
    ],
    [
      '  gates: [{ before: 2, promoteAfter: soon }]\n  health: [{ tcp: { port: 0 } }]',
      'spec.health[0].tcp.port: expected a port from 1 to 65535, or the name of a port of the pod such as http',
      'spec.gates[0].promoteAfter: expected a duration such as 90s, 5m or 4h',
    ],
    [
      '  onFailure: { classes: { reload: { then: retry, backoff: a minute } } }',
      'spec.onFailure.classes.reload.backoff: expected a duration such as 90s, 5m or 4h',
    ],
    [
      '  freeze: [{ name: w, from: Fri 18:00, to: 28 December }]',
      'spec.freeze[0].to: expected a weekday and a time such as Fri 18:00, or a date such as 2026-12-24 or 2026-12-24 12:00',
    ],
    ['  health: [{ prometheus: { query: up, max: a lot } }]', 'spec.health[0].prometheus.max: expected a number'],
    ['  health: [{ tpc: { port: 80 } }]', 'spec.health[0].tpc: unknown key (did you mean tcp?)'],
    [
      '  admission: { busy: { opsStates: [A] } }',
      'spec.admission.busy.opsStates: unknown key (did you mean opsState?)',
    ],
    [
      '  approvrs: { ops: [ann] }\n  gates: [{ before: 2, groups: { ops: 1 } }]',
      'spec.approvrs: unknown key (did you mean approvers?)',
    ],
    // Waves and counts.
    ['  waves: [1, 5%, 25%]', 'spec.waves: the last wave must be rest, so that no server is excluded unnoticed'],
    ['  waves: [rest, 1]', 'spec.waves: only the last wave may be rest'],
    ['  waves: [1, -1]', 'spec.waves[1]: expected a whole number of servers, 1 or more'],
    ['  maxUnavailable: ten', `spec.maxUnavailable: ${COUNT}`],
    ['  maxUnavailable: 120%', 'spec.maxUnavailable: a share is at most 100%'],
    ['  maxUnavailable: 1.5', `spec.maxUnavailable: ${COUNT}`],
    // A value that is wrong in two ways at once.
    ['  version: ""', 'spec.version: expected some text'],
    [`  health: [${'{ tcp: { port: 80 } }, '.repeat(11)}]`, 'spec.health: expected at most 10 entries'],
    [`  bake: ${'a'.repeat(30)}`, 'spec.bake: expected a duration such as 90s, 5m or 4h'],
  ])('%s', (more, ...sentences) => {
    expect(complaints(file({}, more)).map((found) => found.replace(/^r\.yaml:\d+:\d+: /, ''))).toEqual(sentences);
  });

  test('in a file of another kind of object', () => {
    const text = 'apiVersion: game.kruise.io/v1alpha1\nkind: GameServerSet\nspec: { replicas: 3 }\n';
    expect(complaints(text)).toEqual(['r.yaml:2:7: this is a GameServerSet, not a Release']);
  });

  test('where a second document begins', () => {
    expect(complaints(`${file()}\n---\n${file()}`)).toEqual([
      'r.yaml:9:1: one document is expected, and here begins another',
    ]);
  });
});

describe('a gate that can never open is a mistake of the file', () => {
  test.each([
    [
      '  waves: [1, rest]\n  gates: [{ before: 9 }]',
      'r.yaml:10:21: spec.gates[0].before: there is no wave 9: spec.waves has 2',
    ],
    ['  gates: [{ before: 5 }]', 'r.yaml:9:21: spec.gates[0].before: there is no wave 5: spec.waves has 4'],
    [
      '  strategy: newServersOnly\n  gates: [{ before: 2 }]',
      'r.yaml:10:21: spec.gates[0].before: there is no wave 2: with newServersOnly new servers are one wave',
    ],
    [
      '  gates: [{ before: 2 }, { before: 2 }]',
      'r.yaml:9:36: spec.gates[1].before: gates[0] is before wave 2 already: one gate is enough, with as many approvals as it takes',
    ],
  ])('%s', (more, sentence) => {
    expect(complaints(file({}, more))).toEqual([sentence]);
  });

  test.each([
    '  waves: [1, rest]\n  gates: [{ before: 2 }, { before: 1 }]',
    '  waves: { by: updatePriority }\n  gates: [{ before: 9 }]',
  ])('and one that may open is none: %s', (more) => {
    expect(complaints(file({}, more))).toEqual([]);
  });
});

describe('what zod says of itself is said in plain words', () => {
  test.each([
    [{ proof: '' }, '', 'spec.proof: is missing'],
    [{ target: '' }, '', 'spec.target: is missing'],
    [{ target: '  target: here' }, '', 'spec.target: expected an object'],
    [{}, '  gates: [{ before: 2, approvals: 0 }]', 'spec.gates[0].approvals: expected a number of at least 1'],
    [{}, '  gates: [{ before: 2, approvals: 21 }]', 'spec.gates[0].approvals: expected a number of at most 20'],
    [{}, '  gates: [{ before: 2, approvals: 1.5 }]', 'spec.gates[0].approvals: expected a whole number'],
    [{}, '  gates: [{ before: 2, notRequester: 1 }]', 'spec.gates[0].notRequester: expected true or false'],
    [{}, '  gates: 2', 'spec.gates: expected a list'],
    [{}, '  onFailure: { then: again }', 'spec.onFailure.then: expected rollback or pause'],
    [{}, '  approvers: { ops: [] }', 'spec.approvers.ops: expected at least 1 entry'],
    [
      {},
      '  approvers: { Ops: [ann] }',
      'spec.approvers.Ops: expected a Kubernetes name: lower-case letters, digits and -',
    ],
    [
      {},
      '  onFailure: { classes: { imagepull: { then: pause } } }',
      'spec.onFailure.classes.imagepull: unknown key (did you mean imagePull?)',
    ],
    [
      {},
      '  freeze: [{ name: w, from: Fri 18:00, to: Mon 08:00, timeZone: 1 }]',
      'spec.freeze[0].timeZone: expected text; put numbers in quotes',
    ],
  ])('%o %s', (change, more, sentence) => {
    expect(complaints(file(change, more)).map((found) => found.replace(/^r\.yaml:\d+:\d+: /, ''))).toEqual([sentence]);
  });
});

describe('an unknown key', () => {
  const unknown = (target: string): string | undefined =>
    complaints(file({ target: `  target: { ${target} }` }))
      .find((found) => found.includes('unknown'))
      ?.split(': ')
      .at(-1);

  test.each([
    ['gameServerset: a', 'unknown key (did you mean gameServerSet?)'],
    ['gameServers: a', 'unknown key (did you mean gameServerSet?)'],
    ['naemspace: a', 'unknown key (did you mean namespace?)'],
    ['colour: a', 'unknown key'],
    [`${'x'.repeat(100_000)}: a`, 'unknown key'],
  ])('%#: only a key that is almost right is taken for another', (target, sentence) => {
    expect(unknown(target)).toBe(sentence);
  });
});
