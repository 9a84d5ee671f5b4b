import { readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { exampleRelease } from '../support/examples.ts';

const folder = fileURLToPath(new URL('../../examples', import.meta.url));
const files = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((name) =>
  /release.*\.yaml$/.test(name),
);

test('there are examples', () => {
  expect(files.length).toBeGreaterThan(5);
});

test.each(files)('%s is a valid release file', async (name) => {
  expect((await exampleRelease(name)).kind).toBe('Release');
});
