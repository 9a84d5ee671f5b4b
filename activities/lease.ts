import { AsyncLocalStorage } from 'node:async_hooks';
import { setTimeout as delay } from 'node:timers/promises';
import { Context } from '@temporalio/activity';
import type { Cluster } from './ports/cluster.ts';
import { LeaseLost } from './ports/failure.ts';
import type { Heartbeats, Permit } from './ports/heartbeats.ts';

/** The part of the heartbeat time-out in which an attempt may write: the rest is for its last write to end in. */
const PART = 1 / 2;
/** Renewals in a heartbeat time-out. */
const RENEWALS = 12;
/** The part of the heartbeat time-out that one renewal may take. */
const PATIENCE = 1 / 4;
/** The heartbeat time-out of an activity that was started without one, in milliseconds. */
const USUAL_TTL_MS = 20_000;

/** The facts that a lease rests on. */
export interface LeaseTerms {
  /** The heartbeat time-out of the activity: after so long another attempt may have begun, in milliseconds. */
  readonly ttl: number;
  readonly heartbeats: Heartbeats;
  /** Ends the activity. */
  readonly signal: AbortSignal;
  /** The record of the attempt before this one. */
  readonly details?: unknown;
  /** Readings of clocks, in milliseconds. Default the monotonic one and the calendar's. */
  readonly clocks?: () => readonly number[];
}

/** The monotonic clock stands still while a machine sleeps, and the calendar's may be set: the later one counts. */
const CLOCKS = (): readonly number[] => [performance.now(), Date.now()];

/**
 * The right of one attempt of an activity to change something. It lasts for half the heartbeat time-out from the sending
 * of the last heartbeat that Temporal has taken, so that the attempt has ended its last write before another one can
 * begin. A process that was stopped, or cut off, comes back without it (decision 0017).
 */
export class Lease {
  readonly #terms: LeaseTerms;
  readonly #clocks: () => readonly number[];
  readonly #underWay = new Set<Promise<unknown>>();
  /** When the last heartbeat that was taken had been sent; undefined before the first one. */
  #sent: readonly number[] | undefined;
  #over: 'cancelled' | 'ended' | undefined;
  #details: unknown;
  #renewal: Promise<boolean> | undefined;
  #nextRenewal: Promise<boolean> | undefined;
  #timer: NodeJS.Timeout | undefined;

  constructor(terms: LeaseTerms) {
    this.#terms = terms;
    this.#clocks = terms.clocks ?? CLOCKS;
    this.#details = terms.details;
  }

  /** The record for the next attempt. */
  get details(): unknown {
    return this.#details;
  }

  /** Remembers what the next attempt is to find: every later heartbeat carries it. */
  record(details: unknown): void {
    this.#details = details;
  }

  /**
   * Sends something that changes the cluster or a server, if that is allowed now; the activity ends after it.
   * @throws LeaseLost, or the reason of an interrupt; then nothing was sent
   */
  async send<Result>(run: (permit: Permit) => Promise<Result>): Promise<Result> {
    await this.permit();
    const sending = run(() => this.permit());
    this.#underWay.add(sending);
    try {
      return await sending;
    } finally {
      this.#underWay.delete(sending);
    }
  }

  /** Resolves when something may be sent now. @throws as {@link send} */
  async permit(): Promise<void> {
    if (!this.#isHeld()) await this.renew();
    if (this.#over === 'cancelled') await this.#interrupt();
    this.#terms.signal.throwIfAborted();
    if (!this.#isHeld()) throw new LeaseLost();
    this.#timer ??= setInterval(() => this.#keep(), this.#terms.ttl / RENEWALS);
  }

  /** Records details and resolves when Temporal has them: what is sent next is then known to the next attempt. */
  async acknowledge(details: unknown): Promise<void> {
    this.record(details);
    while (!(await this.renew())) {
      await this.permit();
      await delay(this.#terms.ttl / RENEWALS);
    }
    await this.permit();
  }

  /** Asks Temporal whether this attempt is still the one. Several that ask at once share a question. */
  renew(): Promise<boolean> {
    if (!this.#renewal) {
      this.#renewal = this.#renewOnce().finally(() => (this.#renewal = undefined));
      return this.#renewal;
    }
    // The one under way may carry older details, and was sent too long ago to count for who asks now.
    this.#nextRenewal ??= this.#renewal.then(() => {
      this.#nextRenewal = undefined;
      return this.renew();
    });
    return this.#nextRenewal;
  }

  /** Gives the right back, when what is under way has ended. Nothing can be sent afterwards. */
  async end(): Promise<void> {
    this.#over ??= 'ended';
    await Promise.allSettled(this.#underWay);
    clearInterval(this.#timer);
  }

  #isHeld(): boolean {
    const { ttl } = this.#terms;
    const sent = this.#sent;
    if (this.#over !== undefined || !sent) return false;
    return this.#clocks().every((now, index) => now - (sent[index] ?? -Infinity) <= ttl * PART);
  }

  async #renewOnce(): Promise<boolean> {
    if (this.#over === 'ended' && this.#underWay.size === 0) return false;
    const sent = this.#clocks();
    const answer = await this.#terms.heartbeats.send(this.#details, this.#terms.ttl * PATIENCE);
    if (answer === 'taken') this.#sent = sent;
    else if (answer !== 'unanswered') this.#over ??= answer;
    return answer === 'taken';
  }

  #keep(): void {
    if (!this.#renewal) void this.renew();
  }

  /** Temporal has said so before the SDK has heard of it. */
  async #interrupt(): Promise<void> {
    const { signal, ttl } = this.#terms;
    await delay(ttl * PATIENCE, undefined, { signal }).catch(() => undefined);
  }
}

const leases = new WeakMap<Context, Lease>();

/** The lease of the activity that calls; undefined where an activity function is called on its own. */
export function currentLease(): Lease | undefined {
  return leases.get(Context.current());
}

/**
 * The same activity with a lease that ends with it. It says that it is alive for as long as it runs, whatever it waits
 * for: an interrupt comes with the answer to a heartbeat, and who has interrupted it waits for its end.
 */
export function leased<Input, Output>(
  heartbeats: Heartbeats,
  run: (input: Input) => Promise<Output>,
): (input: Input) => Promise<Output> {
  return async (input) => {
    const context = Context.current();
    const { heartbeatTimeoutMs: ttl = USUAL_TTL_MS } = context.info;
    const details: unknown = context.info.heartbeatDetails;
    // Timers and queues may ask from elsewhere.
    const here = AsyncLocalStorage.snapshot();
    const own: Heartbeats = { send: (...parameters) => here(() => heartbeats.send(...parameters)) };
    const lease = new Lease({ ttl, heartbeats: own, signal: context.cancellationSignal, details });
    leases.set(context, lease);
    const alive = setInterval(() => context.heartbeat(lease.details), ttl / RENEWALS);
    try {
      return await run(input);
    } finally {
      await lease.end();
      clearInterval(alive);
    }
  };
}

/** The cluster as activities get it: whatever they send that changes something needs their lease. */
export function underLease(cluster: Cluster): Cluster {
  return {
    describe: () => cluster.describe(),
    readSet: (...parameters) => cluster.readSet(...parameters),
    listSets: (...parameters) => cluster.listSets(...parameters),
    followSet: (...parameters) => cluster.followSet(...parameters),
    readWorkload: (...parameters) => cluster.readWorkload(...parameters),
    listServers: (...parameters) => cluster.listServers(...parameters),
    followServers: (...parameters) => cluster.followServers(...parameters),
    readComplaints: (...parameters) => cluster.readComplaints(...parameters),
    serversWithOtherPriority: (...parameters) => cluster.serversWithOtherPriority(...parameters),
    followGameServers: (...parameters) => cluster.followGameServers(...parameters),
    listGameServers: (...parameters) => cluster.listGameServers(...parameters),
    patch: (target, patch, options = {}) =>
      options.dryRun === true
        ? cluster.patch(target, patch, options)
        : demandLease().send((permit) => cluster.patch(target, patch, { ...options, permit })),
    recordEvent: (event, signal) => demandLease().send((permit) => cluster.recordEvent(event, signal, permit)),
    exec: (request, signal) => demandLease().send((permit) => cluster.exec(request, signal, permit)),
    httpGet: (...parameters) => cluster.httpGet(...parameters),
    httpSend: (request, signal) => demandLease().send((permit) => cluster.httpSend(request, signal, permit)),
    tcpConnect: (...parameters) => cluster.tcpConnect(...parameters),
    findInLog: (...parameters) => cluster.findInLog(...parameters),
    missingAccess: (...parameters) => cluster.missingAccess(...parameters),
    versionOf: (...parameters) => cluster.versionOf(...parameters),
    account: (...parameters) => cluster.account(...parameters),
    admissionPolicies: (...parameters) => cluster.admissionPolicies(...parameters),
    hasNamespace: (...parameters) => cluster.hasNamespace(...parameters),
  };
}

function demandLease(): Lease {
  const lease = currentLease();
  if (!lease) throw new Error('something is sent outside of an activity');
  return lease;
}
