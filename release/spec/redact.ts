/** What looks like a credential, and what is shown instead. */
const SECRETS: readonly (readonly [RegExp, string])[] = [
  [/-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]*?(-----END [A-Z ]*PRIVATE KEY-----|$)/g, '[redacted key]'],
  [/\beyJ[\w-]{8,}\.[\w-]+(\.[\w-]+)?/g, '[redacted token]'],
  [/\b(bearer|basic)\s+(?=[\w.~+/=-]*[\d=+/~])[\w.~+/=-]{6,}/gi, '$1 [redacted]'],
  [/(\/\/[^/\s:@]+:)[^/\s@]+@/g, '$1[redacted]@'],
  // With a blank behind a colon: `registry/game-token:v2` is an image.
  [
    /\b((?:[\w-]*[_-])?(?:token|password|passwd|secret|api[_-]?key|authorization|client-key-data)(?:["']?\s*=\s*|["']\s*:\s*|:\s+)["']?)[^\s"',;]+/gi,
    '$1[redacted]',
  ],
];

/** The text without what looks like a credential. */
export function redacted(text: string): string {
  return SECRETS.reduce((result, [pattern, replacement]) => result.replace(pattern, replacement), text);
}

/** True when something in the text looks like a credential. */
export function looksSecret(text: string): boolean {
  return redacted(text) !== text;
}

/** Arguments whose next one is a credential: `--password hunter2`. */
const SECRET_FLAG = /^--?(?:[\w-]*[_-])?(?:token|password|passwd|secret|api[_-]?key)$/i;

/**
 * Where in a value a text looks like a credential, as a path of keys; undefined when none does. What is filled in later
 * (`{{version}}`) is none.
 */
export function secretIn(
  value: unknown,
  path: readonly (string | number)[] = [],
): readonly (string | number)[] | undefined {
  if (typeof value === 'string') return looksSecret(value.replaceAll(/\{\{\w+\}\}/g, '')) ? path : undefined;
  if (typeof value !== 'object' || value === null) return undefined;
  const after = Array.isArray(value) ? secretArgument(value) : undefined;
  if (after !== undefined) return [...path, after];
  for (const [key, entry] of Array.isArray(value) ? value.entries() : Object.entries(value)) {
    const found = secretIn(entry, [...path, key]);
    if (found) return found;
  }
  return undefined;
}

/** The place of an argument that stands behind a flag for a credential; undefined when it is filled in later. */
function secretArgument(argv: readonly unknown[]): number | undefined {
  const flag = argv.findIndex((entry) => typeof entry === 'string' && SECRET_FLAG.test(entry));
  const given = flag < 0 ? undefined : argv[flag + 1];
  return typeof given !== 'string' || /^\{\{\w+\}\}$/.test(given) ? undefined : flag + 1;
}
