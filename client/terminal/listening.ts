import type { ServerType } from '@hono/node-server';
import { once } from 'node:events';
import type { ListenAddress } from '../../release/settings/listen-address.ts';
import { EXIT } from './exit-codes.ts';
import { ExitError } from './exit-error.ts';

/**
 * Waits until a server listens, and says where: `http://127.0.0.1:9465`.
 * @param setting the variable that says where it listens
 * @throws ExitError when it cannot listen there
 */
export async function listening(server: ServerType, { host, port }: ListenAddress, setting: string): Promise<string> {
  try {
    if (!server.listening) await once(server, 'listening');
  } catch (error) {
    const { code = 'unknown' } = error as NodeJS.ErrnoException;
    throw new ExitError(EXIT.usage, `${host}:${port} cannot be listened on (${code}): set ${setting}`);
  }
  const address = server.address();
  if (address === null || typeof address === 'string') return String(address);
  return `http://${address.family === 'IPv6' ? `[${address.address}]` : address.address}:${address.port}`;
}
