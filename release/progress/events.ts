import type { Instead } from '../fleet/order.ts';
import type { StrayPriority, SetFacts } from '../patches/foreign-edit.ts';
import type { SetControls, SeenValues } from '../patches/patches.ts';
import type { PlannedServer } from '../plan/plan.ts';
import type { StepReport } from '../checks/verdict.ts';
import type { FleetLook } from '../checks/fleet-look.ts';
import type { Outcome, RollbackOrder, RollbackScope } from './state.ts';
import type { Release } from './table.ts';
import type { SetWriter } from '../plan/git-ops.ts';
import type { Checked, Means, OpenedFor, Toward } from './steps.ts';

/** The result of a write of the set, as the table needs it. */
export type SetWritten =
  | {
      readonly kind: 'accepted';
      readonly hold?: SetControls | undefined;
      readonly revision?: string | undefined;
      readonly fence?: number | undefined;
      readonly joined?: readonly string[] | undefined;
      readonly instead?: Instead | undefined;
      /** The changes of others to the strategy, and what was left so, as a sentence. */
      readonly kept?: string | undefined;
    }
  /** Written, but the controllers did not follow yet. */
  | {
      readonly kind: 'written';
      readonly hold: SetControls;
      readonly fence?: number | undefined;
      readonly reason?: string | undefined;
      readonly instead?: Instead | undefined;
      /** Somebody has changed it since: the field manager. */
      readonly undoneBy?: string | undefined;
    }
  | {
      readonly kind: 'refused';
      readonly reason: string;
      readonly templateChanged?: boolean | undefined;
      readonly orderChanged?: boolean | undefined;
      readonly fence?: number | undefined;
      /** Somebody else's values, which a person may decide to have written over. */
      readonly found?: SeenValues | undefined;
    }
  | { readonly kind: 'untouched'; readonly fence?: number | undefined }
  /** Written, and the controllers have not taken it over yet. */
  | {
      readonly kind: 'pending';
      readonly hold: SetControls;
      readonly fence: number;
      readonly reason: string;
      readonly instead?: Instead | undefined;
    };

/** An event of a release. `apply` draws the consequences. */
export type Event =
  | { readonly kind: 'calendarOpen'; readonly wave: number }
  | {
      readonly kind: 'calendarFrozen';
      readonly window: string;
      readonly keys: readonly string[];
      readonly until: number;
      readonly ends: string;
    }
  | { readonly kind: 'windowOverridden' }
  | { readonly kind: 'prioritiesChanged'; readonly direction: 'assign' | 'restore' }
  | { readonly kind: 'staged'; readonly written: SetWritten }
  | { readonly kind: 'recorded' }
  | {
      readonly kind: 'opened';
      readonly for: OpenedFor;
      readonly wave?: number | undefined;
      readonly servers: readonly string[];
      readonly written: SetWritten;
    }
  | {
      readonly kind: 'templateChecked';
      readonly before: 'wave' | 'end' | 'rollback' | 'overrides';
      readonly wave?: number | undefined;
      readonly changed?: string | undefined;
    }
  | {
      readonly kind: 'checked';
      readonly what: Checked;
      readonly toward: Toward;
      readonly servers: readonly string[];
      readonly report: StepReport;
      readonly means?: Means | undefined;
      /** The basis of each proof, by name. */
      readonly bases?: Readonly<Record<string, string>> | undefined;
      /** The servers that have been told to reload. */
      readonly told?: readonly string[] | undefined;
      /** A decision ended the step early: who is in no list was not dealt with. */
      readonly isInterrupted?: boolean | undefined;
      readonly kept?: boolean | undefined;
    }
  | {
      readonly kind: 'admitted';
      readonly busy: readonly string[];
      readonly of: readonly string[];
      readonly until: number;
    }
  | { readonly kind: 'playersAwaited'; readonly until: number }
  | { readonly kind: 'deferred'; readonly servers: readonly string[] }
  | { readonly kind: 'excluded'; readonly servers: readonly string[]; readonly why: 'busy' }
  | {
      readonly kind: 'looked';
      readonly purpose: 'baseline' | 'wave' | 'final' | 'evidence' | 'left';
      readonly wave?: number | undefined;
      readonly look: FleetLook;
    }
  | { readonly kind: 'whereabouts'; readonly gone: readonly string[]; readonly recreated: readonly string[] }
  | {
      readonly kind: 'newcomersFound';
      readonly servers: readonly PlannedServer[];
      readonly old: readonly string[];
      readonly notServing: readonly PlannedServer[];
    }
  | { readonly kind: 'newcomersProved' }
  | {
      readonly kind: 'newServersSeen';
      readonly report: StepReport;
      readonly proved: readonly { readonly name: string; readonly uid: string }[];
      readonly settled: readonly string[];
      readonly gone: readonly string[];
    }
  | { readonly kind: 'watchBegun'; readonly until: number }
  | {
      readonly kind: 'snapshot';
      readonly outgoing: Readonly<Record<string, string>>;
      readonly touched: readonly string[];
      readonly newcomers: readonly PlannedServer[];
      readonly notServing: readonly PlannedServer[];
      readonly gone: readonly string[];
    }
  | { readonly kind: 'takenBack'; readonly written: SetWritten }
  | { readonly kind: 'backByOverrides' }
  | { readonly kind: 'nextGroup' }
  | { readonly kind: 'overridesSettled'; readonly after: 'adopt' | 'reverted' | 'kept' | 'back' }
  | { readonly kind: 'putBack'; readonly written: SetWritten }
  | { readonly kind: 'endBegun' }
  | { readonly kind: 'endRecorded' }
  | { readonly kind: 'controlsChanged'; readonly why: 'pause' | 'resume' | 'hold'; readonly written: SetWritten }
  | { readonly kind: 'leftRecorded'; readonly problem?: string | undefined }
  | { readonly kind: 'reasserted'; readonly written: SetWritten; readonly priorities: boolean }
  /** It could not be looked whose containers were restarted by the edit to which the set is left. */
  | { readonly kind: 'leftUnseen'; readonly reason: string }
  /**
   * `meanwhile`: what somebody else has made of the set during the rollback; `writer`: by whose strategy or image servers
   * may move now.
   */
  | {
      readonly kind: 'stuckNoted';
      readonly meanwhile?: string | undefined;
      readonly writer?: SetWriter | undefined;
    }
  | { readonly kind: 'monitored'; readonly problem?: string | undefined }
  | { readonly kind: 'gateOpened'; readonly wave: number }
  | { readonly kind: 'gatePassed'; readonly wave: number }
  | { readonly kind: 'gateRejected' }
  | { readonly kind: 'gateTimedOut' }
  | { readonly kind: 'reminded' }
  | { readonly kind: 'promoted'; readonly servers: number }
  | { readonly kind: 'promotionEnded'; readonly reason: string }
  | { readonly kind: 'observed'; readonly observed: readonly string[] }
  | { readonly kind: 'waveBegun'; readonly wave: number }
  | { readonly kind: 'waveEnded'; readonly wave: number }
  | { readonly kind: 'overMixed' }
  | { readonly kind: 'paused'; readonly reason: string }
  | { readonly kind: 'resumed' }
  | { readonly kind: 'personAwaitedInVain' }
  | { readonly kind: 'haltOver' }
  | { readonly kind: 'retrying' }
  | {
      readonly kind: 'turnedBack';
      readonly scope: RollbackScope;
      readonly order: RollbackOrder;
      readonly outcome: Outcome;
      readonly reason: string;
      readonly hasFailed: boolean;
    }
  | { readonly kind: 'partBack'; readonly problem?: string | undefined }
  | { readonly kind: 'tryAgain' }
  | { readonly kind: 'leaving'; readonly to: 'hold' | 'leave'; readonly outcome: Outcome; readonly reason: string }
  | {
      readonly kind: 'foreignSeen';
      readonly facts: SetFacts;
      readonly strays: readonly StrayPriority[];
      readonly what?: string | undefined;
      /** It is about priorities only. */
      readonly ofOrder?: boolean | undefined;
      /** It is of something that releases do not write. */
      readonly ofOthers?: boolean | undefined;
      readonly seen?: SeenValues | undefined;
      /** The field manager that wrote it. */
      readonly by?: string | undefined;
      readonly told?: string | undefined;
      readonly replicas: number;
    }
  | { readonly kind: 'stopped'; readonly verdict: 'pause' | 'rollback'; readonly reason: string }
  | { readonly kind: 'writeUnknown' }
  /** A write has left this number on the set. */
  | { readonly kind: 'marked'; readonly fence: number }
  | { readonly kind: 'finished'; readonly outcome: Outcome; readonly reason: string };

/** The change that each kind of event makes. */
export type Appliers = {
  readonly [Kind in Event['kind']]: (release: Release, event: Extract<Event, { kind: Kind }>, now: number) => Release;
};
