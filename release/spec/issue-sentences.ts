import type { z } from 'zod';
import { eitherOf } from './either-of.ts';
import { didYouMean } from './did-you-mean.ts';

type Issue = z.core.$ZodIssue;
type RawIssue = z.core.$ZodRawIssue;

/** One thing that is wrong with a value, and where. */
export interface Problem {
  readonly path: readonly (string | number)[];
  readonly message: string;
  /** The name of the last part of the path is wrong, and not what is under it. */
  readonly isAboutKey: boolean;
}

const MISSING = 'is missing';

/** How a schema is asked, so that what it says where it has no sentence of its own is for people, too. */
export const PLAIN_WORDS = { error: issueSentence, reportInput: true } as const;

/**
 * The sentence of a schema about a value of another type. Checks of its size, its keys and so on would take over a
 * plain sentence of the schema, which does not fit them.
 */
export function ofType(sentence: string): (issue: RawIssue) => string | undefined {
  return ({ code }) => (code === 'invalid_type' ? sentence : undefined);
}

/** Every problem once, in the order in which they were found: one mistake, one sentence. */
export function problemsOf(issues: readonly Issue[]): Problem[] {
  const places = new Set<string>();
  return issues.flatMap(readIssue).flatMap(({ code, ...problem }) => {
    const place = JSON.stringify(problem.path);
    // The type and the length of a value say one thing; only a check of our own says another.
    if (places.has(place) && code !== 'custom') return [];
    places.add(place);
    return [problem];
  });
}

function readIssue(issue: Issue): (Problem & Pick<Issue, 'code'>)[] {
  const { code, message } = issue;
  const path = issue.path.filter((part) => typeof part !== 'symbol');
  if (code === 'unrecognized_keys') {
    const sentences = message.split('\n');
    return issue.keys.map((key, index) => ({
      code,
      path: [...path, key],
      message: keySentence(sentences[index] ?? message),
      isAboutKey: true,
    }));
  }
  const deeper = code === 'invalid_union' ? deepestBranch(issue) : undefined;
  if (deeper) return deeper.flatMap((inner) => readIssue({ ...inner, path: [...issue.path, ...inner.path] }));
  return [{ code, path, message: isMissing(issue) ? missing(message) : message, isAboutKey: code === 'invalid_key' }];
}

/** Of a union's branches, the one that got furthest: its complaints are the useful ones. */
function deepestBranch(issue: Extract<Issue, { code: 'invalid_union' }>): readonly Issue[] | undefined {
  const depth = (branch: readonly Issue[]): number => Math.max(0, ...branch.map(({ path }) => path.length));
  const entered = issue.errors.filter((branch) =>
    branch.some((inner) => inner.path.length > 0 || inner.code === 'unrecognized_keys' || isTooLong(inner)),
  );
  return [...entered].sort((left, right) => depth(right) - depth(left))[0];
}

/** A list, and only too long a one. */
function isTooLong(issue: Issue): boolean {
  return issue.code === 'too_big' && issue.origin === 'array';
}

const OF_A_VALUE: ReadonlySet<Issue['code']> = new Set(['invalid_type', 'invalid_value', 'invalid_union'] as const);

function isMissing({ code, input }: { readonly code: Issue['code']; readonly input?: unknown }): boolean {
  return input === undefined && OF_A_VALUE.has(code);
}

function missing(expectation: string): string {
  return expectation === MISSING ? MISSING : `${MISSING}; ${expectation}`;
}

/** The issues of zod in our own words. One line for each unknown key. */
function issueSentence(issue: RawIssue): string {
  switch (issue.code) {
    case 'invalid_type':
      return typeSentence(issue);
    case 'invalid_value':
      return `expected ${eitherOf(issue.values)}`;
    case 'too_small':
      return sizeSentence(issue, issue.minimum, ['of at least', 'above']);
    case 'too_big':
      return sizeSentence(issue, issue.maximum, ['of at most', 'below']);
    case 'unrecognized_keys':
      return issue.keys.map((key) => unknownKey(key, keysOf(issue.inst))).join('\n');
    case 'invalid_key':
      return issue.issues[0]?.message ?? UNKNOWN;
    case 'invalid_format':
      return `expected text of the form ${issue.pattern ?? issue.format}`;
    case 'not_multiple_of':
      return `expected a multiple of ${issue.divisor}`;
    default:
      return 'is not understood';
  }
}

const TYPES: Readonly<Record<string, string>> = {
  string: 'text',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
  object: 'an object',
  record: 'an object',
  array: 'a list',
};

function typeSentence({ code, expected, input }: Extract<RawIssue, { code: 'invalid_type' }>): string {
  if (isMissing({ code, input })) return MISSING;
  if (expected === 'string' && typeof input === 'number') return 'expected text; put numbers in quotes';
  return `expected ${TYPES[expected] ?? expected}`;
}

const NUMBERS: ReadonlySet<string> = new Set(['number', 'int', 'bigint']);

function sizeSentence(
  { origin, inclusive = true }: { readonly origin: string; readonly inclusive?: boolean | undefined },
  bound: number | bigint,
  [including, excluding]: readonly [including: string, excluding: string],
): string {
  const relation = inclusive ? including : excluding;
  if (NUMBERS.has(origin)) return `expected a number ${relation} ${bound}`;
  if (origin === 'string' && bound === 1 && relation === 'of at least') return 'expected some text';
  const [one, many] = origin === 'string' ? ['character', 'characters'] : ['entry', 'entries'];
  return `expected ${relation.replace(/^of /, '')} ${bound} ${bound === 1 ? one : many}`;
}

const UNKNOWN = 'unknown key';

/** Some schemas have a sentence of their own for whatever is wrong with them. */
function keySentence(sentence: string): string {
  return sentence.startsWith(UNKNOWN) ? sentence : `${UNKNOWN}; ${sentence}`;
}

function unknownKey(key: string, known: readonly string[]): string {
  return `${UNKNOWN}${didYouMean(key, known)}`;
}

/** The keys that an object may have: those of its fields, or those that a record takes. */
function keysOf(inst: RawIssue['inst']): string[] {
  const { shape, keyType } = definitionOf(inst) as { readonly shape?: object; readonly keyType?: unknown };
  const { entries } = definitionOf(keyType) as { readonly entries?: object };
  return Object.keys(shape ?? entries ?? {});
}

function definitionOf(schema: unknown): object {
  return (schema as z.core.$ZodType | undefined)?._zod.def ?? {};
}
