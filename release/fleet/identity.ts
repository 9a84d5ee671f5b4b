import { hashOf } from './hash.ts';

/** A uid as Kubernetes makes them: the first twelve hexadecimal digits tell the pods of one set apart. */
const UUID = /^([0-9a-f]{8})-([0-9a-f]{4})-/i;
const SHORT = /^[0-9a-f]{12}$/;

/**
 * The twelve hexadecimal digits by which a release knows a pod or another object: those that its uid begins with, or a
 * hash of a uid that looks otherwise. A short uid stays what it is.
 *
 * | uid | short |
 * |---|---|
 * | `0f3c2a1b-9d4e-4c55-8a01-5f2d7e6b1c90` | `0f3c2a1b9d4e` |
 * | `0f3c2a1b9d4e` | `0f3c2a1b9d4e` |
 */
export function shortUid(uid: string): string {
  if (SHORT.test(uid)) return uid;
  const [, time, rest] = UUID.exec(uid) ?? [];
  return time === undefined || rest === undefined ? hashOf(uid).slice(0, 12) : `${time}${rest}`.toLowerCase();
}

/** Anything that has a uid, long or short. */
interface Identified {
  readonly uid: string;
}

/** True when both are the same pod, however long their uids are written. */
export function isSamePod(left: Identified, right: Identified): boolean {
  return shortUid(left.uid) === shortUid(right.uid);
}

/** The name of a set's server: `duel-3`. */
export function serverName(set: { readonly name: string }, ordinal: number): string {
  return `${set.name}-${ordinal}`;
}

/** The number behind the last `-` of a server's name; -1 when there is none (Kruise v1.8.0, getParentNameAndOrdinal). */
export function ordinalOf(name: string): number {
  const digits = /-(\d+)$/.exec(name)?.[1];
  return digits === undefined ? -1 : Number(digits);
}
