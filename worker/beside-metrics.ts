import type { Registry } from 'prom-client';
import type { PolicySource } from '../activities/ports/policy.ts';
import type { MonitorState } from '../release/monitor/monitor.ts';
import { undeliveredOfAll } from '../release/notices/undelivered.ts';
import type { Undelivered, UndeliveredSink } from '../release/notices/undelivered.ts';
import { oldestSeconds, one, registerGauges } from './gauges.ts';
import type { Sample, SeenGauge } from './gauges.ts';
import { LazyLook } from './lazy-look.ts';

/** Answers of workflows, and how many of them run and gave none. */
export interface Answers<Answer> {
  readonly answers: readonly Answer[];
  readonly silent: number;
}

/**
 * The workflows beside the releases of a cluster: the couriers of its sets, and the monitors behind releases that have
 * ended.
 */
export interface BesideReleases {
  couriers(cluster: string): Promise<Answers<Undelivered>>;
  monitors(cluster: string): Promise<Answers<MonitorState>>;
}

/** The same as it was last looked at. */
export interface BesideLook {
  readonly couriers: Answers<Undelivered>;
  readonly monitors: Answers<MonitorState>;
}

/** Couriers and monitors live for days, and one that no worker has in its cache is read from its history: in milliseconds. */
const EVERY_MS = 60_000;

/** Looks at the couriers and monitors of a cluster when somebody wants to know, at most once a minute. */
export function besideLook(beside: BesideReleases, cluster: string): LazyLook<BesideLook> {
  return new LazyLook(EVERY_MS, async () => {
    const [couriers, monitors] = await Promise.all([beside.couriers(cluster), beside.monitors(cluster)]);
    return { couriers, monitors };
  });
}

/** A look with the names of the sinks that the policy has now: no others become a label. */
interface Seen extends BesideLook {
  readonly sinks: readonly string[];
}

/** The label of what waits for sinks that the policy does not name, or whose sinks are not known yet. */
const UNKNOWN = 'unknown';

/** A number for each sink, 0 for those that have everything. */
function bySink({ couriers, sinks }: Seen, of: (sink: UndeliveredSink) => number): readonly Sample[] {
  const named = couriers.answers.map(({ unsorted, unsortedSince, ...answer }) => ({
    ...answer,
    unsorted,
    sinks: [
      ...answer.sinks.map((one) => (sinks.includes(one.sink) ? one : { ...one, sink: UNKNOWN })),
      ...(unsorted > 0 ? [{ sink: UNKNOWN, waiting: unsorted, oldest: unsortedSince, dropped: 0 }] : []),
    ],
  }));
  const all = undeliveredOfAll(named).sinks;
  return [...new Set([...sinks, UNKNOWN])].map((name) => {
    const found = all.find(({ sink }) => sink === name);
    return { labels: { sink: name }, value: found ? of(found) : 0 };
  });
}

/** Every metric about what runs beside releases; docs/metrics.md says what to do about each. */
const BESIDE_GAUGES: Readonly<Record<string, SeenGauge<Seen>>> = {
  hotwave_undelivered_notices: {
    help: 'Notices that a sink has not got yet.',
    labels: ['sink'],
    of: (seen) => bySink(seen, ({ waiting }) => waiting),
  },
  hotwave_oldest_undelivered_notice_seconds: {
    help: 'How long ago the oldest notice was told that a sink has not got yet.',
    labels: ['sink'],
    of: (seen, now) => bySink(seen, ({ oldest }) => oldestSeconds([oldest], now)),
  },
  hotwave_lost_notices: {
    help: 'Notices that were given up and that a sink never got, as running couriers remember.',
    labels: ['sink'],
    of: (seen) => bySink(seen, ({ dropped }) => dropped),
  },
  hotwave_couriers_silent: {
    help: 'Couriers that run and do not answer: nobody is told anything of their sets.',
    of: ({ couriers }) => one(couriers.silent),
  },
  hotwave_monitors: {
    help: 'Monitors that watch a set after a release.',
    of: ({ monitors }) => one(monitors.answers.length),
  },
  hotwave_monitors_silent: {
    help: 'Monitors that run and do not answer: nobody watches their sets.',
    of: ({ monitors }) => one(monitors.silent),
  },
  hotwave_mismatching_servers: {
    help: 'Servers that a monitor has found not to run what they should.',
    of: ({ monitors }) =>
      one(monitors.answers.flatMap(({ problems }) => problems).filter(({ mismatch }) => mismatch !== '').length),
  },
};

/** Adds the numbers about couriers and monitors; before the first look there are none. */
export function registerBesideMetrics(
  registry: Registry,
  latest: () => BesideLook | undefined,
  policy: PolicySource | undefined,
): void {
  registerGauges(registry, BESIDE_GAUGES, async () => {
    const look = latest();
    if (!look) return undefined;
    const sinks = (await policy?.read())?.policy.sinks ?? [];
    return { ...look, sinks: sinks.map(({ name }) => name) };
  });
}
