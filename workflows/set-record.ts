import { isCancellation } from '@temporalio/workflow';
import type { FailedVersion } from '../release/record/failed-versions.ts';
import type { Plan } from '../release/plan/plan.ts';
import { endOfRelease, recordOfPlan } from '../release/record/plan-record.ts';
import type { LastRelease, ReleaseRecord } from '../release/record/record.ts';
import type { ReleaseSpec } from '../release/spec/spec.ts';
import { quick, toItsEnd } from './calls.ts';
import { describeFailure } from './call-failures.ts';
import { FenceCounter } from './fence-counter.ts';
import type { RecordReleaseInput } from '../activities/set/set-writes.ts';

/** What a release leaves on its set: with its first write what it is about, with its last one what it came to. */
export class SetRecord {
  readonly running: ReleaseRecord;
  /** Every write of the set goes through it. */
  readonly fence = new FenceCounter();
  readonly #plan: Plan;
  #last: LastRelease | undefined;
  #isWritten = false;
  #failed: FailedVersion | undefined;

  constructor(plan: Plan, spec: ReleaseSpec, identity: Parameters<typeof recordOfPlan>[2]) {
    this.#plan = plan;
    this.running = recordOfPlan(plan, spec, identity);
  }

  /** What the release has come to; undefined before it has tried to write that. */
  get last(): LastRelease | undefined {
    return this.#last;
  }

  /** The running record is on the set. */
  get isWritten(): boolean {
    return this.#isWritten;
  }

  /** Another write has carried the running record. */
  markWritten(): void {
    this.#isWritten = true;
  }

  /** The record of a release that ends now and leaves the servers as they are. */
  held(): ReleaseRecord {
    return { ...this.running, heldAt: Date.now() };
  }

  /** Says on the set that the release has ended and left it as it is, if it has said anything. A sentence when not. */
  async hold(): Promise<string | undefined> {
    try {
      return this.#isWritten ? await this.write({ running: this.held() }) : undefined;
    } catch (error) {
      if (isCancellation(error)) throw error;
      return describeFailure(error);
    }
  }

  /**
   * What the release comes to. It is made once for each outcome: the write may be repeated after a pause, and must then
   * find its own values there.
   */
  ended(outcome: LastRelease['outcome'], putBack?: LastRelease['putBack']): LastRelease {
    if (this.#last?.outcome !== outcome) {
      const last = endOfRelease(this.running, outcome, Date.now());
      this.#last = putBack === undefined ? last : { ...last, putBack };
    }
    return this.#last;
  }

  /** The release has to go back by itself: the last write remembers its image, so that nobody releases it unawares. */
  remember(reason: string): void {
    const { newImage: image, release } = this.running;
    this.#failed ??= { image, release, at: Date.now(), reason };
  }

  /** What the last write remembers, if anything. */
  get failedVersion(): { readonly failed: FailedVersion } | Record<string, never> {
    return this.#failed ? { failed: this.#failed } : {};
  }

  /** Writes a record and nothing else, for strategies that leave the set alone. A sentence when that did not work. */
  async write(note: RecordReleaseInput['note']): Promise<string | undefined> {
    const { set, baseline } = this.#plan;
    const summary = 'last' in note ? 'record on the set what came of it' : 'record the release on the set';
    const written = await toItsEnd(() =>
      this.fence.write((fence) => quick(summary).recordRelease({ set, baseline, note, fence })),
    );
    if (written.kind === 'drifted') return written.reason;
    this.#isWritten = 'running' in note;
    return undefined;
  }
}
