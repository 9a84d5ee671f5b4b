import { describe, expect } from 'vitest';
import type { MonitorState } from '../../release/monitor/monitor.ts';
import { readRecords } from '../../release/record/record.ts';
import { GUARD_MESSAGES, MESSAGES, WORKFLOWS, monitorWorkflowId, taskQueueOf } from '../../workflows/messages.ts';
import type { MonitorInput, AuditInput, AuditResult } from '../../workflows/messages.ts';
import { SET, SIDECAR } from '../support/builders.ts';
import { startRelease } from '../support/hotwave.ts';
import type { Stage } from '../support/stage.ts';
import { aRelease, test } from '../support/stage.ts';
import { until } from '../lab/until.ts';
import { ClusterFailure } from '../../activities/ports/failure.ts';

interface Watched {
  readonly workflowId: string;
  state(): Promise<MonitorState>;
  until(what: string, isSo: (state: MonitorState) => boolean): Promise<MonitorState>;
}

function monitorOf({ client, clusterName }: Stage): Watched {
  const workflowId = monitorWorkflowId(clusterName, SET);
  const state = (): Promise<MonitorState> => client.workflow.getHandle(workflowId).query<MonitorState>(MESSAGES.state);
  return {
    workflowId,
    state,
    until: (what, isSo) =>
      until({ what, deadlineMs: 60_000, everyMs: 50 }, async () => {
        const now = await state();
        return isSo(now) && now;
      }),
  };
}

async function guardedRelease(it: Stage, guard = '1h'): Promise<Watched> {
  const { client, clusterName: cluster } = it;
  const release = await startRelease(client, {
    cluster,
    file: aRelease({ guard }),
    requester: 'ann',
    monitorInterval: 50,
  });
  expect(await release.result()).toMatchObject({ outcome: 'done' });
  return monitorOf(it);
}

/** The sidecar of a server is started again; `loaded` is what its engine has lost the version to. */
function crash({ cluster }: Stage, name: string, loaded?: string): void {
  const server = cluster.server(name);
  if (loaded !== undefined) server.engine.loaded = loaded;
  server.restart(server.container(SIDECAR)!);
}

const isCalm = ({ problems }: MonitorState): boolean => problems.length === 0;

describe('a monitor', () => {
  test('asks after each crash, and makes only the engine reload that has lost its version', async ({ stage }) => {
    const it = await stage();
    const monitor = await guardedRelease(it);
    await monitor.until('a look', ({ lookedAt }) => lookedAt > 0);
    const reloads = (): number =>
      it.cluster.log.filter((entry) => entry.kind === 'exec' && entry.command.includes('reload')).length;
    const before = reloads();
    crash(it, 'duel-3');
    await monitor.until('the proof', ({ counts }) => counts.proved === 1);
    expect(reloads()).toBe(before);
    crash(it, 'duel-4', '1.0');
    const { events } = await monitor.until('the repair', ({ counts }) => counts.repaired === 1);
    expect(reloads()).toBe(before + 1);
    expect(events.at(-1)).toMatchObject({
      server: 'duel-4',
      text: expect.stringMatching(/^its engine was made to reload and proves 2\.0/) as string,
    });
    expect(it.cluster.server('duel-4').engine.loaded).toBe('2.0');
  });

  test('notices in its first look an engine that lost the version before it began', async ({ stage }) => {
    const it = await stage();
    const monitor = await guardedRelease(it);
    it.cluster.server('duel-6').engine.loaded = '1.0';
    // The one before may have looked already: a monitor asks every engine when it begins.
    await it.client.workflow
      .getHandle(monitor.workflowId)
      .executeUpdate(GUARD_MESSAGES.stop, { args: [{ actor: 'ann' }] });
    await startMonitor(it, {});
    const { events } = await monitor.until('the repair', ({ counts }) => counts.repaired === 1);
    expect(events[0]).toMatchObject({ server: 'duel-6', kind: 'notProved' });
  });

  test('does not make an engine reload whose files are wrong, and says so', async ({ stage }) => {
    const it = await stage();
    const monitor = await guardedRelease(it);
    await monitor.until('a look', ({ lookedAt }) => lookedAt > 0);
    it.cluster.server('duel-2').engine.files = '1.0';
    crash(it, 'duel-2', '1.0');
    const { problems, counts } = await monitor.until('the report', (now) => now.problems[0]?.mismatch === 'files');
    expect(problems).toMatchObject([{ server: 'duel-2', reason: 'runs 1.0, files 1.0' }]);
    expect(counts.reloads).toBe(0);
  });

  test('gives a version that reloads do not bring back up to a person', async ({ stage }) => {
    const it = await stage({
      exec: ({ command }, server) =>
        command.includes('reload') && server.engine.loaded === 'lost'
          ? { kind: 'exited', code: 0, stdout: '', stderr: '' }
          : undefined,
    });
    const monitor = await guardedRelease(it);
    await monitor.until('a look', ({ lookedAt }) => lookedAt > 0);
    crash(it, 'duel-1', 'lost');
    const { events, problems } = await monitor.until('three reloads', (now) => now.problems[0]?.reloads === 3);
    expect(problems).toMatchObject([{ server: 'duel-1', mismatch: 'not loaded' }]);
    expect(events.at(-1)?.text).toMatch(/; 3 reloads did not help, a person has to look$/);
  });

  test('goes on in a new run before its history is long, and forgets nothing', async ({ stage }) => {
    const it = await stage();
    const first = await guardedRelease(it);
    const old = it.client.workflow.getHandle(first.workflowId);
    await old.signal(GUARD_MESSAGES.stopSignal, { actor: 'ann' });
    await old.result();
    const monitor = await startMonitor(it, { mostEvents: 30 });
    await monitor.until('a look', ({ lookedAt }) => lookedAt > 0);
    const runs = new Set<string>();
    for (let crashes = 1; crashes <= 8; crashes++) {
      crash(it, `duel-${crashes % 3}`);
      await monitor.until(`crash ${crashes}`, (now) => now.counts.proved === crashes && isCalm(now));
      runs.add((await it.client.workflow.getHandle(monitor.workflowId).describe()).runId);
    }
    expect(runs.size).toBeGreaterThan(2);
    expect((await monitor.state()).counts).toMatchObject({ crashed: 8, proved: 8, appeared: 0, recreated: 0, gone: 0 });
    const { historyLength } = await it.client.workflow.getHandle(monitor.workflowId).describe();
    expect(historyLength).toBeLessThan(60);
  });

  test('outlives a cluster that it may not look at, and says so meanwhile', async ({ stage }) => {
    const it = await stage();
    const monitor = await guardedRelease(it);
    await monitor.until('a look', ({ lookedAt }) => lookedAt > 0);
    it.cluster.faults.fail(
      'listServers',
      new ClusterFailure('forbidden', 'may not list pods', { retryable: false }),
      1,
    );
    const { phase } = await monitor.until('the trouble', ({ events }) => events.at(-1)?.kind === 'trouble');
    expect(phase).toBe('guarding');
    crash(it, 'duel-5');
    await monitor.until('the proof', ({ counts }) => counts.proved === 1);
  });
});

/** Starts a monitor of the release that has ended on the stage, as that release did. */
async function startMonitor(it: Stage, change: Partial<MonitorInput>): Promise<Watched> {
  const { client, clusterName: cluster } = it;
  const { last } = readRecords((await it.cluster.readSet(SET))!.annotations);
  const input: MonitorInput = {
    ...{ v: 1, cluster, requester: 'ann', set: SET, last: last! },
    ...{ until: Date.now() + 600_000, interval: 50 },
    ...change,
  };
  await client.workflow.start(WORKFLOWS.guard, {
    workflowId: monitorWorkflowId(cluster, SET),
    taskQueue: taskQueueOf(cluster),
    args: [input],
  });
  return monitorOf(it);
}

test('an audit of 1,000 servers is complete, right, and small enough for Temporal', async ({ stage }) => {
  const it = await stage({ sets: [{ replicas: 1_000 }] });
  it.cluster.server('duel-400').engine.loaded = '0.9';
  const input: AuditInput = {
    v: 1,
    cluster: it.clusterName,
    set: SET,
    file: aRelease({ image: 'registry.test/scripts:1.0', previousVersion: '0.1' }),
  };
  const handle = await it.client.workflow.start(WORKFLOWS.readAudit, {
    workflowId: `audit-${it.clusterName}`,
    taskQueue: taskQueueOf(it.clusterName),
    args: [input],
  });
  const result = (await handle.result()) as AuditResult;
  if (result.kind !== 'audit') throw new Error(result.reason);
  const { audit } = result;
  expect(audit).toMatchObject({ servers: 1_000, proved: 999, omitted: 0, verified: false });
  expect(audit.summary).toBe('999 of 1000 servers on 1.0; 1 not: duel-400 (not loaded: runs 0.9, files 1.0)');
  expect(audit.rows.map(({ server }) => server)).toEqual(Array.from({ length: 1_000 }, (_, index) => `duel-${index}`));
  expect(JSON.stringify(audit).length).toBeLessThan(600_000);
  expect((await handle.describe()).historyLength).toBeLessThan(50);
});
