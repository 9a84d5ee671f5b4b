/** What looks like a credential, and what is shown instead. */
const SECRETS: readonly (readonly [RegExp, string])[] = [
  [/-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]*?(-----END [A-Z ]*PRIVATE KEY-----|$)/g, '[redacted key]'],
  [/\beyJ[\w-]{8,}\.[\w-]+(\.[\w-]+)?/g, '[redacted token]'],
  [/\b(bearer|basic)\s+[\w.~+/=-]{6,}/gi, '$1 [redacted]'],
  [/(\/\/[^/\s:@]+:)[^/\s@]+@/g, '$1[redacted]@'],
  [
    /\b((?:[\w-]*[_-])?(?:token|password|passwd|secret|api[_-]?key|authorization|client-key-data)["']?\s*[:=]\s*["']?)[^\s"',;]+/gi,
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
