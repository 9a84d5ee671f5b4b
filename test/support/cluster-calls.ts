import { Context } from '@temporalio/activity';
import type { Activities } from '../../activities/index.ts';
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
  /** So many of them pass first. Default 0. */
  readonly skip?: number;
  /** Before anything happens in the cluster, or when it has and only the answer is missing. Default before. */
  readonly when?: 'before' | 'after';
}

/** How a call stands still. */
export interface HoldWishes {
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
}

interface Interference {
  readonly which: WhichCalls;
  skip: number;
  left: number;
  readonly meet: (signal: AbortSignal | undefined) => Promise<void>;
}

/** The calls of a worker to its cluster, where a test can stop and break them. */
export class ClusterCalls {
  readonly #interferences: Interference[] = [];

  /** Stops the next such call. */
  hold(which: WhichCalls, { stubborn = false }: HoldWishes = {}): HeldCall {
    const reached = Promise.withResolvers<undefined>();
    const released = Promise.withResolvers<undefined>();
    this.#add(which, 1, async (signal) => {
      const speakAgain = stubborn ? silenceHeartbeats() : undefined;
      reached.resolve(undefined);
      await unlessAborted(released.promise, stubborn ? undefined : signal).finally(speakAgain);
    });
    return { reached: reached.promise, release: () => released.resolve(undefined) };
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

  /** Called around every call. @throws the planned failure */
  async pass(call: Call, signal: AbortSignal | undefined): Promise<void> {
    const met = this.#interferences.find(({ which, left }) => left > 0 && isMeant(which, call));
    if (!met) return;
    if (met.skip > 0) {
      met.skip -= 1;
      return;
    }
    met.left -= 1;
    await met.meet(signal);
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
        await this.pass({ activity, operation, when: 'before' }, signal);
        const result = await call(...parameters);
        await this.pass({ activity, operation, when: 'after' }, signal);
        return result;
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
      readWorkload: around('readWorkload', ([, signal]) => signal, cluster.readWorkload.bind(cluster)),
      listServers,
      listGameServers,
      patch: around('patch', ([, , options]) => options?.signal, cluster.patch.bind(cluster)),
      exec: around('exec', ([, signal]) => signal, cluster.exec.bind(cluster)),
      httpGet: around('httpGet', ([, signal]) => signal, cluster.httpGet.bind(cluster)),
      httpSend: around('httpSend', ([, signal]) => signal, cluster.httpSend.bind(cluster)),
      tcpConnect: around('tcpConnect', ([, signal]) => signal, cluster.tcpConnect.bind(cluster)),
      findInLog: around('findInLog', ([, signal]) => signal, cluster.findInLog.bind(cluster)),
      missingAccess: around('missingAccess', ([, signal]) => signal, cluster.missingAccess.bind(cluster)),
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

function isMeant({ activity, operation, when = 'before' }: WhichCalls, call: Call): boolean {
  return (
    when === call.when &&
    (activity === undefined || activity === call.activity) &&
    (operation === undefined || operation === call.operation)
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
