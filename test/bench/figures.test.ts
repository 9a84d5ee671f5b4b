import { expect, test } from 'vitest';
import type { Measurement } from './bench.ts';
import { figuresOf } from './figures.ts';
import type { Figures } from './figures.ts';
import type { InMemoryRelease } from './in-memory/releases.ts';
import { modes } from './modes/index.ts';
import { reportOf } from './report.ts';
import { sectionsOf } from './tables.ts';

const measured = (mode: string, seconds: number, more: Partial<Measurement> = {}): Measurement => ({
  mode,
  round: 1,
  seconds,
  processorTime: { etcd: 1 },
  apiServerRequests: {},
  ownTime: { readyToReload: [], proofToPatch: [], readyToPatch: [] },
  firstWrite: undefined,
  ...more,
});

const release = (runs: InMemoryRelease['runs'], memory: number): InMemoryRelease => ({
  seconds: 10,
  runs,
  rssBefore: 1e6,
  rssPeak: memory,
  rssAfter: memory - 1e6,
  calls: {},
});

interface Measured {
  readonly measurements?: readonly Measurement[];
  readonly servers?: number;
  readonly releases?: readonly InMemoryRelease[];
}

function figures({ measurements = [], servers = 10_000, releases }: Measured): Figures {
  const settings = { servers: 10, waves: 2, rounds: 1, cores: 'not pinned' };
  const inMemory = releases && { servers, waves: 10, releases };
  const asked = modes.filter(({ name }) => measurements.some(({ mode }) => mode === name));
  return figuresOf(reportOf({ settings, modes: asked, inMemory, loadBefore: 0, date: new Date(0) }, measurements));
}

test('a figure that was not measured is null', () => {
  const { cores, ownMsP95Of, ...others } = figures({});
  expect(new Set(Object.values(others))).toEqual(new Set([null]));
  expect(ownMsP95Of).toEqual({ readyToReload: null, proofToPatch: null });
  expect(cores).toBe('not pinned');
});

test('each ratio is to the way that its name says', () => {
  const seconds = { native: 10, stepper: 12.5, 'full-stepper': 20, 'by-hand': 40, 'by-hand-10': 25, hotwave: 20 };
  const measurements = Object.entries(seconds).map(([mode, value]) => measured(mode, value));
  expect(figures({ measurements })).toMatchObject({
    ratioToNative: 2,
    ratioToBareStepper: 1.6,
    ratioToStepper: 1,
    ratioByHand: 0.5,
    ratioByHand10: 0.8,
    targetedRatio: null,
    servers: 10,
  });
});

test('own time is the larger of the two, and unknown when one is', () => {
  const times = (readyToReload: number[], proofToPatch: number[]): Partial<Measurement> => ({
    ownTime: { readyToReload, proofToPatch, readyToPatch: [] },
  });
  const both = figures({ measurements: [measured('hotwave', 1, times([100, 210], [160, 20]))] });
  expect(both).toMatchObject({ ownMsP95: 210, ownMsP95Of: { readyToReload: 210, proofToPatch: 160 } });
  const one = figures({ measurements: [measured('hotwave', 1, times([100], []))] });
  expect(one).toMatchObject({ ownMsP95: null, ownMsP95Of: { readyToReload: 100, proofToPatch: null } });
});

test('requests per server leave out the lists of pods', () => {
  const requests = { 'GET pods': 8, 'EXEC pods': 20, 'PATCH gameserversets': 5 };
  const measurements = [measured('hotwave', 1, { requests }), measured('targeted', 1, { requests })];
  expect(figures({ measurements })).toMatchObject({
    requestsPerServer: 2.5,
    listsPerWave: 4,
    targetedRequestsPerServer: 2.5,
  });
});

test('a release of 10,000 servers counts the events of all its runs and the bytes of the largest', () => {
  const chain = [
    { events: 500, bytes: 3e6 },
    { events: 700, bytes: 4.25e6 },
  ];
  expect(figures({ releases: [release([{ events: 900, bytes: 2e6 }], 350e6), release(chain, 360e6)] })).toMatchObject({
    events10k: 1_200,
    eventsRun10k: 900,
    mb10k: 4.25,
    mbAllRuns10k: 7.25,
    waves10k: 10,
    rssMb10k: 360,
    rssMbAfter10k: [349, 359],
  });
});

test('releases of fewer servers say nothing about 10,000', () => {
  const smaller = figures({ servers: 1_000, releases: [release([{ events: 9, bytes: 9 }], 9e6)] });
  expect(smaller).toMatchObject({ events10k: null, mb10k: null, rssMb10k: null, rssMbAfter10k: null, waves10k: null });
});

test('the figures are one line', () => {
  expect(JSON.stringify(figures({}))).not.toContain('\n');
});

test('the wait of a crowd of clicks is the median of the rounds, by gateways', () => {
  const crowd = (replicas: number, p95: number) => {
    const rest = { round: 1, median: 1, most: 1, load: 0, processorTime: { worker: 1 }, decided: 200 };
    return { replicas, p95, ...rest };
  };
  const clicks = { rounds: 3, crowds: [crowd(1, 900), crowd(1, 700), crowd(1, 800), crowd(3, 1_400)] };
  const settings = { servers: 10, waves: 2, rounds: 1, cores: 'not pinned' };
  const report = reportOf({ settings, modes: [], clicks, loadBefore: 0, date: new Date(0) }, []);
  expect(figuresOf(report).clickMsP95).toEqual({ one: 800, three: 1_400 });
  const [section] = sectionsOf(report);
  expect(section?.text).toMatch(/\| 1 +\| 800 +\| 700 to 900 +\| 1000 +\| kept/);
  expect(section?.text).toMatch(/\| 3 +\| 1400 +\| 1400 to 1400 +\| 1000 +\| missed/);
});
