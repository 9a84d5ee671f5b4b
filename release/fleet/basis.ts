import type { PlannedServer } from '../plan/plan.ts';
import { hashOf } from './hash.ts';
import { packOrdinals, unpackOrdinals } from './ordinals.ts';

/** Characters of a basis: 36 bits, so that no two states of one server are taken for each other by chance. */
const LENGTH = 6;
const DIGITS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';

/**
 * What a proof about a server holds for: its pod, the image that it is asked to run, and the run of each container of the
 * template. When one of them has changed, the proof is gone.
 */
export function basisOf({ uid, containers }: Pick<PlannedServer, 'uid' | 'containers'>, image: string): string {
  const hash = hashOf([uid, image, containers]);
  let left = Number.parseInt(hash.slice(0, 9), 16);
  let text = '';
  for (let index = 0; index < LENGTH; index += 1) {
    text += DIGITS[left % DIGITS.length] ?? '';
    left = Math.floor(left / DIGITS.length);
  }
  return text;
}

/** What a server has to be like, by its ordinal. */
export interface Basis {
  readonly ordinal: number;
  /** Empty: whatever it is like, it is to be shown. */
  readonly basis: string;
}

/** No basis looks like this. */
const NONE = '!'.repeat(LENGTH);

/** `0-9|AbC123...`: the bases of many servers as one text, six characters each. */
export function packBases(bases: readonly Basis[]): string {
  return `${packOrdinals(bases.map(({ ordinal }) => ordinal))}|${bases.map(({ basis }) => (basis === '' ? NONE : basis)).join('')}`;
}

/** The bases of such a text, by ordinal. @throws Error when it is none */
export function unpackBases(text: string): ReadonlyMap<number, string> {
  const bar = text.indexOf('|');
  const ordinals = unpackOrdinals(text.slice(0, Math.max(0, bar)));
  const bases = text.slice(bar + 1);
  if (bar < 0 || bases.length !== ordinals.length * LENGTH)
    throw new Error(`these are no bases: ${JSON.stringify(text.slice(0, 60))}`);
  return new Map(ordinals.map((ordinal, index) => [ordinal, bases.slice(index * LENGTH, (index + 1) * LENGTH)]));
}
