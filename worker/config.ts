import { loadClientConnectConfig } from '@temporalio/envconfig';
import type { NativeConnectionOptions } from '@temporalio/worker';
import { z } from 'zod';
import type { MetricsSource } from '../cluster/prometheus.ts';
import { clusterName } from '../release/spec/names.ts';
import { metricsSources } from './metrics-sources.ts';
import { EXIT_USAGE, StartFailure } from './start-failure.ts';

/** The flags of `hotwave worker` as a person typed them. */
export interface WorkerFlags {
  readonly address?: string | undefined;
  readonly temporalNamespace?: string | undefined;
  readonly profile?: string | undefined;
  readonly cluster?: string | undefined;
  readonly kubeconfig?: string | undefined;
  readonly context?: string | undefined;
  readonly http?: string | undefined;
  readonly logLevel?: string | undefined;
  readonly buildId?: string | undefined;
  readonly concurrency?: string | undefined;
}

/** Where Temporal is and how to get in. `connection` may hold credentials: it is never logged. */
export interface TemporalTarget {
  readonly address: string;
  readonly namespace: string;
  readonly connection: NativeConnectionOptions;
}

/** Everything a worker needs to know, checked. */
export interface WorkerConfig {
  readonly temporal: TemporalTarget;
  /** The name that releases, task queue and lock use for the cluster. */
  readonly cluster: string;
  readonly kubeconfig: { readonly path?: string; readonly context?: string };
  /** Where health and metrics are served; undefined when off. */
  readonly http: { readonly host: string; readonly port: number } | undefined;
  readonly logLevel: LogLevelName;
  /** Turns worker versioning on. */
  readonly buildId: string | undefined;
  readonly activitySlots: number;
  /** The file with the freeze windows of the cluster; undefined when it has none. */
  readonly calendar: string | undefined;
  /** Where health checks by Prometheus may be asked, with credentials: never logged. */
  readonly metrics: readonly MetricsSource[];
}

/** Levels of the log, most talkative first. */
export type LogLevelName = z.output<typeof settings.logLevel.schema>;

const ADDRESS = /^(?<host>\[[\da-f:.]+\]|[^\s:[\]]+):(?<port>\d{1,5})$/i;

function parseAddress(text: string, context: z.RefinementCtx): { host: string; port: number } | undefined {
  if (text === 'off') return undefined;
  const { host, port } = ADDRESS.exec(text)?.groups ?? {};
  if (host !== undefined && Number(port) <= 65_535) return { host: host.replace(/^\[|\]$/g, ''), port: Number(port) };
  context.addIssue({ code: 'custom', message: 'expected HOST:PORT such as 127.0.0.1:9464, or off' });
  return z.NEVER;
}

/** The settings that are hotwave's own: flag, environment variable, default, and what a value must look like. */
const settings = {
  cluster: {
    flag: '--cluster',
    variable: 'HOTWAVE_CLUSTER',
    standard: 'default',
    schema: clusterName,
  },
  http: {
    flag: '--http',
    variable: 'HOTWAVE_HTTP',
    standard: '127.0.0.1:9464',
    schema: z.string().transform(parseAddress),
  },
  logLevel: {
    flag: '--log-level',
    variable: 'HOTWAVE_LOG_LEVEL',
    standard: 'info',
    schema: z.enum(['trace', 'debug', 'info', 'warn', 'error'], {
      error: 'expected trace, debug, info, warn or error',
    }),
  },
  buildId: {
    flag: '--build-id',
    variable: 'HOTWAVE_BUILD_ID',
    standard: undefined,
    schema: z
      .string()
      .max(128)
      .regex(/^[\w+-][\w.+-]*$/, 'expected letters, digits and ._+- such as 1.4.0-3f2a')
      .optional(),
  },
  concurrency: {
    flag: '--concurrency',
    variable: 'HOTWAVE_CONCURRENCY',
    standard: '100',
    schema: z
      .string()
      .regex(/^\d+$/, 'expected a whole number from 1 to 1000')
      .transform(Number)
      .pipe(
        z.number().min(1, 'expected a whole number from 1 to 1000').max(1000, 'expected a whole number from 1 to 1000'),
      ),
  },
} as const;

type Setting = keyof typeof settings;
type Environment = Readonly<Record<string, string | undefined>>;

function filled(text: string | undefined): string | undefined {
  return text === undefined || text === '' ? undefined : text;
}

function read<Name extends Setting>(
  name: Name,
  flags: WorkerFlags,
  environment: Environment,
): z.output<(typeof settings)[Name]['schema']> {
  const { flag, variable, standard, schema } = settings[name];
  const fromFlag = filled(flags[name]);
  const value = fromFlag ?? filled(environment[variable]) ?? standard;
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data as z.output<(typeof settings)[Name]['schema']>;
  const origin = fromFlag === undefined ? variable : flag;
  const reason = parsed.error.issues[0]?.message ?? 'not understood';
  throw new StartFailure(EXIT_USAGE, `${origin} is ${JSON.stringify(value)}: ${reason}`);
}

function temporalTarget(flags: WorkerFlags, environment: Environment): TemporalTarget {
  const { connectionOptions, namespace } = loadTemporalSettings(flags, environment);
  const address = filled(flags.address) ?? connectionOptions.address ?? '127.0.0.1:7233';
  if (!ADDRESS.test(address)) {
    const origin = filled(flags.address) === undefined ? 'TEMPORAL_ADDRESS' : '--address';
    throw new StartFailure(
      EXIT_USAGE,
      `${origin} is ${JSON.stringify(address)}: expected HOST:PORT such as 127.0.0.1:7233`,
    );
  }
  return {
    address,
    namespace: filled(flags.temporalNamespace) ?? namespace ?? 'default',
    connection: { ...connectionOptions, address },
  };
}

function loadTemporalSettings(
  flags: WorkerFlags,
  environment: Environment,
): ReturnType<typeof loadClientConnectConfig> {
  const profile = filled(flags.profile);
  const variables = Object.entries(environment).filter((entry): entry is [string, string] => entry[1] !== undefined);
  try {
    return loadClientConnectConfig({
      ...(profile === undefined ? {} : { profile }),
      overrideEnvVars: Object.fromEntries(variables),
    });
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new StartFailure(EXIT_USAGE, `the Temporal connection settings cannot be used: ${reason}`);
  }
}

/**
 * Reads flags, then environment variables, then defaults; Temporal's own settings also from its configuration file.
 *
 * @throws StartFailure with exit code 64 and one sentence about the first value that cannot work.
 */
export function workerConfig(flags: WorkerFlags, environment: Environment): WorkerConfig {
  const path = filled(flags.kubeconfig);
  const context = filled(flags.context);
  return {
    cluster: read('cluster', flags, environment),
    http: read('http', flags, environment),
    logLevel: read('logLevel', flags, environment),
    buildId: read('buildId', flags, environment),
    activitySlots: read('concurrency', flags, environment),
    metrics: metricsSources(environment),
    calendar: filled(environment['HOTWAVE_CALENDAR']),
    kubeconfig: { ...(path === undefined ? {} : { path }), ...(context === undefined ? {} : { context }) },
    temporal: temporalTarget(flags, environment),
  };
}
