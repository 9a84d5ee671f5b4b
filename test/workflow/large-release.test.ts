import { expect } from 'vitest';
import { stageCommand } from '../support/stage-command.ts';
import { aRelease, test } from '../support/stage.ts';

const SERVERS = 10_000;
const MEBIBYTE = 2 ** 20;
const WISHES = { waves: [...Array<string>(9).fill('10%'), 'rest'], concurrency: { total: 200, perNode: 50 } };

test(
  'a release of 10,000 servers in 10 waves fits into one history of Temporal',
  { timeout: 300_000 },
  async ({ stage }) => {
    const it = await stage({ sets: [{ replicas: SERVERS }] });
    const release = await it.start(aRelease(WISHES));
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

test(
  'a report of 10,000 servers that went back is one picture, of a history that is more than gRPC takes at once by itself',
  { timeout: 300_000 },
  async ({ stage }) => {
    const it = await stage({ sets: [{ replicas: SERVERS }], failures: { 'duel-4321': 'stale' } });
    const release = await it.start(aRelease({ ...WISHES, onFailure: { then: 'rollback' } }));
    await release.until('the end', ({ endedAt }) => endedAt !== undefined, 280_000);
    await release.result();
    expect((await release.handle.describe()).historySize).toBeGreaterThan(4 * MEBIBYTE);
    const { code, out } = await stageCommand(it, ['report', 'arena/duel', '-o', 'json', '--file', '-']);
    expect(code).toBe(0);
    const { rows } = JSON.parse(out) as { rows: { kind: string; name: string }[] };
    expect(rows.length).toBeLessThan(150);
    expect(rows.filter(({ kind }) => kind === 'folded').length).toBeGreaterThan(10);
    expect(rows.filter(({ kind }) => kind === 'server').map(({ name }) => name)).toEqual(['duel-4321']);
  },
);
