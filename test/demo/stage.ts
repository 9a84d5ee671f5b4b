import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { createSet, ownerLabel, podsOf, setPriorities } from '../lab/game-server-sets.ts';
import type { Lab } from '../lab/lab.ts';
import { recordPods } from '../lab/pod-observer.ts';
import type { ImageChange } from '../lab/pod-observer.ts';
import type { Observation } from './checks.ts';
import { EngineWatch } from './engine-watch.ts';
import type { EngineChange } from './engine-watch.ts';
import { factsTable, readFacts } from './evidence.ts';
import { gameOn } from './game.ts';
import type { Game } from './game.ts';
import { HotwaveCommand } from './hotwave-command.ts';
import type { Narrator } from './narrator.ts';
import { startWorker } from './worker-process.ts';
import type { WorkerProcess } from './worker-process.ts';

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

/** What the releases are played on: a lab with six game servers and a hotwave worker. */
export interface Stage {
  readonly lab: Lab;
  readonly game: Game;
  readonly narrator: Narrator;
  readonly hotwave: HotwaveCommand;
  /** Where the release files are. */
  readonly folder: string;
  /** Replaced when it is started again. */
  worker: WorkerProcess;
}

/**
 * Puts six game servers of three priorities on a lab and starts a worker.
 * @param signal ends hotwave's commands
 */
export async function setStage(lab: Lab, narrator: Narrator, signal: AbortSignal): Promise<Stage> {
  const game = gameOn(lab);
  const folder = join(lab.directory, 'releases');
  mkdirSync(folder);
  const [worker] = await Promise.all([startWorker(lab), createServers(lab, game)]);
  return { lab, game, narrator, folder, worker, hotwave: new HotwaveCommand(narrator, { lab, folder, signal }) };
}

async function createServers(lab: Lab, game: Game): Promise<void> {
  await createSet(lab.api, { ...game.set, name: setName, replicas: allServers.length }, 90_000);
  const priorities = Object.entries(servers).flatMap(([priority, names]) =>
    names.map((name) => [name, Number(priority)] as const),
  );
  await setPriorities(lab.api, { name: setName }, Object.fromEntries(priorities));
}

/** What the demo sees by itself while a release runs. */
export interface Watching {
  readonly imageChanges: readonly ImageChange[];
  readonly engineChanges: readonly EngineChange[];
  /** Ends the watch and looks at everything once more. */
  end(): Promise<Observation>;
  /** Ends the watch, whatever becomes of the release. */
  stop(): Promise<void>;
}

/** Begins to watch pods and engines, and tells what changes. */
export async function watch({ lab, game, narrator }: Stage): Promise<Watching> {
  const before = await readFacts(lab.api, game, setName);
  const recorder = await recordPods(lab.api, 'default', `${ownerLabel}=${setName}`);
  const engines = new EngineWatch(game, (now, last) => tell(narrator, game, now, last));
  await engines.start(await podsOf(lab.api, setName));
  const stop = async (): Promise<void> => {
    await Promise.all([engines.stop(), recorder.stop()]);
  };
  return {
    imageChanges: recorder.changes,
    engineChanges: engines.changes,
    stop,
    async end() {
      const after = await readFacts(lab.api, game, setName);
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
export async function showFacts({ lab, game, narrator }: Stage): Promise<void> {
  narrator.say('From the API server and the engines; RESTARTS: main container + sidecar:');
  const { columns, rows } = factsTable(await readFacts(lab.api, game, setName), Date.now());
  narrator.table(columns, rows);
}
