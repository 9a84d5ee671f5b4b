import type { ImageChange } from '../lab/pod-observer.ts';
import { startTemporalLab } from '../lab/temporal-lab.ts';
import { workflowBundlePath } from '../../worker/bundle.ts';
import { ClusterCalls } from '../support/cluster-calls.ts';
import { fakeCluster } from '../support/fake-cluster.ts';
import type { FakeCluster } from '../support/fake-cluster.ts';
import { startKillableWorkers } from '../support/killable-workers.ts';
import type { ServerFacts } from './evidence.ts';
import type { Game } from './game.ts';
import { allServers, setName } from './stage.ts';
import type { World } from './world.ts';

const MAIN = 'app-2048';
const SIDECAR = 'sidecar';
/** As long as things take that people are to see, in milliseconds. */
const TIMINGS = { acceptMs: 50, syncMs: 50, swapMs: 400, gateMs: 400 };

const imageOf = (version: string): string => `registry.example/2048-sidecar:${version}`;

/** The answers and acts of the simulated engines of the contract suite. */
const GAME: Game = {
  engine: 'its engine',
  askedBy: 'GET /version, in memory',
  badVersion: 'v2.1-reloadfails',
  badBecause: 'cannot be loaded: the reload command fails',
  refusedReloads: 1,
  image: imageOf,
  runbook: `  content: { exec: { container: ${MAIN}, command: [engine, files] } }
  reload: { exec: { container: ${MAIN}, command: [engine, reload] } }
  proof: { http: { port: 8080, path: /version, within: 5s } }
  health: [{ http: { port: 8080, path: /healthz } }]`,
};

/**
 * The cluster of the contract suite in this process, a real Temporal server, and a worker in a process of its own that can
 * be killed: nothing is built, and nothing needs root.
 */
export async function memoryWorld(name: string, log: (line: string) => void): Promise<World> {
  log('starting Temporal');
  const [temporal, bundlePath] = await Promise.all([startTemporalLab(log, name), workflowBundlePath()]);
  const cluster = fakeCluster({
    timings: TIMINGS,
    sets: [
      {
        ref: { namespace: 'default', name: setName },
        replicas: allServers.length,
        containers: [
          { name: MAIN, image: 'registry.example/2048:1.0' },
          { name: SIDECAR, image: imageOf('v1.0') },
        ],
      },
    ],
  });
  const stage = { clusterName: 'default', cluster, calls: new ClusterCalls() };
  return {
    kind: 'memory',
    temporal,
    game: GAME,
    directory: temporal.directory,
    introduction:
      'A worker runs in a process of its own; the cluster with its controllers, pods and engines is simulated.',
    environment: [`export TEMPORAL_ADDRESS=${temporal.address}`],
    createServers(priorities) {
      for (const [server, priority] of Object.entries(priorities))
        cluster.editServer('demo', server, ({ spec }) => void (spec.updatePriority = priority));
      return Promise.resolve();
    },
    servers: () =>
      Promise.resolve(
        cluster
          .set()
          .sorted()
          .map((server) => server.name),
      ),
    readFacts: () => Promise.resolve(factsOf(cluster)),
    readEngine: (server) => Promise.resolve({ ...cluster.server(server).engine }),
    recordImages: () => Promise.resolve(recordImages(cluster)),
    async startWorker() {
      const workers = await startKillableWorkers([stage], { address: temporal.address, bundlePath });
      const kill = (): Promise<void> => workers.kill();
      return { pid: workers.pid, kill, stop: kill };
    },
    stop: () => temporal.stop(),
  };
}

function factsOf(cluster: FakeCluster): readonly ServerFacts[] {
  const set = cluster.set();
  return set.sorted().map((server) => ({
    name: server.name,
    uid: server.uid,
    createdAt: new Date(server.createdAt).toISOString(),
    updatePriority: Number(set.gameServers.get(server.name)?.spec.updatePriority ?? 0),
    mainRestarts: server.container(MAIN)?.restarts ?? Number.NaN,
    sidecarRestarts: server.container(SIDECAR)?.restarts ?? Number.NaN,
    reloads: cluster.log.filter(
      (entry) => entry.kind === 'exec' && entry.server === server.name && entry.command.includes('reload'),
    ).length,
    ...server.engine,
  }));
}

/** The failures that the simulated nodes were told from now on, and which servers are not the same any more. */
function recordImages(cluster: FakeCluster): Awaited<ReturnType<World['recordImages']>> {
  const from = cluster.log.length;
  const started = cluster.clock.now();
  const uids = new Map(
    cluster
      .set()
      .sorted()
      .map(({ name, uid }) => [name, uid]),
  );
  return {
    get changes() {
      return cluster.log.slice(from).flatMap((entry): ImageChange[] =>
        entry.kind === 'moved'
          ? [
              {
                at: entry.at - started,
                pod: entry.server,
                uid: uids.get(entry.server) ?? '',
                container: entry.container,
                where: 'spec',
                from: '',
                to: entry.image,
              },
            ]
          : [],
      );
    },
    get lost() {
      const now = new Map(
        cluster
          .set()
          .sorted()
          .map(({ name, uid }) => [name, uid]),
      );
      return [...uids].filter(([name, uid]) => now.get(name) !== uid).map(([name]) => name);
    },
    stop: () => Promise.resolve(),
  };
}
