import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { hotwaveMetrics } from '../../worker/metrics.ts';
import { releaseLook } from '../../worker/release-metrics.ts';
import type { Look } from '../../worker/release-metrics.ts';
import type { ReleaseState } from '../../release/progress/state.ts';
import { initialState } from '../../release/progress/state.ts';
import { aPolicy, fakePolicy } from '../support/a-policy.ts';

const NOW = Date.now();
const identity = {
  release: 'fix',
  cluster: 'eu',
  set: { namespace: 'arena', name: 'duel' },
  strategy: 'rolling',
  requester: 'ann',
  image: 'scripts:2',
  version: '2',
};
const aState = (change: Partial<ReleaseState> = {}): ReleaseState => ({ ...initialState(identity, NOW), ...change });
const aWave = { number: 1, name: '1', size: 3, status: 'running', ready: 2, proven: 1, failed: 0 } as const;
const gate = { wave: 2, openedAt: NOW - 60_000, approvedBy: [] } as unknown as NonNullable<ReleaseState['gate']>;

const NOTHING = { clusterRequests: () => undefined, releases: () => undefined, beside: () => undefined };

/** The metrics as Prometheus would read them, without comments and without what is 0. */
async function told(look: Look | undefined): Promise<string[]> {
  const text = await hotwaveMetrics({ ...NOTHING, releases: () => look }).metrics();
  return text.split('\n').filter((line) => line !== '' && !line.startsWith('#') && !line.endsWith(' 0'));
}

describe('the metrics of a worker', () => {
  test('tell nothing about releases before anybody has looked', async () => {
    expect(await told(undefined)).toEqual([]);
  });

  test('count what running releases say', async () => {
    const states = [
      aState({ phase: 'updating', waves: [aWave, { ...aWave, number: 2, status: 'pending', proven: 0 }] }),
      aState({ phase: 'waiting-approval', gate }),
      aState({
        phase: 'paused',
        goesBack: true,
        wait: { for: 'x', owner: 'a person', since: NOW - 5_000, until: NOW },
      }),
      aState({
        phase: 'paused',
        failures: [{ server: 'duel-1', class: 'notReady', reason: 'x' }],
        unreadable: { count: 2, last: 'x', at: NOW },
        decisions: [
          {
            id: '1',
            verb: 'pause',
            release: 'fix',
            actor: 'ann',
            channel: 'cli',
            at: NOW,
            accepted: true,
            answer: 'x',
          },
        ],
      }),
    ];
    const lines = await told({ at: NOW, states, silent: 1 });
    const rounded = lines.map((line) =>
      line.replace(/(_(?:gate|pause)_seconds \d+).*/, '$1').replace(/(timestamp_seconds).*/, '$1'),
    );
    expect(rounded).toEqual([
      'hotwave_releases{phase="updating"} 1',
      'hotwave_releases{phase="waiting-approval"} 1',
      'hotwave_releases{phase="paused"} 2',
      'hotwave_releases_silent 1',
      'hotwave_open_gates 1',
      'hotwave_oldest_gate_seconds 60',
      'hotwave_oldest_pause_seconds 5',
      'hotwave_incomplete_rollbacks 1',
      'hotwave_waves{state="pending"} 1',
      'hotwave_waves{state="running"} 1',
      'hotwave_servers{state="all"} 6',
      'hotwave_servers{state="proved"} 1',
      'hotwave_servers{state="failed"} 1',
      'hotwave_decisions{verb="pause",accepted="true"} 1',
      'hotwave_unreadable_messages 2',
      'hotwave_releases_look_timestamp_seconds',
    ]);
  });

  test('count requests as a counter, and say whether the policy can be read', async () => {
    const policy = fakePolicy(aPolicy());
    const clusterRequests = (): { byName: () => Record<string, number> } => ({ byName: () => ({ 'GET pods': 7 }) });
    const metrics = hotwaveMetrics({ clusterRequests, releases: () => undefined, beside: () => undefined, policy });
    expect(await metrics.metrics()).toContain('# TYPE hotwave_cluster_requests_total counter');
    expect(await metrics.metrics()).toContain('hotwave_cluster_requests_total{request="GET pods"} 7');
    expect(await metrics.metrics()).toContain('hotwave_policy_readable 1');
    policy.reading = { ...policy.reading, problem: 'broken' };
    expect(await metrics.metrics()).toContain('hotwave_policy_readable 0');
  });

  test('are those of docs/metrics.md, with their types and labels', () => {
    const registry = hotwaveMetrics({ ...NOTHING, policy: fakePolicy(aPolicy()) });
    const own = registry.getMetricsAsArray().map((metric) => {
      const {
        name,
        labelNames = [],
        constructor,
      } = metric as unknown as { name: string; labelNames?: string[]; constructor: { name: string } };
      return [name, constructor.name.toLowerCase(), labelNames.join(', ')].join(' | ');
    });
    const rows = readFileSync('docs/metrics.md', 'utf8').matchAll(/^\| `(hotwave_\w+)` +\| (\w+) +\| ([\w, ]*?) *\|/gm);
    expect(own.sort()).toEqual([...rows].map(([, name, type, labels]) => [name, type, labels].join(' | ')).sort());
  });
});

describe('a look at the releases', () => {
  test('is made when somebody asks, at most every 15 seconds, and nobody waits for it', async () => {
    let looks = 0;
    const releases = {
      running: () =>
        Promise.resolve(Array.from({ length: 250 }, (_, index) => ({ workflowId: `hotwave/eu/a/${index}` }))),
      state: ({ workflowId }: { workflowId: string }) => {
        looks += 1;
        return Promise.resolve(workflowId.endsWith('/1') ? ('silent' as const) : aState());
      },
    };
    const look = releaseLook(releases, 'eu');
    expect(look.latest(0)).toBeUndefined();
    expect(look.latest(14_999)).toBeUndefined();
    await look.settled();
    expect(looks).toBe(200);
    expect(look.latest(14_999)).toMatchObject({ at: 0, silent: 1, states: { length: 199 } });
    look.latest(15_000);
    await look.settled();
    expect(looks).toBe(400);
  });

  test('that fails leaves what was seen before, which grows old', async () => {
    let fails = false;
    const releases = {
      running: () => (fails ? Promise.reject(new Error('Temporal is away')) : Promise.resolve([])),
      state: () => Promise.resolve('ended' as const),
    };
    const look = releaseLook(releases, 'eu');
    look.latest(0);
    await look.settled();
    fails = true;
    look.latest(60_000);
    await look.settled();
    expect(look.latest(60_001)).toEqual({ at: 0, states: [], silent: 0 });
  });
});
