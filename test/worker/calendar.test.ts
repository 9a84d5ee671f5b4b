import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openCalendar } from '../../worker/calendar.ts';
import { workerConfig } from '../../worker/config.ts';

let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'hotwave-calendar-'));
});
afterAll(() => rm(folder, { recursive: true }));

const WEEKEND = 'freeze:\n  - { name: weekend, from: Fri 18:00, to: Mon 08:00, timeZone: Europe/Berlin }\n';

async function file(name: string, text: string): Promise<string> {
  const path = join(folder, name);
  await writeFile(path, text);
  return path;
}

test('a worker without HOTWAVE_CALENDAR has no calendar of its cluster', async () => {
  expect(workerConfig({}, {}).calendar).toBeUndefined();
  expect(await openCalendar(undefined)).toBeUndefined();
});

test('HOTWAVE_CALENDAR names the file', () => {
  expect(workerConfig({}, { HOTWAVE_CALENDAR: '/etc/hotwave/calendar.yaml' }).calendar).toBe(
    '/etc/hotwave/calendar.yaml',
  );
});

test('a change of the file counts at once, and so does a mistake in it', async () => {
  const path = await file('changing.yaml', WEEKEND);
  const calendar = await openCalendar(path);
  expect(await calendar?.read()).toEqual({
    windows: [{ name: 'weekend', from: 'Fri 18:00', to: 'Mon 08:00', timeZone: 'Europe/Berlin' }],
  });
  await file('changing.yaml', 'freeze: []\n');
  expect(await calendar?.read()).toEqual({ windows: [] });
  await file('changing.yaml', WEEKEND.replace('Mon 08:00', 'Mon 8:00'));
  expect(await calendar?.read()).toEqual({
    problem: `the calendar of the cluster is broken: ${path}:2:43: freeze[0].to: expected a weekday and a time such as Fri 18:00, or a date such as 2026-12-24 or 2026-12-24 12:00`,
  });
  await rm(path);
  expect(await calendar?.read()).toEqual({
    problem: `the calendar of the cluster, HOTWAVE_CALENDAR ${path}, cannot be read: there is no such file`,
  });
});

test.each([
  ['a window that does not exist', '- weekend', /:1:1: expected|:1:1: /],
  ['an unknown key', `${WEEKEND}thaw: []\n`, /:3:1: thaw: unknown key$/],
  ['no list', 'freeze: never\n', /:1:9: freeze: expected a list of windows/],
  ['an unknown time zone', WEEKEND.replace('Berlin', 'Berlyn'), /:2:64: freeze\[0\]\.timeZone: expected a time zone/],
  ['two mistakes', WEEKEND.replace('Berlin', 'Berlyn').replace('18:00', '18h'), / \(and 1 more\)$/],
])('a worker does not start with a calendar that has %s, and says where', async (_what, text, sentence) => {
  await expect(openCalendar(await file('broken.yaml', text))).rejects.toThrow(sentence);
  await expect(openCalendar(await file('broken.yaml', text))).rejects.toMatchObject({ exitCode: 64 });
});
