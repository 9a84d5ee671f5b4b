import { Client, Connection } from '@temporalio/client';
import type { SetRef } from '../../release/fleet/fleet.ts';
import { startTemporalLab } from '../lab/temporal-lab.ts';
import { fakeCluster } from '../support/fake-cluster.ts';
import type { FakeCluster } from '../support/fake-cluster.ts';
import { startSink } from '../support/http-sinks.ts';
import type { TestSink } from '../support/http-sinks.ts';
import { benchRelease } from './in-memory/release-file.ts';
import { demandAllLoaded, swapMsOf } from './in-memory/releases.ts';
import { startInMemoryWorker } from './in-memory/worker.ts';
import type { Size } from './options.ts';
import { releaseWorkflowId, taskQueueOf, workflowBundlePath, WORKFLOWS } from './product.ts';
import type { ReleaseInput, ReleaseResult } from './product.ts';

const CLUSTER = 'sinks';

/** The receivers of the news of a release: nobody, a sink without trouble, or one that makes trouble in one way. */
export const SINK_WAYS = {
  none: 'nobody is told',
  up: 'a sink that takes everything',
  down: 'a sink that cannot be reached',
  hangs: 'a sink that takes notices and never answers',
  busy: 'a sink that answers 429 with Retry-After: 1 to each notice at first',
  twice: 'a sink that takes each notice and answers 500 to it at first',
} as const;
/** One of {@link SINK_WAYS}. */
export type SinkWay = keyof typeof SINK_WAYS;

/** One release. */
export interface SinkRelease {
  readonly way: SinkWay;
  /** From 1. */
  readonly round: number;
  readonly seconds: number;
}

/** All that was measured. */
export interface SinkReport extends Size {
  readonly releases: readonly SinkRelease[];
}

/** The answer to the request of this number, from 1. */
const ANSWERS: Readonly<Record<Exclude<SinkWay, 'none'>, TestSink['answer']>> = {
  up: (response) => void response.writeHead(204).end(),
  down: () => undefined,
  hangs: () => undefined,
  busy: (response, number) => void response.writeHead(number % 2 === 1 ? 429 : 204, { 'retry-after': '1' }).end(),
  twice: (response, number) => void response.writeHead(number % 2 === 1 ? 500 : 204).end(),
};

/** Each way has a set of its own, in a namespace of its own, of which one sink is told. */
const setOf = (way: SinkWay): SetRef => ({ namespace: `told-${way}`, name: way });
const WAYS = Object.keys(SINK_WAYS) as SinkWay[];

/**
 * Carries the same release out with and without sinks that make trouble, one after the other, on a cluster in memory, with
 * the times that couriers have on a site: are releases slower because of whom they tell? Each has a gate before every wave
 * but the first that opens by itself, so that there is much to tell.
 * @throws Error when a release is not done, or an engine has not loaded its version
 */
export async function measureSinks(size: Size & { readonly log: (line: string) => void }): Promise<SinkReport> {
  const { servers, waves, rounds, log } = size;
  const [temporal] = await Promise.all([startTemporalLab(log), workflowBundlePath()]);
  const sinks = await troubledSinks();
  const cluster = fakeCluster({
    sets: WAYS.map((way) => ({ ref: setOf(way), replicas: servers })),
    timings: { swapMs: swapMsOf },
  });
  const worker = await startInMemoryWorker(cluster, {
    address: temporal.address,
    clusterName: CLUSTER,
    sinks: sinks.map(({ name, url }) => ({ name, url, namespaces: [`told-${name}`] })),
  });
  const connection = await Connection.connect({ address: temporal.address });
  const around = { size, client: new Client({ connection }), cluster };
  const releases: SinkRelease[] = [];
  try {
    // The first release of a process finds nothing compiled: it does not count.
    for (const way of WAYS) await secondsOf(around, way, 'v1.0');
    for (let round = 1; round <= rounds; round += 1)
      for (const way of round % 2 === 1 ? WAYS : WAYS.toReversed()) {
        const seconds = await Promise.race([secondsOf(around, way, `v${round + 1}.0`), worker.ended]);
        releases.push({ way, round, seconds });
        log(`round ${round} of ${rounds}, ${SINK_WAYS[way]}: ${seconds.toFixed(2)} s`);
      }
  } finally {
    await connection.close();
    await worker.stop();
    await Promise.all(sinks.map((sink) => sink.close()));
    await temporal.stop();
  }
  return { servers, waves, rounds, releases };
}

async function troubledSinks(): Promise<readonly TestSink[]> {
  const sinks: TestSink[] = [];
  for (const [way, answer] of Object.entries(ANSWERS)) {
    const sink = await startSink(way);
    sink.answer = answer;
    if (way === 'down') await sink.down();
    sinks.push(sink);
  }
  return sinks;
}

interface Around {
  readonly size: Size;
  readonly client: Client;
  readonly cluster: FakeCluster;
}

async function secondsOf({ size, client, cluster }: Around, way: SinkWay, tag: string): Promise<number> {
  const set = setOf(way);
  const file = benchRelease(size, { set, tag, hasGates: true });
  const input: ReleaseInput = { v: 1, file, cluster: CLUSTER, requester: 'bench' };
  const started = performance.now();
  const result: unknown = await client.workflow.execute(WORKFLOWS.hotUpdate, {
    workflowId: releaseWorkflowId(CLUSTER, set),
    taskQueue: taskQueueOf(CLUSTER),
    args: [input],
  });
  const seconds = (performance.now() - started) / 1_000;
  const { outcome, reason } = result as ReleaseResult;
  if (outcome !== 'done') throw new Error(`the release ended as ${outcome}: ${reason}`);
  demandAllLoaded(cluster, tag, set);
  return seconds;
}
