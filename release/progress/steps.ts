import type { SetControls } from '../patches/patches.ts';
import type { PlannedServer, PriorityChange } from '../plan/plan.ts';

/** The version that servers are to have. */
export type Toward = 'new' | 'old';

/** By what servers get their image: the template of the set, or each through its GameServer. */
export type Means = 'template' | 'override' | 'adopt';

/** Servers that are made to load a version, or asked whether they have. */
interface Loading {
  readonly servers: readonly PlannedServer[];
  readonly toward: Toward;
  /** They keep the new version by their overrides although the release goes back. */
  readonly kept?: true;
}

/** Something to do outside: a wait, one call, or one call per batch of servers. */
export type Task =
  | { readonly kind: 'calendar' }
  | {
      readonly kind: 'priorities';
      readonly direction: 'assign' | 'restore';
      readonly changes: readonly PriorityChange[];
    }
  /** The first write: the image with every server frozen, for new servers only, or the record alone. */
  | { readonly kind: 'stage' }
  | {
      readonly kind: 'open';
      readonly wave?: number;
      readonly servers: readonly PlannedServer[];
      readonly for: OpenedFor;
    }
  | {
      readonly kind: 'checkTemplate';
      readonly before: 'wave' | 'end' | 'rollback' | 'overrides';
      readonly wave?: number;
    }
  | {
      readonly kind: 'move';
      readonly servers: readonly PlannedServer[];
      readonly toward: Toward;
      readonly means: Means;
      /** Default the image of the direction. */
      readonly image?: string;
    }
  | { readonly kind: 'files'; readonly servers: readonly PlannedServer[]; readonly toward: Toward }
  | {
      readonly kind: 'admit';
      readonly servers: readonly PlannedServer[];
      /** Zero: look once. */
      readonly until: number;
      readonly of: number;
    }
  | ({ readonly kind: 'reload' } & Loading)
  | ({ readonly kind: 'prove' } & Loading)
  | { readonly kind: 'health'; readonly servers: readonly PlannedServer[] }
  | { readonly kind: 'bake'; readonly wave: number; readonly servers: readonly PlannedServer[]; readonly until: number }
  /** Is everybody as the rows say? `settle`: not before that time, milliseconds since the epoch. */
  | {
      readonly kind: 'look';
      readonly purpose: 'baseline' | 'wave' | 'final' | 'evidence' | 'left';
      readonly wave?: number;
      readonly notBefore: number;
    }
  | { readonly kind: 'whereabouts'; readonly names: readonly string[] }
  | { readonly kind: 'newcomers' }
  | { readonly kind: 'follow'; readonly until: number }
  /** `isSweep`: the template lets nobody move to the new version any more, so whoever came meanwhile is asked, too. */
  | { readonly kind: 'snapshot'; readonly servers: readonly PlannedServer[]; readonly isSweep?: true }
  | { readonly kind: 'takeBack' }
  | {
      readonly kind: 'overrides';
      readonly servers: readonly string[];
      /** Absent: the overrides are taken away. */
      readonly image?: string;
      readonly after: 'adopt' | 'reverted' | 'kept' | 'back';
    }
  | { readonly kind: 'putBack'; readonly image: string }
  /** The record alone: what the release came to, for strategies that leave the set to its owner. */
  | { readonly kind: 'recordEnd' }
  | { readonly kind: 'controls'; readonly change: Partial<SetControls>; readonly why: 'pause' | 'resume' | 'hold' }
  | { readonly kind: 'recordLeft' }
  | { readonly kind: 'reassert' }
  | { readonly kind: 'noteStuck'; readonly reason: string }
  | { readonly kind: 'monitor' }
  | { readonly kind: 'wait'; readonly for: Waiting; readonly until: number }
  | { readonly kind: 'end' };

/** Which check of servers a report is of. */
export type Checked = 'move' | 'files' | 'reload' | 'prove' | 'health' | 'bake' | 'look';

/** Whom the set is opened for. */
export type OpenedFor = 'wave' | 'adopted' | 'newcomers';

/** A wait of a release in which it does nothing. */
export type Waiting = 'gate' | 'person' | 'unhalt' | 'window' | 'retry' | 'settle' | 'load';

/** True for steps that a decision may end early: none of them leaves anything half done that is not known. */
export function isInterruptible(step: { readonly kind: string }, goesBack: boolean): boolean {
  return !goesBack || step.kind === 'wait';
}

/** Steps that write the set: the watch of the set stands still for them. */
const SET_WRITES: ReadonlySet<string> = new Set<Task['kind']>([
  'stage',
  'open',
  'controls',
  'putBack',
  'recordEnd',
  'recordLeft',
  'takeBack',
]);

/** True for steps that write the set. */
export function writesSet({ kind }: { readonly kind: string }): boolean {
  return SET_WRITES.has(kind);
}
