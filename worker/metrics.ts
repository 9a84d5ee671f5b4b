import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { collectDefaultMetrics, Gauge, Registry } from 'prom-client';

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
export function metricsText({ runtimeAddress, clusterRequests }: MetricsSources): () => Promise<string> {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  registry.registerMetric(
    // A gauge of counts, because prom-client's Counter cannot be set; the text says counter, see below.
    new Gauge({
      name: 'hotwave_cluster_requests_total',
      help: 'Requests sent to the API server, by method and resource.',
      labelNames: ['request'],
      registers: [],
      collect() {
        for (const [request, count] of Object.entries(clusterRequests()?.byName() ?? {})) this.set({ request }, count);
      },
    }),
  );
  return async () => {
    const runtime = await fetch(`http://${runtimeAddress}/metrics`, { signal: AbortSignal.timeout(2_000) });
    const own = await registry.metrics();
    return `${await runtime.text()}${own.replace('hotwave_cluster_requests_total gauge', 'hotwave_cluster_requests_total counter')}`;
  };
}
