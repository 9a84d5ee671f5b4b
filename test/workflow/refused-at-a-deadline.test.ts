import { expect } from 'vitest';
import { replay } from '../replay/replay-histories.ts';
import { aRelease, test } from '../support/stage.ts';

const GATES = 8;

test('decisions that are refused while a deadline passes leave a history that can be replayed', async ({ stage }) => {
  const it = await stage();
  const gates = Array.from({ length: GATES }, (_, index) => ({
    before: index + 2,
    timeout: '150ms',
    onTimeout: 'proceed' as const,
  }));
  const release = await it.start(aRelease({ waves: [...gates.map(() => 1), 'rest'], gates }));
  let isRunning = true;
  const press = async (): Promise<void> => {
    while (isRunning) await release.decide({ verb: 'approve', wave: 99 }).catch(() => undefined);
  };
  const crowd = Array.from({ length: 3 }, press);
  const { outcome } = await release.result();
  isRunning = false;
  await Promise.all(crowd);
  expect(outcome).toBe('done');
  expect(await replay([['it', await release.handle.fetchHistory()]])).toEqual({});
});
