import { describe, expect } from 'vitest';
import { until } from '../lab/until.ts';
import { effects } from '../support/fake-log.ts';
import { policyOf, startSink } from '../support/http-sinks.ts';
import { aRelease, test } from '../support/stage.ts';

const SENTENCE = 'the API server at https://fake does not answer: connection refused';

describe('while it is planned, a release', () => {
  test('outlives a hiccup of the API server', async ({ stage }) => {
    const it = await stage();
    it.calls.fail({ activity: 'planRelease' }, { times: 2 });
    const release = await it.start(aRelease());
    expect(await release.result()).toMatchObject({ outcome: 'done' });
    expect((await release.state()).unreachable).toBeUndefined();
  });

  test('is refused within seconds when the API server is away, because nobody has touched anything yet', async ({
    stage,
  }) => {
    const it = await stage();
    it.calls.fail({ activity: 'planRelease' }, { times: 1_000 });
    const release = await it.start(aRelease());
    await release.until('the refusal', ({ phase }) => phase === 'refused', 15_000);
    expect(await release.result()).toMatchObject({ outcome: 'refused', reason: SENTENCE });
    expect((await release.state()).unreachable).toBe(true);
  });

  test('tells people when the API server is away, although there is no plan that says whom', async ({ stage }) => {
    const sink = await startSink('chat');
    const it = await stage({}, undefined, { policy: policyOf([sink]) });
    it.calls.fail({ activity: 'planRelease' }, { times: 1_000 });
    expect(await (await it.start(aRelease())).result()).toMatchObject({ outcome: 'refused' });
    await until({ what: 'the refusal in the chat', deadlineMs: 60_000 }, () => sink.received.length > 0);
    expect(sink.received.map(({ notice: { kind, text } }) => [kind, text])).toEqual([
      ['refused', expect.stringContaining(SENTENCE)],
    ]);
    await sink.close();
  });

  test('says until when it will be waited for', async ({ stage }) => {
    const it = await stage();
    const held = it.calls.hold({ activity: 'planRelease' });
    const release = await it.start(aRelease());
    await held.reached;
    const { wait } = await release.state();
    expect(wait).toMatchObject({ for: 'checks the cluster and plans the waves', owner: 'a worker and the API server' });
    expect(wait!.until).toBeGreaterThan(wait!.since);
    held.release();
    await release.result();
  });
});

test('a release of another version by the same image is refused: it would have no waves, and no way back', async ({
  stage,
}) => {
  const it = await stage({ sets: [{ replicas: 3 }] });
  await (await it.start(aRelease())).result();
  const mark = it.cluster.log.length;
  const again = await it.start(aRelease({ name: 'scripts-2-1', version: '2.1', gates: [{ before: 2 }] }));
  expect(await again.result()).toMatchObject({
    outcome: 'refused',
    reason: expect.stringContaining(
      'was released as 2.0 already: a release of 2.1 by the same image has no waves, no gates and no way back',
    ) as string,
  });
  expect(effects(it.cluster, mark)).toEqual([]);
});
