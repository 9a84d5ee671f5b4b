import { Client, Connection } from '@temporalio/client';
import type { WorkflowHandleWithFirstExecutionRunId } from '@temporalio/client';
import type { SetRef } from '../../../release/fleet/fleet.ts';
import { startTemporalLab } from '../../lab/temporal-lab.ts';
import { SET } from '../../support/builders.ts';
import { fakeCluster } from '../../support/fake-cluster.ts';
import type { FakeCluster } from '../../support/fake-cluster.ts';
import type { RequestCounts } from '../mode.ts';
import type { Size } from '../options.ts';
import { releaseWorkflowId, taskQueueOf, workflowBundlePath, WORKFLOWS } from '../product.ts';
import type { ReleaseInput, ReleaseResult } from '../product.ts';
import { megabytes, sumOf } from '../statistics.ts';
import { historySizes } from './history.ts';
import type { HistorySize } from './history.ts';
import { forgetPeak, residentMemory } from './memory.ts';
import { benchRelease } from './release-file.ts';
import { startInMemoryWorker } from './worker.ts';
import type { InMemoryWorker } from './worker.ts';

const CLUSTER = 'in-memory';

/** The quantities to measure. */
export interface InMemoryOptions extends Size {
  readonly log: (line: string) => void;
}

/** One release. Memory is the worker's, in bytes. */
export interface InMemoryRelease {
  readonly seconds: number;
  /** One after the other, when it continued as new. */
  readonly runs: readonly HistorySize[];
  readonly rssBefore: number;
  readonly rssPeak: number;
  readonly rssAfter: number;
  /** How often the worker called the cluster, by operation. */
  readonly calls: RequestCounts;
}

/** All that was measured. */
export interface InMemoryReport {
  readonly servers: number;
  readonly waves: number;
  readonly releases: readonly InMemoryRelease[];
}

/** The parts that every release of one measurement works with. */
interface Surroundings extends InMemoryOptions {
  readonly client: Client;
  readonly worker: InMemoryWorker;
  readonly cluster: FakeCluster;
}

/**
 * Carries out releases one after the other on a cluster in memory: workflow code, activities, worker and Temporal are
 * real, so sizes of histories and the worker's memory are those of a site, and seconds are not.
 * @throws Error when a release is not done, or an engine has not loaded its version
 */
export async function measureInMemory(options: InMemoryOptions): Promise<InMemoryReport> {
  const { servers, waves, rounds, log } = options;
  const [temporal] = await Promise.all([startTemporalLab(log), workflowBundlePath()]);
  try {
    const cluster = fakeCluster({ sets: [{ replicas: servers }], timings: { swapMs: swapMsOf } });
    const worker = await startInMemoryWorker(cluster, { address: temporal.address, clusterName: CLUSTER });
    const connection = await Connection.connect({ address: temporal.address });
    const around: Surroundings = { ...options, client: new Client({ connection }), worker, cluster };
    const releases: InMemoryRelease[] = [];
    try {
      for (let round = 1; round <= rounds; round += 1) {
        const release = await measureRelease(around, `v${round}.0`);
        releases.push(release);
        log(`release ${round} of ${rounds} in memory: ${inWords(release)}`);
      }
    } finally {
      await connection.close();
      await worker.stop();
    }
    return { servers, waves, releases };
  } finally {
    await temporal.stop();
  }
}

/** Servers are not Ready all at once, or nobody would see that a watch costs something. */
export function swapMsOf(server: string): number {
  return 50 + ((Number(server.slice(server.lastIndexOf('-') + 1)) * 37) % 200);
}

async function measureRelease(around: Surroundings, tag: string): Promise<InMemoryRelease> {
  const { client, worker, cluster } = around;
  const callsBefore = { ...cluster.calls };
  forgetPeak(worker.pid);
  const { now: rssBefore } = residentMemory(worker.pid);
  const started = performance.now();
  const handle = await startRelease(around, tag);
  const sizes = (): Promise<HistorySize[]> => historySizes(client, handle.workflowId, handle.firstExecutionRunId);
  const ended: Promise<unknown> = Promise.race([handle.result(), worker.ended]);
  const result = await ended.catch(async (error: unknown) => {
    const why = error instanceof Error ? error.message : String(error);
    throw new Error(`the release did not come to its end, with ${sizeInWords(await sizes())}: ${why}`);
  });
  const seconds = (performance.now() - started) / 1_000;
  const { outcome, reason } = result as ReleaseResult;
  if (outcome !== 'done') throw new Error(`the release ended as ${outcome}: ${reason}`);
  demandAllLoaded(cluster, tag);
  const { now: rssAfter, peak: rssPeak } = residentMemory(worker.pid);
  const calls = callsBetween(callsBefore, cluster.calls);
  return { seconds, runs: await sizes(), rssBefore, rssPeak, rssAfter, calls };
}

function startRelease(around: Surroundings, tag: string): Promise<WorkflowHandleWithFirstExecutionRunId> {
  const file = benchRelease(around, { set: SET, tag });
  const input: ReleaseInput = { v: 1, file, cluster: CLUSTER, requester: 'bench' };
  return around.client.workflow.start(WORKFLOWS.hotUpdate, {
    workflowId: releaseWorkflowId(CLUSTER, SET),
    taskQueue: taskQueueOf(CLUSTER),
    args: [input],
  });
}

function callsBetween(before: RequestCounts, after: RequestCounts): RequestCounts {
  return Object.fromEntries(Object.entries(after).map(([name, count]) => [name, count - (before[name] ?? 0)]));
}

/** @throws Error when an engine of the set has not loaded the version */
export function demandAllLoaded(cluster: FakeCluster, tag: string, set: SetRef = SET): void {
  const others = cluster
    .set(set)
    .sorted()
    .filter(({ engine }) => engine.loaded !== tag);
  if (others.length > 0)
    throw new Error(`${others.length} servers have not loaded ${tag}, ${others[0]?.name ?? ''} among them`);
}

function inWords({ seconds, runs, rssPeak, rssAfter }: InMemoryRelease): string {
  const [peak, after] = [rssPeak, rssAfter].map((value) => megabytes(value).toFixed(0));
  return `${seconds.toFixed(1)} s, ${sizeInWords(runs)}, worker memory ${peak} MB at its peak and ${after} MB after it`;
}

function sizeInWords(runs: readonly HistorySize[]): string {
  const [events, bytes] = [sumOf(runs.map((run) => run.events)), sumOf(runs.map((run) => run.bytes))];
  const inRuns = `${runs.length} ${runs.length === 1 ? 'run' : 'runs'}`;
  return `${events} events and ${megabytes(bytes).toFixed(2)} MB in ${inRuns}`;
}
