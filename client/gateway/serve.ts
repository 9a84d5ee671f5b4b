import { serve as listen } from '@hono/node-server';
import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import { pino } from 'pino';
import type { DestinationStream } from 'pino';
import { redacted } from '../../release/spec/redact.ts';
import { unknownVariables } from '../../release/settings/environment.ts';
import { signDecision } from '../decisions/ssh-signature.ts';
import type { Temporal } from '../temporal/connect.ts';
import { EXIT } from '../terminal/exit-codes.ts';
import type { ExitCode } from '../terminal/exit-codes.ts';
import { listening } from '../terminal/listening.ts';
import type { Io } from '../terminal/io.ts';
import { gatewayApp } from './app.ts';
import { releasesOf } from './releases.ts';
import { gatewaySettings } from './settings.ts';
import type { GatewaySettings } from './settings.ts';
import { clickTaker } from './take-click.ts';
import type { ChatVendor, TakeClick } from './vendor.ts';

/** A gateway that runs. */
export interface RunningGateway {
  /** `http://host:port` */
  readonly url: string;
  /** Takes nothing new, and ends what is under way within four seconds. */
  close(): Promise<void>;
}

type Log = (level: 'info' | 'warn', message: string, fields?: Readonly<Record<string, string>>) => void;

/** Runs a gateway until it is interrupted. */
export async function serveGateway(io: Io, temporal: Temporal): Promise<ExitCode> {
  const settings = await gatewaySettings(io.env, (path) => io.readText(path));
  const log = gatewayLog(io.stderr);
  const unknown = unknownVariables(io.env);
  if (unknown.length > 0) log('warn', `no settings of hotwave, so nothing follows from them: ${unknown.join(', ')}`);
  const interrupted = new Promise<void>((resolve) => void io.onInterrupt(resolve));
  const gateway = await startGateway(settings, temporal, { now: () => io.now(), log });
  log('info', `gateway at ${gateway.url}, for Temporal at ${temporal.address}`);
  await interrupted;
  await gateway.close();
  log('info', 'gateway stopped; who clicked and got no answer clicks again, which counts once');
  return EXIT.ok;
}

/** Listens, and opens connections to the chats. @throws ExitError when the address is taken */
export async function startGateway(
  settings: GatewaySettings,
  temporal: Temporal,
  { now, log }: { readonly now: () => number; readonly log: Log },
): Promise<RunningGateway> {
  const warn = (message: string, fields: Readonly<Record<string, string>>): void => log('warn', message, fields);
  const vendors = await vendorsOf(settings, { now, warn });
  const releases = releasesOf(temporal);
  const { take, settled } = underWay(
    clickTaker({
      releases,
      sign: (decision, at) => signDecision(decision, settings.signKey, at),
      now,
      log: (message, fields) => log('info', message, fields),
    }),
  );
  const trouble = (): Promise<string | undefined> => releases.trouble(READY_MS);
  const app = gatewayApp({ ...settings, vendors, take, now, trouble, warn });
  const server = listen({ fetch: app.fetch, hostname: settings.http.host, port: settings.http.port });
  const url = await listening(server, settings.http, 'HOTWAVE_GATEWAY_HTTP');
  const connections = vendors.map((vendor) => connected(vendor, take, warn));
  return {
    url,
    async close() {
      const closed = once(server, 'close');
      server.close();
      // Their answers go over the connections.
      await Promise.race([settled(), delay(SETTLE_MS)]);
      await Promise.race([Promise.all(connections.map((close) => close())), delay(HANG_UP_MS)]);
      if ('closeAllConnections' in server) server.closeAllConnections();
      await closed;
    },
  };
}

/** Milliseconds that Temporal has to show that it is there, that clicks under way may take, and that chats may. */
const READY_MS = 1_000;
const SETTLE_MS = 2_500;
const HANG_UP_MS = 1_000;

/** Knows which clicks are under way. */
function underWay(taker: TakeClick): { readonly take: TakeClick; readonly settled: () => Promise<unknown> } {
  const clicks = new Set<Promise<string>>();
  const take: TakeClick = (click) => {
    const taken = taker(click).finally(() => clicks.delete(taken));
    clicks.add(taken);
    return taken;
  };
  return { take, settled: () => Promise.allSettled(clicks) };
}

const LONGEST_PAUSE = 30_000;

/** Opens the connection of a chat, again until it works: a chat that is down keeps nobody else waiting. Closes it. */
function connected(
  vendor: ChatVendor,
  take: TakeClick,
  warn: (message: string, fields: Readonly<Record<string, string>>) => void,
): () => Promise<void> {
  const stopping = new AbortController();
  const opened = (async () => {
    for (let pause = 1_000; !stopping.signal.aborted; pause = Math.min(LONGEST_PAUSE, 2 * pause)) {
      try {
        return await vendor.connect?.(take);
      } catch (error) {
        const reason = error instanceof Error ? error.message : 'unknown';
        warn('the connection to a chat could not be opened; it is tried again', { vendor: vendor.name, reason });
        await delay(pause, undefined, { signal: stopping.signal }).catch(() => undefined);
      }
    }
    return undefined;
  })();
  return async () => {
    stopping.abort();
    await (
      await opened
    )?.();
  };
}

/** The chats that are set up; each loads its library only then. */
async function vendorsOf(
  { slack, feishu, dingtalk }: GatewaySettings,
  tools: {
    readonly now: () => number;
    readonly warn: (message: string, fields: Readonly<Record<string, string>>) => void;
  },
): Promise<ChatVendor[]> {
  const vendors: ChatVendor[] = [];
  if (slack) vendors.push(await (await import('./slack.ts')).slackVendor(slack, tools));
  if (feishu) vendors.push(await (await import('./feishu.ts')).feishuVendor(feishu, tools));
  if (dingtalk) vendors.push((await import('./dingtalk.ts')).dingtalkVendor(dingtalk, tools));
  return vendors;
}

/** A JSON line for each event, with fields that we name and nothing else. */
function gatewayLog(destination: DestinationStream): Log {
  const sink = pino({ base: { pid: process.pid }, timestamp: pino.stdTimeFunctions.isoTime }, destination);
  return (level, message, fields = {}) => {
    const clean = Object.fromEntries(Object.entries(fields).map(([name, value]) => [name, redacted(value)]));
    sink[level](clean, redacted(message));
  };
}
