import type { MetricSample } from '../../release/checks/metric.ts';

/** An instant query of a Prometheus API. */
export interface MetricsRequest {
  /** Base address; default the first that the worker was given. */
  readonly url?: string | undefined;
  readonly query: string;
  readonly timeoutMs: number;
}

/**
 * Metrics as Prometheus serves them. Only addresses that the worker was given are asked: a release file must not send
 * a worker wherever it likes. No values means no data. Never throws for what happens to the query.
 */
export interface Metrics {
  query(request: MetricsRequest, signal?: AbortSignal): Promise<MetricSample>;
}
