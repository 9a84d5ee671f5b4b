import type { Document, Node, Pair } from 'yaml';
import { LineCounter, isMap, isNode, isPair, isScalar, parseDocument } from 'yaml';
import type { z } from 'zod';
import { calendarFileSchema } from './freeze-spec.ts';
import type { FreezeWindow } from './freeze-spec.ts';
import type { ReleaseFile } from './spec.ts';
import { releaseFileSchema } from './spec.ts';

/** One thing that is wrong with a release file, and where. Lines and columns count from 1. */
export interface Diagnostic {
  readonly line: number;
  readonly column: number;
  /** `spec.waves[1]`; empty for trouble with the YAML itself. */
  readonly path: string;
  readonly message: string;
}

/** A release file that was read, or everything that is wrong with it. */
export type Reading = { readonly release: ReleaseFile } | { readonly diagnostics: readonly Diagnostic[] };

/** Reads a release file: YAML (or JSON), one document, no unknown keys. Never throws for what is in the text. */
export function readReleaseFile(text: string): Reading {
  const reading = readDocument(text, releaseFileSchema);
  return 'value' in reading ? { release: reading.value } : reading;
}

/** Reads the calendar of a cluster: the windows under `freeze`. Never throws for what is in the text. */
export function readCalendarFile(
  text: string,
): { readonly windows: readonly FreezeWindow[] } | { readonly diagnostics: readonly Diagnostic[] } {
  const reading = readDocument(text, calendarFileSchema);
  return 'value' in reading ? { windows: reading.value.freeze } : reading;
}

/** A thousand chosen servers by name and every text at its longest fit in it. */
const LONGEST_FILE = 512 * 1024;

function readDocument<Schema extends z.ZodType>(
  text: string,
  schema: Schema,
): { readonly value: z.output<Schema> } | { readonly diagnostics: readonly Diagnostic[] } {
  if (text.length > LONGEST_FILE) {
    const message = `the file has ${text.length} characters, and ${LONGEST_FILE} are the most`;
    return { diagnostics: [{ line: 1, column: 1, path: '', message }] };
  }
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, uniqueKeys: true, prettyErrors: false });
  if (document.errors.length > 0) {
    return {
      diagnostics: document.errors.map((error) => ({
        ...at(lines, error.pos[0]),
        path: '',
        message: firstLine(error.message),
      })),
    };
  }
  const value = toValue(document);
  if ('problem' in value) return { diagnostics: [{ line: 1, column: 1, path: '', message: value.problem }] };
  const parsed = schema.safeParse(value.content ?? {});
  if (parsed.success) return { value: parsed.data };
  return { diagnostics: parsed.error.issues.flatMap((issue) => diagnose(issue, document, lines)) };
}

/** `file:line:col: path: message`, the form that editors and terminals make clickable. */
export function formatDiagnostic(file: string, { line, column, path, message }: Diagnostic): string {
  return `${file}:${line}:${column}: ${path === '' ? '' : `${path}: `}${message}`;
}

function toValue(document: Document): { readonly content: unknown } | { readonly problem: string } {
  try {
    return { content: document.toJS({ maxAliasCount: 100 }) };
  } catch (error) {
    return { problem: firstLine(error instanceof Error ? error.message : 'the document cannot be read') };
  }
}

type Issue = z.core.$ZodIssue;

function diagnose(issue: Issue, document: Document, lines: LineCounter): Diagnostic[] {
  const path = issue.path.filter((part) => typeof part !== 'symbol');
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map((key) => ({
      ...at(lines, keyOffset(document, path, key)),
      path: pathText([...path, key]),
      message: `unknown key ${key}`,
    }));
  }
  if (issue.code === 'invalid_union') {
    const deeper = deepestBranch(issue);
    if (deeper)
      return deeper.flatMap((inner) => diagnose({ ...inner, path: [...issue.path, ...inner.path] }, document, lines));
  }
  const missing = document.getIn(path) === undefined;
  const message =
    missing && issue.code === 'invalid_type' ? `is missing; ${describeExpectation(issue.message)}` : issue.message;
  return [{ ...at(lines, offsetOf(document, path)), path: pathText(path), message }];
}

/** Of a union's branches, the one that got furthest: its complaints are the useful ones. */
function deepestBranch(issue: Extract<Issue, { code: 'invalid_union' }>): readonly Issue[] | undefined {
  const depth = (branch: readonly Issue[]): number => Math.max(0, ...branch.map(({ path }) => path.length));
  const entered = issue.errors.filter((branch) =>
    branch.some(({ path, code }) => path.length > 0 || code === 'unrecognized_keys'),
  );
  return [...entered].sort((left, right) => depth(right) - depth(left))[0];
}

function describeExpectation(message: string): string {
  return message.startsWith('Invalid input: ') ? message.slice('Invalid input: '.length) : message;
}

function pathText(path: readonly PropertyKey[]): string {
  return path.reduce<string>(
    (text, part) =>
      typeof part === 'number' ? `${text}[${part}]` : text === '' ? String(part) : `${text}.${String(part)}`,
    '',
  );
}

/** The offset of a value, or of the nearest thing around it that exists. */
function offsetOf(document: Document, path: readonly PropertyKey[]): number {
  for (let length = path.length; length >= 0; length--) {
    const node: unknown = length === 0 ? document.contents : document.getIn(path.slice(0, length), true);
    if (isNode(node) && node.range)
      return length < path.length && isMap(node) && length > 0
        ? keyOffset(document, path.slice(0, length - 1), path[length - 1])
        : node.range[0];
  }
  return 0;
}

function keyOffset(document: Document, path: readonly PropertyKey[], key: PropertyKey | undefined): number {
  const parent: unknown = path.length === 0 ? document.contents : document.getIn(path, true);
  if (!isMap(parent)) return isNode(parent) ? (parent.range?.[0] ?? 0) : 0;
  const pair = parent.items.find(
    (item): item is Pair<Node> => isPair(item) && isScalar(item.key) && item.key.value === key,
  );
  return pair?.key.range?.[0] ?? parent.range?.[0] ?? 0;
}

function at(lines: LineCounter, offset: number): { line: number; column: number } {
  const { line, col } = lines.linePos(offset);
  return { line: Math.max(1, line), column: Math.max(1, col) };
}

function firstLine(text: string): string {
  return text.split('\n')[0] ?? text;
}
