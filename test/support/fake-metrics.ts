import type { MetricSample } from '../../release/checks/metric.ts';
import type { Metrics, MetricsRequest } from '../../activities/ports/metrics.ts';

/** Metrics of which a test writes the answers. */
export interface FakeMetrics extends Metrics {
  readonly asked: readonly MetricsRequest[];
}

/** Metrics in memory; `answer` is asked for each query. Default address `http://metrics.test`. */
export function fakeMetrics(answer: (query: string, count: number) => MetricSample): FakeMetrics {
  const asked: MetricsRequest[] = [];
  return {
    asked,
    async query(request, signal) {
      // Callers must not see anything happen before they have awaited it.
      await Promise.resolve();
      signal?.throwIfAborted();
      const { url = 'http://metrics.test' } = request;
      if (url.replace(/\/+$/, '') !== 'http://metrics.test')
        return { kind: 'failed', message: `this worker may not ask ${url}: add it to HOTWAVE_METRICS_URLS` };
      asked.push(request);
      return answer(request.query, asked.length);
    },
  };
}
