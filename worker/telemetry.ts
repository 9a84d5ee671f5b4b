import { Runtime } from '@temporalio/worker';
import type { Logger, LogLevel, LogMetadata } from '@temporalio/worker';
import { pino } from 'pino';
import type { DestinationStream } from 'pino';
import { redacted } from '../release/spec/redact.ts';
import type { LogLevelName } from './config.ts';

/**
 * The only fields that reach the log. Any other field that an SDK or a careless line of ours attaches (options,
 * payloads, headers) is dropped, so that a new field is a decision.
 */
const fields = new Set([
  ...['sdkComponent', 'namespace', 'taskQueue', 'workflowId', 'runId', 'workflowType', 'isLocal', 'activityId'],
  ...[
    'activityType',
    'attempt',
    'durationMs',
    'target',
    'temporal',
    'cluster',
    'apiServer',
    'http',
    'buildId',
    'state',
  ],
  ...['release', 'gameServerSet', 'server', 'servers', 'wave', 'phase', 'outcome', 'reason', 'decision', 'exitCode'],
]);

function errorFields(error: unknown): object {
  if (!(error instanceof Error)) return { message: redacted(String(error)) };
  const { name, message, stack, cause } = error;
  return {
    type: name,
    message: redacted(message),
    ...(stack === undefined ? {} : { stack: redacted(stack) }),
    ...(cause === undefined ? {} : { cause: errorFields(cause) }),
  };
}

function fieldsOf(meta: LogMetadata | undefined): object {
  const entries = Object.entries(meta ?? {})
    .filter(([key]) => fields.has(key))
    .map(([key, value]: [string, unknown]) => [key, typeof value === 'string' ? redacted(value) : value] as const);
  const error: unknown = meta?.['error'];
  return { ...Object.fromEntries(entries), ...(error === undefined ? {} : { error: errorFields(error) }) };
}

/**
 * A JSON log for people and machines: one object per line, allow-listed fields, credentials removed.
 *
 * @param destination default: standard error, written at once, so that the last line of a dying process is there too.
 */
export function createLogger(
  level: LogLevelName,
  destination: DestinationStream = pino.destination({ dest: 2, sync: true }),
): Logger {
  const sink = pino(
    {
      level,
      base: { pid: process.pid },
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
    },
    destination,
  );
  const log = (severity: LogLevel, message: string, meta?: LogMetadata): void => {
    sink[severity.toLowerCase() as LogLevelName](fieldsOf(meta), redacted(message));
  };
  return {
    log,
    trace: (message, meta) => log('TRACE', message, meta),
    debug: (message, meta) => log('DEBUG', message, meta),
    info: (message, meta) => log('INFO', message, meta),
    warn: (message, meta) => log('WARN', message, meta),
    error: (message, meta) => log('ERROR', message, meta),
  };
}

/** The options of the SDK's runtime: once per process, before any connection. */
export interface RuntimeSetup {
  readonly logger: Logger;
  /** Where the runtime serves its own Prometheus metrics, for `/metrics` to pass on; undefined: nowhere. */
  readonly metricsAddress?: string | undefined;
}

/** Gives the SDK our log and, when wanted, makes it count. */
export function installRuntime({ logger, metricsAddress }: RuntimeSetup): void {
  Runtime.install({
    logger,
    telemetryOptions: {
      logging: { filter: { core: 'WARN', other: 'ERROR' }, forward: {} },
      ...(metricsAddress === undefined
        ? {}
        : {
            metrics: {
              prometheus: { bindAddress: metricsAddress, countersTotalSuffix: true, useSecondsForDurations: true },
            },
          }),
    },
  });
}
