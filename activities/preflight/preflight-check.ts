import type { GameServerSetView, SetRef } from '../../release/fleet/fleet.ts';
import type { FleetSnapshot, Plan } from '../../release/plan/plan.ts';
import type { PreflightLine } from '../../release/plan/preflight.ts';
import type { ReleaseFile, ReleaseSpec } from '../../release/spec/spec.ts';
import type { Calendar } from '../ports/calendar.ts';
import type { Cluster } from '../ports/cluster.ts';
import type { Metrics } from '../ports/metrics.ts';
import type { Releases } from '../ports/releases.ts';

/** The result of a check. */
export type Finding = Omit<PreflightLine, 'title'>;

/** The knowledge of the checks so far; each adds to it. */
export interface Preflight {
  readonly cluster: Cluster;
  /** Undefined when the worker was given no Prometheus. */
  readonly metrics: Metrics | undefined;
  readonly releases: Releases;
  /** Undefined when the cluster has none of its own. */
  readonly calendar: Calendar | undefined;
  readonly duringFreeze: boolean;
  readonly file: ReleaseFile;
  readonly ref: SetRef;
  /** The cluster by the name that its workers have; undefined when nobody said it. */
  readonly clusterName?: string | undefined;
  /** The person who says, and why, that the release that holds the set elsewhere is dead. */
  readonly takeover?: { readonly actor: string; readonly reason: string } | undefined;
  set?: GameServerSetView;
  snapshot?: FleetSnapshot;
  plan?: Plan;
}

/** One thing that is looked at before the first write. */
export interface Check {
  readonly title: string;
  /** Default: every strategy. */
  readonly only?: readonly ReleaseSpec['strategy'][];
  /** The finding of earlier checks that it builds on; without it the check is left out. */
  readonly needs?: 'set' | 'snapshot' | 'plan';
  readonly run: (preflight: Preflight) => Promise<Finding>;
}

/** Nothing against it. */
export const ok = (detail: string): Finding => ({ status: 'ok', detail });
/** A person should know. */
export const warning = (detail: string): Finding => ({ status: 'warning', detail });
/** There can be no release; the sentence says what to do, and the commands do it where commands can. */
export const refused = (detail: string, commands: readonly string[] = []): Finding => ({
  status: 'refused',
  detail,
  ...(commands.length > 0 ? { commands } : {}),
});

/** `duel-3, duel-7, …`: the first five of a group of servers. */
export function firstNames(names: readonly string[]): string {
  return `${names.slice(0, 5).join(', ')}${names.length > 5 ? ', …' : ''}`;
}
