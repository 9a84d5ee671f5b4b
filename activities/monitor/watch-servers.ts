import type { ServerView, SetRef } from '../../release/fleet/fleet.ts';
import { isServing } from '../../release/fleet/fleet.ts';
import type { MonitorChange, MonitorLook, MonitorMemory } from '../../release/monitor/monitor-watch.ts';
import { changesSince, monitorEnd, memoryOf } from '../../release/monitor/monitor-watch.ts';
import { measureOf, wantedOf } from '../../release/audit/expectation.ts';
import { onEachServer } from '../servers/for-each-server.ts';
import { hearVersion } from '../probes/hear-server.ts';
import { StopWatch, cancellation, heartbeat, pause } from '../runtime.ts';
import type { Sets } from '../ports/set.ts';
import type { Servers } from '../ports/servers.ts';
import type { GameServers } from '../ports/game-servers.ts';
import type { Probes } from '../ports/probes.ts';
import type { LastRelease } from '../../release/record/record.ts';

/** Watch a set after a release until something changes. */
export interface WatchMonitorInput {
  readonly set: SetRef;
  readonly last: LastRelease;
  /** The last observation; absent at the first look. */
  readonly memory?: MonitorMemory | undefined;
  /** Time between two looks, in milliseconds. */
  readonly interval: number;
  /** Return by then also when nothing has changed; milliseconds since the epoch. */
  readonly until: number;
  /** When every engine was last asked; 0 before the first time. */
  readonly sweptAt: number;
  /** Servers that are known not to prove their version. */
  readonly known: readonly string[];
}

/** The findings of a watch. */
export interface MonitorSighting {
  /** Why there is nothing more to watch. */
  readonly ended?: string;
  readonly changes: readonly MonitorChange[];
  readonly memory: MonitorMemory;
  readonly servers: number;
  readonly sweptAt: number;
}

/** Every engine is asked this often, also when nothing has changed: one can lose its version without any restart. */
const SWEEP_MS = 5 * 60_000;
/** An answer that is not right is asked for once more after this long, before it counts. */
const SECOND_ASK_MS = 1_000;

/**
 * Watches a set until something has changed that a monitor must know of, or until the time is over. It changes nothing
 * and remembers nothing itself: what it saw is in its result, so a worker may die at any time.
 */
export function watchMonitor(
  cluster: Sets & Servers & GameServers & Probes,
  isStopping: () => boolean,
): (input: WatchMonitorInput) => Promise<MonitorSighting> {
  return async (input) => {
    const stop = new StopWatch(isStopping);
    let before: Pick<WatchMonitorInput, 'memory' | 'sweptAt'> = input;
    for (;;) {
      const seen = await lookOnce(cluster, { ...input, ...before });
      const isNews = seen.ended !== undefined || seen.changes.length > 0 || !before.memory;
      if (isNews || Date.now() >= input.until) return seen;
      before = seen;
      heartbeat({ v: 1, set: input.set.name });
      await stop.pause(Math.min(input.interval, Math.max(1, input.until - Date.now())));
    }
  };
}

/** One look, compared with what was remembered; every engine is asked as well when it is time for that. */
async function lookOnce(
  cluster: Sets & Servers & GameServers & Probes,
  input: WatchMonitorInput,
): Promise<MonitorSighting> {
  const { last, memory, sweptAt } = input;
  const look = await lookAt(cluster, input);
  const ended = monitorEnd(look, last);
  const seen = memory
    ? changesSince(memory, look, last.container, Date.now())
    : { changes: [], memory: memoryOf(look, last.container) };
  const sighting = { ...seen, servers: look.servers.length, sweptAt };
  if (ended !== undefined) return { ...sighting, ended };
  if (Date.now() - sweptAt < SWEEP_MS) return sighting;
  const lost = await sweep(cluster, input, look.servers);
  return { ...sighting, changes: [...seen.changes, ...lost], sweptAt: Date.now() };
}

async function lookAt(
  cluster: Sets & Servers & GameServers & Probes,
  { set }: WatchMonitorInput,
): Promise<MonitorLook> {
  const signal = cancellation();
  const [live, { servers }, gameServers] = await Promise.all([
    cluster.readSet(set, signal),
    cluster.listServers(set, {}, signal),
    cluster.listGameServers(set, undefined, signal),
  ]);
  return { set: live, servers, gameServers };
}

/** Asks every serving engine whose version is not known to be lost. */
async function sweep(
  cluster: Sets & Servers & GameServers & Probes,
  { set, last, known }: WatchMonitorInput,
  servers: readonly ServerView[],
): Promise<readonly MonitorChange[]> {
  const { how } = last;
  if (!('ask' in how)) return [];
  const { ask } = how;
  const expectedVersion = measureOf({ last, unreadable: [] }, undefined, undefined)?.expectedVersion;
  const wrong = async (asked: readonly ServerView[]): Promise<readonly MonitorChange[]> => {
    const heard = await onEachServer(asked, { concurrency: ask.concurrency }, async (server) => {
      const version = expectedVersion ? wantedOf(expectedVersion, server).version : last.version;
      return hearVersion({ cluster, set, server, version }, ask.proof, 'loaded');
    });
    return [...heard].flatMap(([server, { kind, reason }]) =>
      kind === 'right' ? [] : [{ kind: 'notProved' as const, server, text: reason }],
    );
  };
  const first = await wrong(servers.filter((server) => isServing(server) && !known.includes(server.name)));
  if (first.length === 0) return [];
  await pause(SECOND_ASK_MS);
  return await wrong(servers.filter(({ name }) => first.some(({ server }) => server === name)));
}
