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
export function secretIn(value: unknown, path: readonly (string | number)[] = []): readonly (string | number)[] | undefined {
  if (typeof value === 'string') return looksSecret(value.replaceAll(/\{\{\w+\}\}/g, '')) ? path : undefined;
  if (typeof value !== 'object' || value === null) return undefined;
  const entries: (readonly [string | number, unknown])[] = Array.isArray(value)
    ? value.map((entry, index) => [index, entry] as const)
    : Object.entries(value);
  const flag = entries.findIndex(([, entry]) => typeof entry === 'string' && SECRET_FLAG.test(entry));
  const given = Array.isArray(value) && flag >= 0 ? entries[flag + 1] : undefined;
  if (given && !/^\{\{\w+\}\}$/.test(String(given[1]))) return [...path, given[0]];
  for (const [key, entry] of entries) {
    const found = secretIn(entry, [...path, key]);
    if (found) return found;
  }
  return undefined;
}
