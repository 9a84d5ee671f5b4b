import { expect, inject } from 'vitest';
import { policyOf, startSink } from '../support/http-sinks.ts';
import { startKillableWorkers } from '../support/killable-workers.ts';
import { aRelease, emptyStage, test } from '../support/stage.ts';

test('a worker that is killed when its notice is taken and not yet acknowledged has it come again, with one id, in order', async ({
  connections,
}) => {
  const sink = await startSink('chat');
  const it = emptyStage(connections, {}, undefined, {
    policy: policyOf([sink]),
    courierTimes: { backOff: { first: 20, most: 100 } },
  });
  const killable = await startKillableWorkers([it], {
    address: inject('temporalAddress'),
    bundlePath: inject('bundlePath'),
    sinks: [{ name: sink.name, url: sink.url }],
  });
  const taken = Promise.withResolvers<undefined>();
  sink.answer = (response, number) => {
    // The second is the gate. It has arrived whole; its worker dies before anybody can tell Temporal so.
    if (number !== 2) response.writeHead(204).end();
    else
      void killable.kill().then(() => {
        response.writeHead(204).end();
        taken.resolve(undefined);
      });
  };
  const release = await it.start(aRelease({ gates: [{ before: 2 }] }));
  await taken.promise;
  const worker = await it.startWorker();
  await release.until('the gate', ({ phase }) => phase === 'waiting-approval');
  await release.decide({ verb: 'approve', wave: 2, actor: 'bob' });
  expect(await release.result()).toMatchObject({ outcome: 'done' });
  await expect
    .poll(() => sink.received.map(({ notice }) => notice.kind), { timeout: 90_000 })
    .toEqual(['started', 'gate-opened', 'gate-opened', 'gate-decided', 'done']);
  const [, first, second] = sink.received;
  expect(second!.headers['webhook-id']).toBe(first!.headers['webhook-id']);
  expect(second!.body).toBe(first!.body);
  expect(sink.received.map(({ notice }) => notice.sequence)).toEqual([1, 2, 2, 3, 4]);
  await worker.shutDown();
  await sink.close();
});
