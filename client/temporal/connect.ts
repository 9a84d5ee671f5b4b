import { Client, Connection, defaultGrpcRetryOptions, makeGrpcRetryInterceptor } from '@temporalio/client';
import { loadClientConfigProfile, toClientOptions } from '@temporalio/envconfig';
import { existsSync } from 'node:fs';
import { converterOf, keysOf } from '../../codec/data-converter.ts';
import type { Converter } from '../../codec/data-converter.ts';
import { temporalTarget } from '../../release/settings/temporal-target.ts';
import type { ConnectionFlags } from '../terminal/flags.ts';
import type { Io } from '../terminal/io.ts';
import { explainTemporalError, isCrowded, isLostTask, unreachable } from './temporal-errors.ts';

/** A connection to Temporal. */
export interface Temporal {
  readonly client: Client;
  readonly connection: Connection;
  readonly address: string;
  readonly namespace: string;
  /** Runs requests under a deadline: without one, a request to Temporal can wait for ever. */
  readonly call: <Result>(requests: () => Promise<Result>, milliseconds?: number) => Promise<Result>;
}

/** Long enough for a slow network, short enough for a person who mistyped the address. */
const CONNECT_TIMEOUT = 3_000;
const CALL_TIMEOUT = 5_000;

/** Connects, lets `use` work, closes. Errors of Temporal come out as sentences with an exit code. */
export async function withTemporal<Result>(
  io: Io,
  flags: ConnectionFlags,
  use: (temporal: Temporal) => Promise<Result>,
  connecting: Connecting = open,
): Promise<Result> {
  const temporal = await connect(io, flags, connecting);
  try {
    return await use(temporal);
  } catch (error) {
    throw explainTemporalError(error, temporal);
  } finally {
    await temporal.connection.close();
  }
}

async function connect(io: Io, flags: ConnectionFlags, connecting: Connecting): Promise<Temporal> {
  const keys = await keysOf(io.env, () => io.now());
  const {
    address,
    namespace,
    connection: settings,
  } = temporalTarget(flags, io.env, {
    load: loadClientConfigProfile,
    connect: toClientOptions,
    exists: existsSync,
  });
  const { tls, apiKey, metadata } = settings;
  const connection = await connecting({
    address,
    ...(tls === undefined ? {} : { tls }),
    ...(apiKey === undefined ? {} : { apiKey }),
    ...(metadata === undefined ? {} : { metadata }),
    hints: waysToTemporal(io.env, tls),
  });
  const dataConverter = converterOf(keys);
  return temporalOver(connection, { address, namespace, identity: `hotwave-cli@${io.user}`, dataConverter });
}

/** The stages of requests over an open connection. */
export function temporalOver(
  connection: Connection,
  {
    address,
    namespace,
    identity,
    dataConverter = converterOf(undefined),
  }: Pick<Temporal, 'address' | 'namespace'> & { readonly identity: string; readonly dataConverter?: Converter },
): Temporal {
  return {
    client: new Client({ connection, namespace, identity, dataConverter }),
    connection,
    address,
    namespace,
    call: (requests, milliseconds = CALL_TIMEOUT) => connection.withDeadline(Date.now() + milliseconds, requests),
  };
}

/** A gRPC status, as the SDK's interceptor sees it. */
type StatusObject = Parameters<ReturnType<typeof defaultGrpcRetryOptions>['retryableDecider']>[1];

/** How to connect; the address is what error sentences name, and the hints go with the one that nobody answers. */
export type ConnectSettings = NonNullable<Parameters<typeof Connection.connect>[0]> & {
  readonly address: string;
  readonly hints?: readonly string[];
};

/** How a connection comes about. */
export type Connecting = (settings: ConnectSettings) => Connection | Promise<Connection>;

/**
 * The variables that @grpc/grpc-js (1.14) reads; the first that is set counts. It says nothing of why nobody answers
 * behind it.
 */
const PROXIES = ['grpc_proxy', 'https_proxy', 'http_proxy'];

/** The parts that a person cannot see of the way to a Temporal that does not answer. */
function waysToTemporal(environment: Io['env'], tls: unknown): string[] {
  const proxy = PROXIES.find((name) => environment[name]);
  return [
    ...(proxy === undefined
      ? []
      : [`it is asked through the proxy in ${proxy}; put its host into no_proxy if it need not be`]),
    ...(tls
      ? ['it is asked with TLS, as TEMPORAL_API_KEY, TEMPORAL_TLS or the profile says: a server without TLS is silent']
      : []),
  ];
}

/** Times that a request is sent whose workflow task was lost. */
const MOST_TRIES = 4;

/**
 * True when a request that failed is sent once more. It is for the SDK to say, but for two things: crowds, whose clients
 * would all come back at the same moments, and a lost workflow task, which Temporal calls final although the next task takes
 * the update; it has its id, so that it counts once.
 */
export function isSentAgain(attempt: number, status: StatusObject): boolean {
  if (isCrowded(status)) return false;
  if (isLostTask(status)) return attempt < MOST_TRIES;
  return SDK_RETRY.retryableDecider(attempt, status);
}

const SDK_RETRY = defaultGrpcRetryOptions();

const interceptors = [makeGrpcRetryInterceptor({ ...SDK_RETRY, retryableDecider: isSentAgain })];

/**
 * Bytes of one answer: more than Temporal keeps of a run, 50 MiB. gRPC takes 4 MiB, which the history of 10,000 servers is
 * over; the SDK (1.24) means to raise that and leaves out the `grpc.` of the name.
 */
const LARGE = { 'grpc.max_receive_message_length': 128 * 2 ** 20 };
/** A process that serves others must see soon that Temporal is back: gRPC would wait for up to two minutes. */
const OFTEN = { ...LARGE, 'grpc.initial_reconnect_backoff_ms': 200, 'grpc.max_reconnect_backoff_ms': 1_000 };

/** Connects with the first request, and again whenever it has to. */
export function openLater({ hints: _hints, ...settings }: ConnectSettings): Connection {
  return Connection.lazy({ interceptors, channelArgs: OFTEN, ...settings });
}

/**
 * Connects.
 * @throws ExitError when Temporal does not answer
 */
export async function open({ hints = [], ...settings }: ConnectSettings): Promise<Connection> {
  try {
    return await Connection.connect({
      connectTimeout: CONNECT_TIMEOUT,
      interceptors,
      channelArgs: LARGE,
      ...settings,
    });
  } catch (error) {
    throw unreachable(settings.address, error, hints);
  }
}
