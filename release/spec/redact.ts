type Replacement = string | ((found: string, ...groups: string[]) => string);

/**
 * The placeholders that a program fills in, or reads from somewhere: `$TOKEN`, `$(cat ...)`, `{{version}}`, `@file`,
 * `/run/secrets/token`.
 */
const REFERENCE = /^(?:\w{1,20} )?["']?(?:[$`{@]|\/[\w.-]+\/)/;

// No expression may begin at more than one place of a run of characters: foreign texts are long, and this must stay linear.

/** A value that is a credential wherever it stands, and what is shown instead. */
const CREDENTIALS: readonly (readonly [RegExp, Replacement])[] = [
  [/-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]*?(-----END [A-Z ]*PRIVATE KEY-----|$)/g, '[redacted key]'],
  [/(?<![\w-])eyJ[\w-]{8,}\.[\w-]+(\.[\w-]+)?/g, '[redacted token]'],
  [
    /(?<![\w-])(?:gh[opsu]_|github_pat_|glpat-|xox[abeprs]-|hvs\.|[rs]k_(?:live|test)_|npm_(?=[a-z\d]{36})|AIza(?=[\w-]{35})|A[KS]IA(?=[A-Z\d]{16}))[\w-]{10,}/gi,
    '[redacted token]',
  ],
  [/(\bauthorization["']?\s*[:=]\s*\[?["']?)([^"'\r\n]+)/gi, keepingReferences],
  [/(\bcookie["']?\s*[:=]\s*\[?["']?)([\w.-]+=[^"'\r\n]+)/gi, keepingReferences],
  [/([?&](?:x-(?:amz|goog)-)?sig(?:nature)?=)([^\s"'&]{8,})/gi, keepingReferences],
  [/\b(bearer)\s+(?:(?=[\w.~+/=-]*[\d=+/~])[\w.~+/=-]{6,}|[\w.~+/=-]{16,})/gi, '$1 [redacted]'],
  [/\b(basic)\s+(?=[a-z\d+/]*[\d=+/])[a-z\d+/]{8,}={0,2}(?![\w-])/gi, '$1 [redacted]'],
  [/([?&](?:key|auth|pass|pw|jwt|session(?:id)?|credentials?)=)([^\s"'&]{3,})/gi, keepingReferences],
  [/(\b[A-Z][A-Z\d_]{0,40}_AUTH=)([^\s"',;&]{3,})/g, keepingReferences],
  [/(\/\/[^/\s:@]*:)(?!\d{1,5}[?#])[^/\s"']+@/g, '$1[redacted]@'],
];

/** Between a flag and its value, in a command line or in a list of arguments. */
const GAP = `(?:\\s+|["']\\s*,\\s*["'])`;

/** A program with a flag of one letter whose value is a password: only its name tells that from a port. */
function flagOf(programs: string, flag: string, gap: string): readonly [RegExp, Replacement] {
  const before = `\\b(?:${programs})["']?(?:[^\\n|;&]{0,200}?)[\\s"']-${flag}${gap}`;
  return [new RegExp(`(${before})((?!-|\\d{1,5}(?:[\\s"',]|$))[^\\s"',;]{3,})`, 'g'), keepingReferences];
}

/** Passwords behind flags whose names do not say so; `-u 1000:1000` is a user and a group. */
const FLAGGED: readonly (readonly [RegExp, Replacement])[] = [
  [
    new RegExp(
      `((?:^|[\\s"'])(?:-[uU]|--(?:proxy-)?user)(?:=|${GAP})?["']?(?=[^\\s"':=])[^\\s"':]{1,100}:)((?!\\d+(?:[\\s"',]|$))[^\\s"',]{3,})`,
      'g',
    ),
    keepingReferences,
  ],
  flagOf('mysql\\w{0,20}|mariadb', 'p', ''),
  flagOf('sshpass|mongo\\w{0,20}|\\w{0,20}rcon(?:-cli)?', 'p', `${GAP}?`),
  flagOf('redis-cli|valkey-cli', 'a', `${GAP}?`),
  flagOf('ldap\\w{1,20}', 'w', `${GAP}?`),
];

/** A name that ends in one of these has a credential for its value. */
const NAME =
  'token|(?:rcon|db|user|admin|root|server)[_-]?pass|passphrase|password|passwd|pwd|secret|api[_-]?key|access[_-]?key|client-key-data';

/** Values of names. With a blank behind a colon: `registry/game-token:v2` is an image. */
const NAMED: readonly (readonly [RegExp, Replacement])[] = [
  [
    new RegExp(
      `((?:${NAME})(?:["']?\\s*=(?!=)\\s*|["']\\s*:\\s*|:\\s+))("[^"]{3,}"?|'[^']{3,}'?|[^\\s"',;&]{3,})`,
      'gi',
    ),
    keepingReferences,
  ],
  [new RegExp(`(--?[\\w-]{0,40}?(?:${NAME})(?:\\s+|["']\\s*,\\s*["']))((?!-)[^\\s"',;]{3,})`, 'gi'), keepingReferences],
];

function keepingReferences(found: string, before = '', value = ''): string {
  if (REFERENCE.test(value) || value.startsWith('[redacted')) return found;
  const [quote = ''] = /^["']/.exec(value) ?? [];
  return `${before}${quote}[redacted]${quote !== '' && value.endsWith(quote) ? quote : ''}`;
}

/** The text without what looks like a credential. Takes time in proportion to its length. */
export function redacted(text: string): string {
  return replaced(text, [...CREDENTIALS, ...NAMED, ...FLAGGED]);
}

function replaced(text: string, patterns: readonly (readonly [RegExp, Replacement])[]): string {
  // The two kinds of replacement are two overloads.
  return patterns.reduce(
    (result, [pattern, by]) => (typeof by === 'string' ? result.replace(pattern, by) : result.replace(pattern, by)),
    text,
  );
}

/** True when something in the text looks like a credential. */
export function looksSecret(text: string): boolean {
  return redacted(text) !== text;
}

/** Arguments whose next one is a credential: `--password hunter2`. */
const SECRET_FLAG = new RegExp(`^--?(?!no-)(?:[\\w-]*[_-])?(?:${NAME})$`, 'i');

/**
 * Where in a value a text looks like a credential, as a path of keys; undefined when none does. A value that is filled
 * in later or read from elsewhere is none, and a label in a query of metrics (`{secret="rotated"}`) is a label.
 */
export function secretIn(
  value: unknown,
  path: readonly (string | number)[] = [],
): readonly (string | number)[] | undefined {
  if (typeof value === 'string') return isSecret(value, path.at(-1)) ? path : undefined;
  if (typeof value !== 'object' || value === null) return undefined;
  const after = Array.isArray(value) ? secretArgument(value) : undefined;
  if (after !== undefined) return [...path, after];
  for (const [key, entry] of Array.isArray(value) ? value.entries() : Object.entries(value)) {
    const found = secretIn(entry, [...path, key]);
    if (found) return found;
  }
  return undefined;
}

function isSecret(text: string, key: string | number | undefined): boolean {
  return key === 'query' ? replaced(text, CREDENTIALS) !== text : looksSecret(text);
}

/** The place of an argument that stands behind a flag for a credential; undefined when there is none. */
function secretArgument(argv: readonly unknown[]): number | undefined {
  const place = argv.findIndex((entry, index) => {
    const flag: unknown = argv[index - 1];
    if (typeof entry !== 'string' || typeof flag !== 'string' || !SECRET_FLAG.test(flag)) return false;
    return !entry.startsWith('-') && !REFERENCE.test(entry);
  });
  return place < 0 ? flaggedArgument(argv) : place;
}

/** The same where only the program, or the form of the argument, tells: `redis-cli -a hunter2`, `curl -u ops:hunter2`. */
function flaggedArgument(argv: readonly unknown[]): number | undefined {
  if (!argv.every((entry) => typeof entry === 'string')) return undefined;
  const holds = (words: readonly string[]): boolean => {
    const line = words.join(' ');
    return replaced(line, FLAGGED) !== line;
  };
  return holds(argv) ? argv.findIndex((_, index) => holds(argv.slice(0, index + 1))) : undefined;
}
