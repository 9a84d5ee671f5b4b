import { valueAt } from '../../release/patches/patches.ts';
import type { FakeCluster, LogEntry } from './fake-cluster.ts';

/** A write of the set as a test compares it: what it changed, and what came of it. */
export interface SetWriteEntry {
  readonly outcome: string;
  readonly image: unknown;
  readonly partition: unknown;
  readonly paused: unknown;
}

/** The servers in the order in which they were given the image. */
export function movedTo(cluster: FakeCluster, image: string, since = 0): string[] {
  return cluster.log
    .slice(since)
    .flatMap((entry) => (entry.kind === 'moved' && entry.image === image ? [entry.server] : []));
}

/** How often each server's engine was told to reload. */
export function reloads(cluster: FakeCluster, since = 0): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const entry of cluster.log.slice(since).filter(isReload)) {
    if (entry.kind === 'exec') counts[entry.server] = (counts[entry.server] ?? 0) + 1;
  }
  return counts;
}

/** Every server of the set told to reload so many times. */
export function eachServer(cluster: FakeCluster, times: number): Record<string, number> {
  return Object.fromEntries([...cluster.set().servers.keys()].map((name) => [name, times]));
}

/** The versions that a server's engine has loaded since its pod was made, in order, each with the reason. */
export function loads(cluster: FakeCluster, server: string): string[] {
  return cluster.log.flatMap((entry) =>
    entry.kind === 'loaded' && entry.server === server ? [`${entry.version} ${entry.why}`] : [],
  );
}

/** How often a running engine has loaded this version: what a player would have noticed. Starts do not count. */
export function effectiveReloads(cluster: FakeCluster, server: string, version: string): number {
  return cluster.log.filter(
    (entry) => entry.kind === 'loaded' && entry.server === server && entry.version === version && entry.why !== 'start',
  ).length;
}

/** The containers of a server that were really started anew, in order. */
export function restarts(cluster: FakeCluster, server: string): string[] {
  return cluster.log.flatMap((entry) =>
    entry.kind === 'restarted' && entry.server === server ? [entry.container] : [],
  );
}

/** The writes and the requests of hotwave after a time of the cluster's clock; each says by which attempt. */
export function writesAfter(cluster: FakeCluster, time: number): LogEntry[] {
  return cluster.log.filter((entry) => entry.at > time && (isTaken(entry) || isReload(entry) || entry.kind === 'send'));
}

/** The writes of the set, in order. */
export function setWrites(cluster: FakeCluster, since = 0): SetWriteEntry[] {
  return cluster.log.slice(since).flatMap((entry) => {
    if (entry.kind !== 'patch' || entry.target.kind !== 'GameServerSet') return [];
    const strategy = entry.patch.changes.find(({ path }) => path === '/spec/updateStrategy')?.value;
    return [
      {
        outcome: entry.outcome.kind,
        image: entry.patch.changes.find(({ path }) => path.endsWith('/image'))?.value,
        partition: valueAt(strategy, '/rollingUpdate/partition'),
        paused: valueAt(strategy, '/rollingUpdate/paused'),
      },
    ];
  });
}

/** Everything that changed something since an entry: writes that were taken, reloads, and servers that moved. */
export function effects(cluster: FakeCluster, since: number): LogEntry[] {
  return cluster.log.slice(since).filter((entry) => isTaken(entry) || entry.kind === 'moved' || isReload(entry));
}

function isTaken(entry: LogEntry): boolean {
  return entry.kind === 'patch' && entry.outcome.kind === 'applied';
}

function isReload(entry: LogEntry): boolean {
  return entry.kind === 'exec' && entry.command.includes('reload');
}
