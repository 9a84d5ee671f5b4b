import type { Gates } from '../spec/spec.ts';
import type { PackedPlan } from './packed-plan.ts';

/** One line of preflight: what was checked and what came of it. */
export interface PreflightLine {
  readonly title: string;
  readonly status: 'ok' | 'warning' | 'refused';
  readonly detail: string;
  /** Commands that mend it, to be pasted; none where no command does. */
  readonly commands?: readonly string[];
}

/** The checks in order, and the plan where one could be made: whether it may start say the checks. */
export interface PreflightResult {
  readonly lines: readonly PreflightLine[];
  readonly plan?: PackedPlan;
  /** The release has to look at a calendar before each wave. */
  readonly calendar?: boolean;
  /** Somebody is told what people must know of it. */
  readonly sinks?: true;
  /** The policy's answer about the release; absent where there is none. */
  readonly policy?: UnderPolicy;
}

/** A release under the policy of its cluster. */
export interface UnderPolicy extends Gates {
  /** The requester as the policy knows them; absent when nobody has asked for it yet. */
  readonly requester?: string;
  /** The key that vouches for the requester; absent when the name is only claimed. */
  readonly vouchedBy?: string;
}
