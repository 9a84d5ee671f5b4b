import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Metrics } from '../../activities/ports/metrics.ts';

/** Metrics under the contract. */
export interface MetricsWorld {
  readonly metrics: Metrics;
  /** An address that the worker was given. */
  readonly url: string;
  stop(): Promise<void>;
}

const timeoutMs = 5_000;

/** The rules of the port `Metrics`, as tests, in queries that need no data of their own. */
export function describeMetricsContract(name: string, makeWorld: () => Promise<MetricsWorld>): void {
  describe(`the metrics contract: ${name}`, () => {
    let world: MetricsWorld;
    const ask = (query: string, url?: string): ReturnType<Metrics['query']> =>
      world.metrics.query({ query, url, timeoutMs });

    beforeAll(async () => {
      world = await makeWorld();
    }, 120_000);

    // eslint-disable-next-line @typescript-eslint/no-unnecessary-condition -- making the world may have failed
    afterAll(() => world?.stop());

    test.each<[string, string, readonly number[]]>([
      ['a vector', 'vector(0.25)', [0.25]],
      ['a scalar', '3', [3]],
      ['no data', 'vector(1) > 2', []],
      ['what has no end', 'vector(1) / 0', [Infinity]],
      ['what has no end downwards', '-vector(1) / 0', [-Infinity]],
      ['a share of nothing', 'vector(0) / 0', [Number.NaN]],
    ])('%s is told as it is', async (_what, query, values) => {
      expect(await ask(query)).toEqual({ kind: 'values', values });
      expect(await ask(query, `${world.url}/`)).toEqual({ kind: 'values', values });
    });

    test.each([
      ['is no query', 'rate(', /refused the query \(bad_data\): .*parse error/],
      ['answers over a time', 'vector(1)[5m:1m]', /answered a matrix, expected one value or a vector/],
      ['answers text', '"text"', /answered a string, expected one value or a vector/],
    ])('what %s is a failure that says so', async (_what, query, message) => {
      expect(await ask(query)).toEqual({ kind: 'failed', message: expect.stringMatching(message) as string });
    });

    test('an address that the worker was not given is not asked', async () => {
      const message = 'this worker may not ask http://169.254.169.254: add it to HOTWAVE_METRICS_URLS';
      expect(await ask('vector(1)', 'http://169.254.169.254')).toEqual({ kind: 'failed', message });
    });

    test('callers who have given up get their own reason back', async () => {
      const signal = AbortSignal.abort(new Error('the activity was cancelled'));
      const asked = world.metrics.query({ query: 'vector(1)', timeoutMs }, signal);
      await expect(asked).rejects.toThrow('the activity was cancelled');
    });
  });
}
