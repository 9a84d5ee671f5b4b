import { describe, expect } from 'vitest';
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
