import { connect } from 'node:net';
import { networkCode } from './errors.ts';
import type { TcpOutcome, TcpRequest } from '../activities/ports/probes.ts';

const SENTENCES: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'connection refused',
  ECONNRESET: 'connection reset',
  EHOSTUNREACH: 'no route to host',
  ENETUNREACH: 'no route to host',
  ETIMEDOUT: 'no connection in time',
};

/**
 * Opens a connection and closes it at once.
 *
 * @throws the reason of `signal` when the caller gave up; never for what happens to the connection.
 */
export async function tcpConnect({ host, port, timeoutMs }: TcpRequest, signal?: AbortSignal): Promise<TcpOutcome> {
  signal?.throwIfAborted();
  const limits = [AbortSignal.timeout(timeoutMs), ...(signal ? [signal] : [])];
  const socket = connect({ host, port, signal: AbortSignal.any(limits) });
  const outcome = await new Promise<TcpOutcome>((resolve) => {
    socket.once('connect', () => resolve({ kind: 'connected' }));
    socket.once('error', (error) => {
      const code = networkCode(error);
      const late = error.name === 'AbortError' ? `no connection within ${timeoutMs / 1000} s` : undefined;
      resolve({ kind: 'failed', message: late ?? SENTENCES[code] ?? (code === '' ? 'no connection' : code) });
    });
  });
  socket.destroy();
  signal?.throwIfAborted();
  return outcome;
}
