import type { ServerView } from '../../release/fleet/fleet.ts';
import type { PlannedServer } from '../../release/plan/plan.ts';
import type { ServerFailure } from '../../release/checks/server.ts';
import { ClusterFailure } from '../ports/failure.ts';

const NOT_ASKED = 'its files could not be asked for';

/** The question to one server once it is Ready; undefined when the answer is right. */
export type ReadyCheck = (
  server: ServerView,
  planned: PlannedServer,
) => Promise<Omit<ServerFailure, 'server'> | undefined>;

/**
 * Checks of servers that are Ready already, while the others are still waited for. So a wave that takes a minute to
 * become Ready does not take seconds more to be checked: only its last server does.
 */
export class ReadyChecks {
  readonly failures: ServerFailure[] = [];
  readonly #passed = new Set<string>();
  readonly #check: ReadyCheck;
  readonly #deadline: number;
  readonly #running: Promise<void>[] = [];
  #trouble: { readonly error: unknown } | undefined;

  /** @param deadline after which a server that cannot be asked is given up, milliseconds since the epoch; default never */
  constructor(check: ReadyCheck, deadline = Infinity) {
    this.#check = check;
    this.#deadline = deadline;
  }

  /** Servers whose check came out right. */
  get passed(): number {
    return this.#passed.size;
  }

  /** Begins to check a server. */
  start(server: ServerView, planned: PlannedServer): void {
    this.#running.push(this.#run(server, planned));
  }

  /** @throws what kept a check from being made, such as an API server that is away */
  throwIfInTrouble(): void {
    if (this.#trouble) throw this.#trouble.error;
  }

  /** Resolves when every check that was begun has come out. @throws like `throwIfInTrouble` */
  async settle(): Promise<void> {
    await Promise.all(this.#running);
    this.throwIfInTrouble();
  }

  async #run(server: ServerView, planned: PlannedServer): Promise<void> {
    try {
      const failure = await this.#check(server, planned);
      if (failure) this.failures.push({ server: planned.name, ...failure });
      else this.#passed.add(planned.name);
    } catch (error) {
      if (Date.now() < this.#deadline || !(error instanceof ClusterFailure) || !error.retryable)
        this.#trouble ??= { error };
      // Otherwise one server whose commands are refused again and again would hold its wave up past its time.
      else
        this.failures.push({ server: planned.name, class: 'healthUnknown', reason: `${NOT_ASKED}: ${error.message}` });
    }
  }
}
