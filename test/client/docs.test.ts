import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import type { CommandUnknownOpts } from '@commander-js/extra-typings';
import { describe, expect, test } from 'vitest';
import { hotwaveProgram } from '../../client/program.ts';
import { readReleaseFile } from '../../release/spec/diagnose.ts';
import {
  anchorsOf,
  commandsOf,
  filesNamedIn,
  inlineCommandsOf,
  linksOf,
  readPage,
  simpleCommands,
} from '../support/docs-walk.ts';
import type { Shown } from '../support/docs-walk.ts';
import { recordedIo } from './support.ts';

const tracked = execFileSync('git', ['ls-files', '--cached', '--others', '--exclude-standard'], { encoding: 'utf8' })
  .split('\n')
  .filter((path) => existsSync(path));
const pages = tracked.filter((path) => path.endsWith('.md')).map(readPage);
/** A sentence of hotwave about itself, and no command. */
const isSentence = ({ words }: Shown): boolean => words[1] === 'stops' && words[2] === 'here';
/** Pages that show what hotwave said; there a command has a prompt before it. */
const RECORDED = new Set(['docs/hard-situations.md', 'docs/night-in-chat.md']);
/** The pages of Argo CD and Flux, each named beside its product. */
const OTHERS = /^docs\/(?:user-guide|spec)\//;
/** Decisions tell of commands and files of their time. */
const living = pages.filter(({ path }) => !path.startsWith('docs/decisions/'));

const scripts = new Set(Object.keys((JSON.parse(readFileSync('package.json', 'utf8')) as { scripts: object }).scripts));

/** Why hotwave does not take these words; undefined when it does. Nothing is carried out. */
async function problemOf(words: readonly string[], { isMention = false } = {}): Promise<string | undefined> {
  const program = hotwaveProgram({ io: recordedIo(), finish: () => undefined }, () => Promise.resolve(0));
  const quiet = (command: CommandUnknownOpts): void => {
    command.action(() => undefined);
    command.commands.forEach(quiet);
  };
  program.commands.forEach(quiet);
  try {
    await program.parseAsync(words, { from: 'user' });
    return undefined;
  } catch (error) {
    const { code, message } = error as { code?: unknown; message: string };
    if (code === 'commander.helpDisplayed' || code === 'commander.version' || code === 'commander.help')
      return undefined;
    if (isMention && (code === 'commander.missingArgument' || code === 'commander.optionMissingArgument'))
      return undefined;
    return message;
  }
}

async function problemsOf(
  commands: readonly (Shown & { readonly path: string })[],
  how?: { readonly isMention: boolean },
): Promise<readonly string[]> {
  const problems = await Promise.all(
    commands.map(async ({ path, line, words: [, ...words] }) => {
      const problem = await problemOf(words, how);
      return problem === undefined ? [] : [`${path}:${line}: hotwave ${words.join(' ')}: ${problem}`];
    }),
  );
  return problems.flat();
}

describe('of every page', () => {
  test('each link leads to a file that there is, and to a heading in it', () => {
    const anchors = new Map(pages.map((page) => [page.path, anchorsOf(page)]));
    const broken = pages.flatMap((page) =>
      linksOf(page)
        .filter(({ file, anchor }) => !existsSync(file) || (anchor !== '' && anchors.get(file)?.has(anchor) !== true))
        .map(({ line, text }) => `${page.path}:${line}: ${text}`),
    );

    expect(broken).toEqual([]);
  });

  test('each file that it names is there', () => {
    const missing = living.flatMap((page) =>
      filesNamedIn(page)
        .filter(({ text }) => !existsSync(text) && !OTHERS.test(text))
        .map(({ line, text }) => `${page.path}:${line}: ${text}`),
    );

    expect(missing).toEqual([]);
  });

  test('each command of hotwave that it shows is one that hotwave takes', async () => {
    const shown = living.flatMap((page) =>
      commandsOf(page, 'hotwave', RECORDED.has(page.path)).map((one) => ({ ...one, path: page.path })),
    );

    expect(shown.length).toBeGreaterThan(40);
    expect(await problemsOf(shown)).toEqual([]);
  });

  test('each command of hotwave that it mentions has a verb and flags that there are', async () => {
    const named = living.flatMap((page) =>
      inlineCommandsOf(page, 'hotwave')
        .filter((one) => !isSentence(one))
        .map((one) => ({ ...one, path: page.path })),
    );

    expect(named.length).toBeGreaterThan(100);
    expect(await problemsOf(named, { isMention: true })).toEqual([]);
  });

  test('each npm script that it names is one of package.json', () => {
    const missing = living.flatMap((page) =>
      [...commandsOf(page, 'npm'), ...inlineCommandsOf(page, 'npm')]
        .filter(({ words }) => words[1] === 'run')
        .map(({ line, words }) => ({ line, script: words.slice(2).find((word) => !word.startsWith('-')) ?? '' }))
        .filter(({ script }) => !scripts.has(script))
        .map(({ line, script }) => `${page.path}:${line}: npm run ${script}`),
    );

    expect(missing).toEqual([]);
  });
});

test('each example of a help text is a command that hotwave takes', async () => {
  const io = recordedIo();
  const program = hotwaveProgram({ io, finish: () => undefined }, () => Promise.resolve(0));
  program.outputHelp();
  for (const command of program.commands) command.outputHelp();
  await new Promise(setImmediate);
  const examples = io.written.out
    .split('\n')
    .flatMap((line, index) => (line.startsWith('  hotwave ') ? [{ path: 'help', line: index, text: line }] : []))
    .flatMap(({ path, line, text }) => simpleCommands(text).map((words) => ({ path, line, words })))
    .filter(({ words }) => words[0] === 'hotwave');

  expect(examples.length).toBeGreaterThan(40);
  expect(await problemsOf(examples)).toEqual([]);
});

describe('the walk finds', () => {
  test.each([
    [['stauts', 'arena/duel'], "unknown command 'stauts'"],
    [['status', 'arena/duel', '--loud'], "unknown option '--loud'"],
    [['approve'], "missing required argument 'set'"],
    [['status', 'a/b', '-o', 'xml'], '--output "xml": expected'],
  ])('what hotwave does not take: %j', async (words, problem) => {
    expect(await problemOf(words)).toContain(problem);
  });

  test('the commands of a line as a shell would', () => {
    expect(simpleCommands(`A=1 hotwave wait a/b --for wave=2 && echo "it is # done" > log # a remark`)).toEqual([
      ['hotwave', 'wait', 'a/b', '--for', 'wave=2'],
      ['echo', 'it is # done'],
    ]);
  });
});

test('the glossary is in alphabetical order, each word once, in at most three sentences', () => {
  const rows = [...readFileSync('docs/glossary.md', 'utf8').matchAll(/^\| ([a-z][\w ]+?) +\| (.+?) +\|$/gm)];
  const words = rows.slice(1).map(([, word = '']) => word);

  expect(words.length).toBeGreaterThan(40);
  expect(words).toEqual([...new Set(words)].sort((one, other) => one.localeCompare(other, 'en')));
  expect(rows.filter(([, , meaning = '']) => meaning.split(/\. /).length > 3)).toEqual([]);
});

test('each whole release file that a page shows is a right one', () => {
  const files = living.flatMap(({ path }) =>
    [...readFileSync(path, 'utf8').matchAll(/```yaml\n([^]*?)```/g)]
      .map(([, text = '']) => ({ path, text }))
      .filter(({ text }) => /^kind: Release$/m.test(text) && /^ {2}proof:/m.test(text)),
  );
  const problems = files.flatMap(({ path, text }) => {
    const read = readReleaseFile(text);
    return 'release' in read ? [] : [`${path}: ${JSON.stringify(read)}`];
  });

  expect(files.length).toBeGreaterThan(2);
  expect(problems).toEqual([]);
});

test('the Chinese README has the commands of the English one, in the same order', () => {
  const commands = (path: string): readonly string[] =>
    ['npm', 'source', 'alias', 'export', 'kubectl', 'hotwave'].flatMap((program) =>
      commandsOf(readPage(path), program).map(({ words }) => words.join(' ')),
    );

  expect(commands('README.zh-CN.md')).toEqual(commands('README.md'));
});
