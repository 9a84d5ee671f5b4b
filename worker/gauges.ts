import { Gauge } from 'prom-client';
import type { Registry } from 'prom-client';

/** One number with its labels. */
export interface Sample {
  readonly labels?: Readonly<Record<string, string>>;
  readonly value: number;
}

/** A number about what was seen: its help text, its labels, and how it follows. Labels are few and known: no names. */
export interface SeenGauge<Seen> {
  readonly help: string;
  readonly labels?: readonly string[];
  readonly of: (seen: Seen, now: number) => readonly Sample[];
}

/** A number without labels. */
export const one = (value: number): readonly Sample[] => [{ value }];

/** For how long the oldest of these has lasted, in seconds; 0 of none. */
export function oldestSeconds(since: readonly (number | undefined)[], now: number): number {
  return Math.max(0, ...since.flatMap((moment) => (moment === undefined ? [] : [(now - moment) / 1_000])));
}

/** Adds gauges, by their names, of what was seen last; before the first look there are none. */
export function registerGauges<Seen>(
  registry: Registry,
  gauges: Readonly<Record<string, SeenGauge<Seen>>>,
  latest: () => Seen | undefined | Promise<Seen | undefined>,
): void {
  for (const [name, { help, labels = [], of }] of Object.entries(gauges))
    registry.registerMetric(
      new Gauge({
        name,
        help,
        labelNames: labels,
        registers: [],
        async collect() {
          const seen = await latest();
          // A reset makes 0 of what has no labels, which nobody has seen.
          if (labels.length > 0) this.reset();
          else this.remove();
          if (seen) for (const sample of of(seen, Date.now())) this.set(sample.labels ?? {}, sample.value);
        },
      }),
    );
}
