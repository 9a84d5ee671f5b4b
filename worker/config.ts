import { existsSync } from 'node:fs';
import { loadClientConfigProfile, toClientOptions } from '@temporalio/envconfig';
import type { NativeConnectionOptions } from '@temporalio/worker';
import { z } from 'zod';
import type { MetricsSource } from '../cluster/prometheus.ts';
import { demandReadable, SettingTrouble, settingsOf, unknownVariables } from '../release/settings/environment.ts';
import type { Environment } from '../release/settings/environment.ts';
import { ADDRESS, temporalTarget } from '../release/settings/temporal-target.ts';
import type { TemporalTarget } from '../release/settings/temporal-target.ts';
import { clusterName } from '../release/spec/names.ts';
import { plainText } from '../release/spec/plain-text.ts';
import { metricsSources } from './metrics-sources.ts';

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

/** Everything a worker needs to know, checked. */
export interface WorkerConfig {
  readonly temporal: TemporalTarget<NativeConnectionOptions>;
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
  /** The file that says who may decide in the cluster; undefined when anybody may. */
  readonly policy: string | undefined;
  /** The file with the keys that payloads are encrypted with; undefined when they are not. */
  readonly keysFile: string | undefined;
  /** Where health checks by Prometheus may be asked, with credentials: never logged. */
  readonly metrics: readonly MetricsSource[];
  /** The file with the authorities of those over https; undefined when those of Node.js do. */
  readonly metricsCa: string | undefined;
  /** Variables with hotwave's prefix that it does not know. */
  readonly unknown: readonly string[];
}

/** Levels of the log, most talkative first. */
export type LogLevelName = z.output<typeof settings.logLevel.schema>;

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

function read<Name extends Setting>(
  name: Name,
  flags: WorkerFlags,
  environment: Environment,
): z.output<(typeof settings)[Name]['schema']> {
  const { flag, variable, standard, schema } = settings[name];
  const value = flags[name] ?? environment[variable] ?? standard;
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data as z.output<(typeof settings)[Name]['schema']>;
  const origin = flags[name] === undefined ? variable : flag;
  const reason = parsed.error.issues[0]?.message ?? 'not understood';
  throw new SettingTrouble(`${origin} ${JSON.stringify(plainText(value ?? '', 200))}: ${reason}`);
}

/** A chart fills in flags that nobody has given a value. */
function given(flags: WorkerFlags): WorkerFlags {
  const trimmed = Object.entries(flags).map(([name, value]: [string, string | undefined]) => [name, value?.trim()]);
  return Object.fromEntries(trimmed.filter(([, value]) => value !== '')) as WorkerFlags;
}

/**
 * Reads flags, then environment variables, then defaults; Temporal's own settings also from its configuration file.
 *
 * @throws SettingTrouble with one sentence about the first value that cannot work.
 */
export function workerConfig(typed: WorkerFlags, surroundings: Environment): WorkerConfig {
  const flags = given(typed);
  const environment = settingsOf(surroundings);
  demandReadable(environment);
  const { kubeconfig: path, context } = flags;
  return {
    cluster: read('cluster', flags, environment),
    http: read('http', flags, environment),
    logLevel: read('logLevel', flags, environment),
    buildId: read('buildId', flags, environment),
    activitySlots: read('concurrency', flags, environment),
    metrics: metricsSources(environment),
    metricsCa: environment['HOTWAVE_METRICS_CA'],
    calendar: environment['HOTWAVE_CALENDAR'],
    policy: environment['HOTWAVE_POLICY'],
    keysFile: environment['HOTWAVE_ENCRYPTION_KEYS_FILE'],
    kubeconfig: { ...(path === undefined ? {} : { path }), ...(context === undefined ? {} : { context }) },
    temporal: temporalTarget(flags, environment, {
      load: loadClientConfigProfile,
      connect: toClientOptions,
      exists: existsSync,
    }),
    unknown: unknownVariables(environment),
  };
}
