import { spawn } from 'node:child_process';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { request } from 'undici';
import type { Lab } from '../lab/lab.ts';
import { identityOf, isAlive, signalProcess } from '../lab/process-identity.ts';
import type { ProcessIdentity } from '../lab/process-identity.ts';
import { GiveUp, until } from '../lab/until.ts';
import { hotwaveEnvironment, hotwaveProgram } from './hotwave-command.ts';
import type { WorkerProcess } from './world.ts';

/** The arguments of the worker, as they are shown and run. */
export const workerArguments: readonly string[] = ['worker', '--http', '127.0.0.1:0'];

/**
 * Starts `hotwave worker` as a process of its own, under the rights that deploy/rbac.yaml gives, and resolves when it
 * is ready. It carries the lab's mark, so that it ends with the lab whatever becomes of this process.
 * @throws Error with the end of its log when it does not get ready
 */
export async function startWorker(lab: Lab): Promise<WorkerProcess> {
  const file = join(lab.directory, 'logs', 'hotwave-worker.log');
  const log = openSync(file, 'a');
  const logStart = readFileSync(file).length;
  const child = spawn(process.execPath, [...hotwaveProgram, ...workerArguments], {
    detached: true,
    stdio: ['ignore', log, log],
    env: { ...hotwaveEnvironment(lab), KUBECONFIG: lab.kubeconfigOf('hotwave'), HOTWAVE_LAB: lab.directory },
  });
  closeSync(log);
  const identity = identityOf(child.pid ?? -1);
  if (!identity) throw new Error(`the worker did not start; see ${file}`);
  child.unref();
  const ownLog = (): string => readFileSync(file).subarray(logStart).toString();
  await until(
    { what: 'the worker to be ready', deadlineMs: 60_000, detail: () => `--- ${file}\n${ownLog().slice(-2000)}` },
    () => isReady(identity, ownLog()),
  );
  return {
    pid: identity.pid,
    kill: () => end(identity, 'SIGKILL'),
    stop: () => end(identity, 'SIGTERM'),
  };
}

async function isReady(identity: ProcessIdentity, log: string): Promise<boolean> {
  if (!isAlive(identity)) throw new GiveUp('it has ended');
  // It takes any free port and says which.
  const url = /"http":"(http:[^"]+)"/.exec(log)?.[1];
  if (url === undefined) return false;
  const { statusCode, body } = await request(`${url}/readyz`);
  await body.dump();
  return statusCode === 200;
}

async function end(identity: ProcessIdentity, signal: 'SIGTERM' | 'SIGKILL'): Promise<void> {
  signalProcess(identity, signal);
  const wait = { what: `worker ${identity.pid} to end after ${signal}`, deadlineMs: 8_000, everyMs: 20 };
  await until(wait, () => !isAlive(identity)).catch(() => signalProcess(identity, 'SIGKILL'));
  await until({ ...wait, what: `worker ${identity.pid} to end` }, () => !isAlive(identity));
}
