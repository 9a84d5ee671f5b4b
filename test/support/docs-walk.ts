import { readFileSync } from 'node:fs';
import { posix } from 'node:path';

// Reads pages as people do: their links, the commands that they show, the files that they name.

/** A piece of a page, with the line where it stands, from 1. */
export interface Piece {
  readonly line: number;
  readonly text: string;
}

/** A command that a page shows, as its words. */
export interface Shown {
  readonly line: number;
  readonly words: readonly string[];
}

/** A page without what is in fenced blocks, and the blocks that a person types from. */
export interface Page {
  readonly path: string;
  readonly prose: readonly Piece[];
  /** Lines of blocks in no language, or in one of a shell. */
  readonly typed: readonly Piece[];
}

const SHELLS = new Set(['', 'sh', 'bash', 'shell', 'console', 'yaml']);

/** Reads a page of the repository. */
export function readPage(path: string): Page {
  const prose: Piece[] = [];
  const typed: Piece[] = [];
  let fence: string | undefined;
  for (const [index, text] of readFileSync(path, 'utf8').split('\n').entries()) {
    const mark = /^\s*(?:> )?```(\w*)/.exec(text);
    if (mark) fence = fence === undefined ? (mark[1] ?? '') : undefined;
    else if (fence === undefined) prose.push({ line: index + 1, text });
    else if (SHELLS.has(fence)) typed.push({ line: index + 1, text });
  }
  return { path, prose, typed };
}

/** The relative links of a page: the file that each is about, from the root of the repository, and the anchor in it. */
export function linksOf({
  path,
  prose,
}: Page): readonly (Piece & { readonly file: string; readonly anchor: string })[] {
  return prose.flatMap(({ line, text }) =>
    [...withoutCode(text).matchAll(/\]\(([^)\s]+)\)/g)]
      .map(([, target = '']) => target)
      .filter((target) => !/^[a-z]+:/.test(target))
      .map((target) => {
        const [file = '', anchor = ''] = target.split('#');
        return {
          line,
          text: target,
          file: file === '' ? path : posix.normalize(posix.join(posix.dirname(path), file)),
          anchor,
        };
      }),
  );
}

/** The anchors of a page, as GitHub makes them from its headings. */
export function anchorsOf({ prose }: Page): ReadonlySet<string> {
  return new Set(
    prose.flatMap(({ text }) => {
      const [, heading] = /^#{1,6} +(.*)$/.exec(text) ?? [];
      if (heading === undefined) return [];
      return [
        heading
          .toLowerCase()
          .replaceAll(/[^\p{L}\p{N}\s_-]/gu, '')
          .trim()
          .replaceAll(/\s/g, '-'),
      ];
    }),
  );
}

/**
 * The command lines of a page that begin with this word, prompts taken off, lines that end in a backslash joined.
 * @param isRecorded only lines with a prompt are commands there
 */
export function commandsOf({ typed }: Page, program: string, isRecorded = false): readonly Shown[] {
  const lines = joined(typed).filter(({ text }) => !isRecorded || /^\s*\w*\$ /.test(text));
  return lines.flatMap(({ line, text }) => {
    const shown = text.trim().replace(/^(?:-\s+(?:run:\s+)?|run:\s+|>\s+|\w*\$\s+)+/, '');
    return simpleCommands(shown)
      .filter((words) => words[0] === program)
      .map((words) => ({ line, words }));
  });
}

/** The code in the prose of a page that begins with this word. */
export function inlineCommandsOf({ prose }: Page, program: string): readonly Shown[] {
  return prose.flatMap(({ line, text }) =>
    [...text.matchAll(/`([^`]+)`/g)].flatMap(([, code = '']) =>
      simpleCommands(code)
        .filter((words) => words[0] === program)
        .map((words) => ({ line, words })),
    ),
  );
}

/** The files and folders of the repository that the code in the prose of a page names. */
export function filesNamedIn({ prose, typed }: Page): readonly Piece[] {
  const named =
    /(?<![\w/.-])(?:docs|deploy|examples|test|release|workflows|activities|cluster|worker|client|bin|scripts)\/[\w./-]*\w(?![\w.]*\*)/g;
  return [...prose, ...typed].flatMap(({ line, text }) =>
    [...text.matchAll(named)].map(([file]) => ({ line, text: file })),
  );
}

/** The words of each command of a line, as a shell takes them apart; comments and redirections are none. */
export function simpleCommands(line: string): readonly (readonly string[])[] {
  const commands: string[][] = [];
  let words: string[] = [];
  const end = (): void => {
    if (words.length > 0) commands.push(words);
    words = [];
  };
  const part =
    /\s*(?:(&&|\|\||[|;&])|(#.*$)|(\d?>>?\s*\S+|<\s*\S+)|((?:'[^']*'|"(?:\\.|[^"\\])*"|\\.|[^\s'"\\|;&#<>]|(?<=\S)#)+))/gy;
  for (let found = part.exec(line); found !== null; found = part.exec(line)) {
    const [, separator, comment, redirection, word] = found;
    if (separator !== undefined) end();
    else if (comment !== undefined || redirection !== undefined) continue;
    else if (word !== undefined && !(words.length === 0 && /^\w+=/.test(word))) words.push(unquoted(word));
  }
  end();
  return commands;
}

function unquoted(word: string): string {
  return word.replaceAll(
    /'([^']*)'|"((?:\\.|[^"\\])*)"|\\(.)/g,
    (_, single?: string, double?: string, one?: string) =>
      single ?? double?.replaceAll(/\\(["\\$`])/g, '$1') ?? one ?? '',
  );
}

function joined(pieces: readonly Piece[]): readonly Piece[] {
  const lines: Piece[] = [];
  for (const { line, text } of pieces) {
    const last = lines.at(-1);
    if (last?.text.endsWith('\\'))
      lines.splice(-1, 1, { line: last.line, text: `${last.text.slice(0, -1)} ${text.trim()}` });
    else lines.push({ line, text });
  }
  return lines;
}

function withoutCode(text: string): string {
  return text.replaceAll(/`[^`]*`/g, (code) => (code.includes('](') ? '' : code));
}
