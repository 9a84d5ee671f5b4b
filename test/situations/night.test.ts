import { readFileSync } from 'node:fs';
import { expect } from 'vitest';
import { test } from '../support/stage.ts';
import { asMarkdown, playNight } from './night.ts';

test('the page of the night in the chat says what the chat sees today', async ({ stage, connections }) => {
  const page = readFileSync('docs/night-in-chat.md', 'utf8').replaceAll(/\s+/g, ' ');
  const seen = await playNight(stage, connections);
  for (const one of seen) if (one.kind !== 'card') expect(page).toContain(asMarkdown(one).replaceAll(/\s+/g, ' '));
  const titles = seen.flatMap((one) => (one.kind === 'card' ? [one.card.title] : []));
  for (const title of titles) expect(page).toContain(title);
  const ends = titles.filter((title) => /\((?:rolled-back|done)\)$/.test(title));
  expect([...new Set(ends)].map((title) => title.split(' ')[0])).toEqual(['scripts-2-0', 'scripts-2-1', 'scripts-2-2']);
});
