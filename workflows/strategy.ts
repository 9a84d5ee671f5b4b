import type { Plan, PlannedServer, Wave } from '../release/plan/plan.ts';
import type { ReleaseSpec } from '../release/spec/spec.ts';
import type { StepReport, Verdict } from '../release/checks/verdict.ts';
import type { DriftWatch } from './drift-watch.ts';
import type { LiveSet } from './live-set.ts';
import type { PauseActions, ReleaseRun } from './release-run.ts';
import type { SetRecord } from './set-record.ts';

/** One step of a wave or a rollback over a number of servers. */
export type Step = (servers: readonly PlannedServer[]) => Promise<StepReport>;

/** Servers that do not go with their wave, by why. Those that people have skipped are in the state. */
export interface Apart {
  /** All that have failed and not passed since: those left behind within the tolerance, and those it paused for. */
  readonly failed: Set<string>;
  /** A partial rollback has brought them back. */
  readonly returned: Set<string>;
  /** Their reload waits for their players. */
  readonly deferred: Set<string>;
  /** They had players to the last, and were left behind for that. */
  readonly busy: Set<string>;
}

/** What the parts of one release share. */
export interface ReleaseContext {
  readonly run: ReleaseRun;
  readonly spec: ReleaseSpec;
  readonly plan: Plan;
  /** Servers that failed within the tolerance: later steps leave them alone. */
  readonly left: Set<string>;
  /** Servers that do not go with their wave for other reasons. */
  readonly apart: Apart;
  /** Waves whose engines have been told to reload: after a pause, those that have done so are not told again. */
  readonly reloading: Set<number>;
  /** Fingerprints of the sidecars that a rollback has to get rid of; a second try must not take the new ones for them. */
  readonly outgoing: Map<string, string>;
  readonly onPause: PauseActions;
  /** What the release knows of freeze windows; undefined when there are none to heed. */
  readonly calendar: HeededCalendar | undefined;
  readonly record: SetRecord;
  /** A rollback from the set's own record: the release has written the set, in a run that is gone. */
  readonly isOnRecord: boolean;
  readonly watch: DriftWatch;
  readonly live: LiveSet;
}

/** Freeze windows as one release heeds them. */
export interface HeededCalendar {
  /** Why the requester wants to release in a freeze window all the same. */
  readonly reason: string | undefined;
  /** Keys of windows that a second person has overridden. */
  readonly overridden: Set<string>;
}

/** What came of the write that begins a rollback. */
export type Withdrawal =
  /** Nothing had been written yet, or nothing has to be proved. */
  | { readonly kind: 'nothing' }
  | { readonly kind: 'impossible'; readonly reason: string }
  /** `awaitOld` waits until servers run the old image again. */
  | { readonly kind: 'begun'; readonly awaitOld: Step };

/**
 * How a release makes servers move. Everything else (gates, content check, reload, proof, health, bake, verification,
 * decisions) is the same for all strategies.
 */
export interface Strategy {
  /** What is written before the first wave. Safe to repeat. */
  readonly begin: () => Promise<Verdict>;
  /** Lets a wave's servers move. Safe to repeat. */
  readonly open: (wave: Wave) => Promise<Verdict>;
  /** Waits until servers run the new image, ready. */
  readonly awaitMoved: Step;
  /** A person wants failed servers tried again: what the strategy itself remembers of them does not count any more. */
  readonly forgetFailures?: () => void;
  /** After the last wave: what is left to do, and putting back what was changed only for the time of the release. */
  readonly finish: () => Promise<Verdict>;
  /** The servers that a rollback brings back, as far as the release has come. */
  readonly affected: () => readonly PlannedServer[];
  /** Brings the old image back for them. */
  readonly withdraw: () => Promise<Withdrawal>;
  /** After a rollback whose servers are all proved: puts back the rest. */
  readonly settle: () => Promise<Verdict>;
  /** What somebody else has changed meanwhile, as a sentence. Asked before a rollback that nobody asked for. */
  readonly foreignEdit: () => Promise<string | undefined>;
  /** Writes the release's values over what somebody else wrote, as the watch saw it. A sentence when that did not work. */
  readonly reassert: () => Promise<string | undefined>;
  /** Nobody more moves for the time of a pause. A sentence when that did not work. */
  readonly freeze: () => Promise<string | undefined>;
  readonly thaw: () => Promise<void>;
  /** Every server stays where it is for good: the release ends here. A sentence when that did not work. */
  readonly hold: () => Promise<string | undefined>;
  /** What a release that ended well has achieved, and what a rolled-back one, as a sentence for people. */
  readonly success: () => string;
  readonly withdrawal: () => string;
}
