import { setTimeout as pause } from 'node:timers/promises';
import type { EngineReading } from './game.ts';
import type { World } from './world.ts';

/** An answer of one engine that differs from the one before. */
export interface EngineChange extends EngineReading {
  readonly server: string;
  /** `performance.now()` when the answer was there. */
  readonly at: number;
  /** `performance.now()` when the engine was last asked and still gave the answer before: it changed after that. */
  readonly notBefore: number;
}

/** Often enough to see the moment between "the files are there" and "the engine has loaded them". */
const everyMs = 100;

/** Asks every engine of a set again and again, as a player would, and remembers what changed. */
export class EngineWatch {
  readonly #world: Pick<World, 'readEngine'>;
  readonly #onChange: (change: EngineChange, before: EngineChange) => void;
  readonly #changes: EngineChange[] = [];
  readonly #unanswered: string[] = [];
  /** When each server was last asked and answered. */
  readonly #confirmedAt = new Map<string, number>();
  #asked = 0;
  #stopped = false;
  #running: Promise<unknown> = Promise.resolve();

  constructor(world: Pick<World, 'readEngine'>, onChange: (change: EngineChange, before: EngineChange) => void) {
    this.#world = world;
    this.#onChange = onChange;
  }

  /** Every server's first answer, then every answer that differed from the one before, in order. */
  get changes(): readonly EngineChange[] {
    return this.#changes;
  }

  /** How many times engines were asked. */
  get asked(): number {
    return this.#asked;
  }

  /** The reasons of engines that did not answer. */
  get unanswered(): readonly string[] {
    return this.#unanswered;
  }

  /** Resolves when every engine has been asked once; the watch then goes on until `stop`. */
  async start(servers: readonly string[]): Promise<void> {
    const first = await Promise.all(
      servers.map(async (server) => [server, await this.#ask(server, undefined)] as const),
    );
    this.#running = Promise.all(first.map(([server, change]) => this.#follow(server, change)));
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#running;
  }

  async #follow(server: string, first: EngineChange | undefined): Promise<void> {
    let before = first;
    while (!this.#stopped) {
      await pause(everyMs);
      before = await this.#ask(server, before);
    }
  }

  async #ask(server: string, before: EngineChange | undefined): Promise<EngineChange | undefined> {
    const askedAt = performance.now();
    this.#asked += 1;
    let reading: EngineReading;
    try {
      reading = await this.#world.readEngine(server);
    } catch (error) {
      this.#unanswered.push(`${server}: ${error instanceof Error ? error.message : String(error)}`);
      return before;
    }
    if (before?.files === reading.files && before.loaded === reading.loaded) {
      this.#confirmedAt.set(server, askedAt);
      return before;
    }
    const notBefore = this.#confirmedAt.get(server) ?? askedAt;
    this.#confirmedAt.set(server, askedAt);
    const change = { server, at: performance.now(), notBefore, ...reading };
    this.#changes.push(change);
    if (before) this.#onChange(change, before);
    return change;
  }
}
