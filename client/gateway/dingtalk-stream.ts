import { once } from 'node:events';
import type { EventEmitter } from 'node:events';
import type { DWClientDownStream } from 'dingtalk-stream';
import type { DingtalkApi, DingtalkApp } from './dingtalk-api.ts';
import { failing, keepConnected } from './keep-connected.ts';
import type { VendorTools } from './vendor.ts';

/** The settings that a connection is opened with. */
export interface StreamParts {
  readonly app: DingtalkApp;
  readonly api: Pick<DingtalkApi, 'openConnection'>;
  readonly topic: string;
  /** Gives what is answered, undefined for a message that is not answered. Never rejects. */
  readonly answer: (message: DWClientDownStream) => Promise<object | undefined>;
  readonly warn: VendorTools['warn'];
}

const OPENING_MS = 10_000;
/**
 * Keeps a connection to DingTalk open until it is closed.
 * @returns closes it
 */
export function keepStream(parts: StreamParts): Promise<() => Promise<void>> {
  const { warn } = parts;
  return keepConnected({ vendor: 'dingtalk', warn, once: (signal, opened) => connectOnce(parts, signal, opened) });
}

/** One connection from its opening to its end, with a client of its own. @returns why it ended */
async function connectOnce(parts: StreamParts, signal: AbortSignal, opened: () => void): Promise<string> {
  const client = await newClient(parts);
  try {
    await client.getEndpoint();
    await Promise.race([client._connect(), failing(OPENING_MS)]);
    const socket = Reflect.get(client, 'socket') as EventEmitter;
    const closed = once(socket, 'close', { signal });
    opened();
    await closed;
    return 'it was closed';
  } catch (error) {
    return error instanceof Error ? error.message : 'unknown';
  } finally {
    // Ends its heartbeat as well, which the library leaves running otherwise.
    client.disconnect();
  }
}

/**
 * The library's client, for one connection. Ours are the request for the address, which the library would send with the
 * secret in its errors; the repetition, which the library doubles with each failure; and the care for malformed frames,
 * which end a process otherwise.
 */
async function newClient({ app, api, topic, answer, warn }: StreamParts) {
  const { DWClient } = await import('dingtalk-stream');
  const broken = (): void => warn('DingTalk sent a message that is not understood', { vendor: 'dingtalk' });

  class Connection extends DWClient {
    override async getEndpoint(): Promise<this> {
      return Object.assign(this, { dw_url: await api.openConnection([topic]) });
    }

    override onDownStream(data: string): void {
      try {
        super.onDownStream(data);
      } catch {
        broken();
      }
    }
  }

  const { clientId, clientSecret } = app;
  const options = { clientId, clientSecret, keepAlive: true, autoReconnect: false };
  const client = new Connection(options);
  client.registerCallbackListener(topic, (message) => {
    void answer(message).then((value) => {
      if (value === undefined) broken();
      else client.socketCallBackResponse(message.headers.messageId, value);
    });
  });
  return client;
}
