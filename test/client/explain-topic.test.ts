import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { main } from '../../client/main.ts';
import { refusalAdvice } from '../../client/render/checks.ts';
import { FAILURE_CLASSES } from '../../release/checks/server.ts';
import { FAILURE_ADVICE, REFUSAL_ADVICE, topicOf } from '../../release/narrate/advice.ts';
import { anchorsOf, readPage } from '../support/docs-walk.ts';
import { recordedIo } from './support.ts';

describe('hotwave explain', () => {
  test.each(['notReady', 'foreign-owners', 'foreign owners'])('%s says what to do, without Temporal', async (topic) => {
    const io = recordedIo({ tty: true, env: { TEMPORAL_ADDRESS: '127.0.0.1:1' } });

    expect(await main(['explain', topic], io)).toBe(0);
    await new Promise(setImmediate);
    expect(io.written.out).toMatch(/^To do: /m);
    expect(io.written.out.split('\n').filter((line) => line.length > 80)).toEqual([]);
  });

  test('prints it for machines', async () => {
    const io = recordedIo();

    expect(await main(['explain', 'crashLoop', '-o', 'json'], io)).toBe(0);
    await new Promise(setImmediate);
    expect(JSON.parse(io.written.out)).toEqual({
      topic: 'crashLoop',
      page: 'docs/failures.md#crashloop',
      ...FAILURE_ADVICE.crashLoop,
    });
  });
});

test('a plan that is refused says which commands explain it', () => {
  const lines = [
    { title: 'set', status: 'ok', detail: '' },
    { title: 'foreign owners', status: 'refused', detail: 'x' },
    { title: 'players', status: 'warning', detail: 'y' },
  ] as const;

  expect(refusalAdvice(lines)).toEqual(['to do: hotwave explain foreign-owners']);
});

test('each line of plan has an explanation', () => {
  const source = readFileSync('activities/preflight/preflight.ts', 'utf8');
  const titles = [...source.matchAll(/\{ title: '([^']+)'/g)].map(([, title = '']) => title);

  expect(titles.length).toBeGreaterThan(15);
  expect([...titles, 'permissions'].toSorted()).toEqual(Object.keys(REFUSAL_ADVICE).toSorted());
});

test.each([...FAILURE_CLASSES, ...Object.keys(REFUSAL_ADVICE)])('the page of %s has a heading for it', (name) => {
  const [page = '', anchor = ''] = topicOf(name)?.page.split('#') ?? [];

  expect(anchorsOf(readPage(page))).toContain(anchor);
});
