import type { Document, Node, Pair, Scalar, YAMLMap, YAMLSeq } from 'yaml';
import { LineCounter, isAlias, isCollection, isMap, isScalar, isSeq, parseAllDocuments, visit } from 'yaml';

/** A YAML document that can be read, with the places of its values. */
export interface YamlDocument {
  readonly document: Document;
  readonly lines: LineCounter;
  readonly content: object;
}

/** The reason that a text cannot be read, and where in it, in characters. */
export interface YamlProblem {
  readonly offset: number;
  readonly message: string;
}

/** A thousand chosen servers by name and every text at its longest fit in it. */
const LONGEST_FILE = 512 * 1024;
/** Lines, and entries of lists in a line; a thousand servers are a thousand. */
const MOST_PARTS = 20_000;
/** A release has about ten levels. */
const DEEPEST = 64;
const TOO_DEEP = `nested deeper than ${DEEPEST} levels`;

/** Reads one YAML document (or JSON); documents without anything in them, as a `---` at the end makes one, do not count. */
export function readYaml(text: string): YamlDocument | { readonly problem: YamlProblem; readonly lines: LineCounter } {
  const lines = new LineCounter();
  const problem = problemOfText(text);
  if (problem) {
    for (const match of text.slice(0, problem.offset).matchAll(/^/gm)) lines.addNewLine(match.index);
    return { problem, lines };
  }
  // Keys are compared below: the library compares each with each.
  const documents = [
    ...parseAllDocuments(text, {
      lineCounter: lines,
      merge: true,
      uniqueKeys: false,
      prettyErrors: false,
      logLevel: 'error',
    }),
  ];
  const [document, ...others] = documents.filter((one) => one.errors.length > 0 || !isEmpty(one));
  const found = document ? problemOfDocument(document, others, text) : { offset: 0, message: 'the file is empty' };
  if (!document || found) return { problem: found ?? { offset: 0, message: 'the file is empty' }, lines };
  const value = valueOf(document);
  return 'content' in value ? { document, lines, content: value.content } : { problem: value, lines };
}

function problemOfText(text: string): YamlProblem | undefined {
  if (text.length > LONGEST_FILE)
    return { offset: 0, message: `the file has ${text.length} characters, and ${LONGEST_FILE} are the most` };
  const parts = text.split(/[,\n]/).length;
  if (parts > MOST_PARTS)
    return { offset: 0, message: `the file has ${parts} lines and entries, and ${MOST_PARTS} are the most` };
  if (text.includes('\0'))
    return { offset: 0, message: 'this is no text in UTF-8; it may be UTF-16, or packed: save it as UTF-8' };
  const broken = text.indexOf('\uFFFD');
  if (broken >= 0) return { offset: broken, message: 'here is a byte that is no UTF-8: save the file as UTF-8' };
  if (text.includes('\r') && !text.includes('\n'))
    return { offset: 0, message: 'the lines end with CR alone: save the file with line ends of Unix or Windows' };
  return undefined;
}

function isEmpty({ contents }: Document): boolean {
  return contents === null || (isScalar(contents) && contents.value === null && contents.source === '');
}

function problemOfDocument(document: Document, others: readonly Document[], text: string): YamlProblem | undefined {
  // The first is the mistake, and the others often what comes of it.
  const [error] = [document, ...others].flatMap(({ errors }) => errors);
  if (error) return usualMistake(text, error.pos[0]) ?? { offset: error.pos[0], message: sentenceOf(error) };
  const [other] = others;
  if (other) return { offset: startOf(other, text), message: 'one document is expected, and here begins another' };
  const [warning] = document.warnings;
  if (warning) return { offset: warning.pos[0], message: 'this tag is not known here: leave it out' };
  if (isMap(document.contents)) return problemOfNodes(document);
  const kind = isSeq(document.contents) ? 'a list' : /^\s*</.test(text) ? 'HTML or XML' : 'plain text';
  return { offset: 0, message: `expected fields with values (name: value), and this is ${kind}` };
}

/**
 * Texts that the library stumbles over later, or says nothing helpful of; all of it may stand in texts and comments.
 */
function usualMistake(text: string, offset: number): YamlProblem | undefined {
  const [conflict] = text.matchAll(/^(?:<{7}|>{7}) .*$/gm);
  if (conflict) return { offset: conflict.index, message: 'git left both sides of a merge here: settle it' };
  const lineEnd = text.indexOf('\n', offset);
  const [strange] = text
    .slice(0, lineEnd < 0 ? undefined : lineEnd)
    .matchAll(/^ *(?:[\u00A0\u2000-\u200B\u202F\u3000]|[\w-]+\uFF1A)/gm);
  if (!strange) return undefined;
  const character = strange[0].at(-1) ?? '';
  const code = `U+${character.charCodeAt(0).toString(16).toUpperCase().padStart(4, '0')}`;
  const message =
    character === '\uFF1A'
      ? `here is a colon that YAML does not know (${code}): use an ordinary one with a blank behind it`
      : `here is a blank that YAML does not know (${code}): use ordinary ones`;
  return { offset: strange.index + strange[0].length - 1, message };
}

/** Where the line with its `---` begins. */
function startOf({ contents, range }: Document, text: string): number {
  const begin = contents?.range?.[0] ?? range?.[0] ?? 0;
  return Math.max(text.lastIndexOf('\n---', begin) + 1, 0);
}

function sentenceOf({ code, message }: { readonly code: string; readonly message: string }): string {
  if (/call stack/.test(message)) return TOO_DEEP;
  if (code === 'TAB_AS_INDENT') return 'a tab is no indentation: use blanks';
  return message.split('\n')[0] ?? message;
}

/** Texts that the library takes, or complains about without a place. */
function problemOfNodes(document: Document): YamlProblem | undefined {
  let problem: YamlProblem | undefined;
  // The library looks for each name in the whole document.
  const named = new Map<string, Node>();
  const stop = (node: unknown, message: string): symbol => {
    problem = { offset: (node as Node | null)?.range?.[0] ?? 0, message };
    return visit.BREAK;
  };
  const remember = (node: Scalar | YAMLMap | YAMLSeq): void => {
    if (node.anchor !== undefined) named.set(node.anchor, node);
  };
  const meant = (value: unknown): unknown => (isAlias(value) ? named.get(value.source) : value);
  visit(document, {
    Scalar: (_key, scalar) => remember(scalar),
    Seq: (_key, list, path) => {
      remember(list);
      return path.length > 2 * DEEPEST ? stop(list, TOO_DEEP) : undefined;
    },
    Map: (_key, fields, path) => {
      remember(fields);
      const twice = keyGivenTwice(fields.items);
      if (twice) return stop(twice, `${String(twice.value)} is given twice: names must be unique`);
      return path.length > 2 * DEEPEST ? stop(fields, TOO_DEEP) : undefined;
    },
    Pair: (_key, { key, value }) => {
      if (isCollection(key)) return stop(key, 'a name must be plain text; {{ … }} belongs in quotes where it is meant');
      const isMerge = isScalar(key) && typeof key.value === 'symbol';
      if (!isMerge || isMergeable(value, meant)) return undefined;
      return stop(key, '<< takes fields, or the name of some such as *base');
    },
    Alias: (_key, alias, path) => {
      const node = named.get(alias.source);
      if (!node) return stop(alias, `*${alias.source} is not known: give it before, as &${alias.source}`);
      return path.includes(node)
        ? stop(alias, `*${alias.source} stands for something that it is in itself`)
        : undefined;
    },
  });
  return problem;
}

function isMergeable(value: unknown, meant: (value: unknown) => unknown): boolean {
  const node = meant(value);
  return isMap(node) || (isSeq(node) && node.items.every((item) => isMap(meant(item))));
}

function keyGivenTwice(items: readonly Pair[]): (Node & { readonly value: unknown }) | undefined {
  const seen = new Set<unknown>();
  for (const { key } of items) {
    if (!isScalar(key)) continue;
    if (seen.has(key.value)) return key;
    seen.add(key.value);
  }
  return undefined;
}

function valueOf(document: Document): { readonly content: object } | YamlProblem {
  try {
    return { content: document.toJS({ maxAliasCount: 100 }) as object };
  } catch {
    return { offset: 0, message: 'names such as *base repeat too much: write out what they stand for' };
  }
}
