import { setTimeout as sleep } from 'node:timers/promises';
import { Context } from '@temporalio/activity';
import type { Activities } from '../../activities/index.ts';
import { until } from '../lab/until.ts';
import { unlessAborted } from './abort.ts';
import { unreachable } from './fake-faults.ts';
import type { Operation } from './fake-faults.ts';
import { eachAs } from './fake-follow.ts';
import type { Cluster } from '../../activities/ports/cluster.ts';
import type { ClusterFailure } from '../../activities/ports/failure.ts';
import type { ServerList } from '../../activities/ports/servers.ts';

/** Which calls of a worker to its cluster are meant: by the activity that makes them, by what is called, or both. */
export interface WhichCalls {
  readonly activity?: keyof Activities;
  readonly operation?: Operation;
  /** The arguments that it is called with. Default anything. */
  readonly about?: (parameters: readonly unknown[]) => boolean;
  /** So many of them pass first. Default 0. */
  readonly skip?: number;
  /** Before anything happens in the cluster, or when it has and only the answer is missing. Default before. */
  readonly when?: 'before' | 'after';
  /** It is on the wire: that its caller gives up does not end it. Default false. */
  readonly onTheWire?: boolean;
}

/** How a call stands still. */
export interface ControlsWishes {
  /**
   * It does not hear that its caller has given up, and its activity sends no heartbeats meanwhile: a process that was
   * stopped. It goes on where it stood when it is released, however much later.
   */
  readonly stubborn?: boolean;
}

/** A call that stands still until the test lets it go on, or its worker ends. */
export interface HeldCall {
  /** Resolves when a call has arrived. */
  readonly reached: Promise<undefined>;
  /** Lets it go on, and every later one. */
  release(): void;
}

/** A call as it happens. */
export interface Call {
  readonly activity: string;
  readonly operation: Operation;
  readonly when: 'before' | 'after';
  readonly parameters: readonly unknown[];
}

/** How long nothing must be written before it counts as over: longer than a write, and than one look of an activity. */
const QUIET_MS = 2_500;

interface Interference {
  readonly which: WhichCalls;
  skip: number;
  left: number;
  readonly meet: (signal: AbortSignal | undefined) => Promise<void>;
}

/** The calls of a worker to its cluster, where a test can stop and break them. */
export class ClusterCalls {
  readonly #interferences: Interference[] = [];
  #changesUnderWay = 0;
  #lastChangeAt = 0;

  /** Stops the next such call. */
  hold(which: WhichCalls, { stubborn = false }: ControlsWishes = {}): HeldCall {
    const reached = Promise.withResolvers<undefined>();
    const released = Promise.withResolvers<undefined>();
    this.#add(which, 1, async (signal) => {
      const speakAgain = stubborn ? silenceHeartbeats() : undefined;
      reached.resolve(undefined);
      const isDeaf = stubborn || which.onTheWire === true;
      await unlessAborted(released.promise, isDeaf ? undefined : signal).finally(speakAgain);
    });
    return { reached: reached.promise, release: () => released.resolve(undefined) };
  }

  /** The next `times` such calls take so many milliseconds: an API server with much to do. Default all. */
  slow(which: WhichCalls, milliseconds: number, times = Infinity): void {
    this.#add(which, times, async (signal) => {
      await sleep(milliseconds, undefined, which.onTheWire === true || !signal ? {} : { signal });
    });
  }

  /**
   * Resolves when nobody has patched, told or asked to change anything for a while, whoever it was and whatever for.
   * @param held so many calls stand still meanwhile
   */
  async quiet(held = 0): Promise<void> {
    const since = Date.now();
    const isQuiet = (): boolean =>
      this.#changesUnderWay === held && Date.now() - Math.max(since, this.#lastChangeAt) > QUIET_MS;
    await until({ what: 'the last change to end', deadlineMs: 60_000, everyMs: 50 }, isQuiet);
  }

  /** The next `times` such calls end with this failure: as if nothing had been sent, or the answer had got lost. */
  fail(which: WhichCalls, { failure = unreachable(), times = 1 }: FailWishes = {}): void {
    this.#add(which, times, () => Promise.reject(failure));
  }

  /** Runs something in the next such call: what somebody else does at the worst moment. */
  run(which: WhichCalls, action: () => void): void {
    this.#add(which, 1, () => {
      action();
      return Promise.resolve();
    });
  }

  /** Called around every call. Returns true when it is on the wire. @throws the planned failure */
  async pass(call: Call, signal: AbortSignal | undefined): Promise<boolean> {
    const met = this.#interferences.find(({ which, left }) => left > 0 && isMeant(which, call));
    if (!met) return false;
    if (met.skip > 0) {
      met.skip -= 1;
      return false;
    }
    met.left -= 1;
    await met.meet(signal);
    return met.which.onTheWire === true;
  }

  /** Runs a call, and knows while it does whether something may change. */
  async count<Result>(
    operation: Operation,
    parameters: readonly unknown[],
    call: () => Promise<Result>,
  ): Promise<Result> {
    if (!isChange(operation, parameters)) return await call();
    this.#changesUnderWay += 1;
    this.#lastChangeAt = Date.now();
    try {
      return await call();
    } finally {
      this.#changesUnderWay -= 1;
      this.#lastChangeAt = Date.now();
    }
  }

  /** The cluster as a worker sees it through these calls. */
  through(cluster: Cluster): Cluster {
    const around =
      <Parameters extends readonly unknown[], Result>(
        operation: Operation,
        signalOf: (parameters: Parameters) => AbortSignal | undefined,
        call: (...parameters: Parameters) => Promise<Result>,
      ) =>
      async (...parameters: Parameters): Promise<Result> => {
        const activity = Context.current().info.activityType;
        const signal = signalOf(parameters);
        const all = async (): Promise<Result> => {
          const isSent = await this.pass({ activity, operation, when: 'before', parameters }, signal);
          const result = await call(...(isSent ? withoutSignal(parameters) : parameters));
          await this.pass({ activity, operation, when: 'after', parameters }, signal);
          return result;
        };
        return await this.count(operation, parameters, all);
      };
    const readSet = around(
      'readSet',
      ([, signal]: Parameters<Cluster['readSet']>) => signal,
      cluster.readSet.bind(cluster),
    );
    const listServers = around(
      'listServers',
      ([, , signal]: Parameters<Cluster['listServers']>) => signal,
      cluster.listServers.bind(cluster),
    );
    const listGameServers = around(
      'listGameServers',
      ([, , signal]: Parameters<Cluster['listGameServers']>) => signal,
      cluster.listGameServers.bind(cluster),
    );
    return {
      describe: () => cluster.describe(),
      followGameServers: (ref, names, signal) =>
        eachAs(cluster.followGameServers(ref, names, signal), () => listGameServers(ref, names, signal)),
      followServers: (ref, names, signal) => {
        const list = async (): Promise<ServerList['servers']> => (await listServers(ref, { names }, signal)).servers;
        return eachAs(cluster.followServers(ref, names, signal), list);
      },
      followSet: (ref, signal) => eachAs(cluster.followSet(ref, signal), () => readSet(ref, signal)),
      serversWithOtherPriority: around(
        'serversWithOtherPriority',
        ([, , signal]: Parameters<Cluster['serversWithOtherPriority']>) => signal,
        cluster.serversWithOtherPriority.bind(cluster),
      ),
      readSet,
      listSets: around('listSets', ([, signal]) => signal, cluster.listSets.bind(cluster)),
      readWorkload: around('readWorkload', ([, signal]) => signal, cluster.readWorkload.bind(cluster)),
      listServers,
      readComplaints: around('readComplaints', ([, , signal]) => signal, cluster.readComplaints.bind(cluster)),
      listGameServers,
      patch: around('patch', ([, , options]) => options?.signal, cluster.patch.bind(cluster)),
      recordEvent: around('recordEvent', ([, signal]) => signal, cluster.recordEvent.bind(cluster)),
      exec: around('exec', ([, signal]) => signal, cluster.exec.bind(cluster)),
      httpGet: around('httpGet', ([, signal]) => signal, cluster.httpGet.bind(cluster)),
      httpSend: around('httpSend', ([, signal]) => signal, cluster.httpSend.bind(cluster)),
      tcpConnect: around('tcpConnect', ([, signal]) => signal, cluster.tcpConnect.bind(cluster)),
      findInLog: around('findInLog', ([, signal]) => signal, cluster.findInLog.bind(cluster)),
      missingAccess: around('missingAccess', ([, signal]) => signal, cluster.missingAccess.bind(cluster)),
      versionOf: around('versionOf', ([, signal]) => signal, cluster.versionOf.bind(cluster)),
      account: around('account', ([signal]) => signal, cluster.account.bind(cluster)),
      admissionPolicies: around('admissionPolicies', ([signal]) => signal, cluster.admissionPolicies.bind(cluster)),
      hasNamespace: around('hasNamespace', ([, signal]) => signal, cluster.hasNamespace.bind(cluster)),
    };
  }

  #add(which: WhichCalls, times: number, meet: Interference['meet']): void {
    this.#interferences.push({ which, skip: which.skip ?? 0, left: times, meet });
  }
}

/** How a call fails. */
export interface FailWishes {
  readonly failure?: ClusterFailure;
  readonly times?: number;
}

/** Nobody can call it back. */
function withoutSignal<Parameters extends readonly unknown[]>(parameters: Parameters): Parameters {
  const isLocal = (value: unknown): boolean => value instanceof AbortSignal;
  const kept = parameters.map((value) => {
    if (isLocal(value)) return undefined;
    if (typeof value !== 'object' || value === null) return value;
    return Object.fromEntries(Object.entries(value).filter(([, field]) => !isLocal(field)));
  });
  return kept as unknown as Parameters;
}

/** Calls by which something may change; dry runs do not. */
function isChange(operation: Operation, [, , options]: readonly unknown[]): boolean {
  if (operation === 'patch') return (options as { readonly dryRun?: boolean } | undefined)?.dryRun !== true;
  return operation === 'exec' || operation === 'httpSend' || operation === 'recordEvent';
}

function isMeant({ activity, operation, about, when = 'before' }: WhichCalls, call: Call): boolean {
  return (
    when === call.when &&
    (activity === undefined || activity === call.activity) &&
    (operation === undefined || operation === call.operation) &&
    (about === undefined || about(call.parameters))
  );
}

/** Keeps the heartbeats of the activity that runs here from leaving; returns what ends that. */
function silenceHeartbeats(): () => void {
  const context: { heartbeat: Context['heartbeat'] } = Context.current();
  const { heartbeat } = context;
  context.heartbeat = () => undefined;
  // Those of a lease go by the client.
  Object.defineProperty(context, 'client', {
    configurable: true,
    get: () => {
      throw new Error('a process that is stopped says nothing');
    },
  });
  return () => {
    context.heartbeat = heartbeat;
    Reflect.deleteProperty(context, 'client');
  };
}
