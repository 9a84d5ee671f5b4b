import { DefaultLogger, makeTelemetryFilterString, NativeConnection, Runtime } from '@temporalio/worker';
import { policyOf } from '../../support/http-sinks.ts';
import { createHotwaveWorker } from '../product.ts';
import type { ClusterAnswer, WorkerStart } from './messages.ts';
import { remoteCluster } from './remote-cluster.ts';

// The worker of in-memory releases: as it runs on a site, but for the cluster, which is in the process that started it.

const { cluster, take } = remoteCluster((call) => {
  if (process.connected) process.send!(call);
});

process.on('message', (message: WorkerStart | ClusterAnswer) => {
  if (message.kind === 'answer') take(message);
  else void work(message);
});
// The process that started this is gone.
process.on('disconnect', () => process.exit(1));

async function work({ address, clusterName, sinks }: WorkerStart): Promise<void> {
  Runtime.install({
    logger: new DefaultLogger('WARN', ({ level, message }) => process.stderr.write(`worker: ${level} ${message}\n`)),
    telemetryOptions: { logging: { filter: makeTelemetryFilterString({ core: 'ERROR', other: 'ERROR' }) } },
  });
  const connection = await NativeConnection.connect({ address });
  const worker = await createHotwaveWorker({ connection, clusterName, cluster, policy: sinks && policyOf(sinks) });
  const running = worker.run();
  process.once('SIGTERM', () => worker.shutdown());
  process.send!({ kind: 'ready' });
  await running;
  await connection.close();
  process.disconnect();
}
