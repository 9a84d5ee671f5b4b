import { setTimeout as pause } from 'node:timers/promises';
import type { SetRef } from '../../release/fleet/fleet.ts';
import type { MetricSample } from '../../release/checks/metric.ts';
import { fillQuery, isPerGroup, judgeMetric } from '../../release/checks/metric.ts';
import type { Objection } from '../../release/checks/probe.ts';
import type { PrometheusProbe } from '../../release/spec/probe-spec.ts';
import type { Metrics } from '../ports/metrics.ts';

/** The servers of a wave, those that have not been updated, and where to ask about them. */
export interface MetricQuestion {
  readonly metrics: Metrics | undefined;
  readonly set: SetRef;
  readonly version: string;
  readonly servers: readonly string[];
  readonly control: readonly string[];
  readonly signal: AbortSignal;
}

/** A scrape takes seconds: asking more often gives the same value again. */
const FIRST_PAUSE_MS = 1_000;
const LONGEST_PAUSE_MS = 5_000;

/**
 * Asks for a value over a group until it is within its bound or the probe's patience is over.
 * @throws the reason of the question's signal when the caller gave up
 */
export async function sampleUntilRight(
  question: MetricQuestion,
  probe: PrometheusProbe,
): Promise<Objection | undefined> {
  const { signal } = question;
  const deadline = Date.now() + probe.within;
  for (let wait = FIRST_PAUSE_MS; ; wait = Math.min(LONGEST_PAUSE_MS, wait * 2)) {
    const objection = await sampleMetric(question, probe);
    if (objection === undefined) return undefined;
    signal.throwIfAborted();
    if (Date.now() + wait >= deadline) return objection;
    await pause(wait, undefined, { signal }).catch(() => signal.throwIfAborted());
  }
}

/** Asks once. The control group is asked only where its answer can differ and is of use. */
async function sampleMetric(question: MetricQuestion, probe: PrometheusProbe): Promise<Objection | undefined> {
  const { servers, control } = question;
  const plural = servers.length === 1 ? 'server' : 'servers';
  const wave = {
    group: `${servers.length} updated ${plural}`,
    sample: await sampleGroup(question, probe, servers),
    servers: isPerGroup(probe) ? servers : [],
  };
  const objection = judgeMetric(probe, wave, undefined);
  if (objection === undefined || control.length === 0 || !isPerGroup(probe)) return objection;
  const sample = await sampleGroup(question, probe, control);
  return judgeMetric(probe, wave, { group: `${control.length} not yet updated`, sample });
}

/** One answer to a query about these servers. */
export async function sampleGroup(
  { metrics, set, version, signal }: Omit<MetricQuestion, 'servers' | 'control'>,
  { url, query, timeout }: PrometheusProbe,
  servers: readonly string[],
): Promise<MetricSample> {
  const filled = fillQuery(query, { servers, namespace: set.namespace, set: set.name, version });
  const answer = await metrics?.query({ url, query: filled, timeoutMs: timeout }, signal);
  return answer ?? { kind: 'failed', message: 'this worker has no Prometheus to ask: give it HOTWAVE_METRICS_URLS' };
}
