import type { Api } from './api.ts';

/** The object that a loop writes, under whose name, and how often. */
export interface Loop {
  /** The field manager. */
  readonly manager: string;
  /** The API path of the object. */
  readonly path: string;
  /** The object that is written; asked for each time. */
  readonly body: (round: number) => object;
  /** `apply` on the server, forced, as GitOps controllers do; else as an ordinary patch. Default `apply`. */
  readonly by?: 'apply' | 'merge';
  /** Default 5 s. */
  readonly everyMs?: number;
}

/** A loop that runs. */
export interface RunningLoop {
  /** How many times it has written. */
  rounds(): number;
  /** Resolves when nothing of it is under way any more. @throws what the API server said to its last write */
  stop(): Promise<void>;
}

/**
 * Somebody who writes an object again and again, whatever it is like by then, from now on: a GitOps controller, an
 * autoscaler. It has a timer of its own and waits for nobody.
 */
export function startLoop(api: Api, { manager, path, body, by = 'apply', everyMs = 5_000 }: Loop): RunningLoop {
  let rounds = 0;
  let problem: Error | undefined;
  let writing = Promise.resolve();
  const query = `fieldManager=${manager}${by === 'apply' ? '&force=true' : ''}`;
  const write = async (): Promise<void> => {
    try {
      await api.patch(`${path}?${query}`, body(rounds + 1), by);
      rounds += 1;
      problem = undefined;
    } catch (error) {
      problem = error instanceof Error ? error : new Error(String(error));
    }
  };
  const round = (): void => {
    writing = writing.then(write);
  };
  round();
  const timer = setInterval(round, everyMs);
  return {
    rounds: () => rounds,
    async stop() {
      clearInterval(timer);
      await writing;
      if (problem) throw problem;
    },
  };
}
