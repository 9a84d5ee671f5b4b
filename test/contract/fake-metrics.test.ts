import type { MetricSample } from '../../release/checks/metric.ts';
import { fakeMetrics } from '../support/fake-metrics.ts';
import { describeMetricsContract } from './metrics-contract.ts';

const values = (...numbers: number[]): MetricSample => ({ kind: 'values', values: numbers });
const failed = (message: string): MetricSample => ({ kind: 'failed', message });

const answers: Readonly<Record<string, MetricSample>> = {
  'vector(0.25)': values(0.25),
  '3': values(3),
  'vector(1) > 2': values(),
  'vector(1) / 0': values(Infinity),
  '-vector(1) / 0': values(-Infinity),
  'vector(0) / 0': values(Number.NaN),
  'rate(': failed('refused the query (bad_data): parse error'),
  'vector(1)[5m:1m]': failed('answered a matrix, expected one value or a vector'),
  '"text"': failed('answered a string, expected one value or a vector'),
};

describeMetricsContract('in memory', () =>
  Promise.resolve({
    metrics: fakeMetrics((query) => answers[query] ?? failed('not written in this test')),
    url: 'http://metrics.test',
    stop: () => Promise.resolve(),
  }),
);
