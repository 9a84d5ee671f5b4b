import { describe, expect, test } from 'vitest';
import { planReleaseActivity } from '../../activities/preflight/preflight.ts';
import type { MetricSample } from '../../release/checks/metric.ts';
import type { PreflightResult } from '../../release/plan/preflight.ts';
import { MAIN, NEW_IMAGE, OLD_IMAGE, SET, SIDECAR } from '../support/builders.ts';
import { inActivity } from '../support/activity-context.ts';
import { fakeCluster } from '../support/fake-cluster.ts';
import type { FakeClusterModel } from '../support/fake-cluster.ts';
import { fakeMetrics } from '../support/fake-metrics.ts';
import { releaseFrom } from '../support/release-file.ts';
import { NO_RELEASES } from '../../activities/ports/releases.ts';
import type { Access } from '../../activities/ports/access.ts';
import type { Metrics } from '../../activities/ports/metrics.ts';

const echo = 'proof: { http: { port: 80, path: /version } }';

interface Wishes {
  /** Default: a new one. */
  readonly image?: string;
  readonly model?: FakeClusterModel;
  readonly metrics?: Metrics;
  /** Pods on one node with hostNetwork: what each shows of its ports. */
  readonly onOneNode?: (ordinal: number) => object;
}

async function preflight(lines: readonly string[], wishes: Wishes = {}): Promise<PreflightResult> {
  const file = releaseFrom(`
apiVersion: hotwave.dev/v1
kind: Release
metadata: { name: r }
spec:
  target: { namespace: ${SET.namespace}, gameServerSet: ${SET.name} }
  images: { ${SIDECAR}: "${wishes.image ?? NEW_IMAGE}" }
  ${lines.join('\n  ')}
`);
  const cluster = fakeCluster(wishes.model);
  const { onOneNode } = wishes;
  if (onOneNode) {
    const list = cluster.listServers.bind(cluster);
    cluster.listServers = async (...asked) => {
      const { servers, ...rest } = await list(...asked);
      const ip = servers[0]?.ip ?? '';
      return { ...rest, servers: servers.map((one) => ({ ...one, ip, node: 'node-1', ...onOneNode(one.ordinal) })) };
    };
  }
  const { result } = await inActivity(() =>
    planReleaseActivity({ cluster, metrics: wishes.metrics, calendar: undefined, releases: NO_RELEASES })({ file }),
  );
  // It asks, and neither writes nor makes an engine reload.
  const told = cluster.log.filter((entry) => entry.kind === 'exec' && entry.command.includes('reload'));
  expect([...told, ...cluster.log.filter(({ kind }) => kind === 'patch' || kind === 'send')]).toEqual([]);
  return result;
}

const reload = 'reload: { self: {} }';
const lineOf = ({ lines }: PreflightResult, title: string): string => {
  const found = lines.find((line) => line.title === title);
  return found ? `${found.status}: ${found.detail}` : 'not looked at';
};

describe('before anything is written', () => {
  test.each([
    ['spec.content', 'content: { checksums: { container: nobody, manifest: /m } }'],
    ['spec.content', `content: { checksums: { container: ${MAIN}, manifest: /m, manifestContainer: nobody } }`],
    ['spec.health[0]', 'health: [ { exec: { container: nobody, command: [a] } } ]'],
  ])('%s with a container that the template does not have is refused: %s', async (path, line) => {
    const refusal = `refused: ${path} names container nobody, which the template does not have: it has ${MAIN}, ${SIDECAR}`;
    expect(lineOf(await preflight([reload, echo, line]), 'containers')).toBe(refusal);
  });

  test.each([
    ['proof: { log: { container: nobody, line: "{{version}}" } }'],
    ['proof: { file: { container: nobody, path: /v } }'],
  ])('a proof in a container that the template does not have is refused: %s', async (proof) => {
    expect(lineOf(await preflight([reload, proof]), 'containers')).toMatch(
      /^refused: spec.proof names container nobody/,
    );
  });

  test('new files behind the image that every server has are refused, also where no release is on record', async () => {
    const title = 'servers on the image';
    const lines = [reload, echo, 'version: "2.1"', 'previousVersion: "1.0"', 'gates: [ { before: 2 } ]'];
    const released = await preflight(lines, { image: OLD_IMAGE });
    expect(lineOf(released, title)).toBe(
      `refused: 10 of 10 run ${OLD_IMAGE} already and do not prove 2.1, and it has no server to move: new files behind an old image have no waves, no gates and no way back; give them an image of their own`,
    );
    // The tag names the version that it holds: others have moved the servers, and the engines are told.
    expect(lineOf(await preflight([reload, echo], { image: OLD_IMAGE }), title)).toBe(
      'ok: 10 run it already and prove 1.0',
    );
  });

  test('a service quality that the set does not have is refused, wherever it is named', async () => {
    const health = 'health: [ { serviceQuality: { name: idle } } ]';
    const model = { sets: [{ serviceQualities: ['loaded', 'healthy'] }] };
    expect(lineOf(await preflight([reload, echo, health], { model }), 'service qualities')).toBe(
      'refused: spec.health[0] names service quality idle, which duel does not have: it has loaded, healthy',
    );
    const known = 'health: [ { serviceQuality: { name: healthy } } ]';
    expect(lineOf(await preflight([reload, echo, known], { model }), 'service qualities')).toBe('ok: healthy');
  });

  test('a service quality whose script tells by what it prints has to be asked for that', async () => {
    const quality = {
      name: 'healthy',
      serviceQualityAction: [
        { state: true, result: 'unhealthy', opsState: 'Maintaining' },
        { state: true, result: 'healthy', opsState: 'None' },
      ],
    };
    const model = { sets: [{ serviceQualities: [quality] }] };
    const asked = async (probe: string): Promise<string> =>
      lineOf(
        await preflight([reload, echo, `health: [ { serviceQuality: ${probe} } ]`], { model }),
        'service qualities',
      );
    expect(await asked('{ name: healthy }')).toBe(
      'refused: spec.health[0] asks service quality healthy, which says by its result how the server is: give expect, which is one of unhealthy, healthy',
    );
    expect(await asked('{ name: healthy, expect: healthy }')).toBe('ok: healthy');
  });

  test('the permission to run commands is asked for only where a command is run', async () => {
    const model = { lacks: ({ subresource }: Access): boolean => subresource === 'exec' };
    const permissions = async (...lines: readonly string[]): Promise<string> =>
      lineOf(await preflight(lines, { model }), 'permissions');
    expect(await permissions(reload, echo)).toMatch(/^ok: /);
    const refusal = /^refused: the worker may not get pods\/exec, create pods\/exec in namespace arena/;
    expect(await permissions(`reload: { exec: { container: ${MAIN}, command: [reload] } }`, echo)).toMatch(refusal);
    expect(await permissions(reload, echo, `content: { file: { container: ${MAIN}, path: /v } }`)).toMatch(refusal);
    const checksums = `content: { checksums: { container: ${MAIN}, manifest: /m } }`;
    expect(await permissions(reload, echo, checksums)).toMatch(refusal);
  });

  test('the permission to read logs is asked for only where a log is read', async () => {
    const lacks = ({ subresource }: Access): boolean => subresource === 'log';
    const log = `proof: { log: { container: ${MAIN}, line: "loaded={{version}}" } }`;
    const model = { lacks };
    expect(lineOf(await preflight([reload, echo], { model }), 'permissions')).toMatch(/^ok: /);
    expect(lineOf(await preflight([reload, log], { model }), 'permissions')).toMatch(
      /^refused: the worker may not get pods\/log in namespace arena/,
    );
  });

  test('servers that answer at one address are refused: one would prove the other', async () => {
    const title = 'proof before the release';
    const shared = { onOneNode: () => ({}) };
    expect(lineOf(await preflight([reload, echo], shared), title)).toBe(
      'refused: duel-0 and duel-1 both answer at 10.64.0.1:80 (hostNetwork on node node-1), so that one would prove the other: give each server a port of its own, by a name, an annotation or the network status',
    );
    const file = `proof: { file: { container: ${MAIN}, path: /run/loaded } }`;
    expect(lineOf(await preflight([reload, file], shared), title)).toMatch(/^ok: /);
    for (const line of ['health: [ { tcp: { port: 80 } } ]', 'health: [ { http: { port: 80, path: /ok } } ]'])
      expect(lineOf(await preflight([reload, file, line], shared), title)).toMatch(/^refused: duel-0 and duel-1/);
    const told = 'reload: { http: { port: 80, path: /reload } }';
    expect(lineOf(await preflight([told, file], shared), title)).toMatch(/^refused: duel-0 and duel-1/);
    const own = { onOneNode: (ordinal: number) => ({ annotatedPorts: { 'acme.test/port': 31_000 + ordinal } }) };
    const annotated = 'proof: { http: { port: { annotation: acme.test/port }, path: /version } }';
    expect(lineOf(await preflight([reload, annotated], own), title)).not.toMatch(/both answer/);
  });

  describe('what its first server will be asked in its wave is asked once', () => {
    const TITLE = 'files and health before the release';
    const files = (command: string): string =>
      `content: { exec: { container: ${MAIN}, command: [${command}], within: 0s } }`;

    test.each([
      [`content: { file: { container: ${MAIN}, path: /v } }`, 'ok: duel-9 answers as it will be asked'],
      ['bake: 0s', 'ok: neither is asked for'],
      ['health: [ { http: { port: 8080, path: /healthz } } ]', 'ok: duel-9 answers as it will be asked'],
      [
        files('nope'),
        'refused: duel-9 gives no answer to spec.content: exec nope in engine: exec: "nope": executable file not found in $PATH. Correct it, or mend the server',
      ],
      [
        files('"true"'),
        'warning: duel-9: exec true in engine answered "", expected "1.0". After a rollback spec.content could not prove the old files',
      ],
      [
        'health: [ { http: { port: 8080, path: /nothing } } ]',
        'warning: already before the release, duel-9: http :8080/nothing: status 404',
      ],
    ])('%s', async (line, expected) => {
      expect(lineOf(await preflight([reload, echo, line]), TITLE)).toBe(expected);
    });

    test('and no answer to one is refused, whatever another was warned of', async () => {
      const silent = `health: [ { exec: { container: ${MAIN}, command: [nope], within: 0s } } ]`;
      expect(lineOf(await preflight([reload, echo, files('"true"'), silent]), TITLE)).toMatch(
        /^refused: duel-9 gives no answer to spec\.health\[0\]: exec nope in engine/,
      );
    });
  });

  test('a log that says nothing of the old version is a warning: it may have been rotated away', async () => {
    const log = (line: string): string =>
      `proof: { log: { container: ${MAIN}, line: "${line}={{version}}", within: 0s } }`;
    expect(lineOf(await preflight([reload, log('loaded')]), 'proof before the release')).toBe('ok: duel-9 proves 1.0');
    const silent = await preflight([reload, log('other')]);
    expect(lineOf(silent, 'proof before the release')).toMatch(/^warning: log of engine: no line with "other=1.0"/);
    expect(silent.plan).toBeDefined();
  });
});

describe('a Prometheus', () => {
  const health = 'health: [ { prometheus: { query: "errors{pod=~\'{{servers}}\'}", max: 1 } } ]';
  const values = (...numbers: number[]): MetricSample => ({ kind: 'values', values: numbers });
  const metricsLine = async (answer: MetricSample | undefined, ...more: string[]): Promise<string> => {
    const wishes = answer ? { metrics: fakeMetrics(() => answer) } : {};
    return lineOf(await preflight([reload, echo, health, ...more], wishes), 'metrics');
  };

  test.each<[string, MetricSample | undefined, RegExp]>([
    ['that a worker does not have', undefined, /^refused: .*this worker has no Prometheus to ask/],
    [
      'that does not answer',
      { kind: 'failed', message: 'http://p does not answer' },
      /^refused: .*http:\/\/p does not answer$/,
    ],
    ['that has no data', values(), /^warning: already before the release, .* has no data for the server of wave 1$/],
    [
      'with a value out of its bound',
      values(2),
      /^warning: already before the release, .* is 2 for the server of wave 1, above 1$/,
    ],
    ['with a value within its bound', values(1), /^ok: 1 within bounds before the release$/],
  ])('%s', async (_what, answer, expected) => {
    expect(await metricsLine(answer, 'bake: 1m')).toMatch(expected);
  });

  test('is asked about the old version, and a release without a bake is warned', async () => {
    expect(await metricsLine(values(1))).toMatch(/^warning: spec\.bake is 0s: right after a reload, a value is still/);
    const metrics = fakeMetrics(() => values(1));
    await preflight([reload, echo, health], { metrics });
    expect(metrics.asked.map(({ query }) => query)).toEqual(["errors{pod=~'(?:duel-9)'}"]);
  });
});
