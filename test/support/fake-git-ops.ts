import { sameJson } from '../../release/patches/patches.ts';
import type { SetRef } from '../../release/fleet/fleet.ts';
import type { FakeCluster } from './fake-cluster.ts';
import type { RawSet } from './fake-set-model.ts';

/** Somebody who keeps a set as it stands in Git. */
export interface GitOpsModel {
  /** Default `argocd`. */
  readonly manager?: string;
  /**
   * `apply` (server-side, forced): what the manifest says is put back, what it does not mention stays. `replace`: the
   * whole object is written, annotations included. Default `apply`.
   */
  readonly by?: 'apply' | 'replace';
  /** Default the only set. */
  readonly ref?: SetRef;
  /** Default the set as it is now. */
  readonly manifest?: RawSet;
}

/** The hands that a test has in it. */
export interface GitOps {
  /** Writes the manifest now; nothing when the set is as it says. */
  sync(): void;
  /** From now on it looks after every so many ms, at least 1, and puts back what differs. */
  selfHeal(everyMs: number): void;
  /** No more of that. */
  stop(): void;
}

/** A GitOps controller whose manifest is the set as it is now: template, update strategy, replicas and annotations. */
export function gitOps(
  cluster: FakeCluster,
  { manager = 'argocd', by = 'apply', ref, ...model }: GitOpsModel = {},
): GitOps {
  const manifest = model.manifest ?? structuredClone(cluster.set(ref).raw);
  let round = 0;
  const sync = (): void => {
    const set = cluster.set(ref);
    const { metadata, spec } = by === 'apply' ? applied(set.raw, manifest) : replaced(set.raw, manifest);
    const isChanged = !sameJson({ metadata, spec }, { metadata: set.raw.metadata, spec: set.raw.spec });
    if (isChanged) cluster.edit(manager, (raw) => Object.assign(raw, { metadata, spec }), ref);
    if (by === 'apply') set.owners.applied(set.raw, manager);
  };
  return {
    sync,
    selfHeal(everyMs) {
      round += 1;
      const mine = round;
      const look = (): void => {
        if (mine !== round) return;
        sync();
        cluster.clock.after(everyMs, look);
      };
      cluster.clock.after(everyMs, look);
    },
    stop() {
      round += 1;
    },
  };
}

function applied(live: RawSet, manifest: RawSet): RawSet {
  const { annotations } = manifest.metadata;
  const metadata = annotations
    ? { ...live.metadata, annotations: { ...live.metadata.annotations, ...annotations } }
    : live.metadata;
  return { metadata, spec: merged(live.spec, manifest.spec) as RawSet['spec'] };
}

function replaced(live: RawSet, { metadata: { annotations }, spec }: RawSet): RawSet {
  const { annotations: _gone, ...metadata } = live.metadata;
  return { metadata: { ...metadata, ...(annotations ? { annotations } : {}) }, spec: structuredClone(spec) };
}

/** Objects field by field, lists as a whole: the containers of a GameServerSet's template have no keys in its schema. */
function merged(live: unknown, wanted: unknown): unknown {
  if (!isObject(live) || !isObject(wanted)) return structuredClone(wanted);
  const fields = Object.entries(wanted).map(([key, value]) => [key, merged(live[key], value)] as const);
  return { ...live, ...Object.fromEntries(fields) };
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
