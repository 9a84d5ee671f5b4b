import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { formatDiagnostic, readReleaseFile } from '../../release/spec/diagnose.ts';
import { cutText, isPlain, plainText } from '../../release/spec/plain-text.ts';
import { releaseFileSchema } from '../../release/spec/spec.ts';

const exec = { container: 'engine', command: ['rcon', 'version'], timeout: '5s', within: '10s', expect: 'ok' };
const http = { port: 80, path: '/version', timeout: '5s', within: '10s', expect: '{{version}}' };
const file = { container: 'engine', path: '/run/loaded', timeout: '5s', within: '10s', expect: '{{version}}' };

/** Release files that between them say everything that a release file can say. */
const FILES: Readonly<Record<string, object>> = {
  rolling: aFile({
    version: '2.0',
    previousVersion: '1.0',
    waves: [
      { name: 'first', servers: [1, '2-4', 'duel-7'], labels: { region: 'eu' }, opsState: ['None'] },
      3,
      '5%',
      'rest',
    ],
    maxUnavailable: 3,
    ready: { timeout: '5m' },
    content: {
      checksums: {
        container: 'engine',
        manifest: '/a',
        manifestContainer: 'scripts',
        directory: '/b',
        timeout: '5s',
        within: '9s',
      },
    },
    reload: {
      http: {
        port: 80,
        path: '/reload',
        method: 'POST',
        body: 'x',
        headers: { 'X-Why': 'release' },
        expectStatus: 202,
        expect: 'ok',
        timeout: '5s',
      },
    },
    proof: { log: { container: 'engine', line: 'loaded {{version}}', timeout: '5s', within: '9s' } },
    health: [
      { http },
      { exec },
      { tcp: { port: 25_565, timeout: '5s', within: '9s' } },
      { conditions: ['Ready'] },
      { serviceQuality: { name: 'healthy', expect: 'ok', within: '9s' } },
      {
        prometheus: {
          url: 'http://prometheus:9090',
          query: 'up{pod=~"{{servers}}"}',
          min: 1,
          timeout: '5s',
          within: '9s',
        },
      },
    ],
    bake: '5m',
    approvers: { ops: ['ann', 'bob'] },
    gates: [{ before: 2, approvals: 2, groups: { ops: 1 }, timeout: '4h', remindEvery: '1h', promoteAfter: '1h' }],
    admission: {
      busy: { opsState: ['Allocated'], annotation: { name: 'players', value: '3' } },
      wait: '5m',
      lastWait: '1h',
    },
    freeze: [{ name: 'weekend', from: 'Fri 18:00', to: 'Mon 08:00', timeZone: 'Europe/Berlin' }],
    maxMixed: '4h',
    onFailure: { tolerate: 2, perWave: '20%', classes: { imagePull: { then: 'retry', retries: 3, backoff: '10s' } } },
    allowFailedVersion: 'it was the registry',
    paused: { timeout: '3d' },
    concurrency: { total: 20, perNode: 5 },
    guard: '24h',
  }),
  targeted: aFile({
    strategy: 'targeted',
    target: {
      namespace: 'arena',
      gameServerSet: 'duel',
      servers: { servers: [3], updatePriority: { min: 1, max: 10 } },
    },
    content: { file },
    reload: { exec: { container: 'engine', command: ['reload'], timeout: '5s' } },
    proof: { exec },
    onFailure: { keepSpecimens: 2 },
  }),
  newServersOnly: aFile({
    strategy: 'newServersOnly',
    newServers: { watch: '1h', count: 5 },
    reload: { self: {} },
    proof: { file },
  }),
};

function aFile(spec: object): object {
  return {
    apiVersion: 'hotwave.dev/v1',
    kind: 'Release',
    metadata: { name: 'r1' },
    spec: {
      target: { namespace: 'arena', gameServerSet: 'duel' },
      images: { scripts: 'registry.test/scripts:2.0' },
      ...spec,
    },
  };
}

/** A metric may have any value; it is compared and nothing else. */
const ANY_NUMBER = /prometheus\.(min|max)$/;

/** The same document with one value blown up; one for each value in it. */
function* blownUp(value: unknown, path = ''): Generator<{ readonly path: string; readonly document: unknown }> {
  yield* ANY_NUMBER.test(path) ? [] : hugeOf(value).map((document) => ({ path, document }));
  if (Array.isArray(value)) {
    for (const [index, entry] of value.entries())
      for (const inner of blownUp(entry, `${path}[${index}]`))
        yield { path: inner.path, document: value.with(index, inner.document) };
  } else if (typeof value === 'object' && value !== null) {
    for (const [key, entry] of Object.entries(value))
      for (const inner of blownUp(entry, `${path}.${key}`))
        yield { path: inner.path, document: { ...value, [key]: inner.document } };
  }
}

const MANY = 20_000;

function hugeOf(value: unknown): unknown[] {
  if (typeof value === 'number') return [Number.MAX_SAFE_INTEGER];
  if (typeof value === 'string')
    return /^\d+(ms|s|m|h|d)$/.test(value) ? ['99999999d', `${'9'.repeat(400)}d`] : [value.padEnd(MANY, value)];
  if (Array.isArray(value)) return [Array.from({ length: MANY }, () => value[0] as unknown)];
  const keys = Object.entries(value ?? {});
  const [first] = keys;
  return first
    ? [Object.fromEntries(Array.from({ length: MANY }, (_, index) => [`k${index}`, first[1] as unknown]))]
    : [];
}

describe('a release file', () => {
  test.each(Object.entries(FILES))('of the strategy %s is right as it stands', (_strategy, document) => {
    expect(releaseFileSchema.safeParse(document).error?.issues).toBeUndefined();
  });

  test.each(Object.entries(FILES))(
    'of the strategy %s has an upper bound for each number, text and list',
    (_strategy, document) => {
      const accepted = [...blownUp(document)].filter((huge) => releaseFileSchema.safeParse(huge.document).success);
      expect(accepted.map(({ path }) => path)).toEqual([]);
    },
  );

  test.each([
    ['ready: { timeout: 99999999d }', 'ready.timeout', '1d'],
    ['paused: { timeout: 99999999d }', 'paused.timeout', '30d'],
    ['gates: [{ before: 2, timeout: 99999999d }]', 'gates[0].timeout', '30d'],
    ['bake: 99999999d', 'bake', '7d'],
    ['maxMixed: 99999999d', 'maxMixed', '30d'],
    ['guard: 31d', 'guard', '30d'],
    ['newServers: { watch: 31d }', 'newServers.watch', '30d'],
  ])('says at %s where it is and what the most is', (line, path, most) => {
    expect(complaints(line)).toEqual([
      `r.yaml:9:${line.indexOf(':', line.indexOf(path.split('.').at(-1) ?? '')) + 5}: spec.${path}: expected a duration of at most ${most}`,
    ]);
  });

  test('that would remind people for ever says how often it may', () => {
    expect(complaints('gates: [{ before: 2, timeout: 30d, remindEvery: 1s }]')[0]).toMatch(
      /^r\.yaml:9:51: spec\.gates\[0\]\.remindEvery: expected at most 200 reminders in the time of the gate \(720h\): every 3h36m or less often$/,
    );
    expect(complaints('gates: [{ before: 2, timeout: 30d, remindEvery: 4h }]')).toEqual([]);
  });

  test('whose last retry would come in years says so', () => {
    expect(complaints('onFailure: { classes: { imagePull: { then: retry, retries: 20, backoff: 1h } } }')[0]).toMatch(
      /^r\.yaml:9:75: spec\.onFailure\.classes\.imagePull\.backoff: doubled for each of 20 retries it ends at 524288h, and 1d is the most/,
    );
  });

  test('of a megabyte is answered at once', () => {
    expect(complaints(`waves: [${'1, '.repeat(350_000)}rest]`)).toEqual([
      expect.stringMatching(/^r\.yaml:1:1: the file has \d+ characters, and 524288 are the most$/),
    ]);
  });

  test('names nobody with invisible characters', () => {
    expect(complaints('approvers: { ops: ["ann\\u202E"] }')[0]).toBe(
      'r.yaml:9:22: spec.approvers.ops[0]: expected one line without control characters or invisible ones',
    );
  });
});

/** The problems of a release file that says this too, on line 9. */
function complaints(more: string): string[] {
  const head = [
    'apiVersion: hotwave.dev/v1',
    'kind: Release',
    'metadata: { name: r1 }',
    'spec:',
    '  target: { gameServerSet: duel }',
    '  images: { scripts: "registry.test/scripts:2.0" }',
    '  reload: { self: {} }',
    '  proof: { http: { port: 80, path: /version } }',
  ];
  const reading = readReleaseFile(`${[...head, `  ${more}`].join('\n')}\n`);
  return 'diagnostics' in reading ? reading.diagnostics.map((found) => formatDiagnostic('r.yaml', found)) : [];
}

describe('foreign text', () => {
  const anyText = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.string({
      unit: fc.constantFrom(
        '\u0007',
        '\b',
        '\u001b',
        '[',
        ']',
        ';',
        '\u009b',
        '\u202E',
        '\uD800',
        '\uDC00',
        'a',
        '\n',
        '\u{E0041}',
      ),
    }),
  );

  test('becomes one plain line of the length that is wanted, and stays as it is the second time', () => {
    fc.assert(
      fc.property(anyText, fc.nat(40), (text, limit) => {
        const plain = plainText(text, limit);
        expect(isPlain(plain)).toBe(true);
        expect(plain.isWellFormed()).toBe(true);
        expect(plain.length).toBeLessThanOrEqual(limit);
        expect(plainText(plainText(text))).toBe(plainText(text));
      }),
      { numRuns: 2_000 },
    );
  });

  test('of a megabyte takes no time', () => {
    const began = performance.now();
    for (const piece of ['\u001b[', '\u001b]', '\u001b', '\u009d0;', ' ', '\u202E', '0'])
      plainText(piece.repeat(1_000_000 / piece.length));
    expect(performance.now() - began).toBeLessThan(20_000);
  });

  test('is not cut through a character', () => {
    expect(cutText('a😀', 2)).toBe('a');
    expect(cutText('a😀', 3)).toBe('a😀');
  });
});
