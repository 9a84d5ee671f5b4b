import { readFileSync } from 'node:fs';
import { expect, inject } from 'vitest';
import { test } from '../support/stage.ts';
import { SITUATIONS, sceneOf } from './situations.ts';

const page = readFileSync('docs/hard-situations.md', 'utf8');

test('the page shows what people see: no name of a test, no time of a server in memory', () => {
  expect(page).not.toMatch(/stage-\d|--cluster|\d+ms\b/);
});

test.for(SITUATIONS)(
  '$title: whoever asks or tries is told in sentences',
  async ({ title, cluster, play }, { stage }) => {
    const it = await stage(cluster);
    await it.workerIsKnown();
    const shown = await play(sceneOf(it, inject('temporalAddress')));
    for (const { typed, said, code } of shown) {
      expect([typed, said]).not.toEqual([typed, '']);
      expect(said).not.toMatch(/undefined|\[object|NaN|Error:/);
      expect([0, 1, 2, 3, 5, 6]).toContain(code);
      expect(page).toContain(typed);
    }
    expect(page).toContain(title);
  },
);
