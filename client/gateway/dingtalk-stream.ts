import { once } from 'node:events';
import type { EventEmitter } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import type { DWClientDownStream } from 'dingtalk-stream';
import type { DingtalkApi, DingtalkApp } from './dingtalk-api.ts';
import type { VendorTools } from './slack.ts';

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
const FIRST_PAUSE = 1_000;
const LONGEST_PAUSE = 30_000;
/** A connection that lasted so long was a good one: the next one need not wait. */
const GOOD_MS = 60_000;

/**
 * Keeps a connection to DingTalk open until it is closed. Resolves when it is open or has failed once: a DingTalk that
 * is down keeps no gateway from its other chats.
 * @returns closes it
 */
export async function keepConnected(parts: StreamParts): Promise<() => Promise<void>> {
  const stopping = new AbortController();
  const isStopped = (): boolean => stopping.signal.aborted;
  const tried = Promise.withResolvers<undefined>();
  const running = (async () => {
    let pause = FIRST_PAUSE;
    while (!isStopped()) {
      const began = performance.now();
      const reason = await connectOnce(parts, stopping.signal, () => tried.resolve(undefined));
      tried.resolve(undefined);
      if (isStopped()) return;
      parts.warn('the connection to DingTalk is broken; it is opened again', { vendor: 'dingtalk', reason });
      pause = performance.now() - began > GOOD_MS ? FIRST_PAUSE : pause;
      const wait = (0.5 + Math.random() / 2) * pause;
      await delay(wait, undefined, { signal: stopping.signal }).catch(() => undefined);
      pause = Math.min(LONGEST_PAUSE, 2 * pause);
    }
  })();
  await tried.promise;
  return async () => {
    stopping.abort();
    await running;
  };
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

async function failing(afterMs: number): Promise<never> {
  await delay(afterMs, undefined, { ref: false });
  throw new Error(`it does not open within ${afterMs / 1_000} s`);
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
