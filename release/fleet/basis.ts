import type { PlannedServer } from '../plan/plan.ts';
import { hashOf } from './hash.ts';
import { packOrdinals, unpackOrdinals } from './ordinals.ts';
import type { ContainerRun } from './run.ts';
import { earlierRuns } from './run.ts';

/** Characters of a basis: 36 bits, so that no two states of one server are taken for each other by chance. */
const LENGTH = 6;
const DIGITS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';

/** Of a server: its pod, and the runs of the containers of the set's template. */
type Identity = Pick<PlannedServer, 'uid' | 'containers'>;

/**
 * The basis of a proof about a server: its pod, the image that it is asked to run, and the run of each container of the
 * template. When one of them has changed, the proof is gone.
 */
export function basisOf({ uid, containers }: Identity, image: string): string {
  const hash = hashOf([uid, image, containers]);
  let left = Number.parseInt(hash.slice(0, 9), 16);
  let text = '';
  for (let index = 0; index < LENGTH; index += 1) {
    text += DIGITS[left % DIGITS.length] ?? '';
    left = Math.floor(left / DIGITS.length);
  }
  return text;
}

/** Most containers whose first start is looked for in a basis: each doubles the number of hashes. */
const MOST_FIRST_STARTS = 8;

/** True when a server still is what a basis says. The first start of a container is no change. */
export function hasBasis(server: Identity, image: string, basis: string): boolean {
  const { uid, containers } = server;
  if (basisOf(server, image) === basis) return true;
  const names = Object.keys(containers);
  if (names.length > MOST_FIRST_STARTS) return false;
  return earlierStates(containers).some((runs) => basisOf({ uid, containers: runs }, image) === basis);
}

/** The possible earlier runs of a server, without a restart since. */
function earlierStates(containers: Identity['containers']): readonly Record<string, ContainerRun>[] {
  return Object.entries(containers).reduce<readonly Record<string, ContainerRun>[]>(
    (states, [name, run]) =>
      states.flatMap((state) => earlierRuns(run).map((before) => ({ ...state, [name]: before }))),
    [{}],
  );
}

/** The expected state of a server, by its ordinal. */
export interface Basis {
  readonly ordinal: number;
  /** Empty: whatever it is like, it is to be shown. */
  readonly basis: string;
}

/** No basis looks like this. */
const NONE = '!'.repeat(LENGTH);

/**
 * `0-9|AbC123...`: the bases of many servers as one text, six characters each, by ordinal: neighbours pack best.
 * @throws Error when one is longer or shorter
 */
export function packBases(entries: readonly Basis[]): string {
  const bases = entries.toSorted((left, right) => left.ordinal - right.ordinal);
  const texts = bases.map(({ basis }) => (basis === '' ? NONE : basis));
  const odd = texts.find((text) => text.length !== LENGTH);
  if (odd !== undefined) throw notBases(odd);
  return `${packOrdinals(bases.map(({ ordinal }) => ordinal))}|${texts.join('')}`;
}

/** The bases of such a text, by ordinal. @throws Error when it is none */
export function unpackBases(text: string): ReadonlyMap<number, string> {
  const bar = text.indexOf('|');
  if (bar < 0) throw notBases(text);
  const ordinals = unpackOrdinals(text.slice(0, bar));
  const bases = text.slice(bar + 1);
  if (bases.length !== ordinals.length * LENGTH) throw notBases(text);
  return new Map(ordinals.map((ordinal, index) => [ordinal, bases.slice(index * LENGTH, (index + 1) * LENGTH)]));
}

function notBases(text: string): Error {
  return new Error(`these are no bases: ${JSON.stringify(text.slice(0, 60))}`);
}
