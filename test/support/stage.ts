import { Client } from '@temporalio/client';
import type { Connection } from '@temporalio/client';
import { NativeConnection } from '@temporalio/worker';
import { inject, test as plainTest } from 'vitest';
import { converterOf } from '../../codec/data-converter.ts';
import { open, temporalOver } from '../../client/temporal/connect.ts';
import type { Temporal } from '../../client/temporal/connect.ts';
import { readPollers } from '../../client/temporal/task-queue.ts';
import type { ReleaseFile } from '../../release/spec/spec.ts';
import { createHotwaveWorker } from '../../worker/create-worker.ts';
import type { HotwaveWorkerOptions } from '../../worker/create-worker.ts';
import type { ReleaseInput } from '../../workflows/messages.ts';
import { until } from '../lab/until.ts';
import { aRelease } from './a-release.ts';
import { ClusterCalls } from './cluster-calls.ts';
import { fakeCluster } from './fake-cluster.ts';
import type { FakeCluster, FakeClusterModel } from './fake-cluster.ts';
import { startRelease } from './hotwave.ts';
import type { StartedRelease } from './hotwave.ts';
import type { Calendar } from '../../activities/ports/calendar.ts';

export { TARGETED, aRelease, aTargetedRelease, releaseText } from './a-release.ts';
export type { SpecWishes } from './a-release.ts';

/** A worker that runs. */
export interface RunningWorker {
  /** As a deployment does it: activities are told, and get their grace. */
  shutDown(): Promise<void>;
}

/** A cluster in memory and what carries releases out on it: the real workflow code, activities and Temporal server. */
export interface Stage {
  readonly client: Client;
  readonly clusterName: string;
  readonly cluster: FakeCluster;
  /** The calls of all workers of this stage. */
  readonly calls: ClusterCalls;
  startWorker(): Promise<RunningWorker>;
  /** Waits until Temporal knows of a worker: a moment after its start the CLI would say that there is none. */
  workerIsKnown(): Promise<void>;
  start(
    file?: ReleaseFile,
    requester?: string,
    more?: Pick<ReleaseInput, 'duringFreeze' | 'continueEachStep' | 'vouch'>,
  ): Promise<StartedRelease>;
}

/** The receivers of news, and how couriers wait. */
export type Told = Pick<HotwaveWorkerOptions, 'policy' | 'courierTimes' | 'keys'>;

/** The parts that the workers of one test file share: a connection costs more than a worker. */
export interface Connections {
  /** host:port of the server. */
  readonly address: string;
  readonly native: NativeConnection;
  readonly client: Client;
  readonly connection: Connection;
  close(): Promise<void>;
}

/** Connects to a Temporal server; default that of the layer. */
export async function connect(address = inject('temporalAddress')): Promise<Connections> {
  const [native, connection] = await Promise.all([NativeConnection.connect({ address }), open({ address })]);
  const close = async (): Promise<void> => {
    await Promise.all([native.close(), connection.close()]);
  };
  return { address, native, client: new Client({ connection }), connection, close };
}

/** The same connection as the command has it. */
export function temporalOf({ address, connection }: Pick<Connections, 'address' | 'connection'>): Temporal {
  return temporalOver(connection, { address, namespace: 'default', identity: 'stage' });
}

/** Waits until a Temporal knows of a worker for a cluster. */
export async function workerIsKnown(
  connections: Pick<Connections, 'address' | 'connection'>,
  clusterName: string,
): Promise<void> {
  const temporal = temporalOf(connections);
  await until({ what: 'a worker that polls', deadlineMs: 60_000, everyMs: 20 }, async () => {
    const { workflows, activities } = await readPollers(temporal, clusterName, Date.now());
    return workflows.length > 0 && activities.length > 0;
  });
}

let stages = 0;

/** A stage without a worker. Its cluster and its task queue have a name that no other stage has, if none is given. */
export function emptyStage(
  { address, native, client: shared, connection }: Connections,
  model: FakeClusterModel,
  calendar?: Calendar,
  told?: Told,
  name?: string,
): Stage {
  stages += 1;
  const clusterName = name ?? `stage-${process.pid}-${Date.now().toString(36)}-${stages}`;
  const cluster = fakeCluster(model);
  const calls = new ClusterCalls();
  const client = told?.keys ? new Client({ connection, dataConverter: converterOf(told.keys) }) : shared;
  return {
    client,
    clusterName,
    cluster,
    calls,
    async startWorker() {
      const worker = await createHotwaveWorker({
        connection: native,
        clusterName,
        cluster: calls.through(cluster),
        calendar,
        ...told,
        bundlePath: inject('bundlePath'),
        pollers: 2,
      });
      const running = worker.run();
      return {
        async shutDown() {
          if (worker.getState() === 'RUNNING') worker.shutdown();
          await running;
        },
      };
    },
    workerIsKnown: () => workerIsKnown({ address, connection }, clusterName),
    start: (file = aRelease(), requester = 'ann', more = {}) =>
      startRelease(client, { cluster: clusterName, file, requester, ...more }),
  };
}

interface StageFixtures {
  readonly connections: Connections;
  /** Makes stages with a worker each; they end with the test. */
  readonly stage: (model?: FakeClusterModel, calendar?: Calendar, told?: Told) => Promise<Stage & RunningWorker>;
}

/** A test with stages. */
export const test = plainTest.extend<StageFixtures>({
  connections: [
    // Vitest reads from the pattern which fixtures a fixture wants.
    // eslint-disable-next-line no-empty-pattern
    async ({}, use) => {
      const connections = await connect();
      await use(connections);
      await connections.close();
    },
    { scope: 'file' },
  ],
  stage: async ({ connections }, use) => {
    const workers: RunningWorker[] = [];
    await use(async (model = {}, calendar, told) => {
      const stage = emptyStage(connections, model, calendar, told);
      const startWorker = async (): Promise<RunningWorker> => {
        const worker = await stage.startWorker();
        workers.push(worker);
        return worker;
      };
      return { ...stage, startWorker, ...(await startWorker()) };
    });
    await Promise.all(workers.map((worker) => worker.shutDown()));
  },
});
