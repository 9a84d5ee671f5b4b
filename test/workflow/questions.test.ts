import { Worker } from '@temporalio/worker';
import { afterAll, beforeAll, describe, expect, inject } from 'vitest';
import { main } from '../../client/main.ts';
import { askWorker } from '../../client/temporal/ask-worker.ts';
import { explainTemporalError } from '../../client/temporal/temporal-errors.ts';
import { EXIT } from '../../client/terminal/exit-codes.ts';
import type { ExitCode } from '../../client/terminal/exit-codes.ts';
import { createHotwaveWorker } from '../../worker/create-worker.ts';
import { taskQueueOf, watchQueueOf, WORKFLOWS } from '../../workflows/messages.ts';
import { recordedIo } from '../client/support.ts';
import { startTemporalLab } from '../lab/temporal-lab.ts';
import type { TemporalLab } from '../lab/temporal-lab.ts';
import { until } from '../lab/until.ts';
import { aRelease, releaseText } from '../support/a-release.ts';
import { NEW_IMAGE } from '../support/builders.ts';
import { connect, temporalOf, test, workerIsKnown } from '../support/stage.ts';
import type { Connections, Stage } from '../support/stage.ts';

/** A Temporal as it was before standalone activities: it answers that it does not implement them. */
let older: TemporalLab;
beforeAll(async () => {
  const name = `temporal-older-${process.pid}`;
  older = await startTemporalLab(() => undefined, name, ['activity.enableStandalone=false']);
});
afterAll(() => older.stop());

const FILES = {
  'good.yaml': releaseText({}),
  'other.yaml': releaseText({ images: { nobody: NEW_IMAGE } }),
};

interface Said {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

/** The words of a command, without what differs between two times that it is asked. */
async function said({ address }: Connections, { clusterName }: Stage, argv: readonly string[]): Promise<Said> {
  const io = { ...recordedIo({ files: FILES }), now: () => Date.now() };
  const code = await main([...argv, '--address', address, '--cluster', clusterName], io);
  await new Promise(setImmediate);
  const plain = (text: string): string =>
    text
      .replaceAll(address, 'ADDRESS')
      .replaceAll(/in \d+ms/g, 'in Nms')
      .replaceAll(/"at": \d{13}|"atTime": "[^"]*"/g, '"at": TIME');
  return { code, out: plain(io.written.out), err: plain(io.written.err) };
}

/** How many workflows of questions a Temporal has seen. */
async function rows({ client }: Connections, { clusterName }: Stage): Promise<number> {
  const types = [WORKFLOWS.planOnly, WORKFLOWS.inspectCluster, WORKFLOWS.readAudit].map((type) => `'${type}'`);
  const query = `WorkflowType IN (${types.join(', ')}) AND TaskQueue = '${taskQueueOf(clusterName)}'`;
  return (await client.workflow.count(query)).count;
}

describe('a question to a worker', () => {
  test('has the same answer by an activity alone as by a workflow, and only the workflow is a row in the list', async ({
    connections,
    stage,
  }) => {
    const it = await stage();
    const old = await connect(older.address);
    const { clusterName, cluster, calls } = it;
    const worker = await createHotwaveWorker({
      ...{ connection: old.native, clusterName, cluster: calls.through(cluster) },
      ...{ bundlePath: inject('bundlePath'), pollers: 2 },
    });
    const running = worker.run();
    try {
      await Promise.all([it.workerIsKnown(), workerIsKnown(old, clusterName)]);
      let asked = 0;
      const demand = async (code: ExitCode, ...argv: string[]): Promise<void> => {
        const byActivity = await said(connections, it, argv);
        expect(byActivity, argv.join(' ')).toEqual(await said(old, it, argv));
        expect(byActivity, argv.join(' ')).toMatchObject({ code });
        asked += 1;
      };
      await demand(EXIT.ok, 'plan', 'good.yaml', '-o', 'json');
      await demand(EXIT.refused, 'plan', 'other.yaml');
      await demand(EXIT.ok, 'doctor', '-n', 'arena');
      await demand(EXIT.refused, 'versions', 'arena/duel');
      await demand(EXIT.ok, 'versions', 'arena/duel', '-f', 'good.yaml', '-o', 'json');
      await (await it.start(aRelease())).result();
      await demand(EXIT.ok, 'versions', 'arena/duel', '-o', 'json');
      await demand(EXIT.ok, 'verify', 'arena/duel');
      await demand(EXIT.failed, 'verify', 'arena/duel', '--version', '9.9');
      await demand(EXIT.ok, 'plan', 'good.yaml');
      calls.fail({ operation: 'readSet' }, { times: Infinity });
      await demand(EXIT.unreachable, 'versions', 'arena/duel');
      await demand(EXIT.unreachable, 'plan', 'good.yaml');
      await until({ what: 'the lists to show what was asked', deadlineMs: 30_000 }, async () => {
        const query = `TaskQueue = '${watchQueueOf(taskQueueOf(clusterName))}'`;
        const { count } = await connections.client.activity.count(query);
        return count === asked && (await rows(old, it)) === asked;
      });
      expect(await rows(connections, it)).toBe(0);
    } finally {
      worker.shutdown();
      await running;
      await old.close();
    }
  });

  test('that the worker does not know says that the two are of different versions', async ({ connections }) => {
    const temporal = temporalOf(connections);
    const cluster = `older-${process.pid}`;
    const worker = await Worker.create({
      connection: connections.native,
      taskQueue: watchQueueOf(taskQueueOf(cluster)),
      activities: { inspectCluster: () => Promise.resolve([]) },
    });
    await worker.runUntil(async () => {
      const about = { cluster, about: 'nothing', summary: '', within: 30_000 };
      const input = { v: 1, namespace: 'arena' };
      const error: unknown = await askWorker(temporal, { ...about, type: 'inspectCluster', input }).catch(
        (thrown: unknown) => thrown,
      );
      expect(explainTemporalError(error, temporal)).toMatchObject({
        code: EXIT.unreachable,
        message: expect.stringContaining('the worker does not know this question') as string,
      });
    });
  });

  test('that no worker takes is not waited for until its end', async ({ connections }) => {
    const temporal = temporalOf(connections);
    const nobody = { cluster: `nobody-${process.pid}`, about: 'nothing', summary: '', within: 60_000 };
    await expect(
      askWorker(temporal, { ...nobody, type: 'inspectCluster', input: { v: 1, namespace: 'arena' } }),
    ).rejects.toMatchObject({ code: EXIT.unreachable, message: 'no worker has taken the question within 8s' });
  });
});
