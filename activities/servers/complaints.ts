import type { Complaint } from '../../release/checks/complaint.ts';
import { blockerIn } from '../../release/checks/complaint.ts';
import type { SetRef } from '../../release/fleet/fleet.ts';
import type { Servers } from '../ports/servers.ts';
import type { ServerWatch } from './server-watch.ts';

/** Servers whose image is still to be written are none fewer for this long before anybody is asked why, in ms. */
const SILENCE_MS = 5_000;
/** Time from the first question to the second, in ms; each further one takes twice as long, up to a minute. */
const ASK_AGAIN_MS = 5_000;
const LONGEST_MS = 60_000;
/** The clocks of controllers and of workers may differ by this much, in ms. */
const CLOCKS_MS = 2_000;

/**
 * Asks the cluster what its controllers complain of, as long as servers wait for their image and nothing moves. Beside the
 * watch of the servers, and best effort: who may not read events, or cannot, releases without them.
 */
export class Complaints {
  readonly #cluster: Servers;
  readonly #set: SetRef;
  readonly #revision: string | undefined;
  readonly #signal: AbortSignal;
  readonly #since = Date.now() - CLOCKS_MS;
  #unwritten: readonly string[] = [];
  #askAt = Infinity;
  #pause = ASK_AGAIN_MS;
  #heard: readonly Complaint[] = [];

  /** `revision` is the one that servers go to; undefined when overrides move them. */
  constructor(
    cluster: Servers,
    {
      set,
      revision,
      signal,
    }: { readonly set: SetRef; readonly revision?: string | undefined; readonly signal: AbortSignal },
  ) {
    this.#cluster = cluster;
    this.#set = set;
    this.#revision = revision;
    this.#signal = signal;
  }

  /** Tells a watch what keeps its servers, as far as that is known, and asks again when it is time. */
  tell(watch: ServerWatch, now: number): void {
    const { unwritten } = watch;
    if (unwritten.join() !== this.#unwritten.join()) {
      this.#unwritten = unwritten;
      this.#askAt = now + SILENCE_MS;
      this.#pause = ASK_AGAIN_MS;
    }
    const [first] = unwritten;
    if (first !== undefined && now >= this.#askAt) {
      this.#askAt = now + this.#pause;
      this.#pause = Math.min(LONGEST_MS, 2 * this.#pause);
      void this.#ask(first);
    }
    watch.blocker = blockerIn(this.#heard, {
      since: this.#since,
      waiting: new Set(unwritten),
      shut: new Set(watch.shut),
      revision: this.#revision,
    });
  }

  async #ask(server: string): Promise<void> {
    try {
      this.#heard = await this.#cluster.readComplaints(this.#set, server, this.#signal);
    } catch {
      // Nothing depends on it: whoever watches the servers meets with the same trouble, and says so.
    }
  }
}
