import { fileURLToPath } from 'node:url';
import type { NodeOptions } from './lab-contract.ts';

/** Starts a scheduler that puts every pod which names no node on one node, so that any manifest runs on the lab as it is. */
export async function startScheduler({ supervisor, controlPlane }: NodeOptions, nodeName: string): Promise<void> {
  const program = fileURLToPath(new URL('./scheduler-daemon.ts', import.meta.url));
  await supervisor.start({
    name: 'scheduler',
    command: process.execPath,
    args: [
      '--disable-warning=ExperimentalWarning',
      program,
      `--kubeconfig=${controlPlane.kubeconfigOf('admin')}`,
      `--node=${nodeName}`,
    ],
  });
}
