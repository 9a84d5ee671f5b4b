import { PassThrough } from 'node:stream';
import { expect, test } from 'vitest';
import { terminalAsker } from '../../client/terminal/asker.ts';
import type { Asker } from '../../client/terminal/asker.ts';
import { until } from '../lab/until.ts';

const DOWN = '\u001b[B';
const ENTER = '\r';
const CTRL_C = '\u0003';

/** A person who types once the question is there, and what they see. */
function person(keys: readonly string[]): {
  readonly asker: Asker;
  readonly screen: () => string;
  readonly types: () => Promise<void>;
} {
  const [input, output] = [new PassThrough(), new PassThrough()];
  let screen = '';
  output.on('data', (chunk: Buffer) => (screen += chunk.toString()));
  const types = async (): Promise<void> => {
    await until({ what: 'a question', deadlineMs: 10_000, everyMs: 5 }, () => Promise.resolve(screen.includes('?')));
    for (const key of keys) {
      input.write(key);
      await new Promise(setImmediate);
    }
  };
  return { asker: terminalAsker(input, output), screen: () => screen, types };
}

const OPTIONS = [{ value: 'log', hint: 'registry.test/log:1' }, { value: 'scripts' }];

test('an option is picked by the keys of the arrows, and its hint is shown', async () => {
  const { asker, screen, types } = person([DOWN, ENTER]);
  const [picked] = await Promise.all([asker.choose('Which?', OPTIONS), types()]);
  expect(picked).toBe('scripts');
  expect(screen()).toContain('registry.test/log:1');
});

test('a line that is not understood is asked again, with the reason', async () => {
  const { asker, screen, types } = person(['x', ENTER, 'y', ENTER]);
  const problemOf = (line: string): string | undefined => (line === 'xy' ? undefined : 'expected xy');
  const [typed] = await Promise.all([asker.type('How?', 'such as xy', problemOf), types()]);
  expect(typed).toBe('xy');
  expect(screen()).toContain('expected xy');
});

test('an empty line is an answer, and not the example', async () => {
  const { asker, types } = person([ENTER]);
  const [typed] = await Promise.all([asker.type('How?', 'self', () => undefined), types()]);
  expect(typed).toBe('');
});

test('a person who gives up is told that nothing is written', async () => {
  const { asker, types } = person([CTRL_C]);
  const givenUp = expect(asker.choose('Which?', OPTIONS)).rejects.toMatchObject({
    code: 5,
    message: 'cancelled: nothing is written',
  });
  await Promise.all([givenUp, types()]);
});
