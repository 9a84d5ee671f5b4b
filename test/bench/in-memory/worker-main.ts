import { DefaultLogger, makeTelemetryFilterString, NativeConnection, Runtime } from '@temporalio/worker';
import { aPolicy, fakePolicy } from '../../support/a-policy.ts';
import { policyOf } from '../../support/http-sinks.ts';
import { createHotwaveWorker } from '../product.ts';
import type { ClickPeople, ClusterAnswer, WorkerStart } from './messages.ts';
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

async function work({ address, clusterName, sinks, people }: WorkerStart): Promise<void> {
  Runtime.install({
    logger: new DefaultLogger('WARN', ({ level, message }) => process.stderr.write(`worker: ${level} ${message}\n`)),
    telemetryOptions: { logging: { filter: makeTelemetryFilterString({ core: 'ERROR', other: 'ERROR' }) } },
  });
  const connection = await NativeConnection.connect({ address });
  const policy = people ? fakePolicy(crowdPolicy(people)) : sinks && policyOf(sinks);
  const worker = await createHotwaveWorker({ connection, clusterName, cluster, policy });
  const running = worker.run();
  process.once('SIGTERM', () => worker.shutdown());
  process.send!({ kind: 'ready' });
  await running;
  await connection.close();
  process.disconnect();
}

function crowdPolicy({ count, key }: ClickPeople) {
  const people = Array.from({ length: count }, (_, index) => `p${index + 1}`);
  return aPolicy({
    people: Object.fromEntries(people.map((name) => [name, { identities: [`webhook:bot/${name}`] }])),
    groups: { ops: people },
    channels: { webhook: { keys: [{ key }] } },
    rules: [{ namespaces: ['*'], vouched: ['approve'], gates: [{ before: 1, groups: { ops: 20 } }] }],
  });
}
