import { agreed, counted } from '../spec/counted.ts';

/** How many servers a set is to have, as its parts say it, and how many it has. */
export interface Scale {
  /** Of the set. */
  readonly replicas: number;
  /** Of its Advanced StatefulSet. */
  readonly accepted: number;
  /** Pods that stay. */
  readonly alive: number;
  /** Pods that are on their way out: some are replaced, some are not. */
  readonly leaving: number;
  /** Pods that were missing before the release, for reasons of their own. */
  readonly missing: number;
}

/**
 * Why servers are still coming or going, as a predicate of the set; undefined when they are not.
 *
 * | set | accepted | alive | leaving | missing | |
 * |---|---|---|---|---|---|
 * | 10 | 10 | 10 | 0 | 0 | settled |
 * | 10 | 10 | 9 | 1 | 0 | settled: one is replaced |
 * | 8 | 8 | 8 | 2 | 0 | settled: two that the set does not count any more |
 * | 10 | 10 | 9 | 0 | 1 | settled |
 * | 12 | 10 | 10 | 0 | 0 | under way |
 * | 12 | 12 | 10 | 0 | 0 | under way |
 * | 8 | 8 | 10 | 0 | 0 | under way |
 */
export function scaleUnderWay({ replicas, accepted, alive, leaving, missing }: Scale): string | undefined {
  if (accepted !== replicas)
    return `is to have ${counted(replicas, 'server')}, and its Advanced StatefulSet still has ${accepted}: see that kruise-game-manager runs`;
  const isMissing = alive + leaving < replicas - missing;
  return alive > replicas || isMissing
    ? `is to have ${counted(replicas, 'server')}, and ${alive} ${agreed(alive, 'has', 'have')} a pod that stays: a change of its size is still under way`
    : undefined;
}
