import { ActivityFailure, CancellationScope, isCancellation } from '@temporalio/workflow';
import type { SetSighting, WatchSetInput } from '../activities/set/watch-set.ts';
import {
  editedPriorities,
  editorOf,
  editsOf,
  heldFacts,
  isOfOthers,
  priorityEdits,
  replicasText,
} from '../release/patches/foreign-edit.ts';
import type { SetFacts, Writers } from '../release/patches/foreign-edit.ts';
import { NEW_SERVERS_ONLY, controlledStrategy, sameJson } from '../release/patches/patches.ts';
import type { ControlledValues } from '../release/patches/patches.ts';
import type { Release } from '../release/progress/table.ts';
import { watching } from './calls.ts';
import { describeFailure } from './call-failures.ts';
import type { RunningRelease } from './running-release.ts';

/** One watch ends after this long without news, so that its place at Temporal is never older. */
const WATCH_MS = 6 * 60 * 60_000;
/** How often a change of the number of servers is told: an autoscaler makes many, and each costs the history events. */
const MOST_REPLICA_NEWS = 20;

/** The values that the release has written and keeps until it writes again; undefined while the set is its owner's. */
function controlledValues({ plan, progress }: Release): ControlledValues | undefined {
  const { set, isStaged, isPutBack, back, leaving } = progress;
  if (!isStaged || isPutBack || back?.scope === 'release' || leaving) return undefined;
  const { baseline, strategy } = plan;
  if (strategy === 'targeted') return { image: baseline.templateImage };
  if (strategy === 'newServersOnly') return { image: baseline.newImage, updateStrategy: NEW_SERVERS_ONLY };
  return set.hold && { image: baseline.newImage, updateStrategy: controlledStrategy(baseline, set.hold) };
}

/**
 * Watches the set beside the steps of a release, from its first write on, for edits of others. It stands still whenever
 * the release itself writes, so that hotwave's own writes never look like somebody else's.
 */
export class SetWatch {
  readonly #run: RunningRelease;
  /** Steps come and go in scopes of their own; the watch outlives them. */
  readonly #root = CancellationScope.current();
  #scope: CancellationScope | undefined;
  #held: ControlledValues | undefined;
  #running: Promise<void> = Promise.resolve();

  constructor(run: RunningRelease) {
    this.#run = run;
  }

  /** Follows what the release holds now; nothing when it holds nothing, or is followed already. */
  follow(): void {
    const held = controlledValues(this.#run.release);
    if (this.#scope && sameJson(held, this.#held)) return;
    this.stop();
    this.#held = held;
    if (!held) return;
    const scope = new CancellationScope({ cancellable: true, parent: this.#root });
    this.#scope = scope;
    this.#running = scope.run(() => this.#watch(scope, held)).catch((error: unknown) => this.#complain(error));
  }

  /** The release is about to write, or what it held is put back. */
  stop(): void {
    this.#scope?.cancel();
    this.#scope = undefined;
  }

  /** Resolves when nothing of a stopped watch is under way any more. */
  async ended(): Promise<void> {
    await this.#running;
  }

  async #watch(scope: CancellationScope, held: ControlledValues): Promise<void> {
    const { state, progress } = this.#run.release;
    const { facts, replicas } = progress.foreign;
    // Where an edit is known, its end is news, too, also when it came before this watch looked first.
    let known = state.foreignEdit && facts ? facts : heldFacts(held, replicas);
    while (this.#scope === scope) {
      const sighting = await watching('watch the set for edits of others', WATCH_MS, '12s').watchSet(
        this.#input(known),
      );
      // Between its end and this line the release may have written.
      if (this.#scope !== scope) return;
      this.#take(held, sighting);
      known = sighting.facts;
    }
  }

  #input(known: SetFacts): WatchSetInput {
    const { plan, progress } = this.#run.release;
    const { set, baseline, priorities } = plan;
    return {
      set,
      baseline,
      known,
      priorities:
        progress.priorities === 'given'
          ? [...new Set(priorities.map(({ to }) => to))].filter((to) => typeof to === 'number')
          : [],
      knownStrays: progress.foreign.strays,
      tellsReplicas: progress.foreign.replicaNews < MOST_REPLICA_NEWS,
      until: Date.now() + WATCH_MS,
    };
  }

  #take(held: ControlledValues, { facts, writers, strays }: SetSighting): void {
    const { plan, progress, state } = this.#run.release;
    const { replicas: before } = progress.foreign;
    const setEdits = this.#edits(held, facts, writers);
    // Once Kruise's own order counts, nobody has to be asked about it.
    const inOrder = progress.order === 'followed' ? [] : priorityEdits(editedPriorities(plan, strays));
    const edits = [...setEdits, ...inOrder];
    const isScaled = facts.gone === undefined && facts.replicas !== before;
    const what = edits.length === 0 ? undefined : edits.join('; ');
    const { image, updateStrategy } = facts;
    this.#run.apply({
      kind: 'foreignSeen',
      facts,
      strays,
      what,
      ofOrder: setEdits.length === 0,
      ofOthers: isOfOthers(plan.baseline, facts),
      seen: setEdits.length > 0 && image !== undefined ? { image, updateStrategy } : undefined,
      by: editorOf({ baseline: plan.baseline, held }, facts, writers),
      // Autoscalers do that all the time: it is told, and nobody has to do anything about it.
      told: isScaled ? replicasText(plan.set.name, before, facts.replicas, writers['/spec/replicas']) : undefined,
      replicas: isScaled ? facts.replicas : before,
    });
    if (what !== undefined && state.foreignEdit?.what !== what) this.#run.interruptForEdit();
  }

  #edits(held: ControlledValues, facts: SetFacts, writers: Writers): string[] {
    const { set, baseline } = this.#run.release.plan;
    return editsOf({ name: set.name, baseline, held }, facts, writers);
  }

  /** A release without a watch still guards every write. */
  #complain(error: unknown): void {
    if (isCancellation(error)) return;
    if (!(error instanceof ActivityFailure)) throw error;
    const text = `edits of others are noticed only when the release writes: ${describeFailure(error)}`;
    this.#run.apply({ kind: 'observed', observed: [text] });
  }
}
