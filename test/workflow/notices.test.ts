import { describe, expect } from 'vitest';
import { HTTP } from 'cloudevents';
import { Webhook } from 'standardwebhooks';
import { ClusterFailure } from '../../activities/ports/failure.ts';
import type { z } from 'zod';
import type { MonitorState } from '../../release/monitor/monitor.ts';
import { noticeWireSchema } from '../../release/wire/notice-wire-schema.ts';
import type { Undelivered } from '../../workflows/messages.ts';
import {
  COURIER_MESSAGES,
  MESSAGES,
  WORKFLOWS,
  courierWorkflowId,
  monitorWorkflowId,
  taskQueueOf,
} from '../../workflows/messages.ts';
import { temporalBeside } from '../../worker/temporal-beside.ts';
import { NEW_IMAGE, SET, SIDECAR } from '../support/builders.ts';
import { aCard, aNotice } from '../support/gateway.ts';
import { until } from '../lab/until.ts';
import { SECRET, policyOf, startSink } from '../support/http-sinks.ts';
import type { TestSink } from '../support/http-sinks.ts';
import { stageCommand } from '../support/stage-command.ts';
import { startRelease } from '../support/hotwave.ts';
import type { Stage } from '../support/stage.ts';
import { aRelease, test } from '../support/stage.ts';

const times = { backOff: { first: 20, most: 100 } };
const kindsOf = ({ received }: TestSink): string[] => received.map(({ notice }) => notice.kind);
/** Each notice once, in the order in which it came first. */
const onceEach = ({ received }: TestSink): number[] => [...new Set(received.map(({ notice }) => notice.sequence))];
const undelivered = ({ client, clusterName }: Stage): Promise<Undelivered> =>
  client.workflow.getHandle(courierWorkflowId(clusterName, SET)).query<Undelivered>(COURIER_MESSAGES.undelivered);
/** Everything that is sent is promised, and what is promised is sent: the compiler checks the types, and this the values. */
function expectPromised({ received }: TestSink): void {
  for (const { notice } of received) {
    const promised: z.input<typeof noticeWireSchema> = notice;
    expect(noticeWireSchema.parse(promised)).toEqual(notice);
  }
}

async function arrived(sink: TestSink, kind: string): Promise<void> {
  const what = `${kind} at ${sink.name}`;
  await until({ what, deadlineMs: 60_000, everyMs: 50 }, () => kindsOf(sink).includes(kind));
  expectPromised(sink);
}
const allDelivered = (stage: Stage): Promise<boolean> =>
  until({ what: 'nothing to be undelivered', deadlineMs: 60_000, everyMs: 50 }, async () =>
    (await undelivered(stage)).sinks.every(({ waiting }) => waiting === 0),
  );

/** A sink has what it took a moment before its courier knows that. */
async function onlyUndelivered(stage: Stage, expected: object): Promise<void> {
  let sinks: Undelivered['sinks'] = [];
  const detail = (): string => JSON.stringify(sinks);
  await until({ what: 'one sink to wait', deadlineMs: 60_000, everyMs: 50, detail }, async () => {
    ({ sinks } = await undelivered(stage));
    return sinks.length === 1 && sinks[0]?.trouble !== undefined;
  });
  expect(sinks).toMatchObject([expected]);
}

describe('what people must know', () => {
  test('comes to a sink in order, as a signed CloudEvent, and its receipt comes back', async ({ stage }) => {
    const sink = await startSink('chat');
    sink.answer = (response) => void response.end(JSON.stringify({ receipt: 'card-1' }));
    const it = await stage({}, undefined, { policy: policyOf([sink]), courierTimes: times });
    const release = await it.start(aRelease({ gates: [{ before: 2 }] }), 'ann');
    await release.until('the gate', ({ phase }) => phase === 'waiting-approval');
    await arrived(sink, 'gate-opened');
    expect(sink.received.at(-1)!.notice.release).toMatchObject({ phase: 'waiting-approval', gate: { wave: 2 } });
    await release.decide({ verb: 'approve', wave: 2, actor: 'bob' });
    expect(await release.result()).toMatchObject({ outcome: 'done' });
    await arrived(sink, 'done');
    expect(kindsOf(sink)).toEqual(['started', 'gate-opened', 'gate-decided', 'done']);
    expect(onceEach(sink)).toEqual([1, 2, 3, 4]);
    expect(sink.received.map(({ headers }) => headers['hotwave-receipt'])).toEqual([
      undefined,
      'card-1',
      'card-1',
      'card-1',
    ]);
    for (const { headers, body, notice } of sink.received) {
      expect(new Webhook(SECRET).verify(body, headers as Record<string, string>)).toEqual(notice);
      const event = HTTP.toEvent({ headers, body });
      expect(event).toMatchObject({
        id: notice.id,
        type: `hotwave.release.${notice.kind}.v1`,
        source: `/hotwave/${it.clusterName}/arena/duel`,
        subject: 'scripts-2-0',
        specversion: '1.0',
      });
      expect(notice.id).toBe(headers['webhook-id']);
    }
    await sink.close();
  });

  test('comes to a sink that was down the whole time, and the release and other sinks do not wait', async ({
    stage,
    connections,
  }) => {
    const [up, down] = [await startSink('up'), await startSink('down')];
    down.answer = (response) => void response.writeHead(500).end();
    const it = await stage({}, undefined, { policy: policyOf([up, down]), courierTimes: times });
    const release = await it.start();
    expect(await release.result()).toMatchObject({ outcome: 'done' });
    await arrived(up, 'done');
    const trouble = `${new URL(down.url).origin} answers 500`;
    await onlyUndelivered(it, { sink: 'down', waiting: 2, trouble });
    expect((await stageCommand(it, ['status', 'arena/duel'])).err.replaceAll(/\s+/g, ' ')).toMatch(
      /^down was not told 2 notices since .+ UTC: http:.+ answers 500 $/,
    );
    await it.workerIsKnown();
    expect((await stageCommand(it, ['doctor'])).out).toMatch(
      /warn notices down was not told 2 notices since .+ UTC: http:\S+ answers 500 /,
    );
    const beside = temporalBeside({ connection: connections.native, namespace: 'default' });
    expect(await beside.couriers(it.clusterName)).toMatchObject({
      answers: [{ sinks: [{ sink: 'down' }] }],
      silent: 0,
    });
    const tries = down.received.length;
    down.answer = (response) => void response.writeHead(204).end();
    await allDelivered(it);
    expect((await stageCommand(it, ['doctor'])).out).toContain('ok notices everything is delivered');
    expect(
      kindsOf(down)
        .slice(tries - 1)
        .filter((kind, index, all) => kind !== all[index - 1]),
    ).toEqual(['started', 'done']);
    expect(kindsOf(up)).toEqual(['started', 'done']);
    await Promise.all([up.close(), down.close()]);
  });

  test('comes again after an answer that was lost, waits as long as 429 asks, and follows no redirect', async ({
    stage,
  }) => {
    const [twice, busy, elsewhere] = [await startSink('twice'), await startSink('busy'), await startSink('elsewhere')];
    twice.answer = (response, number) => void response.writeHead(number % 2 === 1 ? 500 : 204).end();
    const at: number[] = [];
    busy.answer = (response, number) => {
      at.push(Date.now());
      response.writeHead(number === 1 ? 429 : 204, { 'retry-after': '1' }).end();
    };
    elsewhere.answer = (response, number) => {
      response.writeHead(number < 3 ? 302 : 204, { location: twice.url }).end();
    };
    const it = await stage({}, undefined, { policy: policyOf([twice, busy, elsewhere]), courierTimes: times });
    expect(await (await it.start()).result()).toMatchObject({ outcome: 'done' });
    await Promise.all([twice, busy, elsewhere].map((sink) => arrived(sink, 'done')));
    await allDelivered(it);
    expect(kindsOf(twice)).toEqual(['started', 'started', 'done', 'done']);
    expect(new Set(twice.received.map(({ notice }) => notice.id)).size).toBe(2);
    expect(kindsOf(busy)).toEqual(['started', 'started', 'done']);
    expect(at[1]! - at[0]!).toBeGreaterThanOrEqual(1_000);
    expect(kindsOf(elsewhere)).toEqual(['started', 'started', 'started', 'done']);
    await Promise.all([twice, busy, elsewhere].map((sink) => sink.close()));
  });

  test('is the same when the release and its courier go on in new runs all the time', async ({ stage }) => {
    const sink = await startSink('chat');
    const it = await stage({}, undefined, {
      policy: policyOf([sink]),
      courierTimes: { ...times, mostEvents: 20 },
    });
    const release = await it.start(aRelease({ gates: [{ before: 2 }] }), 'ann', { continueEachStep: true });
    await release.until('the gate', ({ phase }) => phase === 'waiting-approval');
    await release.decide({ verb: 'approve', wave: 2, actor: 'bob' });
    expect(await release.result()).toMatchObject({ outcome: 'done' });
    await arrived(sink, 'done');
    expect(onceEach(sink)).toEqual([1, 2, 3, 4]);
    expect(kindsOf(sink)).toEqual(['started', 'gate-opened', 'gate-decided', 'done']);
    await sink.close();
  });

  test('is told by the monitor once for each server that does not run what it should', async ({
    stage,
    connections,
  }) => {
    const sink = await startSink('chat');
    const it = await stage({}, undefined, { policy: policyOf([sink]), courierTimes: times });
    const { client, clusterName: cluster } = it;
    const start = { cluster, file: aRelease({ guard: '1h' }), requester: 'ann', monitorInterval: 50 };
    expect(await (await startRelease(client, start)).result()).toMatchObject({ outcome: 'done' });
    const monitor = client.workflow.getHandle(monitorWorkflowId(cluster, SET));
    await until({ what: 'a look', deadlineMs: 60_000, everyMs: 50 }, async () => {
      return (await monitor.query<MonitorState>(MESSAGES.state)).lookedAt > 0;
    });
    const server = it.cluster.server('duel-3');
    // Wrong files: an engine that has only lost its version is made to reload, and nobody has to know.
    server.engine.files = '1.0';
    server.engine.loaded = '1.0';
    server.restart(server.container(SIDECAR)!);
    await arrived(sink, 'mismatch');
    expect(kindsOf(sink)).toEqual(['started', 'done', 'mismatch']);
    const { text, sequence, release } = sink.received[2]!.notice;
    expect(text).toMatch(/^1 server does not run 2\.0 after scripts-2-0 on arena\/duel: duel-3 \(/);
    expect(sequence).toBe(1);
    expect(release).toMatchObject({ release: 'scripts-2-0', phase: 'done', can: [], failed: 1 });
    const { answers } = await temporalBeside({ connection: connections.native, namespace: 'default' }).monitors(
      cluster,
    );
    expect(answers).toMatchObject([
      { problems: [{ server: 'duel-3', mismatch: expect.stringMatching(/./) as unknown }] },
    ]);
    await monitor.terminate();
    await sink.close();
  });

  test('is a person who pauses, goes on and cancels, and servers that fail and are taken back', async ({ stage }) => {
    const sink = await startSink('chat');
    const it = await stage({}, undefined, { policy: policyOf([sink]), courierTimes: times });
    const gates = [{ before: 2, remindEvery: '1s', timeout: '150s' }];
    const stopped = await it.start(aRelease({ gates }));
    await stopped.until('the reminder', ({ gate }) => (gate?.reminders ?? 0) > 0);
    await stopped.decide({ verb: 'pause', reason: 'a tournament' });
    await stopped.until('the pause', ({ phase }) => phase === 'paused');
    await stopped.decide({ verb: 'resume' });
    await stopped.until('the gate again', ({ phase }) => phase === 'waiting-approval');
    await stopped.decide({ verb: 'cancel', then: 'rollback', reason: 'not today' });
    expect(await stopped.result()).toMatchObject({ outcome: 'cancelled' });
    const bad = await it.start(aRelease({ image: `${NEW_IMAGE}-stale` }));
    expect(await bad.result()).toMatchObject({ outcome: 'rolled-back' });
    await arrived(sink, 'rolled-back');
    expect(kindsOf(sink).filter((kind) => kind !== 'reminder')).toEqual([
      ...['started', 'gate-opened', 'paused', 'resumed', 'rolling-back', 'cancelled'],
      ...['started', 'failing', 'rolling-back', 'rolled-back'],
    ]);
    expect(kindsOf(sink)).toContain('reminder');
    const failing = sink.received.find(({ notice }) => notice.kind === 'failing')!.notice;
    expect(failing.text).toMatch(/^1 server failed in scripts-2-0 on arena\/duel: duel-\d \(\w+: /);
    await sink.close();
  });

  test('is one vote of two: who approved, and how many are missing', async ({ stage }) => {
    const sink = await startSink('chat');
    const it = await stage({}, undefined, { policy: policyOf([sink]), courierTimes: times });
    const release = await it.start(aRelease({ gates: [{ before: 2, approvals: 2 }] }));
    await release.until('the gate', ({ phase }) => phase === 'waiting-approval');
    await release.decide({ verb: 'approve', wave: 2, actor: 'bob' });
    await arrived(sink, 'vote');
    expect(sink.received.at(-1)!.notice).toMatchObject({
      text: 'bob approved wave 2 of scripts-2-0 on arena/duel: 1 more needed',
      release: { phase: 'waiting-approval', gate: { wave: 2, missing: '1 more', approvedBy: ['bob'] } },
    });
    await release.decide({ verb: 'approve', wave: 2, actor: 'cleo' });
    expect(await release.result()).toMatchObject({ outcome: 'done' });
    await arrived(sink, 'done');
    expect(kindsOf(sink)).toEqual(['started', 'gate-opened', 'vote', 'gate-decided', 'done']);
    await sink.close();
  });

  test('is told of a refused release, too', async ({ stage }) => {
    const sink = await startSink('chat');
    const it = await stage({}, undefined, { policy: policyOf([sink]), courierTimes: times });
    const nowhere = aRelease({ target: { namespace: SET.namespace, gameServerSet: 'nowhere' } });
    expect(await (await it.start(nowhere)).result()).toMatchObject({ outcome: 'refused' });
    await arrived(sink, 'refused');
    expect(sink.received[0]!.notice.text).toMatch(
      /^scripts-2-0 on arena\/nowhere has ended: refused, nothing was changed/,
    );
    await sink.close();
  });
});

test('a notice that could never be delivered is none, and the sink gets the next one', async ({ stage }) => {
  const sink = await startSink('chat');
  const it = await stage({}, undefined, { policy: policyOf([sink]), courierTimes: times });
  const { client, clusterName: cluster } = it;
  const release = aCard({ cluster, set: SET });
  const nested = JSON.stringify(aNotice({ id: 'nested', release })).replace(
    '"cluster"',
    `"x":${'['.repeat(5_000)}${']'.repeat(5_000)},"cluster"`,
  );
  const future = JSON.stringify(aNotice({ id: 'future', at: Date.UTC(9_000, 0), release }));
  const good = JSON.stringify(aNotice({ id: 'good', at: Date.now(), release }));
  const workflowId = courierWorkflowId(cluster, SET);
  const input = { workflowId, taskQueue: taskQueueOf(cluster), args: [{ v: 1, cluster, set: SET }] };
  await client.workflow.start(WORKFLOWS.courier, input);
  // As they are: our own client could not write down what is nested so deep.
  for (const notice of [nested, future, good])
    await client.workflowService.signalWorkflowExecution({
      namespace: 'default',
      workflowExecution: { workflowId },
      signalName: COURIER_MESSAGES.tell,
      input: {
        payloads: [
          {
            metadata: { encoding: Buffer.from('json/plain') },
            data: Buffer.from(`{"v":1,"notices":[${notice}]}`),
          },
        ],
      },
    });
  await until({ what: 'the good one', deadlineMs: 60_000, everyMs: 50 }, () => sink.received.length > 0);
  expect(sink.received.map(({ notice: { id } }) => id)).toEqual(['good']);
  expect(await undelivered(it)).toMatchObject({ unreadable: 2 });
  await sink.close();
});

describe('Events on the set', () => {
  /** Their reasons, in the order in which they were written. */
  const reasonsOf = ({ cluster }: Stage): string[] => cluster.eventsOf(SET).map(({ reason }) => reason);
  const written = (stage: Stage, reason: string): Promise<boolean> =>
    until({ what: `an Event ${reason}`, deadlineMs: 60_000, everyMs: 50 }, () => reasonsOf(stage).includes(reason));

  test('are in order and each once, though the answer to every other write is lost, and other sinks get theirs', async ({
    stage,
  }) => {
    const sink = await startSink('chat');
    const it = await stage({}, undefined, { policy: policyOf([sink], { events: true }), courierTimes: times });
    const lost = { activity: 'deliverNotice', operation: 'recordEvent', when: 'after' } as const;
    for (const skip of [0, 1, 1, 1]) it.calls.fail({ ...lost, skip });
    const release = await it.start(aRelease({ gates: [{ before: 2 }] }), 'ann');
    await release.until('the gate', ({ phase }) => phase === 'waiting-approval');
    await written(it, 'HotwaveGateOpened');
    await release.decide({ verb: 'approve', wave: 2, actor: 'bob' });
    expect(await release.result()).toMatchObject({ outcome: 'done' });
    await arrived(sink, 'done');
    await allDelivered(it);
    expect(reasonsOf(it)).toEqual(['HotwaveStarted', 'HotwaveGateOpened', 'HotwaveGateDecided', 'HotwaveDone']);
    expect(it.cluster.calls.recordEvent).toBe(8);
    const told = sink.received.map(({ notice: { id, text, at } }) => [`duel.hotwave.${id}`, text, at]);
    expect(it.cluster.eventsOf(SET).map(({ name, message, at }) => [name, message, at])).toEqual(told);
    await sink.close();
  });

  test('wait for the right to write them: the release and other sinks do not, and status says which role is missing', async ({
    stage,
  }) => {
    const sink = await startSink('chat');
    const it = await stage({}, undefined, { policy: policyOf([sink], { events: true }), courierTimes: times });
    const words =
      'may not create events in namespace arena as user hotwave: ask an administrator of the cluster to bind ClusterRole hotwave-events of deploy/rbac.yaml there';
    const failure = new ClusterFailure('forbidden', words, { retryable: false });
    let isAllowed = false;
    const forbid = (): void => {
      if (!isAllowed) throw failure;
    };
    it.cluster.faults.before('recordEvent', forbid, Infinity);
    expect(await (await it.start()).result()).toMatchObject({ outcome: 'done' });
    await arrived(sink, 'done');
    await onlyUndelivered(it, { sink: 'events', waiting: 2, trouble: words });
    expect((await stageCommand(it, ['status', 'arena/duel'])).err.replaceAll(/\s+/g, ' ')).toContain(words);
    expect(reasonsOf(it)).toEqual([]);
    isAllowed = true;
    await allDelivered(it);
    expect(reasonsOf(it)).toEqual(['HotwaveStarted', 'HotwaveDone']);
    await sink.close();
  });

  test('that the API server will never take are given up at once: those behind them arrive, and status says so', async ({
    stage,
  }) => {
    const it = await stage({}, undefined, { policy: policyOf([], { events: true }), courierTimes: times });
    const words = 'the API server refuses it: no words of war in Events';
    it.cluster.faults.before(
      'recordEvent',
      () => {
        throw new ClusterFailure('invalid', words, { retryable: false });
      },
      1,
    );
    const release = await it.start(aRelease({ gates: [{ before: 2 }] }), 'ann');
    await release.until('the gate', ({ phase }) => phase === 'waiting-approval');
    await written(it, 'HotwaveGateOpened');
    await allDelivered(it);
    expect(reasonsOf(it)).toEqual(['HotwaveGateOpened']);
    expect(await undelivered(it)).toMatchObject({ sinks: [{ sink: 'events', waiting: 0, dropped: 1 }] });
  });

  test('stop when the policy wants them no more', async ({ stage }) => {
    const sink = await startSink('chat');
    let policy = policyOf([sink], { events: true });
    const it = await stage({}, undefined, { policy: { read: () => policy.read() }, courierTimes: times });
    const release = await it.start(aRelease({ gates: [{ before: 2 }] }), 'ann');
    await release.until('the gate', ({ phase }) => phase === 'waiting-approval');
    await written(it, 'HotwaveGateOpened');
    policy = policyOf([sink]);
    await release.decide({ verb: 'approve', wave: 2, actor: 'bob' });
    expect(await release.result()).toMatchObject({ outcome: 'done' });
    await arrived(sink, 'done');
    expect(reasonsOf(it)).toEqual(['HotwaveStarted', 'HotwaveGateOpened']);
    await sink.close();
  });
});
