import { execFileSync } from 'node:child_process';
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { nextCommands } from '../../release/narrate/narrate.ts';
import { commandLine, shellWord } from '../../release/narrate/shell.ts';
import { aReleaseState } from '../client/support.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));

/**
 * The arguments that a shell gives to `hotwave` when somebody pastes a command: its words, and nothing else happens.
 */
function pasted(command: string): string[] {
  const script = `hotwave() { printf '%s\\0' "$@"; }; ${command}`;
  return execFileSync('sh', ['-c', script], { encoding: 'utf8' }).split('\0').slice(0, -1);
}

describe('a command to paste', () => {
  test.each([
    ['a second command', 'duel; echo gone'],
    ['a substitution', '$(echo gone)`echo gone`'],
    ['quotes that end the word', `duel' ; echo gone ; '`],
    ['an option and its value', 'duel --to 1.0'],
    ['a redirection', 'duel > /dev/full'],
    ['a comment', '#duel'],
    ['patterns, braces and home', '~/*{a,b}?[x]'],
    ['a variable', '${HOME}$HOME!!'],
    ['nothing', ''],
  ])('is one word for the shell where a name holds %s', (_what, name) => {
    expect(pasted(commandLine('approve', name, '--cluster', name))).toEqual(['approve', name, '--cluster', name]);
  });

  test('a line break becomes a question mark: no shell sees a second line', () => {
    expect(pasted(commandLine('approve', 'duel\necho gone'))).toEqual(['approve', 'duel?echo gone']);
  });

  test('a word that zsh takes for a program is quoted', () => {
    expect(shellWord('=ls')).toBe(`'=ls'`);
    expect(shellWord('registry.example:5000/a@sha256:0f')).toBe('registry.example:5000/a@sha256:0f');
  });
});

describe('every sentence that names a command', () => {
  const HOSTILE = { namespace: 'arena', name: 'duel; echo gone' };

  test('quotes a set and a cluster that came from elsewhere', () => {
    const commands = nextCommands(aReleaseState({ phase: 'paused', cluster: '$(echo gone)', set: HOSTILE }));
    expect(commands.map((command) => pasted(command).at(-1))).toEqual(commands.map(() => '$(echo gone)'));
    for (const command of commands) expect(pasted(command)[1]).toBe('arena/duel; echo gone');
  });

  test('has it from commandLine, or a reference that is quoted already, and never from a name itself', () => {
    const byHand =
      /(?:hotwave (?!expected )(?:[a-z]+|\$\{verb\})|temporal [a-z]+(?: [a-z-]+)*|kubectl [a-z]+)(?: --[a-z-]+)* \$\{(?![\w.]*reference\}|shellWord\()[^}]*\}/g;
    const found = globSync('{client,release,activities,workflows,worker,cluster}/**/*.ts', { cwd: root }).flatMap(
      (file) => (readFileSync(join(root, file), 'utf8').match(byHand) ?? []).map((text) => `${file}: ${text}`),
    );
    expect(found).toEqual([]);
  });
});
