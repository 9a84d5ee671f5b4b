import type { SetRef, UpdateStrategy } from '../../release/fleet/fleet.ts';
import type { SetBaseline, SetControls, SeenValues, ControlledValues } from '../../release/patches/patches.ts';
import type { Fence } from '../../release/patches/fence.ts';
import type { ReleaseRecord, LastRelease } from '../../release/record/record.ts';
import type { Instead } from '../../release/fleet/order.ts';
import type { PlannedOnes } from '../../release/fleet/newcomers.ts';
import type { FailedVersion } from '../../release/record/failed-versions.ts';

/** The set that is written, as the plan found it, and the right to write it. */
export interface Subject {
  readonly set: SetRef;
  readonly baseline: SetBaseline;
  readonly fence: Fence;
}

/** Write the new template with every server frozen on the old one. */
export interface StageTemplateInput extends Subject {
  readonly maxUnavailable: number;
  readonly record: ReleaseRecord;
}

/** Let one wave's servers move, and nobody else but servers that came while the release ran. */
export interface OpenWaveInput extends Subject {
  readonly planned: PlannedOnes;
  /** The servers are newcomers themselves; in any other wave a recreated server is not waited for. */
  readonly areNewcomers?: boolean | undefined;
  readonly revision: string;
  readonly hold: SetControls;
  readonly servers: readonly string[];
  /** Ordinals of the servers of the waves that are to come, as compact ranges. Default none. */
  readonly later?: string | undefined;
  /** A person has said that Kruise's own order counts, whoever it puts into this wave. Default false. */
  readonly followsOrder?: boolean | undefined;
  /** How many pods of the set were missing when the release was planned: they are not waited for. Default 0. */
  readonly missing?: number | undefined;
}

/** Change the set controls without letting anybody move: pause and resume. */
export interface ChangeControlsInput extends Subject {
  readonly from: SetControls;
  readonly to: SetControls;
  /** Written with it: the release ends here and leaves the set so. */
  readonly record?: ReleaseRecord | undefined;
  /** The image that somebody else was seen to have written, which stays. Default the release's own. */
  readonly seenImage?: string | undefined;
  /** The strategy that somebody else was seen to have written and that stays: only the release's pause is taken out of it. */
  readonly seenStrategy?: UpdateStrategy | undefined;
}

/** Write the release's values over an edit that was seen. */
export interface ReassertSetInput extends Subject {
  readonly seen: SeenValues;
  readonly held: ControlledValues;
  /** The set controls after it, where Kruise's acceptance is to be waited for. */
  readonly hold?: SetControls | undefined;
}

/**
 * The result of a write to the set. `foreign` is a fact for a person: somebody else changed what hotwave guards, or,
 * with `hold`, the set was written with these controls, but the controllers did not follow. With `fence` it is known how
 * many writes of this release are on the set; without, this write has changed nothing.
 */
export type SetWrite =
  | {
      readonly kind: 'accepted';
      readonly hold: SetControls;
      readonly revision: string;
      /** Servers that came while the release ran and move along with a wave. */
      readonly joined?: readonly string[];
      readonly instead?: Instead | undefined;
      /** The changes of others to the strategy, and what was left so, as a sentence. */
      readonly kept?: string;
      readonly fence: number;
    }
  | {
      readonly kind: 'foreign';
      readonly reason: string;
      readonly hold?: SetControls;
      /** The template says something that the plan does not know of: who moves would get that, too. */
      readonly templateChanged?: true;
      /** Kruise's order is not the plan's any more; the waves that are to come can follow it. */
      readonly orderChanged?: true;
      /** Somebody wrote the set between the look and the write, in a way that need not matter. */
      readonly isLate?: true;
      /** Somebody else's values, which a person may decide to have written over. */
      readonly found?: SeenValues;
      /** The set was written, and this field manager has changed it since. */
      readonly undoneBy?: string;
      readonly instead?: Instead | undefined;
      readonly fence?: number;
    }
  /** Written, and the controllers have not taken it over yet: the release looks again, and hears people in between. */
  | {
      readonly kind: 'pending';
      readonly reason: string;
      readonly hold: SetControls;
      readonly instead?: Instead | undefined;
      readonly fence: number;
    }
  | { readonly kind: 'untouched'; readonly fence?: number };

/** Write the new image so that only servers that are created from now on get it. */
export interface StageForNewServersInput extends Subject {
  readonly record: ReleaseRecord;
}

/** Take the new image back from servers that are still to be created. */
export interface RollBackNewServersInput extends Subject {
  readonly last: LastRelease;
  /** The failed versions that are remembered. */
  readonly failed?: FailedVersion | undefined;
}

/** Leave a record on a set of which nothing else changes. */
export interface RecordReleaseInput extends Subject {
  readonly note:
    { readonly running: ReleaseRecord } | { readonly last: LastRelease; readonly failed?: FailedVersion | undefined };
}

/** Look whether the template is as the plan found it, or, with `hold`, image and strategy as hotwave wrote them. */
export interface VerifyTemplateInput {
  readonly set: SetRef;
  readonly baseline: SetBaseline;
  readonly hold?: SetControls;
  /** Which image it has when nobody has changed it; default the one that the plan found. */
  readonly image?: string;
}

/** Whether somebody changed the set's template meanwhile: who and what, as a sentence. */
export interface TemplateCheck {
  readonly changed?: string;
  /** It is the template that was changed, beside the release's own image. */
  readonly templateChanged?: true;
}

/** Put the person's own updateStrategy back, and leave on the set what the release came to. */
export interface RestoreSetInput extends Subject {
  readonly image: string;
  readonly hold: SetControls;
  readonly last: LastRelease;
  /** The failed versions that are remembered. */
  readonly failed?: FailedVersion | undefined;
}

/** The old image, everything open, in one write. */
export interface RollBackSetInput extends Subject {
  /** The set's own record says that the release has written it: that it looks as planned does not mean the opposite. */
  readonly isOnRecord?: boolean | undefined;
  /** The release has let servers move: somebody who put the original set back has not brought those back. */
  readonly opened?: boolean | undefined;
  /** The edit that a person has seen and rolls back over. */
  readonly seen?: SeenValues | undefined;
  /** Of the first write, which is known by it when its answer got lost. */
  readonly maxUnavailable: number | string;
}
