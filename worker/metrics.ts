import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { collectDefaultMetrics, Counter, Gauge, Registry } from 'prom-client';
import type { PolicySource } from '../activities/ports/policy.ts';
import { registerBesideMetrics } from './beside-metrics.ts';
import type { BesideLook } from './beside-metrics.ts';
import { registerReleaseMetrics } from './release-metrics.ts';
import type { Look } from './release-metrics.ts';

/** Counts of requests by what they were, such as `GET pods`. */
export interface RequestCounts {
  byName(): Readonly<Record<string, number>>;
}

/** Where the numbers come from. */
export interface MetricsSources {
  /** Where the SDK's runtime serves its own, `host:port`. */
  readonly runtimeAddress: string;
  /** Requests to the API server; undefined when nobody counts. */
  readonly clusterRequests: () => RequestCounts | undefined;
  /** The running releases as they were last looked at; undefined while nobody has. */
  readonly releases: () => Look | undefined;
  /** The same of couriers and monitors. */
  readonly beside: () => BesideLook | undefined;
  /** Undefined where there is none. */
  readonly policy?: PolicySource | undefined;
}

/** A free port on loopback. Another process can take it before it is used; the runtime then says so when it binds. */
export async function freeLoopbackPort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => probe.once('listening', resolve));
  const { port } = probe.address() as AddressInfo;
  await new Promise((resolve) => probe.close(resolve));
  return port;
}

/**
 * All metrics of the process as one Prometheus text: of the SDK (`temporal_*`), of the process (`process_*`,
 * `nodejs_*`) and of hotwave (`hotwave_*`).
 */
export function metricsText({ runtimeAddress, ...sources }: MetricsSources): () => Promise<string> {
  const registry = hotwaveMetrics(sources);
  collectDefaultMetrics({ register: registry });
  return async () => {
    const runtime = await fetch(`http://${runtimeAddress}/metrics`, { signal: AbortSignal.timeout(2_000) });
    return `${await runtime.text()}${await registry.metrics()}`;
  };
}

/** Hotwave's own metrics; docs/metrics.md lists them. */
export function hotwaveMetrics({
  clusterRequests,
  releases,
  beside,
  policy,
}: Omit<MetricsSources, 'runtimeAddress'>): Registry {
  const registry = new Registry();
  registry.registerMetric(
    new Counter({
      name: 'hotwave_cluster_requests_total',
      help: 'Requests sent to the API server, by method and resource.',
      labelNames: ['request'],
      registers: [],
      collect() {
        this.reset();
        for (const [request, count] of Object.entries(clusterRequests()?.byName() ?? {})) this.inc({ request }, count);
      },
    }),
  );
  registerReleaseMetrics(registry, releases);
  registerBesideMetrics(registry, beside, policy);
  if (policy) registry.registerMetric(policyGauge(policy));
  return registry;
}

function policyGauge(policy: PolicySource): Gauge {
  return new Gauge({
    name: 'hotwave_policy_readable',
    help: '1 while the policy of the cluster can be read, 0 while what it said last counts.',
    registers: [],
    async collect() {
      const { problem } = await policy.read();
      this.set(problem === undefined ? 1 : 0);
    },
  });
}
