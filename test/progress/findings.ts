import type { Release } from '../../release/progress/table.ts';
import type { SimulatedCluster } from './simulated-cluster.ts';

// Situations in which a rule is known to be broken: stories leave out exactly these, so that they stay green until the heart
// has a rule for each. A person who mends one takes its function away and sees that the stories hold.

/** A release where it stands, and what its servers really are. */
export interface Situation {
  readonly release: Release;
  readonly cluster: SimulatedCluster;
  /** Pods that were there when the release was planned. */
  readonly planned: ReadonlySet<string>;
}

/**
 * 7: an edit that is taken back, while a server came with another image: Kruise moves another one in its place before hotwave
 * has said anything. The release sees it and stops; it cannot keep it from happening.
 */
export function isReopened({ release, cluster, planned }: Situation): boolean {
  const hasCome = [...cluster.servers.values()].some(({ uid }) => !planned.has(uid));
  return release.progress.foreign.hasMoved === true && hasCome;
}
