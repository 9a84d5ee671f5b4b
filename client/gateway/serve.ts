import { serve as listen } from '@hono/node-server';
import type { ServerType } from '@hono/node-server';
import { once } from 'node:events';
import { pino } from 'pino';
import type { DestinationStream } from 'pino';
import { redacted } from '../../release/spec/redact.ts';
import { unknownVariables } from '../../release/settings/environment.ts';
import { signDecision } from '../decisions/ssh-signature.ts';
import type { Temporal } from '../temporal/connect.ts';
import { EXIT } from '../terminal/exit-codes.ts';
import type { ExitCode } from '../terminal/exit-codes.ts';
import { ExitError } from '../terminal/exit-error.ts';
import type { Io } from '../terminal/io.ts';
import { gatewayApp } from './app.ts';
import { releasesOf } from './releases.ts';
import { gatewaySettings } from './settings.ts';
import type { GatewaySettings } from './settings.ts';
import { clickTaker } from './take-click.ts';
import type { ChatVendor } from './vendor.ts';

/** A gateway that runs. */
export interface RunningGateway {
  /** `http://host:port` */
  readonly url: string;
  /** Takes nothing new, and ends what is under way within two seconds. */
  close(): Promise<void>;
}

type Log = (level: 'info' | 'warn', message: string, fields?: Readonly<Record<string, string>>) => void;

/** Runs a gateway until it is interrupted. */
export async function serveGateway(io: Io, temporal: Temporal): Promise<ExitCode> {
  const settings = await gatewaySettings(io.env, (path) => io.readText(path));
  const log = gatewayLog(io.stderr);
  const unknown = unknownVariables(io.env);
  if (unknown.length > 0) log('warn', `no settings of hotwave, so nothing follows from them: ${unknown.join(', ')}`);
  const gateway = await startGateway(settings, temporal, { now: () => io.now(), log });
  log('info', `gateway at ${gateway.url}, for Temporal at ${temporal.address}`);
  await new Promise<void>((resolve) => void io.onInterrupt(resolve));
  await gateway.close();
  log('info', 'gateway stopped; who clicked and got no answer clicks again, which counts once');
  return EXIT.ok;
}

/** Opens connections to the chats, then listens. @throws ExitError when the address is taken */
async function startGateway(
  settings: GatewaySettings,
  temporal: Pick<Temporal, 'client' | 'call' | 'connection'>,
  { now, log }: { readonly now: () => number; readonly log: Log },
): Promise<RunningGateway> {
  const warn = (message: string, fields: Readonly<Record<string, string>>): void => log('warn', message, fields);
  const stopping = new AbortController();
  const vendors = await vendorsOf(settings, { now, warn });
  const take = clickTaker({
    releases: releasesOf(temporal),
    sign: (decision, at) => signDecision(decision, settings.signKey, at),
    now,
    log: (message, fields) => log('info', message, fields),
    stopping: stopping.signal,
  });
  const ready = async (): Promise<void> => {
    await temporal.call(() => temporal.connection.workflowService.getSystemInfo({}), 1_000);
  };
  const app = gatewayApp({ ...settings, vendors, take, now, ready, warn });
  const server = listen({ fetch: app.fetch, hostname: settings.http.host, port: settings.http.port });
  await listening(server, settings.http);
  const closers = await Promise.all(vendors.map(async (vendor) => await vendor.connect?.(take)));
  return {
    url: urlOf(server),
    async close() {
      stopping.abort();
      await Promise.all(closers.map(async (close) => await close?.()));
      const closed = once(server, 'close');
      server.close();
      const force = setTimeout(() => 'closeAllConnections' in server && server.closeAllConnections(), 2_500);
      await closed;
      clearTimeout(force);
    },
  };
}

/** The chats that are set up; each loads its library only then. */
async function vendorsOf(
  { slack, feishu }: GatewaySettings,
  tools: {
    readonly now: () => number;
    readonly warn: (message: string, fields: Readonly<Record<string, string>>) => void;
  },
): Promise<ChatVendor[]> {
  const vendors: ChatVendor[] = [];
  if (slack) vendors.push(await (await import('./slack.ts')).slackVendor(slack, tools));
  if (feishu) vendors.push(await (await import('./feishu.ts')).feishuVendor(feishu, tools));
  return vendors;
}

async function listening(server: ServerType, { host, port }: GatewaySettings['http']): Promise<void> {
  try {
    if (!server.listening) await once(server, 'listening');
  } catch (error) {
    const { code = 'unknown' } = error as NodeJS.ErrnoException;
    throw new ExitError(EXIT.usage, `${host}:${port} cannot be listened on (${code}): set HOTWAVE_GATEWAY_HTTP`);
  }
}

function urlOf(server: ServerType): string {
  const address = server.address();
  if (address === null || typeof address === 'string') return String(address);
  const host = address.family === 'IPv6' ? `[${address.address}]` : address.address;
  return `http://${host}:${address.port}`;
}

/** A JSON line for each event, with fields that we name and nothing else. */
function gatewayLog(destination: DestinationStream): Log {
  const sink = pino({ base: { pid: process.pid }, timestamp: pino.stdTimeFunctions.isoTime }, destination);
  return (level, message, fields = {}) => {
    const clean = Object.fromEntries(Object.entries(fields).map(([name, value]) => [name, redacted(value)]));
    sink[level](clean, redacted(message));
  };
}
