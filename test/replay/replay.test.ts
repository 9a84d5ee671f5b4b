import { readdirSync } from 'node:fs';
import { Worker } from '@temporalio/worker';
import { expect, inject, test } from 'vitest';
import { HISTORIES, readHistory } from './histories.ts';
import type { History } from './histories.ts';
import { PATHS } from './paths.ts';

const names = PATHS.map(({ name }) => name);

/** Replays histories with today's workflow code; the reason of each that does not fit, by name. */
async function replay(histories: readonly (readonly [string, History])[]): Promise<Record<string, string>> {
  const problems: Record<string, string> = {};
  const results = Worker.runReplayHistories(
    { workflowBundle: { codePath: inject('bundlePath') } },
    histories.map(([workflowId, history]) => ({ workflowId, history })),
  );
  for await (const { workflowId, error } of results) if (error) problems[workflowId] = error.message;
  return problems;
}

test('there is one recorded history for each path, and no other', () => {
  const kept = readdirSync(HISTORIES).map((file) => file.replace(/\.json\.gz$/, ''));
  expect(kept.toSorted()).toEqual(names.toSorted());
});

test('releases that were recorded can go on with the workflow code as it is now', async () => {
  expect(await replay(names.map((name) => [name, readHistory(name)]))).toEqual({});
});

test('a history that the workflow code would not have made is found out', async () => {
  const history = readHistory('done');
  const scheduled = history.events?.map(({ activityTaskScheduledEventAttributes: event }) => event?.activityType);
  scheduled!.find((type) => type?.name === 'openWave')!.name = 'openEverything';
  expect((await replay([['tampered', history]]))['tampered']).toMatch(/openEverything/);
});
