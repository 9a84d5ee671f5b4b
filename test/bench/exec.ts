import { WebSocket } from 'ws';
import type { ApiCredentials } from '../lab/api.ts';
import type { ContainerPlace } from '../lab/pod-exec.ts';

const DEADLINE_MS = 20_000;
const STATUS_CHANNEL = 3;

/**
 * Runs a command in a container over one connection of its own, with no more than that takes: what hotwave is compared
 * with is to be good.
 * @throws Error when the command fails, or does not end within 20 s
 */
export function execOnce(
  { server, token, certificateAuthority }: ApiCredentials,
  { namespace, pod, container }: ContainerPlace,
  command: readonly string[],
): Promise<void> {
  const query = new URLSearchParams({ container, stdout: 'true', stderr: 'true' });
  for (const word of command) query.append('command', word);
  const url = `${server.replace('http', 'ws')}/api/v1/namespaces/${namespace}/pods/${pod}/exec?${query.toString()}`;
  const { promise, resolve, reject } = Promise.withResolvers<undefined>();
  const fail = (why: string): void => reject(new Error(`${command.join(' ')} in ${pod} failed: ${why}`));
  const socket = new WebSocket(url, ['v5.channel.k8s.io', 'v4.channel.k8s.io'], {
    ca: certificateAuthority,
    headers: { authorization: `Bearer ${token}` },
    perMessageDeflate: false,
  });
  const deadline = setTimeout(() => fail(`it did not end within ${DEADLINE_MS / 1_000} s`), DEADLINE_MS);
  socket.on('message', (data: Buffer) => {
    if (data[0] !== STATUS_CHANNEL) return;
    const { status, message } = JSON.parse(data.subarray(1).toString()) as { status: string; message?: string };
    if (status === 'Success') resolve(undefined);
    else fail(message ?? status);
  });
  socket.on('close', () => fail('the connection closed'));
  socket.on('error', (error) => fail(error.message));
  return promise.finally(() => {
    clearTimeout(deadline);
    socket.terminate();
  });
}
