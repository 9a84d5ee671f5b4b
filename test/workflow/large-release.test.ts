import { expect } from 'vitest';
import { aRelease, test } from '../support/stage.ts';

const SERVERS = 10_000;
const MEBIBYTE = 2 ** 20;

test(
  'a release of 10,000 servers in 10 waves fits into one history of Temporal',
  { timeout: 300_000 },
  async ({ stage }) => {
    const it = await stage({ sets: [{ replicas: SERVERS }] });
    const release = await it.start(
      aRelease({ waves: [...Array<string>(9).fill('10%'), 'rest'], concurrency: { total: 200, perNode: 50 } }),
    );
    const { waves } = await release.until('the end', ({ endedAt }) => endedAt !== undefined, 280_000);
    expect(await release.result()).toMatchObject({ outcome: 'done', servers: SERVERS, waves: 10 });
    expect(waves.map(({ proven }) => proven)).toEqual(Array(10).fill(SERVERS / 10));
    const { historyLength, historySize } = await release.handle.describe();
    expect(historyLength).toBeLessThan(4_000);
    // Temporal ends a run at 50 MiB, and a rollback must still fit in.
    expect(historySize).toBeLessThan(30 * MEBIBYTE);
    // Lists of a wave and of the whole set, never one read per server.
    expect(it.cluster.calls.listServers).toBeLessThan(SERVERS / 20);
    expect(it.cluster.calls.patch).toBeLessThan(20);
  },
);
