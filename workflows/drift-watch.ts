import { ActivityFailure, CancellationScope, isCancellation } from '@temporalio/workflow';
import { editedPriorities, editsOf, heldFacts, priorityEdits, replicasText } from '../release/patches/foreign-edit.ts';
import type { SetFacts, StrayPriority, Writers } from '../release/patches/foreign-edit.ts';
import { sameJson } from '../release/patches/patches.ts';
import type { HeldValues, SeenValues } from '../release/patches/patches.ts';
import type { Plan } from '../release/plan/plan.ts';
import { withObservations } from '../release/progress/state.ts';
import { watching } from './calls.ts';
import { describeFailure } from './call-failures.ts';
import type { ReleaseRun } from './release-run.ts';
import type { SetSighting, WatchSetInput } from '../activities/set/watch-set.ts';

/** One watch ends after this long without news, so that its place at Temporal is never older. */
const WATCH_MS = 6 * 60 * 60_000;
/** How often a change of the number of servers is told: an autoscaler makes many, and each costs the history events. */
const MOST_REPLICA_NEWS = 20;

/**
 * Watches the set beside the steps of a release, from its first write on, for edits of others. It stands still whenever
 * the release itself writes, so that hotwave's own writes never look like somebody else's.
 */
export class DriftWatch {
  readonly #run: ReleaseRun;
  readonly #plan: Plan;
  /** Steps come and go in scopes of their own; the watch outlives them. */
  readonly #root = CancellationScope.current();
  #scope: CancellationScope | undefined;
  #held: HeldValues | undefined;
  #facts: SetFacts | undefined;
  #writers: Writers = {};
  #strays: readonly StrayPriority[] = [];
  #replicas: number;
  #replicaNews = 0;
  #isOver = false;

  constructor(run: ReleaseRun, plan: Plan) {
    this.#run = run;
    this.#plan = plan;
    this.#replicas = plan.baseline.replicas;
  }

  /** What differs from the release's values, as it was last seen; undefined when nothing does. */
  get seen(): SeenValues | undefined {
    const { image, updateStrategy } = this.#facts ?? {};
    const isEdited =
      this.#held !== undefined && this.#facts !== undefined && this.#edits(this.#held, this.#facts).length > 0;
    return isEdited && image !== undefined ? { image, updateStrategy } : undefined;
  }

  /** The updateStrategy that the release holds, if it does. */
  get heldStrategy(): HeldValues['updateStrategy'] {
    return this.#held?.updateStrategy;
  }

  /** GameServers whose priority somebody else has changed. */
  get editedPriorities(): ReturnType<typeof editedPriorities> {
    return editedPriorities(this.#plan, this.#strays);
  }

  /** The set is like this from now on, or somebody else has changed it. */
  follow(held: HeldValues): void {
    this.stop();
    if (this.#isOver) return;
    this.#facts = this.#stillEdited(held);
    this.#held = held;
    const scope = new CancellationScope({ cancellable: true, parent: this.#root });
    this.#scope = scope;
    void scope.run(() => this.#watch(scope, held)).catch((error: unknown) => this.#complain(error));
  }

  /** The release is about to write, or what it held is put back. */
  stop(): void {
    this.#scope?.cancel();
    this.#scope = undefined;
  }

  /** The release writes nothing more that others could change. */
  end(): void {
    this.#isOver = true;
    this.stop();
  }

  /** Priorities are as the release wants them again. */
  forgetStrays(): void {
    this.#strays = [];
  }

  /** What others have changed stays so while the release changes the rest: a pause, for one. */
  #stillEdited(next: HeldValues): SetFacts | undefined {
    const { image, updateStrategy, replicas } = this.#facts ?? {};
    const before = this.#held;
    if (!this.#run.state.drift || !before || replicas === undefined) return undefined;
    return {
      ...(image === undefined ? {} : { image: image === before.image ? next.image : image }),
      ...(next.updateStrategy === undefined
        ? {}
        : { updateStrategy: sameJson(updateStrategy, before.updateStrategy) ? next.updateStrategy : updateStrategy }),
      replicas,
    };
  }

  async #watch(scope: CancellationScope, held: HeldValues): Promise<void> {
    // Where an edit is known, its end is news, too, also when it came before this watch looked first.
    let known = this.#facts ?? heldFacts(held, this.#replicas);
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
    const { set, baseline, priorities } = this.#plan;
    return {
      set,
      baseline,
      known,
      priorities: [...new Set(priorities.map(({ to }) => to))],
      knownStrays: this.#strays,
      tellsReplicas: this.#replicaNews < MOST_REPLICA_NEWS,
      until: Date.now() + WATCH_MS,
    };
  }

  #take(held: HeldValues, { facts, writers, strays }: SetSighting): void {
    this.#facts = facts;
    this.#strays = strays;
    this.#writers = writers;
    if (facts.gone === undefined && facts.replicas !== this.#replicas) this.#tellReplicas(facts.replicas);
    const edits = [...this.#edits(held, facts), ...priorityEdits(this.editedPriorities)];
    this.#run.noteDrift(edits.length === 0 ? undefined : edits.join('; '));
  }

  #edits(held: HeldValues, facts: SetFacts): string[] {
    const { set, baseline } = this.#plan;
    return editsOf({ name: set.name, baseline, held }, facts, this.#writers);
  }

  /** Autoscalers do that all the time: it is told, and nobody has to do anything about it. */
  #tellReplicas(now: number): void {
    const text = replicasText(this.#plan.set.name, this.#replicas, now, this.#writers['/spec/replicas']);
    this.#replicas = now;
    this.#replicaNews += 1;
    this.#run.set(withObservations(this.#run.state, [text]));
  }

  /** A release without a watch still guards every write. */
  #complain(error: unknown): void {
    if (isCancellation(error)) return;
    if (!(error instanceof ActivityFailure)) throw error;
    const text = `edits of others are noticed only when the release writes: ${describeFailure(error)}`;
    this.#run.set(withObservations(this.#run.state, [text]));
  }
}
