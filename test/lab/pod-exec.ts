import { Exec, KubeConfig } from '@kubernetes/client-node';
import type { V1Status } from '@kubernetes/client-node';
import { PassThrough } from 'node:stream';
import { text } from 'node:stream/consumers';

/** The result of a command in a container. */
export interface ExecResult {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** A container of a pod. */
export interface ContainerPlace {
  readonly namespace: string;
  readonly pod: string;
  readonly container: string;
}

/**
 * Runs a command in a container, as a test's own hand and eye.
 * @param kubeconfig the file of the user who runs it
 * @throws Error when the command could not be started at all, or did not end within 20 s
 */
export async function execInPod(
  kubeconfig: string,
  place: ContainerPlace,
  command: readonly string[],
): Promise<ExecResult> {
  const config = new KubeConfig();
  config.loadFromFile(kubeconfig);
  const [stdout, stderr] = [new PassThrough(), new PassThrough()];
  const texts = Promise.all([text(stdout), text(stderr)]);
  const { promise: status, resolve, reject } = Promise.withResolvers<V1Status>();
  const { namespace, pod, container } = place;
  const socket = await new Exec(config).exec(
    namespace,
    pod,
    container,
    [...command],
    stdout,
    stderr,
    null,
    false,
    resolve,
  );
  const deadline = setTimeout(() => {
    reject(new Error(`${command.join(' ')} in ${pod} did not end within 20 s`));
    socket.close();
  }, 20_000);
  const exitCode = exitCodeOf(await status.finally(() => clearTimeout(deadline)));
  stdout.end();
  stderr.end();
  const [out, error] = await texts;
  return { exitCode, stdout: out, stderr: error };
}

function exitCodeOf(status: V1Status): number {
  if (status.status === 'Success') return 0;
  const cause = status.details?.causes?.find(({ reason }) => reason === 'ExitCode');
  if (cause?.message === undefined) throw new Error(`the command did not run: ${status.message ?? 'no reason given'}`);
  return Number(cause.message);
}
