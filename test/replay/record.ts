import { expect } from 'vitest';
import { test } from '../support/stage.ts';
import { keepHistory } from './histories.ts';
import { PATHS } from './paths.ts';

// Run by `npm run record-histories`, one path after the other.

test.for(PATHS)('keeps the history of $name', async ({ name, model, go }, { stage }) => {
  const release = await go(await stage({ sets: [{ replicas: 4 }], ...model }));
  await release.result();
  const history = await release.handle.fetchHistory();
  keepHistory(name, history);
  expect(history.events?.length).toBeGreaterThan(4);
});
