import { expect, test } from 'vitest';
import { countsIn } from './api-server-requests.ts';
import type { Measurement } from './bench.ts';
import { figuresOf } from './figures.ts';
import type { Mode } from './mode.ts';
import { withSection } from './record.ts';
import { reportOf } from './report.ts';
import type { Report } from './report.ts';
import { sectionsOf } from './tables.ts';
import { requestsBetween, requestsIn } from './worker-process.ts';

const mode = (name: string, comparisons: Mode['comparisons'] = []): Mode => ({
  name,
  title: `the ${name} way`,
  writes: 'set',
  reloads: true,
  comparisons,
  open: () => Promise.reject(new Error('not opened')),
});

const measured = (name: string, round: number, seconds: number): Measurement => ({
  mode: name,
  round,
  seconds,
  processorTime: { etcd: 1 },
  apiServerRequests: {},
  ownTime: { readyToReload: [], proofToPatch: [100 * round], readyToPatch: [] },
  firstWrite: 10,
});

function aReport(measurements: readonly Measurement[]): Report {
  const modes = [mode('bare'), mode('checked', [{ against: 'bare', atMost: 1.05 }])];
  const settings = { servers: 10, waves: 2, rounds: 2, cores: 'not pinned' };
  return reportOf({ settings, modes, loadBefore: 0, date: new Date(0) }, measurements);
}

const textOf = (report: Report): string =>
  sectionsOf(report)
    .map(({ text }) => text)
    .join('\n');

test('ratios compare what ran in the same round', () => {
  const report = aReport([
    measured('bare', 1, 10),
    measured('checked', 1, 10),
    measured('checked', 2, 22),
    measured('bare', 2, 20),
  ]);
  expect(report.ratios[0]?.ratio).toMatchObject({ least: 1, most: 1.1, median: 1.05 });
});

test('a sink is compared with nobody in the same round', () => {
  const release = (way: 'none' | 'down', round: number, seconds: number) => ({ way, round, seconds });
  const releases = [release('none', 1, 10), release('down', 1, 11), release('down', 2, 20), release('none', 2, 20)];
  const context = { settings: { servers: 10, waves: 2, rounds: 2, cores: 'not pinned' }, modes: [], loadBefore: 0 };
  const sinks = { servers: 10, waves: 2, rounds: 2, releases };
  const report = reportOf({ ...context, sinks, date: new Date(0) }, []);
  expect(figuresOf(report).sinkRatios).toEqual({ up: null, down: 1.05, hangs: null, busy: null, twice: null });
  const [section, ...others] = sectionsOf(report);
  expect(others).toEqual([]);
  expect(section).toMatchObject({ name: 'sinks-10x2' });
  expect(section?.text).toMatch(
    /^\| down: a sink that cannot be reached +\| 15\.50 +\| 11\.00 to 20\.00 +\| 1\.050 +\|/m,
  );
});

test('own time is summed up over the transitions of all rounds', () => {
  const report = aReport([measured('checked', 1, 10), measured('checked', 2, 10)]);
  expect(report.modes[1]?.ownTime.proofToPatch).toMatchObject({ count: 2, median: 150, most: 200 });
});

test('lists are counted per wave and everything else per server', () => {
  const requests = { 'GET pods': 8, 'EXEC pods': 20, 'PATCH gameserversets': 5 };
  const report = aReport([{ ...measured('checked', 1, 10), requests }]);
  expect(report.modes[1]?.requests).toMatchObject({ perServer: 2.5, listsPerWave: 4 });
});

test('a budget that was missed says so', () => {
  const report = (seconds: number): string =>
    textOf(aReport([measured('bare', 1, 10), measured('checked', 1, seconds)]));
  expect(report(10.5)).toContain('kept');
  expect(report(10.6)).toContain('missed');
});

test('a comparison without a budget is shown without a verdict', () => {
  const modes = [mode('bare'), mode('checked', [{ against: 'bare' }])];
  const settings = { servers: 10, waves: 2, rounds: 1, cores: 'not pinned' };
  const runs = [measured('bare', 1, 10), measured('checked', 1, 30)];
  const text = textOf(reportOf({ settings, modes, loadBefore: 0, date: new Date(0) }, runs));
  expect(text).toContain('checked / bare');
  expect(text).not.toMatch(/kept|missed/);
});

test('a report says how programs were spread over the cores', () => {
  expect(textOf(aReport([measured('bare', 1, 10)]))).toContain('not pinned');
});

test('a recorded report replaces the one of the same size and leaves the rest of the page', () => {
  const page = withSection(withSection('# Title\n', { name: '10x2', text: 'old' }), { name: '20x2', text: 'other' });
  const next = withSection(page, { name: '10x2', text: 'new' });
  expect(next).not.toContain('old');
  expect(next).toMatch(/# Title[^]*new[^]*other/);
});

test('requests are read from the metrics of the worker, and what was sent before does not count', () => {
  const text = (lists: number): string =>
    `# TYPE hotwave_cluster_requests_total counter\nhotwave_cluster_requests_total{request="GET pods"} ${lists}\n` +
    'hotwave_cluster_requests_total{request="EXEC pods"} 4\n';
  expect(requestsBetween(requestsIn(text(2)), requestsIn(text(9)))).toEqual({ 'GET pods': 7 });
});

test('what the API server answered is summed up over codes and groups', () => {
  const line = (code: number, more: string): string =>
    `apiserver_request_total{code="${code}",component="apiserver",group="",resource="pods",${more}verb="PATCH",version="v1"} 3\n`;
  const text = line(200, 'subresource="status",') + line(409, 'subresource="status",') + line(200, 'subresource="",');
  expect(countsIn(text)).toEqual({ 'PATCH pods/status': 6, 'PATCH pods': 3 });
});
