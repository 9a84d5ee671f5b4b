import { expect } from 'vitest';
import { aRelease, test } from '../support/stage.ts';

const SERVERS = 10_000;

test(
  'a release of 10,000 servers in 10 waves fits into one history of Temporal',
  { timeout: 300_000 },
  async ({ stage }) => {
    const it = await stage({ sets: [{ replicas: SERVERS }] });
    const started = performance.now();
    const release = await it.start(
      aRelease({ waves: [...Array<string>(9).fill('10%'), 'rest'], concurrency: { total: 200, perNode: 50 } }),
    );
    const planned = await release.until('the plan', ({ waves }) => waves.length > 0, 60_000);
    const p = performance.now() - started;
    const state = await release.until('the end', ({ endedAt }) => endedAt !== undefined, 280_000);
    const result = await release.result();
    const description = await release.handle.describe();
    console.log(p, result, description.historyLength, description.historySize, it.cluster.calls, planned.planHash);
    expect(result).toMatchObject({ outcome: 'done', servers: SERVERS, waves: 10 });
    expect(state.waves.map(({ proven }) => proven)).toEqual(Array(10).fill(SERVERS / 10));
    expect(description.historyLength).toBeLessThan(4_000);
  },
);
