import type { Plan } from '../plan/plan.ts';
import { shorten } from './probe.ts';
import type { Objection } from './probe.ts';
import type { Probe, PrometheusProbe } from '../spec/probe-spec.ts';

/** The answer of a query about a group of servers: values, none at all (no data), or why there is no answer. */
export type MetricSample =
  | {
      readonly kind: 'values';
      readonly values: readonly number[];
      /** The labels of each value; absent where the answer has none. */
      readonly labels?: readonly (readonly string[])[] | undefined;
    }
  | { readonly kind: 'failed'; readonly message: string };

/** The measurement of a group of servers; `group` is `12 updated servers`. */
export interface GroupSample {
  readonly group: string;
  readonly sample: MetricSample;
  /** Their names, where an answer that names servers has to name each. */
  readonly servers?: readonly string[] | undefined;
}

/** The values that `{{…}}` in a query stands for. */
export interface QueryValues {
  readonly servers: readonly string[];
  readonly namespace: string;
  readonly set: string;
  readonly version: string;
}

/**
 * A regular expression that matches these names and nothing else, whole or as a part of a larger one. A name of a pod
 * has nothing special in it but dots; `[.]` and not `\.`, as it reads the same in every kind of quotes of PromQL.
 */
export function serversPattern(names: readonly string[]): string {
  return `(?:${names.map((name) => name.replaceAll('.', '[.]')).join('|')})`;
}

/** Fills in a query. Names and versions have no quotes in them, by the schema of the release file and by Kubernetes. */
export function fillQuery(query: string, { servers, namespace, set, version }: QueryValues): string {
  const values = { servers: serversPattern(servers), namespace, set, version };
  return query.replaceAll(
    /\{\{(servers|namespace|set|version)\}\}/g,
    (_match, key: keyof typeof values) => values[key],
  );
}

/** Most servers that a wave is compared with: a query stays of a size that Prometheus takes. */
const CONTROL_GROUP = 250;

/** The servers of later waves, which still run the old version; none where no probe measures groups. */
export function controlGroup(plan: Plan, wave: number, probes: readonly Probe[]): readonly string[] {
  if (!probes.some(({ prometheus }) => prometheus && isPerGroup(prometheus))) return [];
  const later = plan.waves.filter(({ number }) => number > wave).flatMap(({ servers }) => servers);
  return later.slice(0, CONTROL_GROUP).map(({ name }) => name);
}

/** True when the answer differs from group to group, so that a control group says something. */
export function isPerGroup({ query }: PrometheusProbe): boolean {
  return query.includes('{{servers}}');
}

/**
 * Judges a value over the wave; the control group is shown beside it and judges nothing. Of several values the worst
 * counts. No value, NaN (a share of nothing), a server without a value where others have one, and a query that failed are "not
 * known", neither healthy nor unhealthy; what is out of its bound is wrong, whatever else is not known.
 */
export function judgeMetric(
  probe: PrometheusProbe,
  wave: GroupSample,
  control: GroupSample | undefined,
): Objection | undefined {
  const name = `prometheus ${shorten(probe.query)}`;
  const beside = control ? ` (${describeControl(control, probe)})` : '';
  if (wave.sample.kind === 'failed') return { reason: `${name}: ${wave.sample.message}`, unknown: true };
  const worst = worstOf(wave.sample.values, probe);
  if (worst === undefined) return { reason: `${name} has no data for ${wave.group}${beside}`, unknown: true };
  const limit = brokenLimit(worst, probe);
  if (limit === undefined) {
    const gap = gapIn(wave.sample, wave.servers ?? []);
    return gap === undefined ? undefined : { reason: `${name} ${gap} of ${wave.group}${beside}`, unknown: true };
  }
  return { reason: `${name} is ${describeValue(worst)} for ${wave.group}, ${limit}${beside}`, unknown: false };
}

/** The gaps of an answer: a value that is no number, or servers that it does not name although it names others. */
function gapIn(
  { values, labels = [] }: Extract<MetricSample, { kind: 'values' }>,
  servers: readonly string[],
): string | undefined {
  const wanted = new Set(servers);
  const named = values.map((_, index) => (labels[index] ?? []).find((label) => wanted.has(label)));
  const known = new Set(named.filter((server, index) => server !== undefined && !Number.isNaN(values[index])));
  const silent = servers.filter((server) => !known.has(server));
  if (named.some((server) => server !== undefined) && silent.length > 0)
    return `has no number for ${silent.slice(0, 3).join(', ')}${silent.length > 3 ? ' and more' : ''}`;
  const strange = values.filter((value) => Number.isNaN(value)).length;
  return strange === 0 ? undefined : `is no number in ${strange} of ${values.length} values`;
}

/** The value that is furthest on the wrong side; undefined when there is none that is a number. */
function worstOf(values: readonly number[], probe: PrometheusProbe): number | undefined {
  const numbers = values.filter((value) => !Number.isNaN(value));
  const broken = numbers.filter((value) => brokenLimit(value, probe) !== undefined);
  if (broken.length === 0) return probe.max === undefined ? leastOf(numbers) : greatestOf(numbers);
  return broken.some((value) => value > (probe.max ?? Infinity)) ? greatestOf(broken) : leastOf(broken);
}

const greatestOf = (values: readonly number[]): number | undefined =>
  values.length === 0 ? undefined : values.reduce((left, right) => Math.max(left, right));
const leastOf = (values: readonly number[]): number | undefined =>
  values.length === 0 ? undefined : values.reduce((left, right) => Math.min(left, right));

function brokenLimit(value: number, { max, min }: PrometheusProbe): string | undefined {
  if (max !== undefined && value > max) return `above ${max}`;
  if (min !== undefined && value < min) return `below ${min}`;
  return undefined;
}

function describeControl({ group, sample }: GroupSample, probe: PrometheusProbe): string {
  if (sample.kind === 'failed') return `not known for ${group}`;
  const worst = worstOf(sample.values, probe);
  return worst === undefined ? `no data for ${group}` : `${describeValue(worst)} for ${group}`;
}

/** At most four significant digits. */
function describeValue(value: number): string {
  return Number.isInteger(value) ? String(value) : String(Number(value.toPrecision(4)));
}
