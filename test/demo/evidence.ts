import type { Column } from '../../client/render/table.ts';
import type { Api } from '../lab/api.ts';
import { mainContainer, podsOf, serverPath, sidecarContainer } from '../lab/game-server-sets.ts';
import { containerStatus } from '../lab/kubernetes-objects.ts';
import type { GameServer, Pod } from '../lab/kubernetes-objects.ts';
import type { EngineReading, LabGame } from './game.ts';

/** The true state of one server: read from the API server and from its engine, never from hotwave. */
export interface ServerFacts extends EngineReading {
  readonly name: string;
  readonly updatePriority: number;
  /** Of the pod. */
  readonly uid: string;
  /** Of the pod, as the API server writes times. */
  readonly createdAt: string;
  readonly mainRestarts: number;
  readonly sidecarRestarts: number;
  /** Since the engine started. */
  readonly reloads: number;
}

/** Reads the facts of every server of a set, in the order of their ordinals. */
export async function readFacts(api: Api, game: LabGame, set: string): Promise<readonly ServerFacts[]> {
  return Promise.all((await podsOf(api, set)).map((pod) => factsOf(api, game, pod)));
}

async function factsOf(api: Api, game: LabGame, pod: Pod): Promise<ServerFacts> {
  const { name, uid, creationTimestamp } = pod.metadata;
  const [server, reading, reloads] = await Promise.all([
    api.get<GameServer>(serverPath(name)),
    game.read(pod),
    game.reloads(api, pod),
  ]);
  return {
    name,
    updatePriority: Number(server.spec.updatePriority ?? 0),
    uid,
    createdAt: creationTimestamp,
    mainRestarts: containerStatus(pod, mainContainer)?.restartCount ?? Number.NaN,
    sidecarRestarts: containerStatus(pod, sidecarContainer)?.restartCount ?? Number.NaN,
    reloads,
    ...reading,
  };
}

/** A table for the narrator. */
export interface FactsTable {
  readonly columns: readonly Column[];
  readonly rows: readonly (readonly string[])[];
}

const columns: readonly Column[] = [
  { title: 'SERVER' },
  { title: 'PRIORITY', align: 'right' },
  { title: 'POD UID' },
  { title: 'AGE', align: 'right' },
  { title: 'RESTARTS' },
  { title: 'RELOADS', align: 'right' },
  { title: 'FILES' },
  { title: 'ANSWERS' },
];

/** Facts for people; RESTARTS are those of the main container and of the sidecar. */
export function factsTable(facts: readonly ServerFacts[], now: number): FactsTable {
  const rows = facts.map((server) => [
    server.name,
    String(server.updatePriority),
    server.uid.slice(0, 8),
    `${Math.round((now - Date.parse(server.createdAt)) / 1000)}s`,
    `${server.mainRestarts} + ${server.sidecarRestarts}`,
    String(server.reloads),
    server.files,
    server.loaded,
  ]);
  return { columns, rows };
}
