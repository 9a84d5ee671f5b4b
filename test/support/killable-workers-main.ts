import { setTimeout as sleep } from 'node:timers/promises';
import { DefaultLogger, makeTelemetryFilterString, NativeConnection, Runtime } from '@temporalio/worker';
import { createHotwaveWorker } from '../../worker/create-worker.ts';
import type { HotwaveWorker } from '../../worker/create-worker.ts';
import type { Operation } from './fake-faults.ts';
import { currentWriter } from './fake-writer.ts';
import { policyOf } from './http-sinks.ts';
import type { RemoteAnswer, RemoteCall, WorkersToStart } from './killable-workers.ts';
import { ClusterFailure } from '../../activities/ports/failure.ts';
import type { Cluster } from '../../activities/ports/cluster.ts';
import type { Permit } from '../../activities/ports/heartbeats.ts';

// The other process of killable-workers.ts: real workers, whose clusters are in the process that started this one.

interface Waiting {
  readonly resolve: (result: unknown) => void;
  readonly reject: (reason: Error) => void;
}

const LOOK_MS = 10;

const waiting = new Map<number, Waiting>();
const workers: HotwaveWorker[] = [];
let calls = 0;

process.on('message', (message: WorkersToStart | RemoteAnswer | 'settle') => {
  if (message === 'settle') void settleDown();
  else if ('clusterNames' in message) void start(message);
  else settle(message);
});
// The process that started this is gone.
process.on('disconnect', () => process.exit(1));

async function start({ address, bundlePath, clusterNames, sinks }: WorkersToStart): Promise<void> {
  Runtime.install({
    logger: new DefaultLogger('ERROR'),
    telemetryOptions: { logging: { filter: makeTelemetryFilterString({ core: 'ERROR', other: 'ERROR' }) } },
  });
  const connection = await NativeConnection.connect({ address });
  const policy = sinks && policyOf(sinks);
  for (const clusterName of clusterNames) {
    const cluster = remoteCluster(clusterName);
    const worker = await createHotwaveWorker({ connection, clusterName, cluster, policy, bundlePath, pollers: 2 });
    workers.push(worker);
    void worker.run();
  }
  process.send!('ready');
}

/** Says so when no activity is at work any more. */
async function settleDown(): Promise<void> {
  while (workers.some((worker) => worker.getStatus().numInFlightActivities > 0)) await sleep(LOOK_MS);
  process.send!('settled');
}

function settle(answer: RemoteAnswer): void {
  const { resolve, reject } = waiting.get(answer.id)!;
  waiting.delete(answer.id);
  if (answer.kind === 'result') resolve(answer.result);
  else reject(new ClusterFailure(answer.reason, answer.message, { retryable: answer.retryable }));
}

function remoteCluster(clusterName: string): Cluster {
  const remote =
    (operation: Operation) =>
    async (...parameters: readonly unknown[]): Promise<never> => {
      await permitOf(parameters)?.();
      const id = ++calls;
      const by = currentWriter()!;
      const call: RemoteCall = { id, clusterName, by, operation, parameters: parameters.map(sendable) };
      const { promise, ...handlers } = Promise.withResolvers<unknown>();
      waiting.set(id, handlers);
      process.send!(call);
      return (await promise) as never;
    };
  // A stream does not cross processes; looking again and again shows the same.
  async function* looking<Item>(look: () => Promise<Item>, signal: AbortSignal | undefined): AsyncGenerator<Item> {
    while (signal?.aborted !== true) {
      yield await look();
      await sleep(LOOK_MS, undefined, signal ? { signal } : {}).catch(() => undefined);
    }
    signal.throwIfAborted();
  }
  const listServers: Cluster['listServers'] = remote('listServers');
  const listGameServers: Cluster['listGameServers'] = remote('listGameServers');
  const readSet: Cluster['readSet'] = remote('readSet');
  return {
    describe: () => 'https://fake (context fake)',
    readSet,
    listSets: remote('listSets'),
    followSet: (ref, signal) => looking(() => readSet(ref), signal),
    serversWithOtherPriority: remote('serversWithOtherPriority'),
    readWorkload: remote('readWorkload'),
    listServers,
    readComplaints: remote('readComplaints'),
    followServers: (ref, names, signal) => looking(async () => (await listServers(ref, { names })).servers, signal),
    listGameServers,
    followGameServers: (ref, names, signal) => looking(() => listGameServers(ref, names), signal),
    patch: remote('patch'),
    recordEvent: remote('recordEvent'),
    exec: remote('exec'),
    httpGet: remote('httpGet'),
    httpSend: remote('httpSend'),
    tcpConnect: remote('tcpConnect'),
    findInLog: remote('findInLog'),
    missingAccess: remote('missingAccess'),
    versionOf: remote('versionOf'),
    account: remote('account'),
    admissionPolicies: remote('admissionPolicies'),
    hasNamespace: remote('hasNamespace'),
  };
}

/** The question right before something is sent: here that is what leaves the process. */
function permitOf(parameters: readonly unknown[]): Permit | undefined {
  for (const parameter of parameters) {
    if (typeof parameter === 'function') return parameter as Permit;
    if (typeof parameter === 'object' && parameter !== null && 'permit' in parameter) return parameter.permit as Permit;
  }
  return undefined;
}

/** Signals and permits cannot leave the process; one that is killed does not need them. */
function sendable(parameter: unknown): unknown {
  if (parameter instanceof AbortSignal || typeof parameter === 'function') return undefined;
  if (typeof parameter !== 'object' || parameter === null) return parameter;
  const { signal: _signal, permit: _permit, ...rest } = parameter as Readonly<Record<string, unknown>>;
  return Array.isArray(parameter) ? parameter : rest;
}
