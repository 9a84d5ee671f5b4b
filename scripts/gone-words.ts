/** A word that is gone: docs/glossary.md has the one that is used. */
export interface GoneWord {
  readonly pattern: RegExp;
  /** The word to write. */
  readonly instead: string;
}

/** A place where a word that is gone stands. */
export interface Found {
  /** From 1. */
  readonly line: number;
  readonly text: string;
  readonly instead: string;
}

/** The words that are gone. Spaces in a pattern fit to the end of a line as well. */
export const GONE_WORDS: readonly GoneWord[] = [
  {
    // A question may begin so.
    pattern: /\b(?:Who|What|Whoever|Whatever|Whose|Whichever)\b(?![^.!]*\?)/g,
    instead: 'a sentence that begins with its subject: "A server that ..."',
  },
  { pattern: /\bstop(?:s|ped|ping)? the line\b/gi, instead: 'halt' },
  { pattern: /\bon a person\b/gi, instead: 'waits for a person' },
  {
    pattern: /\bleft behind\b|\blea(?:ves?|ving) (?:\w+ )?(?:it|them|one|servers?|waves?) behind\b/gi,
    instead: 'excluded',
  },
  { pattern: /\blets? one server move\b/gi, instead: 'the number of servers that may move' },
  { pattern: /\bledgers?\b|\byardsticks?\b/gi, instead: 'audit' },
  { pattern: /\bspecimens?\b/gi, instead: 'kept for debugging' },
  { pattern: /\bcomings and goings\b|\bdepart(?:ed|ure)\b/gi, instead: 'membership: newcomer, gone, recreated' },
  // Kubernetes calls the distance between versions of its parts version skew.
  { pattern: /\bskew budget\b|\bmaxSkew\b/gi, instead: 'maxMixed' },
  // Flux calls its own so.
  { pattern: /drift(?! ?detection)/gi, instead: 'foreign edit for a set, mismatch for a server' },
  {
    pattern:
      /\bon hold\b|\bheldAt\b|\bset (?:is|was|stays|cannot be|could not be) held\b|\bhow (?:a|the) set is held\b/gi,
    instead: 'paused, halted, left half-way, or set controls',
  },
  { pattern: /\b(?:a|the|no|this|old|running|newer) guards?\b(?! of )/gi, instead: 'monitor' },
  { pattern: /\bhotwave override(?!-)/g, instead: 'override-freeze; an override is an image in a GameServer' },
  { pattern: /\bunfreeze|\bfreez(?:e|es|ing) (?:a|the) (?:set|release)\b/gi, instead: 'pause' },
];

/** Where words that are gone stand in a text, also over the end of a line of a comment. */
export function goneWords(text: string): readonly Found[] {
  const { flat, lineAt } = flattened(text);
  return GONE_WORDS.flatMap(({ pattern, instead }) =>
    [...flat.matchAll(pattern)].map((match) => ({ line: lineAt(match.index), text: match[0], instead })),
  ).sort((one, other) => one.line - other.line);
}

/** The text as one line, without the marks before the lines of comments, and the line of each character. */
function flattened(text: string): { readonly flat: string; readonly lineAt: (index: number) => number } {
  const starts: number[] = [];
  let flat = '';
  for (const line of text.split('\n')) {
    starts.push(flat.length);
    flat += `${line.replace(/^\s*(?:\/\/|\/?\*+|#|>)?\s*/, '')} `;
  }
  return { flat, lineAt: (index) => starts.findLastIndex((start) => start <= index) + 1 };
}
