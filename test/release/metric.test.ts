import { describe, expect, test } from 'vitest';
import { controlGroup, fillQuery, judgeMetric, serversPattern } from '../../release/checks/metric.ts';
import type { GroupSample, MetricSample } from '../../release/checks/metric.ts';
import type { Plan } from '../../release/plan/plan.ts';
import type { Probe, PrometheusProbe } from '../../release/spec/probe-spec.ts';

const probe = (wishes: Partial<PrometheusProbe> = {}): PrometheusProbe => ({
  query: 'errors{pod=~"{{servers}}"}',
  timeout: 1_000,
  within: 0,
  ...wishes,
});
const values = (...numbers: number[]): MetricSample => ({ kind: 'values', values: numbers });
const wave = (sample: MetricSample): GroupSample => ({ group: '2 updated servers', sample });
const control = (sample: MetricSample): GroupSample => ({ group: '8 not yet updated', sample });
const down: MetricSample = { kind: 'failed', message: 'http://prometheus does not answer: ECONNREFUSED' };

test('{{servers}} matches the names that are given and no other, also within a larger expression', () => {
  const pattern = new RegExp(`^${serversPattern(['duel-1', 'eu.west-12'])}$`);
  expect(['duel-1', 'eu.west-12'].every((name) => pattern.test(name))).toBe(true);
  expect(['duel-10', 'duel-', 'euxwest-12', 'xduel-1', ''].some((name) => pattern.test(name))).toBe(false);
  expect(new RegExp(`^${serversPattern(['a', 'b'])}-x$`).test('a-x')).toBe(true);
});

test('a query is filled in for one group', () => {
  const query = 'up{pod=~"{{servers}}",ns="{{namespace}}",set="{{set}}",v="{{version}}"}';
  expect(fillQuery(query, { servers: ['a-1', 'a-2'], namespace: 'arena', set: 'a', version: 'v2' })).toBe(
    'up{pod=~"(?:a-1|a-2)",ns="arena",set="a",v="v2"}',
  );
});

describe('a value over the wave', () => {
  test.each<[string, Partial<PrometheusProbe>, MetricSample, string | undefined]>([
    ['at its upper bound is right', { max: 1 }, values(1), undefined],
    ['above it is not', { max: 0.01 }, values(0.0712345), 'is 0.07123 for 2 updated servers, above 0.01'],
    ['below its lower bound is not', { min: 60 }, values(60, 20), 'is 20 for 2 updated servers, below 60'],
    ['is judged by the worst of several', { max: 3, min: 1 }, values(2, 9, 4), 'is 9 for 2 updated servers, above 3'],
    ['without an end is above every bound', { max: 5 }, values(Infinity), 'is Infinity for 2 updated servers, above 5'],
    ['above it is wrong also where others are not numbers', { max: 3 }, values(Number.NaN, 4), 'is 4 for 2 updated'],
  ])('%s', (_what, bounds, sample, expected) => {
    const judged = judgeMetric(probe(bounds), wave(sample), undefined);
    expect(judged).toEqual(
      expected === undefined ? undefined : { unknown: false, reason: expect.stringContaining(expected) as string },
    );
  });

  test.each<[string, MetricSample, string]>([
    ['no data', values(), 'has no data for 2 updated servers'],
    ['a share of nothing', values(Number.NaN), 'has no data for 2 updated servers'],
    ['no number beside one', values(Number.NaN, 1), 'is no number in 1 of 2 values of 2 updated servers'],
    ['no Prometheus', down, 'http://prometheus does not answer: ECONNREFUSED'],
  ])('that is not there (%s) is neither right nor wrong', (_what, sample, expected) => {
    const judged = judgeMetric(probe({ max: 1 }), wave(sample), undefined);
    expect(judged).toEqual({ unknown: true, reason: expect.stringContaining(expected) as string });
  });

  describe('for each server', () => {
    const servers = ['duel-1', 'duel-2', 'duel-3', 'duel-4'];
    const of = (numbers: Readonly<Record<string, number>>): GroupSample => ({
      group: '4 updated servers',
      servers,
      sample: {
        kind: 'values',
        values: Object.values(numbers),
        labels: Object.keys(numbers).map((name) => ['arena', name, 'engine']),
      },
    });

    test.each<[string, GroupSample, object | undefined]>([
      ['is right when each has one', of({ 'duel-1': 1, 'duel-2': 1, 'duel-3': 0, 'duel-4': 1 }), undefined],
      [
        'is not known when some have none',
        of({ 'duel-1': 1 }),
        { unknown: true, reason: expect.stringContaining('has no number for duel-2, duel-3, duel-4 of 4') as string },
      ],
      [
        'is not known when some have one that is no number',
        of({ 'duel-1': 1, 'duel-2': 1, 'duel-3': Number.NaN, 'duel-4': 1 }),
        { unknown: true, reason: expect.stringContaining('has no number for duel-3 of 4 updated servers') as string },
      ],
      [
        'is wrong when one is out of its bound, whoever has none',
        of({ 'duel-1': 9 }),
        { unknown: false, reason: expect.stringContaining('is 9 for 4 updated servers, above 1') as string },
      ],
      ['is right when the answer names no server', { ...of({}), sample: values(1) }, undefined],
      [
        'is right when the answer names other things',
        { ...of({}), sample: { kind: 'values', values: [1, 0], labels: [['code 500'], ['code 503']] } },
        undefined,
      ],
    ])('%s', (_what, group, expected) => {
      expect(judgeMetric(probe({ max: 1 }), group, undefined)).toEqual(expected);
    });
  });

  test.each<[string, MetricSample, string]>([
    ['its value', values(0.5, 0.25), 'above 1 (0.5 for 8 not yet updated)'],
    ['no data', values(), 'above 1 (no data for 8 not yet updated)'],
    ['no answer', down, 'above 1 (not known for 8 not yet updated)'],
  ])('is shown beside the control group, and that judges nothing: %s', (_what, sample, expected) => {
    expect(judgeMetric(probe({ max: 1 }), wave(values(2)), control(sample))?.reason).toContain(expected);
    expect(judgeMetric(probe({ max: 1 }), wave(values(1)), control(values(99)))).toBeUndefined();
  });
});

test('the control group is made of later waves, at most 250 servers, and only where a query tells groups apart', () => {
  const servers = (from: number, count: number) =>
    Array.from({ length: count }, (_, index) => ({ name: `duel-${from + index}` }));
  const waves = [
    { number: 1, servers: servers(0, 2) },
    { number: 2, servers: servers(2, 2) },
    { number: 3, servers: servers(4, 400) },
  ];
  const plan = { waves } as unknown as Plan;
  const health: Probe[] = [{ tcp: { port: 1, timeout: 1, within: 1 } }, { prometheus: probe({ max: 1 }) }];
  expect(controlGroup(plan, 1, health)).toHaveLength(250);
  expect(controlGroup(plan, 1, health).slice(0, 3)).toEqual(['duel-2', 'duel-3', 'duel-4']);
  expect(controlGroup(plan, 3, health)).toEqual([]);
  expect(controlGroup(plan, 1, [health[0]!, { prometheus: probe({ query: 'up', max: 1 }) }])).toEqual([]);
});
