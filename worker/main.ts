import type { Logger, NativeConnection } from '@temporalio/worker';
import { kubernetesCluster } from '../cluster/kubernetes.ts';
import type { KubernetesCluster } from '../cluster/kubernetes.ts';
import { prometheusMetrics } from '../cluster/prometheus.ts';
import { converterOf, keysOf } from '../codec/data-converter.ts';
import type { KeyRingSource } from '../codec/key-ring.ts';
import { taskQueueOf } from '../workflows/messages.ts';
import { openCalendar, withFreezeOf } from './calendar.ts';
import { openPolicy } from './policy.ts';
import { workerConfig } from './config.ts';
import type { WorkerConfig, WorkerFlags } from './config.ts';
import { awaitFirstAnswer, connectToTemporal, reasonOf } from './connect.ts';
import { createHotwaveWorker } from './create-worker.ts';
import type { HotwaveWorker } from './create-worker.ts';
import { liveness, readiness } from './health.ts';
import type { HealthSources } from './health.ts';
import { startHttpServer } from './http-server.ts';
import type { HttpServer } from './http-server.ts';
import { freeLoopbackPort, metricsText } from './metrics.ts';
import { EXIT_UNREACHABLE, EXIT_USAGE, StartFailure } from './start-failure.ts';
import { createLogger, installRuntime } from './telemetry.ts';
import { metricsAuthorities } from './metrics-sources.ts';
import { besideLook } from './beside-metrics.ts';
import { releaseLook } from './release-metrics.ts';
import { temporalBeside } from './temporal-beside.ts';
import { temporalReleases } from './temporal-releases.ts';
import { SettingTrouble } from '../release/settings/environment.ts';
import { ClusterFailure } from '../activities/ports/failure.ts';
import type { Calendar } from '../activities/ports/calendar.ts';
import type { PolicySource } from '../activities/ports/policy.ts';
import type { Metrics } from '../activities/ports/metrics.ts';

const temporalPatienceMs = 60_000;
/** A release says how many of its commands run at once, at most 200; this is only the end of the scale. */
const parallelExecs = 200;
const stopSignals = ['SIGINT', 'SIGTERM', 'SIGQUIT', 'SIGUSR2'] as const;

/**
 * Runs a worker until a signal ends it. Temporal must answer within a minute; the cluster may be down: the worker then
 * warns, is not ready, and goes on.
 *
 * @returns the exit code: 0 after a signal, 1 when the worker failed, 7 when Temporal cannot be reached, 64 for a bad value.
 */
export async function runWorker(flags: WorkerFlags): Promise<number> {
  try {
    return await serve(workerConfig(flags, process.env));
  } catch (error) {
    if (!(error instanceof StartFailure || error instanceof SettingTrouble)) throw error;
    process.stderr.write(`hotwave: ${error.message}\n`);
    return error instanceof StartFailure ? error.exitCode : EXIT_USAGE;
  }
}

async function serve(config: WorkerConfig): Promise<number> {
  const logger = createLogger(config.logLevel);
  const policy = await openPolicy(config.policy, logger);
  const calendar = withFreezeOf(policy, await openCalendar(config.calendar));
  const authorities = await metricsAuthorities(config.metricsCa);
  const keys = await keysOf({ HOTWAVE_ENCRYPTION_KEYS_FILE: config.keysFile }, Date.now);
  const cluster = openCluster(config);
  if (config.unknown.length > 0)
    logger.warn(`no settings of hotwave, so nothing follows from them: ${config.unknown.join(', ')}`);
  const metricsAddress = config.http && `127.0.0.1:${await freeLoopbackPort()}`;
  const stopping = stopOnSignal();
  const metrics = prometheusMetrics(config.metrics, authorities);
  const health: HealthSources = {
    worker: undefined,
    connection: undefined,
    releases: undefined,
    cluster: awaitFirstAnswer(cluster, logger, stopping.signal),
  };
  let http: HttpServer | undefined;
  try {
    http =
      metricsAddress === undefined ? undefined : await openHttp(config, { health, cluster, policy, metricsAddress });
    // Only now: the runtime ends with its last connection, and without one it would keep the process alive for ever.
    installRuntime({ logger, metricsAddress });
    return await work({
      config,
      cluster,
      metrics,
      calendar,
      policy,
      logger,
      health,
      stopping,
      keys,
      httpUrl: http?.url,
    });
  } catch (error) {
    if (stopping.signal.aborted && !health.worker) return 0;
    throw error;
  } finally {
    stopping.abort();
    await health.connection?.close();
    await Promise.all([http?.close(), cluster.close(), metrics.close()]);
  }
}

interface Work {
  readonly config: WorkerConfig;
  readonly cluster: KubernetesCluster;
  readonly metrics: Metrics;
  readonly calendar: Calendar | undefined;
  readonly policy: PolicySource | undefined;
  readonly logger: Logger;
  readonly health: HealthSources;
  readonly stopping: AbortController;
  readonly httpUrl: string | undefined;
  readonly keys: KeyRingSource | undefined;
}

async function work(parts: Work): Promise<number> {
  const { config, cluster, logger, health, stopping, httpUrl } = parts;
  const { temporal } = config;
  health.connection = await connectToTemporal(temporal, {
    patienceMs: temporalPatienceMs,
    logger,
    signal: stopping.signal,
  });
  const reached = {
    connection: health.connection,
    namespace: temporal.namespace,
    dataConverter: converterOf(parts.keys),
  };
  health.releases = releaseLook(temporalReleases(reached), config.cluster);
  health.beside = besideLook(temporalBeside(reached), config.cluster);
  health.worker = await createWorker(parts, health.connection);
  const queue = taskQueueOf(config.cluster);
  logger.info(
    `worker for ${cluster.describe()}, polling ${queue} in namespace ${temporal.namespace} of Temporal at ${temporal.address}`,
    { http: httpUrl ?? 'off', ...(config.buildId === undefined ? {} : { buildId: config.buildId }) },
  );
  try {
    await health.worker.run();
    logger.info('worker stopped; releases go on with the next worker');
    return 0;
  } catch (error) {
    logger.error('worker failed', { error });
    return 1;
  }
}

async function createWorker(
  { config, cluster, metrics, calendar, policy, keys }: Omit<Work, 'logger' | 'health' | 'stopping' | 'httpUrl'>,
  connection: NativeConnection,
): Promise<HotwaveWorker> {
  const { temporal, activitySlots, buildId } = config;
  try {
    return await createHotwaveWorker({
      connection,
      namespace: temporal.namespace,
      clusterName: config.cluster,
      cluster,
      metrics,
      calendar,
      policy,
      activitySlots,
      buildId,
      keys,
    });
  } catch (error) {
    if (error instanceof StartFailure) throw error;
    throw new StartFailure(
      EXIT_UNREACHABLE,
      `Temporal at ${temporal.address} does not let a worker into namespace ${temporal.namespace}: ${reasonOf(error)}`,
    );
  }
}

function openCluster({ kubeconfig }: WorkerConfig): KubernetesCluster {
  try {
    return kubernetesCluster({ ...kubeconfig, parallelExecs });
  } catch (error) {
    if (error instanceof ClusterFailure) throw new StartFailure(EXIT_USAGE, error.message);
    throw error;
  }
}

interface Shown extends Pick<Work, 'health' | 'cluster' | 'policy'> {
  readonly metricsAddress: string;
}

async function openHttp(
  config: WorkerConfig,
  { health, cluster, policy, metricsAddress }: Shown,
): Promise<HttpServer | undefined> {
  return (
    config.http &&
    startHttpServer(config.http, {
      liveness: () => liveness(health),
      readiness: () => readiness(health),
      metrics: metricsText({
        runtimeAddress: metricsAddress,
        clusterRequests: () => cluster.requests,
        releases: () => health.releases?.latest(),
        beside: () => health.beside?.latest(),
        policy,
      }),
    })
  );
}

/** The SDK's runtime ends a running worker on a signal; this ends what comes before there is one. */
function stopOnSignal(): AbortController {
  const controller = new AbortController();
  for (const name of stopSignals) process.once(name, () => controller.abort());
  return controller;
}
