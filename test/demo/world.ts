import type { ImageChange } from '../lab/pod-observer.ts';
import type { ServerFacts } from './evidence.ts';
import type { EngineReading, Game } from './game.ts';

/** A worker that runs in a process of its own. */
export interface WorkerProcess {
  readonly pid: number;
  /** SIGKILL: it has no chance to tidy up. Resolves when it is gone. */
  kill(): Promise<void>;
  /** SIGTERM, and SIGKILL when that does not end it in time. Resolves when it is gone. */
  stop(): Promise<void>;
}

/** Records what images servers get, until it is stopped. */
export interface ImageRecorder {
  /** In the order in which they came. */
  readonly changes: readonly ImageChange[];
  /** Names of pods that were deleted or recreated. */
  readonly lost: readonly string[];
  stop(): Promise<void>;
}

/**
 * Where the demo is played: six game servers and a Temporal server. The figures here come from the servers themselves,
 * never from hotwave.
 */
export interface World {
  /** `truth`, `fleet` or `memory`. */
  readonly kind: string;
  readonly temporal: { readonly address: string; readonly uiUrl: string };
  readonly game: Game;
  /** Below it the demo writes its files; it goes when the world ends. */
  readonly directory: string;
  /** The real parts, and the simulated ones. */
  readonly introduction: string;
  /** The commands that bring a person to where the demo is. */
  readonly environment: readonly string[];
  /** How a person would start the worker; absent where only the demo can. */
  readonly workerCommand?: string;
  /** Creates the servers, by `updatePriority`. */
  createServers(priorities: Readonly<Record<string, number>>): Promise<void>;
  /** The names of the servers that there are. */
  servers(): Promise<readonly string[]>;
  readFacts(): Promise<readonly ServerFacts[]>;
  /** Asks one engine. @throws Error when it does not answer */
  readEngine(server: string): Promise<EngineReading>;
  recordImages(): Promise<ImageRecorder>;
  startWorker(): Promise<WorkerProcess>;
  /** Ends everything. */
  stop(): Promise<void>;
}
