import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

const BIN = fileURLToPath(new URL('../../bin', import.meta.url));

/** A line of which the last word is under the cursor, as each shell is asked for its completions. */
const ASK = {
  bash: (words: readonly string[]) => [
    '--norc',
    '-c',
    `source <(hotwave completion bash); COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _hotwave; printf '%s\\n' "\${COMPREPLY[@]}"`,
    ...['bash', 'hotwave', ...words],
  ],
  fish: (words: readonly string[]) => [
    '--no-config',
    '-c',
    // One that is not installed knows its own functions by this alone.
    `test -n "$FISH_FUNCTIONS"; and set -p fish_function_path $FISH_FUNCTIONS
     hotwave completion fish | source; complete -C '${['hotwave', ...words].join(' ')}'`,
  ],
  // Without a terminal zsh completes nothing; what it would be offered is what _describe is called with.
  zsh: (words: readonly string[]) => [
    '-f',
    '-c',
    `compdef() { }; _files() { print -l -- *(N) }; _describe() { print -l -- "\${found[@]}" }
     source <(hotwave completion zsh); words=("$@"); CURRENT=$#; _hotwave`,
    ...['zsh', 'hotwave', ...words],
  ],
} as const;

/** A shell that hotwave completes for. */
export type Shell = keyof typeof ASK;

/** The rules of completion in a shell. @param root the folder that the shell is unpacked in; default: it is installed */
export function describeShell(shell: Shell, root: () => string | undefined = () => undefined): void {
  describe(shell, () => {
    let folder: string;
    beforeAll(() => {
      folder = mkdtempSync(join(tmpdir(), 'hotwave-completion-'));
      writeFileSync(join(folder, 'good release.yaml'), '');
    });
    afterAll(() => rmSync(folder, { recursive: true }));

    /** In a folder with one release file, with the checkout's hotwave on the PATH. */
    const run = (words: readonly string[]): { readonly out: string; readonly err: string } => {
      const at = root();
      const paths = [BIN, ...(at === undefined ? [] : [join(at, 'usr/bin'), join(at, 'bin')]), process.env['PATH']];
      const env = {
        ...process.env,
        PATH: paths.join(delimiter),
        TEMPORAL_ADDRESS: '127.0.0.1:1',
        ...(at === undefined ? {} : { FISH_FUNCTIONS: join(at, 'usr/share/fish/functions') }),
      };
      const program = at === undefined ? shell : join(at, PROGRAM[shell]);
      const { stdout, stderr, error } = spawnSync(program, ASK[shell](words), {
        cwd: folder,
        env,
        encoding: 'utf8',
        timeout: 50_000,
      });
      if (error) throw error;
      return { out: stdout, err: stderr };
    };
    const offers = (...words: string[]): string => run(words).out;

    test('is offered verbs, flags, values and files where each can stand', () => {
      expect(offers('st')).toMatch(/^start\b.*\nstatus\b.*\n$/);
      expect(offers('approve', 'arena/duel', '--wav')).toMatch(/^--wave\b/);
      expect(offers('watch', 'arena/duel', '--until', 'g')).toMatch(/^gate\b/);
      expect(offers('plan', '')).toContain('release.yaml');
    }, 60_000);

    test('is offered nothing, and told nothing, when no Temporal answers', () => {
      const { out, err } = run(['status', 'are']);
      expect([out.trim(), err]).toEqual(['', '']);
    }, 60_000);
  });
}

/** Where Debian has them. */
const PROGRAM: Record<Shell, string> = { bash: 'bin/bash', fish: 'usr/bin/fish', zsh: 'bin/zsh' };
