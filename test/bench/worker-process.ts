import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { execa } from 'execa';
import type { Lab } from '../lab/lab.ts';
import { until } from '../lab/until.ts';
import type { RequestCounts } from './mode.ts';
import { program } from './product.ts';

/** A `hotwave worker` in a process of its own, as people run it. */
export interface WorkerProcess {
  /** Requests that it has sent to the API server so far. */
  requests(): Promise<RequestCounts>;
  readonly pid: number;
  /** Resident memory, in bytes. */
  memory(): Promise<number>;
  stop(): Promise<void>;
}

/**
 * Starts a worker on a lab under the rights that hotwave ships, and resolves when it is ready.
 * @throws Error with what it wrote when it does not get ready within a minute
 */
export async function startWorkerProcess(lab: Lab, cluster: string): Promise<WorkerProcess> {
  const http = `127.0.0.1:${await freePort()}`;
  const args = ['worker', '--address', lab.temporal.address, '--cluster', cluster, '--http', http];
  args.push('--kubeconfig', lab.kubeconfigOf('hotwave'), '--log-level', 'warn');
  const child = execa(process.execPath, ['--disable-warning=ExperimentalWarning', program, ...args], {
    stdin: 'ignore',
    stdout: 'ignore',
    stderr: 'pipe',
    reject: false,
    // The mark by which a lab finds what belongs to it: a worker never outlives its lab.
    env: { HOTWAVE_LAB: lab.directory },
  });
  let written = '';
  child.stderr.on('data', (chunk: Buffer) => (written = (written + chunk.toString()).slice(-4_000)));
  const ask = async (path: string): Promise<string> => (await fetch(`http://${http}${path}`)).text();
  const wait = { what: 'the worker to be ready', deadlineMs: 60_000, detail: () => written };
  await until(wait, async () => (await fetch(`http://${http}/readyz`)).ok);
  return {
    pid: child.pid ?? 0,
    requests: async () => requestsIn(await ask('/metrics')),
    memory: async () => Number(/^process_resident_memory_bytes (\S+)/m.exec(await ask('/metrics'))?.[1] ?? 0),
    async stop() {
      child.kill('SIGTERM');
      await child;
    },
  };
}

/** The counts of `hotwave_cluster_requests_total` in a Prometheus text. */
export function requestsIn(metrics: string): RequestCounts {
  const lines = metrics.matchAll(/^hotwave_cluster_requests_total\{request="([^"]+)"\} (\d+)/gm);
  return Object.fromEntries([...lines].map(([, name = '', count]) => [name, Number(count)]));
}

/** The requests between two counts, without what was not. */
export function requestsBetween(before: RequestCounts, after: RequestCounts): RequestCounts {
  const sent = Object.entries(after).map(([name, count]) => [name, count - (before[name] ?? 0)] as const);
  return Object.fromEntries(sent.filter(([, count]) => count > 0));
}

async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => probe.once('listening', resolve));
  const { port } = probe.address() as AddressInfo;
  await new Promise((resolve) => probe.close(resolve));
  return port;
}
