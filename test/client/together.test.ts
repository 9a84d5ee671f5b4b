import { expect, test } from 'vitest';
import { NotCarried, together } from '../../client/gateway/together.ts';
import type { CarryAll } from '../../client/gateway/together.ts';
import type { DecisionMessage, ExpectedAnswer } from '../../workflows/messages.ts';

const decision = (id: string): DecisionMessage => ({ id, verb: 'approve', release: 'duel-2', actor: 'ann' });
const answerTo = ({ id }: DecisionMessage): ExpectedAnswer => ({ given: true, accepted: true, message: `heard ${id}` });

/** A release whose queries are answered when the test says so. */
function aRelease(): {
  readonly asked: string[][];
  readonly askAll: CarryAll<DecisionMessage, ExpectedAnswer>;
  answer(): Promise<void>;
} {
  const asked: string[][] = [];
  const open: (() => void)[] = [];
  return {
    asked,
    askAll: (_, decisions) => {
      asked.push(decisions.map(({ id }) => id));
      return new Promise((resolve) => open.push(() => resolve(decisions.map(answerTo))));
    },
    async answer() {
      open.shift()?.();
      await new Promise(setImmediate);
    },
  };
}

test('a release is asked one query after the other, each with all that came meanwhile', async () => {
  const release = aRelease();
  const ask = together(release.askAll, 100);
  const answers = ['a', 'b', 'c'].map((id) => ask('hotwave/eu/arena/duel', decision(id), 60_000));
  expect(release.asked).toEqual([['a']]);
  await release.answer();
  expect(release.asked).toEqual([['a'], ['b', 'c']]);
  await release.answer();
  expect((await Promise.all(answers)).map(({ message }) => message)).toEqual(['heard a', 'heard b', 'heard c']);
  void ask('hotwave/eu/arena/duel', decision('d'), 60_000);
  expect(release.asked.at(-1)).toEqual(['d']);
  await release.answer();
});

test('one release does not wait for another, and no query asks about more than a hundred', async () => {
  const release = aRelease();
  const ask = together(release.askAll, 100);
  const ids = Array.from({ length: 150 }, (_, index) => `v${index}`);
  const all = [ask('one', decision('first'), 60_000), ...ids.map((id) => ask('one', decision(id), 60_000))];
  void ask('other', decision('x'), 60_000);
  expect(release.asked).toEqual([['first'], ['x']]);
  for (let left = 4; left > 0; left -= 1) await release.answer();
  expect(release.asked.slice(2).map(({ length }) => length)).toEqual([100, 50]);
  await Promise.all(all);
});

test('a query that fails fails for all that it asked, with its own error, and the next one is sent', async () => {
  const gone = new Error('gone');
  let queries = 0;
  const ask = together((_, decisions: readonly DecisionMessage[]) => {
    queries += 1;
    return queries === 1 ? Promise.reject(gone) : Promise.resolve(decisions.map(answerTo));
  }, 100);
  const [first, second] = [ask('one', decision('a'), 60_000), ask('one', decision('b'), 60_000)];
  await expect(first).rejects.toBe(gone);
  expect(await second).toMatchObject({ message: 'heard b' });
});

test('whose time is over while it is carried is not told that nothing has happened', async () => {
  const release = aRelease();
  const ask = together(release.askAll, 100);
  const late = await ask('one', decision('a'), 5).catch((error: unknown) => error);
  expect(late).toBeInstanceOf(Error);
  expect(late).not.toBeInstanceOf(NotCarried);
  await release.answer();
});

test('whose time is over is told so, and is not asked about any more', async () => {
  const release = aRelease();
  const ask = together(release.askAll, 100);
  const first = ask('one', decision('a'), 60_000);
  await expect(ask('one', decision('late'), 5)).rejects.toBeInstanceOf(NotCarried);
  const next = ask('one', decision('b'), 60_000);
  await release.answer();
  expect(release.asked).toEqual([['a'], ['b']]);
  await release.answer();
  await Promise.all([first, next]);
});
