import { describe, expect, test } from 'vitest';
import { main } from '../../client/main.ts';
import { describeShell } from '../support/shells.ts';
import { recordedIo } from './support.ts';

// zsh and fish, which a machine may not have, are in the package layer.
describeShell('bash');

/** The answer to a script: a candidate in each line, and as the last one whether files are meant. */
async function told(...words: string[]): Promise<string[]> {
  const io = recordedIo();
  expect(await main(['__complete', '--', ...words], io)).toBe(0);
  await new Promise(setImmediate);
  return io.written.out.trimEnd().split('\n');
}

describe('a line that is completed', () => {
  test('has the verbs of hotwave, those for people alone, after help as well', async () => {
    const verbs = await told('');
    expect(verbs).toContain('help\tprint this help, or that of a verb');
    expect(verbs.join('\n')).not.toContain('__complete');
    expect(await told('help', 'ro')).toEqual(['rollback\tbring servers back to the version before', ':4']);
  });

  test('knows a flag by its short name, by its alias of a verb and with its value in one word', async () => {
    expect(await told('status', 'x', '-o', 'js')).toEqual(['json', 'jsonl', ':4']);
    expect(await told('undo', 'x', '--scope', '')).toEqual([':4']);
    expect((await told('watch', '--until=gate', 'x', '--tim'))[0]).toMatch(/^--timeout\t/);
    expect(await told('plan', '-o', 'json', '')).toEqual([':0']);
    expect(await told('versions', 'x', '-f', '')).toEqual([':0']);
  });

  test('of which nothing is known has no candidates', async () => {
    expect(await told('nonsense', '')).toEqual([':4']);
    expect(await told('status', 'x', '--reason', '')).toEqual([':4']);
    expect(await told('doctor', '')).toEqual([':4']);
  });
});
