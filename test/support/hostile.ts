import fc from 'fast-check';

const NASTY = [
  '\u0007',
  '\b',
  '\u001b',
  '\u001b[2J',
  '\u001b]0;',
  '\u009b',
  '\u202E',
  '\uD800',
  '\uDC00',
  '\u2028',
  '\n',
  '`',
  '|',
  '$(reboot)',
  "'",
  '"',
  ';',
  '\\',
  '<b>',
  '{release}',
  '$&',
  'a',
  '延',
];

/** Texts that a person, a program or an attacker may send: empty, huge, with control and direction characters, halves of characters. */
export function hostileText(): fc.Arbitrary<string> {
  const pieces = fc.array(fc.constantFrom(...NASTY), { maxLength: 12 }).map((some) => some.join(''));
  return fc.oneof(
    pieces,
    fc.string({ unit: 'binary', maxLength: 40 }),
    fc.constantFrom('__proto__', 'constructor', 'x'.repeat(3_000)),
  );
}

/** Anything that JSON can hold, and some that it cannot. */
export function hostileValue(): fc.Arbitrary<unknown> {
  return fc.oneof(
    hostileText(),
    fc.anything({ withBigInt: true, withDate: true, withNullPrototype: true, maxDepth: 3 }),
    fc.double(),
    fc.maxSafeInteger(),
    fc.constantFrom(null, undefined, NaN, Infinity, -0, 1e300, 8.64e15, [], {}, deep(), unreadable()),
  );
}

/** A document in which one value is another one, or missing. */
export function mutationsOf(document: unknown): fc.Arbitrary<unknown> {
  const paths = pathsOf(document);
  return fc
    .tuple(fc.constantFrom(...paths), fc.option(hostileValue(), { nil: undefined }))
    .map(([path, value]) => withValue(document, path, value));
}

function pathsOf(value: unknown, path: readonly string[] = []): (readonly string[])[] {
  if (typeof value !== 'object' || value === null) return [path];
  return [path, ...Object.entries(value).flatMap(([key, entry]) => pathsOf(entry, [...path, key]))];
}

function withValue(document: unknown, path: readonly string[], value: unknown): unknown {
  const [key, ...rest] = path;
  if (key === undefined) return value;
  const copy: Record<string, unknown> = Array.isArray(document)
    ? (Object.assign([], document) as never)
    : { ...(document as object) };
  copy[key] = withValue(copy[key], rest, value);
  return copy;
}

function deep(): unknown {
  let value: unknown = 1;
  for (let depth = 0; depth < 20_000; depth += 1) value = [value];
  return value;
}

function unreadable(): unknown {
  return Object.defineProperty({}, 'id', {
    enumerable: true,
    get() {
      throw new Error('nobody can read it');
    },
  });
}

/** Every text in a value. */
export function textsOf(value: unknown): string[] {
  if (typeof value === 'string') return [value];
  return typeof value === 'object' && value !== null ? Object.entries(value).flat().flatMap(textsOf) : [];
}
