import { stripVTControlCharacters } from 'node:util';
import { expect, test } from 'vitest';
import { Narrator } from './narrator.ts';

/** Everything that a narrator can say, much of it too long for a line. */
function story(isTTY: boolean, environment: Record<string, string> = {}): string {
  let text = '';
  const narrator = new Narrator({ isTTY, write: (part) => (text += part) }, environment);
  narrator.heading('A heading');
  narrator.say('A paragraph that goes on and on. '.repeat(5).trim());
  narrator.progress('a step that takes a while, as everything does '.repeat(3).trim());
  narrator.output('waits for 3 servers to be Ready on registry.example/2048-sidecar:v2.0 '.repeat(2).trim());
  narrator.output('');
  narrator.seen('gss-2048-4: its files are v2.0 now, nginx still answers v1.0, as it should', new Date(0));
  narrator.table([{ title: 'SERVER' }, { title: 'AGE', align: 'right' }], [['gss-2048-0', '5s']]);
  narrator.check({ holds: true, what: 'something that takes quite some words to be told '.repeat(3).trim() });
  return text;
}

test('a story has at most 80 columns and no space at the end of a line', () => {
  const lines = stripVTControlCharacters(story(true)).split('\n');
  expect(lines.filter((line) => line.length > 80)).toEqual([]);
  expect(lines.filter((line) => line.endsWith(' '))).toEqual([]);
});

test('a story has colours on a terminal and nowhere else', () => {
  const escape = '\u001B[';
  expect(story(true)).toContain(escape);
  expect(story(false)).not.toContain(escape);
  expect(story(true, { NO_COLOR: '1' })).not.toContain(escape);
  expect(story(true, { TERM: 'dumb' })).not.toContain(escape);
});

test('a command is never broken, so that it can be copied', () => {
  let text = '';
  const narrator = new Narrator({ write: (part) => (text += part) }, {});
  const command = `hotwave approve ${'very-'.repeat(30)}long --wave 2`;
  narrator.command(command);
  expect(text).toBe(`\n$ ${command}\n`);
});

test('what is wrong cannot be overlooked', () => {
  let text = '';
  const narrator = new Narrator({ write: (part) => (text += part) }, {});
  narrator.check({ holds: false, what: 'no main container restarted; found: 1 restarts' });
  expect(text).toBe('  WRONG no main container restarted; found: 1 restarts\n');
});
