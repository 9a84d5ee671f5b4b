import { PRIORITY_LABEL } from '../../release/fleet/fleet.ts';
import type { FakeServer } from './fake-server.ts';

/** How the Advanced StatefulSet wants its servers updated. */
export interface Rolling {
  readonly updateRevision: string;
  readonly replicas: number;
  readonly partition: number;
  readonly maxUnavailable: number | string;
  readonly paused: boolean;
  /** Pods that have gone and come again. */
  readonly returning: number;
}

/** The number that Kruise v1.8.0 reads from a priority label: its trailing digits. */
function weightOf(label: string | undefined): number {
  const digits = /\d+$/.exec(label ?? '')?.[0];
  return digits === undefined ? 0 : Number(digits);
}

function inUpdateOrder(left: FakeServer, right: FakeServer): number {
  const [first, second] = [left.labels[PRIORITY_LABEL], right.labels[PRIORITY_LABEL]];
  // Kruise v1.8.0 pkg/util/updatesort/priority_sort.go: servers without the label come first.
  if ((first === undefined) !== (second === undefined)) return first === undefined ? -1 : 1;
  return weightOf(second) - weightOf(first) || right.ordinal - left.ordinal;
}

/** `maxUnavailable` as a number: percentages are rounded down, at least 1. */
function mostUnavailable(maxUnavailable: number | string, replicas: number): number {
  if (typeof maxUnavailable === 'number') return maxUnavailable;
  return Math.max(1, Math.floor((Number.parseFloat(maxUnavailable) / 100) * replicas));
}

/**
 * The servers that Kruise v1.8.0 starts to update now (pkg/controller/statefulset/stateful_update_utils.go): servers
 * at the update revision and terminating ones use up the quota first, then the order of priorities; an available
 * server that finds `maxUnavailable` used up stops the loop. Those that have gone use up the quota as well: Kruise makes
 * them anew before it updates others.
 */
export function serversToUpdate(servers: readonly FakeServer[], rolling: Rolling): FakeServer[] {
  if (rolling.paused) return [];
  const usesQuota = (server: FakeServer): boolean => server.deleting || server.revision === rolling.updateRevision;
  const free = rolling.replicas - rolling.partition - rolling.returning - servers.filter(usesQuota).length;
  if (free <= 0) return [];
  const waiting = servers.filter((server) => !usesQuota(server)).sort(inUpdateOrder);
  const most = mostUnavailable(rolling.maxUnavailable, rolling.replicas);
  let unavailable = rolling.returning + servers.filter((server) => !server.available).length;
  const chosen: FakeServer[] = [];
  for (const server of waiting.slice(0, free)) {
    if (server.available) {
      if (unavailable >= most) break;
      unavailable += 1;
    }
    chosen.push(server);
  }
  return chosen;
}
