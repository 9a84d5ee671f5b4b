import { Client, Connection } from '@temporalio/client';
import { loadavg } from 'node:os';
import { CROWDED, TAKEN, UNSURE } from '../../client/gateway/take-click.ts';
import { fakeCluster } from '../support/fake-cluster.ts';
import { secretFiles, startGatewayProcess } from '../support/gateway-process.ts';
import type { GatewayProcess } from '../support/gateway-process.ts';
import { SECRET, signedWebhook } from '../support/gateway.ts';
import { startRelease } from '../support/hotwave.ts';
import { personalKey } from '../support/ssh-key.ts';
import { startTemporalLab } from '../lab/temporal-lab.ts';
import { until } from '../lab/until.ts';
import { startInMemoryWorker } from './in-memory/worker.ts';
import { benchRelease } from './in-memory/release-file.ts';
import type { ClickPeople } from './in-memory/messages.ts';
import { processorTime as processorTimeOf, processorTimeBetween } from './processor-time.ts';
import type { ProcessorTime } from './processor-time.ts';
import { workflowBundlePath } from './product.ts';
import { percentile } from './statistics.ts';

const CLUSTER = 'clicks';
/** Clicks in flight on one release, each of another person. */
export const CLICKS = 200;
/** The numbers of gateways that are measured. */
export const REPLICAS = [1, 3] as const;

/** One crowd of clicks. */
export interface Crowd {
  readonly replicas: number;
  /** From 1. */
  readonly round: number;
  /** Milliseconds until the answer. */
  readonly median: number;
  readonly p95: number;
  readonly most: number;
  /** Load average of the minute before. */
  readonly load: number;
  /** Seconds of processor time by program while the crowd was answered. */
  readonly processorTime: ProcessorTime;
  /** Answers of the release itself, of all {@link CLICKS}; the others say that it takes longer. */
  readonly decided: number;
}

/** All that was measured. */
export interface ClickReport {
  readonly rounds: number;
  readonly crowds: readonly Crowd[];
}

/**
 * Measures how long 200 people wait who click at the same time on one release, before one gateway and before three, in
 * turns. Temporal, worker and gateways are processes of their own; the people are in this one.
 */
export async function measureClicks(rounds: number, log: (line: string) => void): Promise<ClickReport> {
  const [temporal] = await Promise.all([startTemporalLab(log), workflowBundlePath()]);
  const key = personalKey();
  const set = { namespace: 'clicks', name: 'crowd' };
  const people: ClickPeople = { count: CLICKS, key: key.public };
  const cluster = fakeCluster({ sets: [{ ref: set, replicas: 1 }] });
  const worker = await startInMemoryWorker(cluster, { address: temporal.address, clusterName: CLUSTER, people });
  const connection = await Connection.connect({ address: temporal.address });
  const client = new Client({ connection });
  const env = {
    TEMPORAL_ADDRESS: temporal.address,
    HOTWAVE_SIGN_KEY: key.path,
    ...secretFiles({ HOTWAVE_WEBHOOK_KEYS_FILE: `bot ${SECRET}` }),
  };
  const gateways = await Promise.all(Array.from({ length: Math.max(...REPLICAS) }, () => startGatewayProcess(env)));
  const crowds: Crowd[] = [];
  const crowdOf = async (replicas: number, round: number): Promise<Crowd> => {
    const file = benchRelease({ servers: 1, waves: 1 }, { set, tag: `v${replicas}.${round}`, hasGates: false });
    const release = await startRelease(client, { cluster: CLUSTER, file, requester: 'github:ann' });
    await release.idle('the gate', ({ phase }) => phase === 'waiting-approval');
    const { release: name, planHash: plan } = await release.state();
    const { runId: run, workflowId } = await release.handle.describe();
    const vote = { workflowId, run, release: name, plan, verb: 'approve', wave: 1 };
    const programs = gateways.slice(0, replicas).map(({ pid }, index) => [`gateway ${index + 1}`, pid] as const);
    const pids = { ...Object.fromEntries(programs), worker: worker.pid, clicker: process.pid };
    const used = (): ProcessorTime => processorTimeOf(temporal.directory, pids);
    const [load, before] = [loadavg()[0] ?? 0, used()];
    const answers = await Promise.all(
      Array.from({ length: CLICKS }, (_, index) =>
        click(gateways[index % replicas]!, { ...vote, actor: `p${index + 1}` }, `${replicas}-${round}-${index}`),
      ),
    );
    const processorTime = processorTimeBetween(before, used());
    await release.result();
    const times = answers.map(({ milliseconds }) => milliseconds);
    const of = (share: number): number => percentile(times, share) ?? 0;
    const untold = new Set([TAKEN, UNSURE, CROWDED]);
    const decided = answers.filter(({ message }) => !untold.has(message)).length;
    return { replicas, round, median: of(0.5), p95: of(0.95), most: of(1), load, processorTime, decided };
  };
  try {
    for (const { url } of gateways)
      await until({ what: 'a gateway', deadlineMs: 20_000 }, async () => (await fetch(`${url}/readyz`)).ok);
    // The first crowds find nothing compiled: they do not count.
    for (const replicas of REPLICAS) await crowdOf(replicas, 0);
    for (let round = 1; round <= rounds; round += 1)
      for (const replicas of round % 2 === 1 ? REPLICAS : REPLICAS.toReversed()) {
        const crowd = await Promise.race([crowdOf(replicas, round), worker.ended]);
        crowds.push(crowd);
        log(
          `round ${round} of ${rounds}, ${replicas} gateways: p95 ${crowd.p95.toFixed(0)} ms, ` +
            `median ${crowd.median.toFixed(0)} ms, load ${crowd.load.toFixed(1)}`,
        );
      }
  } finally {
    await connection.close();
    await Promise.all(gateways.map((gateway) => gateway.stop()));
    await worker.stop();
    await temporal.stop();
  }
  return { rounds, crowds };
}

async function click(
  { url }: GatewayProcess,
  vote: object,
  id: string,
): Promise<{ readonly milliseconds: number; readonly message: string }> {
  const { body, headers } = signedWebhook(id, JSON.stringify(vote), Date.now());
  const started = performance.now();
  const answer = await fetch(`${url}/decisions`, { method: 'POST', body, headers });
  const { message } = (await answer.json()) as { message: string };
  return { milliseconds: performance.now() - started, message };
}
