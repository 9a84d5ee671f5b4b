import { readFileSync } from 'node:fs';
import { describe, expect } from 'vitest';
import { parse } from 'yaml';
import { ClusterFailure } from '../../activities/ports/failure.ts';
import { readReleaseFile } from '../../release/spec/diagnose.ts';
import type { SetRef } from '../../release/fleet/fleet.ts';
import { MAIN, MAIN_IMAGE, OLD_IMAGE, SET, SIDECAR } from '../support/builders.ts';
import type { FakeSetModel, RawSet } from '../support/fake-set-model.ts';
import { stageCommand } from '../support/stage-command.ts';
import { test } from '../support/stage.ts';
import type { Stage } from '../support/stage.ts';

/** A set of `examples/` as the fake cluster has it. */
function example(path: string): FakeSetModel {
  const text = readFileSync(new URL(`../../examples/${path}.yaml`, import.meta.url), 'utf8');
  const { metadata, spec } = parse(text) as RawSet;
  const { reclaimPolicy, spec: pod } = spec.gameServerTemplate;
  const { namespace, name } = metadata;
  return {
    ref: { namespace, name },
    replicas: spec.replicas,
    containers: pod.containers,
    ...(pod.volumes ? { volumes: pod.volumes } : {}),
    ...(spec.updateStrategy ? { updateStrategy: spec.updateStrategy } : {}),
    ...(reclaimPolicy ? { reclaimPolicy: reclaimPolicy as 'Delete' } : {}),
  };
}

const engine = { name: MAIN, image: MAIN_IMAGE };
const scripts = { name: SIDECAR, image: OLD_IMAGE };
const log = { name: 'log', image: 'registry.test/log:3' };
const probed = (readinessProbe: object): FakeSetModel => ({ containers: [{ ...engine, readinessProbe }, scripts] });

const HTTP = '--proof=http 80 /version';
const RELOAD = '--reload=exec engine reload';

/** Sets of several kinds, what cannot be seen of each, and a new image. */
const KINDS: readonly (readonly [what: string, set: FakeSetModel, flags: readonly string[], image: string])[] = [
  ['examples/2048', example('2048/gameserverset'), [HTTP, RELOAD], 'registry.example/2048-sidecar:v2.0'],
  [
    'examples/2048 inotify',
    example('2048/gameserverset-inotify'),
    [HTTP, '--reload=self'],
    'registry.example/2048-sidecar:v2.0',
  ],
  [
    'examples/minecraft targeted',
    example('minecraft/gameserverset-targeted'),
    [HTTP],
    'registry.example/minecraft-demo:1.13.0',
  ],
  [
    'examples/minecraft new servers',
    example('minecraft/gameserverset-new-servers'),
    [HTTP],
    'registry.example/minecraft-demo:1.13.0',
  ],
  [
    'examples/fleet',
    example('fleet/gameserverset'),
    ['--proof=exec fleet-engine version', '--reload=exec fleet-engine reload'],
    'registry.example/2048-sidecar:v2.0',
  ],
  [
    'of several sidecars',
    { containers: [engine, log, scripts] },
    ['--container', SIDECAR, HTTP, RELOAD],
    'registry.test/scripts:2.0',
  ],
  ['without ports and probes', {}, [HTTP, RELOAD], 'registry.test/scripts:2.0'],
  [
    'with a named port and a readiness probe by HTTP',
    {
      containers: [
        {
          ...engine,
          ports: [{ name: 'admin', containerPort: 8080 }],
          readinessProbe: { httpGet: { port: 'admin', path: '/healthz' } },
        },
        scripts,
      ],
    },
    ['--proof=http admin /version', '--reload=http admin /reload'],
    'registry.test/scripts:2.0',
  ],
  ['with a readiness probe by TCP', probed({ tcpSocket: { port: 7777 } }), [HTTP, RELOAD], 'registry.test/scripts:2.0'],
  [
    'with a readiness probe by command',
    probed({ exec: { command: ['true'] } }),
    [HTTP, RELOAD],
    'registry.test/scripts:2.0',
  ],
  [
    'with service qualities and opsStates',
    {
      serviceQualities: ['healthy', 'idle'],
      opsState: (ordinal) => (ordinal < 2 ? 'Maintaining' : 'None'),
      priority: (ordinal) => ordinal,
    },
    [HTTP, RELOAD],
    'registry.test/scripts:2.0',
  ],
  ['of one server', { replicas: 1 }, [HTTP, RELOAD], 'registry.test/scripts:2.0'],
];

const named = ({ namespace, name }: SetRef): string => `${namespace}/${name}`;

/** The file that init writes. */
async function written(stage: Stage, ref: SetRef, flags: readonly string[]): Promise<Record<string, string>> {
  const files: Record<string, string> = {};
  const { code, err } = await stageCommand(stage, ['init', named(ref), '-f', 'r.yaml', ...flags], files);
  expect({ code, err }).toEqual({ code: 0, err: 'r.yaml is written hotwave plan r.yaml ' });
  return files;
}

describe('init writes a file that plan takes, of a set', () => {
  test.for(KINDS)('%s', async ([, set, flags, image], { stage }) => {
    const it = await stage({ sets: [set] });
    const ref = set.ref ?? SET;

    const asItRuns = await written(it, ref, flags);
    const nothing = await stageCommand(it, ['plan', 'r.yaml', '-o', 'json'], asItRuns);
    expect(refusalsIn(nothing.out)).toEqual([]);
    expect(nothing.code).toBe(0);

    const next = await written(it, ref, [...flags, '--image', image]);
    const changes = await stageCommand(it, ['plan', 'r.yaml', '-o', 'json'], next);
    expect(refusalsIn(changes.out)).toEqual([]);
    expect(changes.code).toBe(0);
    expect(changes.out).toContain(`"newImage": "${image}"`);
    expect(it.cluster.calls.patch).toBe(
      it.cluster.log.filter(({ kind }) => kind === 'patch').length + dryRunsIn(nothing.out, changes.out),
    );
  });
});

const dryRunsIn = (...plans: readonly string[]): number =>
  plans.filter((plan) => plan.includes('takes the patch')).length;

function refusalsIn(out: string): readonly string[] {
  const { lines } = JSON.parse(out) as {
    readonly lines: readonly { readonly status: string; readonly detail: string }[];
  };
  return lines.filter(({ status }) => status === 'refused').map(({ detail }) => detail);
}

describe('init', () => {
  test('leaves what cannot be seen to be filled in, and plan names it', async ({ stage }) => {
    const it = await stage();
    const files: Record<string, string> = {};
    const { code, err } = await stageCommand(it, ['init', 'arena/duel', '-f', 'r.yaml'], files);
    expect(code).toBe(0);
    expect(err).toContain('fill in spec.reload and spec.proof: plan refuses the file until then');
    const plan = await stageCommand(it, ['plan', 'r.yaml'], files);
    expect(plan.code).toBe(64);
    expect(plan.err).toMatch(/r\.yaml:\d+:\d+: spec\.reload: expected exactly one of: exec, http, self/);
    expect(plan.err).toMatch(/r\.yaml:\d+:\d+: spec\.proof: expected exactly one of: http/);
  });

  test('prints the file where none is named, and keeps one that is there without --force', async ({ stage }) => {
    const it = await stage();
    const printed = await stageCommand(it, ['init', 'duel', '-n', 'arena', HTTP, RELOAD]);
    expect(printed).toMatchObject({ code: 0, out: expect.stringContaining('kind: Release') as string });
    const files = { 'r.yaml': 'mine' };
    const kept = await stageCommand(it, ['init', 'arena/duel', '-f', 'r.yaml'], files);
    expect(kept).toMatchObject({ code: 64, err: 'hotwave: r.yaml is there already: --force overwrites it ' });
    expect(files['r.yaml']).toBe('mine');
    expect((await stageCommand(it, ['init', 'arena/duel', '-f', 'r.yaml', '--force'], files)).code).toBe(0);
    expect('diagnostics' in readReleaseFile(files['r.yaml'])).toBe(true);
  });

  test('without a terminal says which flag is missing', async ({ stage }) => {
    const it = await stage({ sets: [{ containers: [engine, log, scripts] }] });
    expect(await stageCommand(it, ['init', 'arena/duel'])).toMatchObject({
      code: 64,
      err: `hotwave: say which container is the sidecar: --container log or ${SIDECAR} `,
    });
    expect(await stageCommand(it, ['init'])).toMatchObject({
      code: 64,
      err: 'hotwave: name the GameServerSet: hotwave init SET ',
    });
    expect((await stageCommand(it, ['init', 'arena/duel', '--container', 'nginx'])).err).toBe(
      `hotwave: --container nginx: arena/duel has ${MAIN}, log, ${SIDECAR} `,
    );
  });

  test('says that there is no such set, or that the worker may not look', async ({ stage }) => {
    const it = await stage();
    it.cluster.faults.fail(
      'readSet',
      new ClusterFailure('forbidden', 'may not get gameserversets', { retryable: false }),
    );
    expect(await stageCommand(it, ['init', 'arena/duel'])).toMatchObject({
      code: 6,
      err: expect.stringContaining('may not get gameserversets') as string,
    });
    expect(await stageCommand(it, ['init', 'arena/duell'])).toMatchObject({
      code: 8,
      err: expect.stringContaining('there is no GameServerSet duell in namespace arena') as string,
    });
  });

  test('on a terminal asks for the set, the sidecar and what cannot be seen', async ({ stage }) => {
    const it = await stage({
      sets: [{ containers: [engine, log, scripts] }, { ref: { namespace: 'arena', name: 'duo' } }],
    });
    const asked: string[] = [];
    const answers = ['duel', SIDECAR, 'registry.test/scripts:2.0', 'exec engine reload', 'http 80 /version'];
    const answer = (question: string): Promise<string> => {
      asked.push(question);
      return Promise.resolve(answers[asked.length - 1] ?? '');
    };
    const asker = {
      choose: (question: string, options: readonly { readonly value: string }[]) =>
        answer(`${question} ${options.map(({ value }) => value).join(' ')}`),
      type: answer,
    };
    const files: Record<string, string> = {};
    const { code } = await stageCommand(it, ['init', '-n', 'arena', '-f', 'r.yaml'], files, {}, asker);
    expect(code).toBe(0);
    expect(asked.slice(0, 2)).toEqual([
      'Which GameServerSet? duel duo',
      `Which container is the sidecar? log ${SIDECAR}`,
    ]);
    expect(asked).toHaveLength(5);
    expect((await stageCommand(it, ['plan', 'r.yaml'], files)).code).toBe(0);
  });

  test('takes over how the last release asked the servers', async ({ stage }) => {
    const it = await stage({ sets: [{ containers: [engine, log, scripts] }] });
    await (await it.start()).result();
    const files = await written(it, SET, []);
    expect(files['r.yaml']).toContain('As release scripts-2-0 did it.');
    expect((await stageCommand(it, ['plan', 'r.yaml'], files)).code).toBe(0);
  });
});
