import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { main } from '../../client/main.ts';
import { recordedIo } from './support.ts';

const BIN = fileURLToPath(new URL('../../bin', import.meta.url));

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'hotwave-completion-'));
  writeFileSync(join(folder, 'good release.yaml'), '');
});
afterAll(() => {
  rmSync(folder, { recursive: true });
});

/** Lets a program of a shell run in a folder with one release file, with the checkout's hotwave on the PATH. */
function runShell(shell: string, ...argv: string[]): { readonly out: string; readonly err: string } {
  const env = { ...process.env, PATH: [BIN, process.env['PATH']].join(delimiter), TEMPORAL_ADDRESS: '127.0.0.1:1' };
  const { stdout, stderr, error } = spawnSync(shell, argv, { cwd: folder, env, encoding: 'utf8', timeout: 50_000 });
  if (error) throw error;
  return { out: stdout, err: stderr };
}

const isThere = (shell: string): boolean => spawnSync(shell, ['--version']).error === undefined;

/** A line of which the last word is under the cursor, as each shell is asked for its completions. */
const ASK: Readonly<Record<string, (words: readonly string[]) => readonly string[]>> = {
  bash: (words) => [
    '--norc',
    '-c',
    `source <(hotwave completion bash); COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _hotwave; printf '%s\\n' "\${COMPREPLY[@]}"`,
    ...['bash', 'hotwave', ...words],
  ],
  fish: (words) => ['--no-config', '-c', `hotwave completion fish | source; complete -C ${quoted(words)}`],
  // Without a terminal zsh completes nothing; what it would be offered is what _describe is called with.
  zsh: (words) => [
    '-f',
    '-c',
    `compdef() { }; _files() { print -l -- *(N) }; _describe() { print -l -- "\${found[@]}" }
     source <(hotwave completion zsh); words=("$@"); CURRENT=$#; _hotwave`,
    ...['zsh', 'hotwave', ...words],
  ],
};

const quoted = (words: readonly string[]): string => `'${['hotwave', ...words].join(' ')}'`;

describe.each(Object.keys(ASK))('%s', (shell) => {
  const offers = (...words: string[]): string => runShell(shell, ...ASK[shell]!(words)).out;

  test.skipIf(!isThere(shell))(
    'is offered verbs, flags, values and files where each can stand',
    () => {
      expect(offers('st')).toMatch(/^start\b.*\nstatus\b.*\n$/);
      expect(offers('approve', 'arena/duel', '--wav')).toMatch(/^--wave\b/);
      expect(offers('watch', 'arena/duel', '--until', 'g')).toMatch(/^gate\b/);
      expect(offers('plan', '')).toContain('release.yaml');
    },
    60_000,
  );

  test.skipIf(!isThere(shell))(
    'is offered nothing, and told nothing, when no Temporal answers',
    () => {
      const { out, err } = runShell(shell, ...ASK[shell]!(['status', 'are']));
      expect([out.trim(), err]).toEqual(['', '']);
    },
    60_000,
  );
});

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
