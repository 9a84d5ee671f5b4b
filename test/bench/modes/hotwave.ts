import { Client, Connection } from '@temporalio/client';
import { fleetImage, mainContainer, sidecarContainer } from '../../lab/game-server-sets.ts';
import { releaseFrom } from '../../support/release-file.ts';
import { activityTimes } from '../activity-times.ts';
import { CONCURRENCY } from '../mode.ts';
import type { Mode, OpenMode, Stage } from '../mode.ts';
import { releaseWorkflowId, taskQueueOf, WORKFLOWS } from '../product.ts';
import type { ReleaseInput, ReleaseResult } from '../product.ts';
import { PARALLELISM } from './patch-loop.ts';
import { requestsBetween, startWorkerProcess } from '../worker-process.ts';

const cluster = 'bench';

/** A whole release: content check, reload and proof of every server, in a worker of its own. */
export const hotwave: Mode = {
  name: 'hotwave',
  title: 'a release with content check, reload and proof',
  writes: 'set',
  reloads: true,
  comparisons: [
    { against: 'native' },
    { against: 'stepper' },
    { against: 'full-stepper', atMost: 1.05 },
    { against: 'by-hand', atMost: 0.8 },
    { against: 'by-hand-10', atMost: 1 },
  ],
  open: (stage) => openRelease(stage, (tag) => releaseInput(stage, tag, rollingSpec(stage))),
};

/** The same for chosen servers, which happen to be all, each through its GameServer. */
export const targeted: Mode = {
  name: 'targeted',
  title: `a targeted release with content check, reload and proof, ${PARALLELISM} servers at once`,
  writes: 'game-servers',
  reloads: true,
  comparisons: [{ against: 'patch-loop', atMost: 1.2 }],
  open: (stage) => openRelease(stage, (tag) => releaseInput(stage, tag, targetedSpec(stage))),
};

async function openRelease(stage: Stage, inputOf: (tag: string) => ReleaseInput): Promise<OpenMode> {
  const { lab } = stage;
  const worker = await startWorkerProcess(lab, cluster);
  const connection = await Connection.connect({ address: lab.temporal.address });
  const client = new Client({ connection });
  return {
    processes: { worker: worker.pid },
    async run(tag) {
      const before = await worker.requests();
      const handle = await client.workflow.start(WORKFLOWS.hotUpdate, {
        workflowId: releaseWorkflowId(cluster, { namespace: 'default', name: stage.set }),
        taskQueue: taskQueueOf(cluster),
        args: [inputOf(tag)],
      });
      const result = (await handle.result()) as ReleaseResult;
      if (result.outcome !== 'done') throw new Error(`the release ended as ${result.outcome}: ${result.reason}`);
      return {
        requests: requestsBetween(before, await worker.requests()),
        workerMemory: await worker.memory(),
        activities: activityTimes(await handle.fetchHistory()),
      };
    },
    async close() {
      await connection.close();
      await worker.stop();
    },
  };
}

function rollingSpec({ set, waves }: Stage): string {
  return `
  target: { gameServerSet: ${set} }
  waves: [${[...waves.slice(0, -1).map(({ length }) => length), 'rest'].join(', ')}]
  maxUnavailable: 100%`;
}

function targetedSpec({ set, waves }: Stage): string {
  return `
  strategy: targeted
  target: { gameServerSet: ${set}, servers: { servers: ["0-${waves.flat().length - 1}"] }, allowCascade: true }
  waves: [rest]
  maxUnavailable: ${PARALLELISM}`;
}

function releaseInput({ lab, set }: Stage, tag: string, how: string): ReleaseInput {
  const engine = (verb: string): string => `[fleet-engine, ${verb}, "{{namespace}}/{{server}}"]`;
  const file = releaseFrom(`
apiVersion: hotwave.dev/v1
kind: Release
metadata: { name: ${set}-${tag.replaceAll('.', '-')} }
spec:${how}
  images: { ${sidecarContainer}: "${fleetImage(tag)}" }
  ready: { timeout: 10m }
  content: { exec: { container: ${mainContainer}, command: ${engine('files')} } }
  reload: { exec: { container: ${mainContainer}, command: ${engine('reload')} } }
  proof: { http: { port: ${lab.enginePort ?? 0}, path: /version } }
  concurrency: { total: ${CONCURRENCY}, perNode: ${CONCURRENCY} }
`);
  return { v: 1, file, cluster, requester: 'bench' };
}
