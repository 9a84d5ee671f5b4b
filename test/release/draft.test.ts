import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { gameServerSetView } from '../../cluster/schemas.ts';
import { sidecarOf } from '../../release/draft/choose.ts';
import type { DraftChoices } from '../../release/draft/choose.ts';
import type { Draft } from '../../release/draft/draft-release.ts';
import { draftRelease } from '../../release/draft/draft-release.ts';
import { readProof, readReload } from '../../release/draft/how.ts';
import { readTemplate } from '../../release/draft/read-template.ts';
import type { SetDescription } from '../../release/draft/set-description.ts';
import { describeSet } from '../../release/draft/set-description.ts';
import { recordText } from '../../release/record/record.ts';
import type { LastRelease } from '../../release/record/record.ts';
import { formatDiagnostic, readReleaseFile } from '../../release/spec/diagnose.ts';
import type { ReleaseFile } from '../../release/spec/spec.ts';
import { aRelease } from '../support/a-release.ts';
import { aGameServer, servers } from '../support/builders.ts';

interface Wishes {
  readonly containers?: readonly object[];
  readonly annotations?: object;
  readonly metadata?: object;
  readonly updateStrategy?: object;
  readonly serviceQualities?: readonly object[];
  readonly volumes?: readonly object[];
  readonly replicas?: number;
  readonly opsState?: (ordinal: number) => string;
  readonly priority?: (ordinal: number) => number;
}

const IN_PLACE = { rollingUpdate: { podUpdatePolicy: 'InPlaceIfPossible' } };
const app = { name: 'app', image: 'registry.test/app:1.0' };
const hot = { name: 'scripts', image: 'registry.test/scripts:1.0' };

function seen({ containers = [app, hot], replicas = 3, ...wishes }: Wishes = {}): SetDescription {
  const { annotations, metadata, updateStrategy = IN_PLACE, serviceQualities, volumes = [] } = wishes;
  const set = gameServerSetView({
    metadata: { name: 'duel', namespace: 'arena', uid: 'u', generation: 1, resourceVersion: '1', annotations },
    spec: {
      replicas,
      updateStrategy,
      serviceQualities,
      gameServerTemplate: { metadata, spec: { containers, volumes } },
    },
  });
  const gameServers = Array.from({ length: replicas }, (_, ordinal) =>
    aGameServer({
      ordinal,
      opsState: wishes.opsState?.(ordinal) ?? 'None',
      updatePriority: wishes.priority?.(ordinal) ?? 0,
    }),
  );
  return describeSet({ set, servers: servers(replicas), gameServers });
}

const RELOAD = { exec: { container: 'app', command: ['app', 'reload'] } };
const PROOF = { http: { port: 80, path: '/version' } };

function draft(description: SetDescription, choices: Partial<DraftChoices> = {}): Draft {
  const choice = sidecarOf(description);
  const known = 'container' in choice ? choice : { container: '', because: '' };
  return draftRelease(description, { ...known, ...choices });
}

/** The file with everything said, read as `plan` reads it. */
function releaseOf(description: SetDescription, choices: Partial<DraftChoices> = {}): ReleaseFile {
  const { text } = draft(description, { reload: RELOAD, proof: PROOF, ...choices });
  const reading = readReleaseFile(text);
  if ('release' in reading) return reading.release;
  throw new Error(`${reading.diagnostics.map((one) => formatDiagnostic('r', one)).join('\n')}\n${text}`);
}

function problemsIn(text: string): readonly string[] {
  const reading = readReleaseFile(text);
  return 'release' in reading ? [] : reading.diagnostics.map(({ path, message }) => `${path}: ${message}`);
}

describe('what a set shows', () => {
  test('is written: its container with its image, its readiness probes as health, waves by its size', () => {
    const readinessProbe = { httpGet: { port: 'http', path: '/healthz' } };
    const { metadata, spec } = releaseOf(seen({ containers: [{ ...app, readinessProbe }, hot], replicas: 200 }));
    expect(metadata.name).toBe('duel');
    expect(spec).toMatchObject({
      target: { namespace: 'arena', gameServerSet: 'duel' },
      images: { scripts: 'registry.test/scripts:1.0' },
      health: [{ http: { port: 'http', path: '/healthz' } }],
      waves: [1, '5%', '25%', 'rest'],
      gates: [{ before: 2 }],
    });
  });

  test.each([
    [
      'httpGet over TLS',
      { httpGet: { port: 443, path: '/ok', scheme: 'HTTPS' } },
      { http: { port: 443, https: { verify: 'none' } } },
    ],
    ['httpGet without a path', { httpGet: { port: 8080 } }, { http: { port: 8080, path: '/' } }],
    ['tcpSocket', { tcpSocket: { port: 7777 } }, { tcp: { port: 7777 } }],
    [
      'exec',
      { exec: { command: ['test', '-e', '/tmp/a b'] } },
      { exec: { container: 'app', command: ['test', '-e', '/tmp/a b'] } },
    ],
    ['none', undefined, { conditions: ['Ready'] }],
  ])('by a readiness probe of kind %s is asked so', (_kind, readinessProbe, check) => {
    expect(releaseOf(seen({ containers: [{ ...app, readinessProbe }, hot] })).spec.health).toMatchObject([check]);
  });

  test.each([
    ['speaks gRPC', { grpc: { port: 9000 } }, 'gRPC'],
    ['holds a credential', { exec: { command: ['curl', '--password', 'hunter2hunter2'] } }, 'cannot be a check'],
    ['asks by a port of a strange name', { tcpSocket: { port: 'UPPER' } }, 'cannot be a check'],
  ])('by a readiness probe that %s is said and not written', (_what, readinessProbe, said) => {
    const description = seen({ containers: [{ ...app, readinessProbe }, hot] });
    expect(releaseOf(description).spec.health).toMatchObject([{ conditions: ['Ready'] }]);
    const { text } = draft(description);
    expect(text).toContain(said);
    expect(text).not.toContain('hunter2');
  });

  test('the sidecar is not asked by its own readiness probe: Ready waits for that', () => {
    const readinessProbe = { exec: { command: ['test', '-e', '/tmp/synced'] } };
    expect(releaseOf(seen({ containers: [app, { ...hot, readinessProbe }] })).spec.health).toMatchObject([
      { conditions: ['Ready'] },
    ]);
  });

  test('the folder that engine and sidecar share is proposed for the content check', () => {
    const mounted = (container: object, mountPath: string): object => ({
      ...container,
      volumeMounts: [{ name: 'shared', mountPath }],
    });
    const containers = [mounted(app, '/var/js/'), mounted(hot, '/out')];
    const { text } = draft(seen({ containers, volumes: [{ name: 'shared', emptyDir: {} }] }));
    expect(text).toContain('# content: { file: { container: app, path: /var/js/VERSION } }');
    expect(draft(seen({ containers, volumes: [{ name: 'shared', hostPath: {} }] })).text).not.toContain('content:');
  });

  test('opsStates, priorities and service qualities are named where they matter', () => {
    const { text } = draft(
      seen({
        opsState: (ordinal) => (ordinal === 0 ? 'Maintaining' : 'None'),
        priority: (ordinal) => ordinal,
        serviceQualities: [
          { name: 'idle', serviceQualityAction: [{ result: 'busy' }, { result: 'free' }] },
          { name: 'healthy' },
        ],
      }),
    );
    expect(text).toContain('opsState now: 1 Maintaining, 2 None.');
    expect(text).toContain('waves: [{ name: first, opsState: [Maintaining] }, rest]');
    expect(text).toContain('waves: { by: updatePriority }');
    expect(text).toContain('idle (says busy, free: give expect); healthy');
    expect(text).toContain('proof: { serviceQuality: { name: idle, expect: "{{version}}" } }');
  });

  test('a set that updates nothing by itself gets a release for new servers', () => {
    const { spec } = releaseOf(seen({ updateStrategy: { type: 'OnDelete' } }));
    expect(spec).toMatchObject({ strategy: 'newServersOnly', gates: [] });
  });

  test('a set that recreates pods is told the command that mends it', () => {
    const { text } = draft(seen({ updateStrategy: { rollingUpdate: { podUpdatePolicy: 'ReCreate' } } }));
    expect(text).toContain('kubectl patch gameserverset duel -n arena --type merge');
    expect(draft(seen()).text).not.toContain('kubectl');
  });

  test.each([
    [1, ['rest'], []],
    [3, [1, 'rest'], [2]],
    [20, [1, 'rest'], [2]],
  ])('%i servers move in waves of %j with gates before %j', (replicas, waves, gates) => {
    const { spec } = releaseOf(seen({ replicas }));
    expect(spec.waves).toEqual(waves);
    expect(spec.gates.map(({ before }) => before)).toEqual(gates);
  });
});

describe('the sidecar', () => {
  const shares = { volumeMounts: [{ name: 'shared', mountPath: '/x' }] };
  const volumes = [{ name: 'shared', emptyDir: {} }];
  const log = { name: 'log', image: 'registry.test/log:1.0' };

  test.each<readonly [string, Wishes, object]>([
    ['of one container is that one', { containers: [app] }, { container: 'app' }],
    ['of two is the one that is not the first', {}, { container: 'scripts' }],
    [
      'is the one without ports',
      { containers: [hot, { ...app, ports: [{ containerPort: 80 }] }] },
      { container: 'scripts' },
    ],
    [
      'is not what an annotation calls the default container',
      { containers: [hot, app], metadata: { annotations: { 'kubectl.kubernetes.io/default-container': 'app' } } },
      { container: 'scripts' },
    ],
    [
      'of several is the one that shares a folder with the engine',
      { containers: [{ ...app, ...shares }, log, { ...hot, ...shares }], volumes },
      { container: 'scripts' },
    ],
    ['of several like each other is asked', { containers: [app, log, hot] }, { candidates: ['log', 'scripts'] }],
    [
      'of several that share a folder is asked',
      {
        containers: [
          { ...app, ...shares },
          { ...log, ...shares },
          { ...hot, ...shares },
        ],
        volumes,
      },
      { candidates: ['log', 'scripts'] },
    ],
    [
      'is what the last release changed',
      { containers: [app, log, hot], annotations: recorded() },
      { container: 'log' },
    ],
  ])('%s', (_rule, wishes, choice) => {
    expect(sidecarOf(seen(wishes))).toMatchObject(choice);
  });
});

function recorded(change: Partial<LastRelease> = {}): Record<string, string> {
  const { content, reload, proof, concurrency } = aRelease().spec;
  const last: LastRelease = {
    v: 1,
    release: 'hats-1-0',
    strategy: 'rolling',
    container: 'log',
    how: { ask: { content, reload, proof, concurrency } },
    startedAt: 1,
    finishedAt: 2,
    outcome: 'done',
    image: 'registry.test/log:1.0',
    version: 'hats',
    previousImage: 'registry.test/log:0.9',
    previousVersion: '0.9',
    ...change,
  };
  return { 'hotwave.dev/last-release': recordText(last) };
}

describe('what an earlier release has written on the set', () => {
  const log = { name: 'log', image: 'registry.test/log:1.0' };
  const description = seen({ containers: [app, log, hot], annotations: recorded() });

  test('is taken over: how servers are asked, and what the image is called', () => {
    const { text, open } = draft(description);
    expect(open).toEqual([]);
    const reading = readReleaseFile(text);
    expect('release' in reading && reading.release.spec).toMatchObject({
      images: { log: 'registry.test/log:1.0' },
      version: 'hats',
      content: aRelease().spec.content,
      reload: aRelease().spec.reload,
      proof: aRelease().spec.proof,
    });
    expect(text).toContain('As release hats-1-0 did it.');
  });

  test('is not taken over for another container, and says nothing of another image', () => {
    expect(draft(description, { container: 'scripts' }).open).toEqual(['spec.reload', 'spec.proof']);
    expect(releaseOf(description, { image: 'registry.test/log:2.0' }).spec.version).toBeUndefined();
  });
});

describe('what cannot be seen', () => {
  test('is a marked line, which makes plan refuse with a sentence that names it', () => {
    const { text, open } = draft(seen());
    expect(open).toEqual(['spec.reload', 'spec.proof']);
    expect(text.match(/^ {2}(\w+): .*# FILL IN$/gm)).toHaveLength(2);
    expect(problemsIn(text)).toEqual([
      'spec.reload: expected exactly one of: exec, http, self',
      'spec.proof: expected exactly one of: http, exec, file, log, serviceQuality',
    ]);
  });

  test('of an engine whose own image changes is only its proof: it starts with the new image', () => {
    expect(draft(seen({ containers: [app] })).open).toEqual(['spec.proof']);
  });

  test('is the image, where the one that runs is another one tomorrow', () => {
    const { text, open } = draft(seen({ containers: [app, { ...hot, image: 'registry.test/scripts' }] }));
    expect(open).toContain('spec.images');
    expect(problemsIn(text)).toContainEqual(
      'spec.images.scripts: expected an image such as registry.example/2048-sidecar:v2.0',
    );
  });

  test('is the version of an image by its digest', () => {
    const image = `registry.test/scripts@sha256:${'a'.repeat(64)}`;
    const { text, open } = draft(seen({ containers: [app, { ...hot, image }] }));
    expect(open).toContain('spec.version');
    expect(problemsIn(text)).toContainEqual('spec.version: expected some text');
  });

  test.each([
    ['reload: exec', 'exec: { container: app,'],
    ['proof: http', 'http: { port: 9999, path: /version }'],
  ])('has ways to say it below it, which the file takes as they are: %s', (_what, expected) => {
    const { text } = draft(seen({ containers: [{ ...app, ports: [{ containerPort: 9999 }] }, hot] }));
    expect(text).toContain(expected);
    const proposals = [...text.matchAll(/^ {2}# {3}(reload|proof): (\{.*\})/gm)];
    expect(proposals.length).toBeGreaterThan(6);
    for (const [, name = '', value = ''] of proposals) {
      const filled = text
        .replace(`  ${name}: {} # FILL IN`, `  ${name}: ${value}`)
        .replace('  reload: {} # FILL IN', '  reload: { self: {} }')
        .replace('  proof: {} # FILL IN', '  proof: { http: { port: 80, path: /version } }');
      expect(problemsIn(filled), value).toEqual([]);
    }
  });
});

describe('one line', () => {
  test.each([
    ['exec /usr/sbin/nginx -s reload', { exec: { container: 'app', command: ['/usr/sbin/nginx', '-s', 'reload'] } }],
    ['  http  80   /reload ', { http: { port: 80, path: '/reload' } }],
    ['http admin /reload', { http: { port: 'admin', path: '/reload' } }],
    ['self', { self: {} }],
  ])('says how to reload: %s', (text, written) => {
    expect(readReload(text, 'app')).toEqual({ written });
  });

  test.each([
    ['file /app/VERSION', { file: { container: 'app', path: '/app/VERSION' } }],
    ['log loaded {{version}}', { log: { container: 'app', line: 'loaded {{version}}' } }],
    ['serviceQuality version', { serviceQuality: { name: 'version' } }],
  ])('says how to prove: %s', (text, written) => {
    expect(readProof(text, 'app')).toEqual({ written });
  });

  test.each([
    ['', 'expected one of'],
    ['restart', 'expected one of'],
    ['file /x', 'expected one of'],
    ['http 80', 'expected one of'],
    ['http 80 /a /b', 'expected one of'],
    ['self now', 'expected one of'],
    ['http 99999 /a', 'port: expected a port'],
    ['http 80 reload', 'path: expected an absolute path'],
    ['toString x', 'expected one of'],
  ])('that is not understood says what is: %j', (text, problem) => {
    expect(readReload(text, 'app')).toMatchObject({ problem: expect.stringContaining(problem) as string });
  });

  test('of a log has to say the version', () => {
    expect(readProof('log ready', 'app')).toMatchObject({ problem: expect.stringContaining('{{version}}') as string });
  });
});

const EXAMPLES = [
  '2048/gameserverset',
  '2048/gameserverset-inotify',
  'fleet/gameserverset',
  'minecraft/gameserverset-targeted',
  'minecraft/gameserverset-new-servers',
];

test.each(EXAMPLES)('the set of examples/%s gets a file that is valid once reload and proof are said', (name) => {
  const object = parse(readFileSync(new URL(`../../examples/${name}.yaml`, import.meta.url), 'utf8')) as {
    metadata: object;
  };
  const metadata = { uid: 'u', generation: 1, resourceVersion: '1', ...object.metadata };
  const set = gameServerSetView({ ...object, metadata });
  const { spec } = releaseOf(describeSet({ set, servers: [], gameServers: [] }));
  expect(spec.target.gameServerSet).toBe(set.ref.name);
});

const text = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 40 }),
  fc.constantFrom('a\nreload: {}', '# x', '{{version}}', "it's", '1.10'),
);
const probe = fc.oneof(
  fc.record({ httpGet: fc.record({ port: fc.oneof(fc.integer(), text), path: text, scheme: text }) }),
  fc.record({ tcpSocket: fc.record({ port: fc.oneof(fc.integer(), text) }) }),
  fc.record({ exec: fc.record({ command: fc.array(text, { maxLength: 70 }) }) }),
  fc.object({ maxDepth: 2 }),
);

test('whatever is on the set, the file is valid once reload and proof are said', () => {
  const container = fc.record({
    name: fc.constantFrom('app', 'scripts', 'log', 'x-1'),
    image: fc.oneof(fc.constantFrom('registry.test/a:1.10', 'registry.test/a:v2_0'), fc.constant('registry.test/b:1')),
    ports: fc.array(fc.record({ name: text, containerPort: fc.integer() }), { maxLength: 3 }),
    readinessProbe: probe,
    volumeMounts: fc.array(fc.record({ name: fc.constant('shared'), mountPath: text }), { maxLength: 2 }),
  });
  fc.assert(
    fc.property(
      fc.uniqueArray(container, { minLength: 1, maxLength: 4, selector: ({ name }) => name }),
      fc.array(text, { maxLength: 3 }),
      fc.integer({ min: 0, max: 300 }),
      text,
      (containers, qualities, replicas, opsState) => {
        const description = seen({
          containers,
          volumes: [{ name: 'shared', emptyDir: {} }],
          serviceQualities: qualities.map((name) => ({ name })),
          replicas,
          opsState: () => opsState,
        });
        releaseOf(description, { container: containers.at(-1)!.name });
      },
    ),
    { numRuns: 200 },
  );
});

test('what is no template has no containers', () => {
  fc.assert(fc.property(fc.anything(), (value) => readTemplate(value).containers.length >= 0));
});
