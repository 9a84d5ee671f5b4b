import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { prometheusMetrics } from '../../cluster/prometheus.ts';
import type { PrometheusMetrics } from '../../cluster/prometheus.ts';
import type { ReleaseFile } from '../../release/spec/spec.ts';
import { describeMetricsContract } from '../contract/metrics-contract.ts';
import type { EngineStats } from '../lab/fleet-engine.ts';
import { selfReloadAnnotation } from '../lab/fleet-failures.ts';
import { createSet, fleetImage, podsOf, setPath } from '../lab/game-server-sets.ts';
import type { GameServerSet, SetOptions } from '../lab/game-server-sets.ts';
import { hasCondition } from '../lab/kubernetes-objects.ts';
import type { Pod } from '../lab/kubernetes-objects.ts';
import { startLab } from '../lab/lab.ts';
import type { Lab } from '../lab/lab.ts';
import { startPrometheus } from '../lab/prometheus.ts';
import { until } from '../lab/until.ts';
import { startHotwave } from '../support/hotwave.ts';
import { releaseFrom } from '../support/release-file.ts';
import type { Hotwave } from '../support/hotwave.ts';

let lab: Lab;
let hotwave: Hotwave;
let prometheus: string;
let metrics: PrometheusMetrics;

beforeAll(async () => {
  lab = await startLab({ kind: 'fleet', swap: { fromMs: 50, toMs: 200 } });
  prometheus = await startPrometheus(lab);
  metrics = prometheusMetrics([{ url: prometheus }]);
  hotwave = await startHotwave(lab, metrics);
}, 180_000);

afterAll(async () => {
  await hotwave.stop();
  await metrics.close();
  await lab.stop();
});

const sumOfErrors = "max(game_error_ratio{pod=~'{{servers}}'})";

/** The checks that a release is tried with; the usual is a reload by POST and a proof by version echo. */
interface Kinds {
  readonly reload?: string;
  readonly proof?: string;
  readonly health?: string;
  readonly more?: string;
}

function release(set: string, tag: string, kinds: Kinds = {}): ReleaseFile {
  const port = lab.enginePort!;
  const { reload = `http: { port: ${port}, path: /reload, expect: "reloaded {{version}}" }`, more = '' } = kinds;
  const { proof = `http: { port: ${port}, path: /version, within: 2s }`, health = `tcp: { port: ${port} }` } = kinds;
  return releaseFrom(`
apiVersion: hotwave.dev/v1
kind: Release
metadata: { name: ${set}-${tag.replaceAll('.', '-')} }
spec:
  target: { gameServerSet: ${set} }
  images: { sidecar: "${fleetImage(tag)}" }
  maxUnavailable: 100%
  ready: { timeout: 30s }
  waves: [1, rest]
  reload: { ${reload} }
  proof: { ${proof} }
  health: [ { ${health} } ]
  ${more}`);
}

async function aSet(name: string, options: Partial<SetOptions> = {}): Promise<void> {
  await createSet(lab.api, { name, replicas: 3, nodeName: lab.nodeName, ...options });
}

async function ask(pod: Pod, path: string): Promise<string> {
  return (await fetch(`http://${pod.status!.podIP!}:${lab.enginePort!}${path}`)).text();
}

async function expectEveryServerOn(set: string, tag: string): Promise<void> {
  const pods = await podsOf(lab.api, set);
  expect(await Promise.all(pods.map((pod) => ask(pod, '/version')))).toEqual(pods.map(() => tag));
}

describeMetricsContract('a real Prometheus', async () => {
  // The lab's own, which is started above: hooks of a file run before those of its groups.
  await Promise.resolve();
  return { metrics, url: prometheus, stop: () => Promise.resolve() };
});

describe('reload', () => {
  test('by a request reaches every engine once', async () => {
    await aSet('posted');
    expect(await (await hotwave.start(release('posted', 'v2.0'))).result()).toMatchObject({ outcome: 'done' });
    await expectEveryServerOn('posted', 'v2.0');
    for (const pod of await podsOf(lab.api, 'posted')) {
      const { reloads } = JSON.parse(await ask(pod, '/stats')) as EngineStats;
      expect(reloads).toHaveLength(1);
    }
  });

  test('by a request that an engine refuses is rolled back with the words of the engine', async () => {
    await aSet('refusing');
    const started = await hotwave.start(release('refusing', 'v2.0-reloadfails'));
    const result = await started.result();
    expect(result.outcome).toBe('rolled-back');
    expect(result.reason).toMatch(/the reload answered status 500: cannot load v2\.0-reloadfails/);
    await expectEveryServerOn('refusing', 'v1.0');
  });

  test('by the engine itself is proved by a line in its log', async () => {
    await aSet('watching', { podAnnotations: { [selfReloadAnnotation]: 'true' } });
    const line = '{{server}} hot-reload loaded={{version}}';
    const kinds = { reload: 'self: {}', proof: `log: { container: app-2048, line: "${line}", within: 3s }` };
    expect(await (await hotwave.start(release('watching', 'v2.0', kinds))).result()).toMatchObject({ outcome: 'done' });
    await expectEveryServerOn('watching', 'v2.0');
    const stale = await (await hotwave.start(release('watching', 'v2.1-stale', kinds))).result();
    expect(stale.outcome).toBe('rolled-back');
    expect(stale.reason).toMatch(/no line with "watching-2 hot-reload loaded=v2\.1-stale" since the change began/);
  });
});

describe('OpenKruise service quality', () => {
  /** Plays OpenKruise's node agent, which a simulated node does not have: reports what each engine has loaded. */
  function reportLoaded(set: string): () => Promise<void> {
    const stopping = new AbortController();
    const loop = async (): Promise<void> => {
      while (!stopping.signal.aborted) {
        for (const pod of await podsOf(lab.api, set)) {
          const condition = { type: 'game.kruise.io/loaded', status: 'True', message: await ask(pod, '/version') };
          const path = `/api/v1/namespaces/default/pods/${pod.metadata.name}/status`;
          await lab.api.patch(path, { status: { conditions: [condition] } }, 'strategic');
        }
        await pause(100, undefined, { signal: stopping.signal }).catch(() => undefined);
      }
    };
    const running = loop();
    return async () => {
      stopping.abort();
      await running;
    };
  }

  test('proves the version that its result echoes', async () => {
    await aSet('graded');
    const quality = {
      name: 'loaded',
      containerName: 'app-2048',
      permanent: false,
      exec: { command: ['cat', '/run/loaded'] },
      serviceQualityAction: [],
    };
    await lab.api.patch(setPath('graded'), { spec: { serviceQualities: [quality] } });
    const stop = reportLoaded('graded');
    await until({ what: 'the first report', deadlineMs: 60_000 }, async () => {
      const pods = await podsOf(lab.api, 'graded');
      return pods.every((pod) => hasCondition(pod, 'game.kruise.io/loaded'));
    });
    const kinds = { proof: 'serviceQuality: { name: loaded, within: 5s }' };
    const result = await (await hotwave.start(release('graded', 'v2.0', kinds))).result();
    await stop();
    expect(result).toMatchObject({ outcome: 'done', restartsOfMainContainers: 0, recreatedPods: 0 });
    await expectEveryServerOn('graded', 'v2.0');
  });

  test('that the set does not have is refused before anything is written', async () => {
    await aSet('ungraded', { replicas: 1 });
    const before = await lab.api.get<GameServerSet>(setPath('ungraded'));
    const kinds = { proof: 'serviceQuality: { name: loaded }' };
    const result = await (await hotwave.start(release('ungraded', 'v2.0', kinds))).result();
    expect(result).toMatchObject({ outcome: 'refused' });
    expect(result.reason).toBe('spec.proof names service quality loaded, which ungraded does not have: it has none');
    expect((await lab.api.get<GameServerSet>(setPath('ungraded'))).spec).toEqual(before.spec);
  });
});

describe('Prometheus', () => {
  // A scrape later, and not in the same moment as the reload: values are about the time before.
  const more = 'bake: 1s';
  const bound = `prometheus: { query: "${sumOfErrors}", max: 0.01, within: 3s }`;

  test('lets a release go on whose value is within its bound', async () => {
    await aSet('calm');
    const started = await hotwave.start(release('calm', 'v2.0', { health: bound, more }));
    expect(await started.result()).toMatchObject({ outcome: 'done', waves: 2 });
  });

  test('rolls a release back whose value is out of its bound, and shows it beside that of the servers not yet updated', async () => {
    await aSet('noisy');
    const started = await hotwave.start(release('noisy', 'v2.0-errors', { health: bound, more }));
    const result = await started.result();
    expect(result.outcome).toBe('rolled-back');
    expect(result.reason).toMatch(/is 0\.07 for 1 updated server, above 0\.01 \(0\.002 for 2 not yet updated\)/);
    expect((await started.state()).failedBefore).toMatchObject([{ server: 'noisy-2', class: 'metric' }]);
    await expectEveryServerOn('noisy', 'v1.0');
  });

  test('without data pauses a release: that is neither healthy nor unhealthy', async () => {
    await aSet('mute');
    const started = await hotwave.start(release('mute', 'v2.0-mute', { health: bound, more }));
    const { pausedBecause, failures } = await started.until('a pause', ({ phase }) => phase === 'paused');
    expect(pausedBecause).toMatch(/^health is not known: .* has no data for 1 updated server \(0\.002 for 2 not yet/);
    expect(failures).toMatchObject([{ class: 'healthUnknown' }]);
    expect(await started.decide({ verb: 'rollback', reason: 'no numbers' })).toMatchObject({ accepted: true });
    expect(await started.result()).toMatchObject({ outcome: 'rolled-back' });
  });

  test('that is only observed changes nothing and is shown', async () => {
    await aSet('observed');
    const health = `prometheus: { query: "${sumOfErrors}", max: 0.01, within: 0s }, mode: observe`;
    const started = await hotwave.start(release('observed', 'v2.0-errors', { health, more }));
    expect(await started.result()).toMatchObject({ outcome: 'done' });
    const { warnings } = await started.state();
    expect(warnings).toContainEqual(expect.stringContaining('above 0.01 (0.002 for 2 not yet updated)'));
  });

  test.each([
    ['http://127.0.0.1:1', /this worker may not ask http:\/\/127\.0\.0\.1:1: add it to HOTWAVE_METRICS_URLS/],
  ])('at %s is refused before anything is written', async (url, reason) => {
    await aSet('unasked', { replicas: 1 });
    const health = `prometheus: { url: "${url}", query: up, max: 1 }`;
    const result = await (await hotwave.start(release('unasked', 'v2.0', { health }))).result();
    expect(result).toMatchObject({ outcome: 'refused' });
    expect(result.reason).toMatch(reason);
  });
});
