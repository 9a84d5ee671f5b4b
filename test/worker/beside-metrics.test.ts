import { expect, test } from 'vitest';
import type { MonitorState } from '../../release/monitor/monitor.ts';
import type { Undelivered } from '../../release/notices/undelivered.ts';
import { besideLook } from '../../worker/beside-metrics.ts';
import type { BesideLook } from '../../worker/beside-metrics.ts';
import { hotwaveMetrics } from '../../worker/metrics.ts';
import { aPolicy, fakePolicy } from '../support/a-policy.ts';

const NOW = Date.now();
const sink = (name: string): { name: string; url: string; secretFile: string } => {
  return { name, url: `https://${name}.test/notices`, secretFile: '/secret' };
};
const policy = fakePolicy(aPolicy({ sinks: [sink('chat'), sink('log')] }));
const NO_BESIDE: BesideLook = { couriers: { answers: [], silent: 0 }, monitors: { answers: [], silent: 0 } };
const aCourier = (change: Partial<Undelivered>): Undelivered => {
  return { v: 1, sinks: [], unsorted: 0, gone: [], unreadable: 0, ...change };
};

/**
 * The metrics of couriers and monitors as Prometheus would read them, without comments and without what is 0; ages in
 * whole seconds.
 */
async function told(look: BesideLook | undefined): Promise<string[]> {
  const sources = { clusterRequests: () => undefined, releases: () => undefined, beside: () => look, policy };
  const text = await hotwaveMetrics(sources).metrics();
  return text
    .split('\n')
    .filter((line) => /^hotwave_(?!policy)/.test(line) && !line.endsWith(' 0'))
    .map((line) => line.replace(/(_seconds\{.*\} \d+).*/, '$1'));
}

test('tell nothing before anybody has looked, and 0 for each sink of the policy when everything is delivered', async () => {
  expect(await told(undefined)).toEqual([]);
  expect(await told(NO_BESIDE)).toEqual([]);
  const sources = { clusterRequests: () => undefined, releases: () => undefined, beside: () => NO_BESIDE, policy };
  expect(await hotwaveMetrics(sources).metrics()).toContain('\nhotwave_undelivered_notices{sink="log"} 0\n');
});

test('count for each sink what it has not got of all sets, how old the oldest is, and what it never gets', async () => {
  const chat = { sink: 'chat', waiting: 2, oldest: NOW - 60_000, since: NOW, trouble: 'answers 500', dropped: 0 };
  const answers = [
    aCourier({ sinks: [chat, { sink: 'log', waiting: 0, dropped: 3 }] }),
    aCourier({ sinks: [{ ...chat, waiting: 5, oldest: NOW - 20_000 }] }),
  ];
  expect(await told({ ...NO_BESIDE, couriers: { answers, silent: 1 } })).toEqual([
    'hotwave_undelivered_notices{sink="chat"} 7',
    'hotwave_oldest_undelivered_notice_seconds{sink="chat"} 60',
    'hotwave_lost_notices{sink="log"} 3',
    'hotwave_couriers_silent 1',
  ]);
});

test('have no label but the sinks of the policy: the rest, and what nobody has sorted yet, is unknown', async () => {
  const others = ['old-1', 'old-2'].map((name) => ({ sink: name, waiting: 1, oldest: NOW - 5_000, dropped: 1 }));
  const answers = [aCourier({ sinks: others }), aCourier({ unsorted: 4, unsortedSince: NOW - 9_000 })];
  expect(await told({ ...NO_BESIDE, couriers: { answers, silent: 0 } })).toEqual([
    'hotwave_undelivered_notices{sink="unknown"} 6',
    'hotwave_oldest_undelivered_notice_seconds{sink="unknown"} 9',
    'hotwave_lost_notices{sink="unknown"} 2',
  ]);
});

test('count the servers that monitors found not to run what they should, and not those that are not looked at yet', async () => {
  const problems = (...found: string[]): MonitorState =>
    ({ problems: found.map((mismatch) => ({ mismatch })) }) as unknown as MonitorState;
  const answers = [problems('version', ''), problems('version'), problems()];
  expect(await told({ ...NO_BESIDE, monitors: { answers, silent: 2 } })).toEqual([
    'hotwave_monitors 3',
    'hotwave_monitors_silent 2',
    'hotwave_mismatching_servers 2',
  ]);
});

test('are asked for at most once a minute', async () => {
  let looks = 0;
  const answers = (): Promise<{ answers: never[]; silent: number }> => {
    looks += 1;
    return Promise.resolve({ answers: [], silent: 0 });
  };
  const look = besideLook({ couriers: answers, monitors: answers }, 'eu');
  expect(look.latest(0)).toBeUndefined();
  await look.settled();
  expect(look.latest(59_999)).toEqual(NO_BESIDE);
  await look.settled();
  expect(looks).toBe(2);
  look.latest(60_000);
  await look.settled();
  expect(looks).toBe(4);
});
