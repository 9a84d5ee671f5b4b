import { existsSync, readFileSync } from 'node:fs';
import { request } from 'undici';
import type { Lab } from '../lab/lab.ts';
import { Supervisor } from '../lab/process.ts';
import { isAlive, signalProcess } from '../lab/process-identity.ts';
import { until } from '../lab/until.ts';
import { hotwaveEnvironment, hotwaveProgram } from './hotwave-command.ts';
import type { WorkerProcess } from './world.ts';

/** The arguments of the worker, as they are shown and run. */
export const workerArguments: readonly string[] = ['worker', '--http', '127.0.0.1:0'];

/** A worker on a lab. */
export interface LabWorker extends WorkerProcess {
  readonly logFile: string;
}

/**
 * Starts `hotwave worker` as a program of a lab, under the rights that deploy/rbac.yaml gives, and resolves when it is ready.
 * It ends with the lab, whatever becomes of this process.
 * @throws Error with the end of its log when it does not get ready
 */
export async function startWorker(lab: Lab): Promise<LabWorker> {
  const supervisor = new Supervisor(lab.directory);
  const logFile = supervisor.logFile('worker');
  const logStart = existsSync(logFile) ? readFileSync(logFile).length : 0;
  const identity = await supervisor.start({
    name: 'worker',
    command: process.execPath,
    args: [...hotwaveProgram, ...workerArguments],
    environment: { ...hotwaveEnvironment(lab), KUBECONFIG: lab.kubeconfigOf('hotwave') },
    stopDeadlineMs: 8_000,
  });
  await supervisor.waitFor('worker', { what: 'the worker to be ready', deadlineMs: 60_000 }, () =>
    isReady(readFileSync(logFile).subarray(logStart).toString()),
  );
  return {
    pid: identity.pid,
    logFile,
    async kill() {
      signalProcess(identity, 'SIGKILL');
      const wait = { what: `worker ${identity.pid} to end`, deadlineMs: 8_000, everyMs: 20 };
      await until(wait, () => !isAlive(identity));
    },
    stop: () => supervisor.stop('worker'),
  };
}

async function isReady(log: string): Promise<boolean> {
  // It takes any free port and says which.
  const url = /"http":"(http:[^"]+)"/.exec(log)?.[1];
  if (url === undefined) return false;
  const { statusCode, body } = await request(`${url}/readyz`);
  await body.dump();
  return statusCode === 200;
}
