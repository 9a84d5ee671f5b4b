import { readdirSync } from 'node:fs';
import { expect, test } from 'vitest';
import { HISTORIES, readHistory } from './histories.ts';
import { PATHS } from './paths.ts';
import { replay } from './replay-histories.ts';

const names = PATHS.map(({ name }) => name);

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
