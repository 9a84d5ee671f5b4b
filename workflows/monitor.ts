import { counted } from '../release/spec/counted.ts';
import {
  ActivityFailure,
  ApplicationFailure,
  CancellationScope,
  allHandlersFinished,
  condition,
  continueAsNew,
  isCancellation,
  workflowInfo,
} from '@temporalio/workflow';
import type { MonitorMemory } from '../release/monitor/monitor-watch.ts';
import { dueServers, newMonitor, nextDue, withChanges, withFindings, withTrouble } from '../release/monitor/monitor.ts';
import { lasting, watching } from './calls.ts';
import { MonitorRun } from './monitor-run.ts';
import type { MonitorInput, MonitorResult } from './messages.ts';
import { checkedInput, monitorInputSchema } from './input-schemas.ts';
import { describeFailure } from './call-failures.ts';
import type { MonitorSighting } from '../activities/monitor/watch-servers.ts';

/** A watch without news ends after this long, so that its state in Temporal is never older. */
const WATCH_MS = 10 * 60_000;
/** Servers that are looked at at once. */
const BATCH_SIZE = 250;
/** Long enough for a batch of servers that are all silent. */
const INSPECT_MS = 10 * 60_000;
/** So many intervals until the next try when the cluster could not be looked at at all. */
const TROUBLE_INTERVALS = 6;
/** A new run begins before the history of this one is long. */
const MOST_EVENTS = 2_000;
/** As long as a release file may ask for, and a day for clocks that differ. */
const LONGEST_GUARD_MS = 31 * 86_400_000;

/**
 * Watches a set after its release: whatever crashes, is recreated or comes new has to prove the version again. An
 * engine that has lost it while its files are right is made to reload; everything else is reported and left alone.
 * It ends by itself when its time is over, when a newer release begins, and when the set is gone.
 * @throws ApplicationFailure when its input cannot be read
 */
export async function guard(raw: MonitorInput): Promise<MonitorResult> {
  const input = readMonitor(raw);
  const post = new Post(input);
  try {
    while (post.run.isMonitoring && !post.isFull) {
      await post.watch();
      await post.inspect();
    }
  } catch (error) {
    if (!isCancellation(error)) throw error;
    post.run.end('cancelled in Temporal');
  }
  await CancellationScope.nonCancellable(() => condition(allHandlersFinished, '10s', { summary: 'last answers' }));
  const { run } = post;
  if (run.state.phase === 'ended') {
    await run.toldPeople();
    const { release, reason, problems, counts } = run.state;
    return { release, reason, problems: problems.length, counts };
  }
  return await continueAsNew<typeof guard>({
    ...(run.next ?? { ...input, carried: post.carried }),
    outbox: run.outbox,
  });
}

/** @throws ApplicationFailure with the sentence for the person */
function readMonitor(raw: unknown): MonitorInput {
  const input = checkedInput(monitorInputSchema, raw);
  if (input.until <= Date.now() + LONGEST_GUARD_MS) return input;
  throw ApplicationFailure.nonRetryable('a monitor watches for at most 30d', 'BadInput');
}

/** The knowledge of the loop of a monitor besides the state that people see. */
class Post {
  readonly run: MonitorRun;
  readonly #input: MonitorInput;
  #memory: MonitorMemory | undefined;
  #sweptAt: number;

  constructor(input: MonitorInput) {
    const { carried, last, cluster, set, requester, until, interval } = input;
    const { release, image, version } = last;
    const fresh = newMonitor({ release, cluster, set, image, version, requester, until, interval }, Date.now());
    this.run = new MonitorRun(carried?.state ?? fresh, input);
    this.#input = input;
    this.#memory = carried?.memory;
    this.#sweptAt = carried?.sweptAt ?? 0;
  }

  get isFull(): boolean {
    const { continueAsNewSuggested, historyLength } = workflowInfo();
    return continueAsNewSuggested || historyLength > (this.#input.mostEvents ?? MOST_EVENTS);
  }

  get carried(): NonNullable<MonitorInput['carried']> {
    return { state: this.run.state, memory: this.#memory, sweptAt: this.#sweptAt };
  }

  /** Until something changes, a server is due, or it is time to say that nothing has happened. */
  async watch(): Promise<void> {
    const { run } = this;
    const { set, last, interval, until } = this.#input;
    const now = Date.now();
    if (now >= until) {
      run.end('its time is over');
      return;
    }
    const deadline = Math.min(until, now + WATCH_MS, nextDue(run.state) ?? Infinity);
    const known = run.state.problems.map(({ server }) => server);
    const seen = await this.#orTrouble(() =>
      watching('watch the servers', Math.max(0, deadline - now)).watchMonitor({
        set,
        last,
        memory: this.#memory,
        interval,
        until: deadline,
        sweptAt: this.#sweptAt,
        known,
      }),
    );
    if (seen) this.#take(seen);
  }

  #take({ changes, servers, memory, sweptAt, ended }: MonitorSighting): void {
    this.#memory = memory;
    this.#sweptAt = sweptAt;
    this.run.set(withChanges(this.run.state, { changes, servers }, Date.now()));
    if (ended !== undefined) this.run.end(ended);
  }

  /** Looks at the servers that are due. */
  async inspect(): Promise<void> {
    const { run } = this;
    const { set, last } = this.#input;
    const servers = dueServers(run.state, Date.now(), BATCH_SIZE);
    if (servers.length === 0 || !run.isMonitoring) return;
    const inspection = await this.#orTrouble(() =>
      lasting(`look at ${counted(servers.length, 'server')}`, INSPECT_MS).inspectServers({ set, last, servers }),
    );
    if (!inspection) return;
    run.set(withFindings(run.state, inspection.findings, Date.now()));
    if (inspection.ended !== undefined) run.end(inspection.ended);
  }

  /** A cluster that cannot be looked at is told, and tried again later: a monitor does not fail. */
  async #orTrouble<Result>(call: () => Promise<Result>): Promise<Result | undefined> {
    const { run } = this;
    try {
      return await run.interruptible(call);
    } catch (error) {
      if (!(error instanceof ActivityFailure) || isCancellation(error)) throw error;
      run.set(withTrouble(run.state, describeFailure(error), Date.now()));
      await run.rest(TROUBLE_INTERVALS * this.#input.interval, 'the cluster could not be looked at');
      return undefined;
    }
  }
}
