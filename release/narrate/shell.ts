import type { SetRef } from '../fleet/fleet.ts';

/** Words that no shell reads as anything but themselves; zsh takes `=ls` for the path of a program. */
const SAFE = /^(?!=)[A-Za-z0-9_./:=@%+,-]+$/;

/**
 * A word as a person can paste it into a shell: `duel` -> `duel`, `a b` -> `'a b'`, `it's` -> `'it'\\''s'`. Every name
 * in a command that is shown passes through here: a name that came from elsewhere must not become a second command.
 * Characters that a terminal would carry out are shown as `?`, in quotes: such a command finds nothing.
 */
export function shellWord(word: string): string {
  if (SAFE.test(word)) return word;
  const plain = word.replaceAll(/[\p{Cc}\p{Cf}\p{Cs}\u2028\u2029]/gu, '?');
  return `'${plain.replaceAll("'", String.raw`'\''`)}'`;
}

/** The word that the person has to fill in, as a word of {@link commandLine}. */
export const TO_FILL_IN = '"..."';

/** `hotwave approve arena/duel --wave 2`: a command to paste, each of its words quoted where that is needed. */
export function commandLine(...words: readonly string[]): string {
  return ['hotwave', ...words.map((word) => (word === TO_FILL_IN ? word : shellWord(word)))].join(' ');
}

/** `arena/duel --cluster eu`: the words by which a command names a set. */
export function setWords({ set, cluster }: { readonly set: SetRef; readonly cluster: string }): readonly string[] {
  return [`${set.namespace}/${set.name}`, ...clusterFlag(cluster)];
}

/** How a command names its cluster: not at all when it is the usual one. */
export function clusterFlag(cluster: string): readonly string[] {
  return cluster === 'default' ? [] : ['--cluster', cluster];
}
