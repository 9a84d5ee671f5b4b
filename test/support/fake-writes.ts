import type { GuardedPatch, PatchOutcome, PatchTarget } from '../../release/patches/patches.ts';
import type { FakeClusterModel } from './fake-cluster-model.ts';
import { patchObject, schemaOfSet } from './fake-patch.ts';
import type { FakeSet } from './fake-set.ts';
import type { FakeSets } from './fake-sets.ts';
import type { RawGameServer, RawSet } from './fake-set-model.ts';

/** Plays the API server for the writes of hotwave. */
export class FakeWrites {
  /** So many writes of GameServers are undone. */
  toLose = 0;
  readonly #sets: FakeSets;
  readonly #admission: FakeClusterModel['admission'];

  constructor(sets: FakeSets, admission: FakeClusterModel['admission']) {
    this.#sets = sets;
    this.#admission = admission;
  }

  /** Carries a patch out, or only says what would come of it. */
  patch(target: PatchTarget, patch: GuardedPatch, isReal: boolean): PatchOutcome {
    return target.kind === 'GameServerSet'
      ? this.#patchSet(target, patch, isReal)
      : this.#patchGameServer(target, patch, isReal);
  }

  #patchSet(target: PatchTarget, patch: GuardedPatch, isReal: boolean): PatchOutcome {
    const set = this.#sets.find(target);
    if (!set) return { kind: 'notFound' };
    const denied = (result: RawSet): string | undefined => schemaOfSet(result) ?? this.#admission?.(result);
    const patched = patchObject(set.raw, patch, denied);
    if (patched.kind === 'refused') return withManager(patched.outcome, set);
    if (isReal) set.commitSet(patched.object, 'hotwave');
    return { kind: 'applied' };
  }

  #patchGameServer(target: PatchTarget, patch: GuardedPatch, isReal: boolean): PatchOutcome {
    const set = this.#sets
      .all()
      .find(({ ref, gameServers }) => ref.namespace === target.namespace && gameServers.has(target.name));
    const raw = set?.gameServers.get(target.name);
    if (!set || !raw) return { kind: 'notFound' };
    const patched = patchObject<RawGameServer>(raw, patch, () => undefined);
    if (patched.kind === 'refused') return patched.outcome;
    if (isReal && patched.object.spec.updatePriority !== raw.spec.updatePriority)
      set.okg.priorityWriters.set(raw.metadata.uid, 'hotwave');
    if (isReal) set.okg.commit(patched.object, this.#olderState(raw, patched.object));
    return { kind: 'applied' };
  }

  /** A write that the cache of OpenKruiseGame v1.0.0 has not seen: all old values return, new keys stay. */
  #olderState(before: RawGameServer, after: RawGameServer): RawGameServer | undefined {
    if (this.toLose === 0) return undefined;
    this.toLose -= 1;
    const annotations = { ...after.metadata.annotations, ...before.metadata.annotations };
    return { metadata: { ...after.metadata, annotations }, spec: { ...after.spec, ...before.spec } };
  }
}

function withManager(outcome: PatchOutcome, set: FakeSet): PatchOutcome {
  if (outcome.kind !== 'preconditionFailed') return outcome;
  const manager = set.owners.writerOf(outcome.path);
  return manager === undefined ? outcome : { ...outcome, manager };
}
