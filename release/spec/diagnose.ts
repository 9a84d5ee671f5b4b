import type { Document, LineCounter, YAMLMap } from 'yaml';
import { isMap, isNode, isScalar } from 'yaml';
import type { z } from 'zod';
import { calendarFileSchema } from './freeze-spec.ts';
import type { FreezeWindow } from './freeze-spec.ts';
import type { Problem } from './issue-sentences.ts';
import { PLAIN_WORDS, problemsOf } from './issue-sentences.ts';
import { plainText } from './plain-text.ts';
import type { ReleaseFile } from './spec.ts';
import { readYaml } from './yaml-document.ts';
import { API_VERSION, KIND, releaseFileSchema } from './spec.ts';

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
  const reading = readDocument(text, releaseFileSchema, problemOfStranger);
  return 'value' in reading ? { release: reading.value } : reading;
}

/** Reads the calendar of a cluster: the windows under `freeze`. Never throws for what is in the text. */
export function readCalendarFile(
  text: string,
): { readonly windows: readonly FreezeWindow[] } | { readonly diagnostics: readonly Diagnostic[] } {
  const reading = readDocument(text, calendarFileSchema);
  return 'value' in reading ? { windows: reading.value.freeze } : reading;
}

/** Reads a file of one YAML document by its schema. Never throws for what is in the text. */
export function readDocument<Schema extends z.ZodType>(
  text: string,
  schema: Schema,
  problemBefore: (content: unknown) => Problem | undefined = () => undefined,
): { readonly value: z.output<Schema> } | { readonly diagnostics: readonly Diagnostic[] } {
  const reading = readYaml(text);
  if ('problem' in reading) {
    const { offset, message } = reading.problem;
    return { diagnostics: [{ ...at(reading.lines, offset), path: '', message }] };
  }
  const { document, lines, content } = reading;
  const problem = problemBefore(content);
  if (problem) return { diagnostics: [{ ...diagnose(problem, document, lines), path: '' }] };
  const parsed = schema.safeParse(content, PLAIN_WORDS);
  if (parsed.success) return { value: parsed.data };
  return { diagnostics: problemsOf(parsed.error.issues).map((found) => diagnose(found, document, lines)) };
}

/** `file:line:col: path: message`, the form that editors and terminals make clickable. */
export function formatDiagnostic(file: string, { line, column, path, message }: Diagnostic): string {
  return `${file}:${line}:${column}: ${path === '' ? '' : `${path}: `}${message}`;
}

/** An object of another kind has no field of a release: to say so of each helps nobody. */
function problemOfStranger(content: unknown): Problem | undefined {
  const { apiVersion, kind } = content as { readonly apiVersion?: unknown; readonly kind?: unknown };
  if (typeof apiVersion !== 'string' || apiVersion === API_VERSION) return undefined;
  if (typeof kind !== 'string' || kind === '' || kind === KIND) return undefined;
  const article = /^[AEIOU]/i.test(kind) ? 'an' : 'a';
  const message = `this is ${article} ${plainText(kind, 63)}, not a ${KIND}`;
  return { path: ['kind'], message, isAboutKey: false };
}

function diagnose({ path, message, isAboutKey }: Problem, document: Document, lines: LineCounter): Diagnostic {
  const offset = isAboutKey ? keyOffset(document, path.slice(0, -1), path.at(-1)) : offsetOf(document, path);
  return { ...at(lines, offset), path: pathText(path), message };
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
  return keysOf(parent).get(key) ?? parent.range?.[0] ?? 0;
}

/** Thousands of unknown keys in one object are thousands of problems. */
const KEYS = new WeakMap<object, ReadonlyMap<unknown, number>>();

function keysOf(parent: YAMLMap): ReadonlyMap<unknown, number> {
  const known = KEYS.get(parent);
  if (known) return known;
  const keys = new Map<unknown, number>();
  for (const { key } of parent.items) if (isScalar(key) && key.range) keys.set(key.value, key.range[0]);
  KEYS.set(parent, keys);
  return keys;
}

function at(lines: LineCounter, offset: number): { line: number; column: number } {
  const { line, col } = lines.linePos(offset);
  return { line: Math.max(1, line), column: Math.max(1, col) };
}
