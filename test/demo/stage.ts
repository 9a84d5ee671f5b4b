import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { ImageChange } from '../lab/pod-observer.ts';
import type { Observation } from './checks.ts';
import { EngineWatch } from './engine-watch.ts';
import type { EngineChange } from './engine-watch.ts';
import { factsTable } from './evidence.ts';
import type { Game } from './game.ts';
import { HotwaveCommand } from './hotwave-command.ts';
import type { Narrator } from './narrator.ts';
import type { WorkerProcess, World } from './world.ts';

/** The set that the demo updates. */
export const setName = 'gss-2048';

/** Its servers by `updatePriority`, the highest first: the order in which they are to change. */
const servers = {
  30: ['gss-2048-4'],
  20: ['gss-2048-3', 'gss-2048-1'],
  10: ['gss-2048-5', 'gss-2048-2', 'gss-2048-0'],
} as const;

/** The waves that follow from the priorities. */
export const waves: readonly (readonly string[])[] = [servers[30], servers[20], servers[10]];

/** All servers. */
export const allServers: readonly string[] = waves.flat();

/** The stage of the releases: six game servers and a hotwave worker. */
export interface Stage {
  readonly world: World;
  readonly game: Game;
  readonly narrator: Narrator;
  readonly hotwave: HotwaveCommand;
  /** Where the release files are. */
  readonly folder: string;
  /** Replaced when it is started again. */
  worker: WorkerProcess;
}

/**
 * Puts six game servers of three priorities into a world and starts a worker.
 * @param signal ends hotwave's commands
 */
export async function setStage(world: World, narrator: Narrator, signal: AbortSignal): Promise<Stage> {
  const folder = join(world.directory, 'releases');
  mkdirSync(folder);
  const priorities = Object.entries(servers).flatMap(([priority, names]) =>
    names.map((name) => [name, Number(priority)] as const),
  );
  const [worker] = await Promise.all([world.startWorker(), world.createServers(Object.fromEntries(priorities))]);
  const { game, temporal } = world;
  return { world, game, narrator, folder, worker, hotwave: new HotwaveCommand(narrator, { temporal, folder, signal }) };
}

/** The demo's own findings while a release runs. */
export interface Watching {
  readonly imageChanges: readonly ImageChange[];
  readonly engineChanges: readonly EngineChange[];
  /** Ends the watch and looks at everything once more. */
  end(): Promise<Observation>;
  /** Ends the watch, whatever becomes of the release. */
  stop(): Promise<void>;
}

/** Begins to watch pods and engines, and tells what changes. */
export async function watch({ world, game, narrator }: Stage): Promise<Watching> {
  const before = await world.readFacts();
  const recorder = await world.recordImages();
  const engines = new EngineWatch(world, (now, last) => tell(narrator, game, now, last));
  await engines.start(await world.servers());
  const stop = async (): Promise<void> => {
    await Promise.all([engines.stop(), recorder.stop()]);
  };
  return {
    get imageChanges() {
      return recorder.changes;
    },
    engineChanges: engines.changes,
    stop,
    async end() {
      const after = await world.readFacts();
      await stop();
      const { asked, unanswered, changes: engineChanges } = engines;
      const { changes: imageChanges, lost } = recorder;
      return { before, after, imageChanges, lost, engineChanges, asked, unanswered };
    },
  };
}

function tell(narrator: Narrator, { engine }: Game, now: EngineChange, last: EngineChange): void {
  const isReload = now.loaded !== last.loaded;
  const files = now.files === now.loaded ? `its files are ${now.files} again` : `its files are ${now.files} now`;
  const what = isReload ? `${engine} answers ${now.loaded}` : `${files}, ${engine} still answers ${now.loaded}`;
  narrator.seen(`${now.server}: ${what}`, new Date());
}

/** Shows what the API server and the engines say now. */
export async function showFacts({ world, narrator }: Stage): Promise<void> {
  narrator.say('From the API server and the engines; RESTARTS: main container + sidecar:');
  const { columns, rows } = factsTable(await world.readFacts(), Date.now());
  narrator.table(columns, rows);
}
