import { expect, test } from 'vitest';
import { Places } from '../../activities/servers/places.ts';

/** Runs so much work on each of the nodes and returns how much ran at once, at most. */
async function busiest(places: Places, nodes: readonly string[], onEach: number): Promise<number> {
  let now = 0;
  let most = 0;
  const work = async (): Promise<void> => {
    most = Math.max(most, ++now);
    await new Promise(setImmediate);
    now -= 1;
  };
  await Promise.all(nodes.flatMap((node) => Array.from({ length: onEach }, () => places.run(node, work))));
  return most;
}

test('a node gets only so much at once, and so does the fleet', async () => {
  expect(await busiest(new Places({ total: 20, perNode: 3 }), ['a'], 10)).toBe(3);
  expect(await busiest(new Places({ total: 20, perNode: 3 }), ['a', 'b'], 10)).toBe(6);
  expect(await busiest(new Places({ total: 4, perNode: 3 }), ['a', 'b'], 10)).toBe(4);
});

test('work that fails gives its place back', async () => {
  const places = new Places({ total: 1, perNode: 1 });
  await expect(places.run('a', () => Promise.reject(new Error('failed')))).rejects.toThrow('failed');
  await expect(places.run('a', () => Promise.resolve('done'))).resolves.toBe('done');
});
