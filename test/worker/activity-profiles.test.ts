import { readFile, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { ActivityCancellationType } from '@temporalio/workflow';
import { describe, expect, test } from 'vitest';
import { PROFILES } from '../../workflows/calls.ts';

const root = new URL('../..', import.meta.url).pathname;
const MAY_WRITE_OR_SEND: ReadonlySet<string> = new Set(['writing', 'holding']);

describe.each(Object.entries(PROFILES))('the profile %s', (name, profile) => {
  const options = profile(60_000, '12s');

  test('says what an interrupted call means: one that may write or send is waited for', () => {
    const { WAIT_CANCELLATION_COMPLETED, TRY_CANCEL } = ActivityCancellationType;
    expect(options.cancellationType).toBe(MAY_WRITE_OR_SEND.has(name) ? WAIT_CANCELLATION_COMPLETED : TRY_CANCEL);
  });

  test('has a heartbeat time-out: without one an interrupted call never hears of it', () => {
    expect(options.heartbeatTimeout).toBeDefined();
  });
});

test('no workflow calls an activity but by a profile', async () => {
  const names = await readdir(join(root, 'workflows'), { recursive: true });
  const files = names.filter((name) => name.endsWith('.ts') && name !== 'calls.ts');
  const texts = await Promise.all(
    files.map(async (name) => [name, await readFile(join(root, 'workflows', name), 'utf8')]),
  );
  const strays = texts.filter(([, text]) => /proxy(Local)?Activities|scheduleActivity/.test(text ?? ''));
  expect(strays.map(([name]) => name)).toEqual([]);
});
