import { describe, expect, test } from 'vitest';
import { sampleUntilRight } from '../../activities/probes/sample-metrics.ts';
import type { MetricQuestion } from '../../activities/probes/sample-metrics.ts';
import type { MetricSample } from '../../release/checks/metric.ts';
import type { PrometheusProbe } from '../../release/spec/probe-spec.ts';
import { SET } from '../support/builders.ts';
import { fakeMetrics } from '../support/fake-metrics.ts';
import type { FakeMetrics } from '../support/fake-metrics.ts';

const perGroup = 'errors{pod=~"{{servers}}"}';
const probe = (wishes: Partial<PrometheusProbe> = {}): PrometheusProbe => ({
  query: perGroup,
  max: 1,
  timeout: 1_000,
  within: 0,
  ...wishes,
});
const values = (...numbers: number[]): MetricSample => ({ kind: 'values', values: numbers });
const WAVE = 'errors{pod=~"(?:duel-9|duel-8)"}';
const CONTROL = 'errors{pod=~"(?:duel-1|duel-0)"}';

function question(metrics: FakeMetrics | undefined): MetricQuestion {
  const groups = { servers: ['duel-9', 'duel-8'], control: ['duel-1', 'duel-0'] };
  return { metrics, set: SET, version: '2.0', ...groups, signal: new AbortController().signal };
}

describe('a metric of a wave', () => {
  test('that is right asks about the wave only', async () => {
    const metrics = fakeMetrics(() => values(0.5));
    expect(await sampleUntilRight(question(metrics), probe())).toBeUndefined();
    expect(metrics.asked).toEqual([{ url: undefined, query: WAVE, timeoutMs: 1_000 }]);
  });

  test('that is wrong is shown beside the control group', async () => {
    const metrics = fakeMetrics((query) => values(query === WAVE ? 7 : 0.5));
    expect(await sampleUntilRight(question(metrics), probe())).toEqual({
      unknown: false,
      reason: 'prometheus errors{pod=~"{{servers}}"} is 7 for 2 updated servers, above 1 (0.5 for 2 not yet updated)',
    });
    expect(metrics.asked.map(({ query }) => query)).toEqual([WAVE, CONTROL]);
  });

  test('that is the same for every group has no control group', async () => {
    const metrics = fakeMetrics(() => values(7));
    const judged = await sampleUntilRight(question(metrics), probe({ query: 'errors' }));
    expect(judged?.reason).toBe('prometheus errors is 7 for 2 updated servers, above 1');
    expect(metrics.asked).toHaveLength(1);
  });

  test('is asked again until it is right', async () => {
    const metrics = fakeMetrics((_query, count) => (count < 3 ? values() : values(1)));
    expect(await sampleUntilRight(question(metrics), probe({ within: 10_000 }))).toBeUndefined();
    expect(metrics.asked).toHaveLength(3);
  });

  test.each<[string, FakeMetrics | undefined, RegExp]>([
    ['no data', fakeMetrics(() => values()), /has no data for 2 updated servers \(no data for 2 not yet updated\)$/],
    [
      'a query that fails',
      fakeMetrics(() => ({ kind: 'failed', message: 'http://p refused the query' })),
      /refused the query$/,
    ],
    ['no Prometheus', undefined, /this worker has no Prometheus to ask/],
  ])('is unknown, not wrong: %s', async (_what, metrics, reason) => {
    const judged = await sampleUntilRight(question(metrics), probe());
    expect(judged).toEqual({ unknown: true, reason: expect.stringMatching(reason) as string });
  });
});
