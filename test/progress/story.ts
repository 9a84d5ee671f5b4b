import fc from 'fast-check';
import { VERBS } from '../../release/progress/state.ts';
import type { Decision, Verb } from '../../release/progress/state.ts';
import type { Fault } from './simulated-cluster.ts';

/** A decision that somebody tells the release; the wave and the server are chosen by where it then is. */
export interface Wish {
  readonly verb: Verb;
  readonly actor: string;
  readonly then?: Decision['then'];
  readonly scope?: Decision['scope'];
  readonly order?: Decision['order'];
  readonly wins?: Decision['wins'];
  /** How far the named wave is from the right one: mostly 0. */
  readonly off: number;
  readonly ordinal: number;
}

/** One thing that happens to a release from outside. */
export type Happening =
  | { readonly kind: 'decision'; readonly wish: Wish }
  | { readonly kind: 'later'; readonly milliseconds: number }
  | { readonly kind: 'engineRestarts'; readonly ordinal: number }
  | { readonly kind: 'sidecarRestarts'; readonly ordinal: number }
  | { readonly kind: 'recreated'; readonly ordinal: number }
  | { readonly kind: 'scaled'; readonly by: number }
  /** Somebody else writes an image or a strategy; `turn`: Kruise acts on it before hotwave does. */
  | { readonly kind: 'image'; readonly to: 'old' | 'new' | 'other'; readonly turn: boolean }
  | { readonly kind: 'strategy'; readonly to: 'open' | 'paused' | 'onDelete'; readonly turn: boolean }
  /** A value that somebody else wrote is written back. */
  | { readonly kind: 'restored' }
  /** The next step cannot be done at all. */
  | { readonly kind: 'failure' }
  /** The release goes on in its next run. */
  | { readonly kind: 'handed' };

/** Something that happens at a step: before it, or while it is under way. */
export interface Turn {
  readonly happening: Happening;
  readonly inside: boolean;
  /** So many steps later than the one before. */
  readonly after: number;
}

/**
 * The state that an earlier release has left: nothing; overrides of the new image on some servers; the new image in
 * the template, with only some servers let through; or yet another image in the template, that only some servers were
 * made with.
 */
export interface Earlier {
  readonly kind: 'nothing' | 'overrides' | 'halfWay' | 'another';
  /** Where it is the template's: as many of the highest ordinals. */
  readonly servers: readonly number[];
  /** Those of them whose engine has not loaded the new image: the earlier release ended between image and reload. */
  readonly notLoaded: readonly number[];
}

/** A release and what happens to it. */
export interface Story {
  readonly strategy: 'rolling' | 'targeted' | 'newServersOnly';
  readonly earlier: Earlier;
  /** Strategy newServersOnly: so many proved servers end it. */
  readonly newServers: number | undefined;
  readonly size: number;
  readonly waves: readonly (number | 'rest')[];
  readonly gates: readonly (2 | 3)[];
  readonly approvals: number;
  readonly gateMs: number;
  readonly onTimeout: 'pause' | 'rollback' | 'proceed';
  readonly then: 'pause' | 'rollback';
  readonly tolerate: number;
  readonly keepSpecimens: number;
  readonly retries: boolean;
  readonly health: boolean;
  readonly content: boolean;
  readonly bakeMs: number;
  readonly maxMixedMs: number | undefined;
  readonly onMaxMixed: 'pause' | 'rollback';
  readonly busy: 'nobody' | 'reload' | 'leave' | 'pause';
  readonly freezes: number;
  readonly faults: readonly (readonly [ordinal: number, fault: Fault])[];
  readonly turns: readonly Turn[];
}

const ordinals = fc.integer({ min: 0, max: 7 });

/** The wishes of people for a release. */
export const wishes: fc.Arbitrary<Wish> = fc.record<Wish>({
  verb: fc.constantFrom('approve', 'approve', 'approve', 'resume', 'resume', 'retry', 'skip', 'rollback', ...VERBS),
  actor: fc.constantFrom('ann', 'bob', 'cleo'),
  then: fc.constantFrom(undefined, 'hold' as const, 'rollback' as const),
  scope: fc.constantFrom(undefined, undefined, 'wave' as const, 'failed' as const, 'release' as const),
  order: fc.constantFrom(undefined, undefined, 'reverse' as const),
  wins: fc.constantFrom(undefined, 'release' as const, 'edit' as const),
  off: fc.constantFrom(0, 0, 0, 0, 1, -1),
  ordinal: ordinals,
});

const of = <Kind extends string>(kind: Kind): fc.Arbitrary<Kind> => fc.constant(kind);

const happenings: fc.Arbitrary<Happening> = fc.oneof(
  { weight: 10, arbitrary: fc.record({ kind: of('decision'), wish: wishes }) },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: of('later'),
      milliseconds: fc.constantFrom(0, 1_000, 90_000, 90_000_000, 2_700_000_000),
    }),
  },
  { weight: 2, arbitrary: fc.record({ kind: of('engineRestarts'), ordinal: ordinals }) },
  { weight: 1, arbitrary: fc.record({ kind: of('sidecarRestarts'), ordinal: ordinals }) },
  { weight: 2, arbitrary: fc.record({ kind: of('recreated'), ordinal: ordinals }) },
  { weight: 2, arbitrary: fc.record({ kind: of('scaled'), by: fc.constantFrom(-2, -1, 1, 2) }) },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: of('image'),
      to: fc.constantFrom('old' as const, 'new' as const, 'other' as const),
      turn: fc.boolean(),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: of('strategy'),
      to: fc.constantFrom('open' as const, 'paused' as const, 'onDelete' as const),
      turn: fc.boolean(),
    }),
  },
  { weight: 2, arbitrary: fc.record({ kind: of('restored') }) },
  { weight: 2, arbitrary: fc.record({ kind: of('failure') }) },
  { weight: 2, arbitrary: fc.record({ kind: of('handed') }) },
);

const faults = fc.record<Fault>({
  at: fc.constantFrom('ready', 'main', 'content', 'reload', 'stale', 'health'),
  times: fc.constantFrom(1, 2, 1_000),
});

const earlierReleases = fc.record<Earlier>({
  kind: fc.constantFrom('nothing', 'nothing', 'nothing', 'overrides', 'overrides', 'halfWay', 'another'),
  servers: fc.uniqueArray(ordinals, { minLength: 1, maxLength: 4 }),
  notLoaded: fc.oneof(fc.constant([]), fc.uniqueArray(ordinals, { maxLength: 8 })),
});

/** Stories of releases, the same for the same seed. */
export const stories: fc.Arbitrary<Story> = fc.record<Story>({
  strategy: fc.constantFrom('rolling', 'rolling', 'rolling', 'targeted', 'newServersOnly'),
  earlier: earlierReleases,
  newServers: fc.constantFrom(undefined, 1, 2),
  size: fc.integer({ min: 3, max: 8 }),
  waves: fc.constantFrom([1, 'rest'] as const, [1, 2, 'rest'] as const, ['rest'] as const),
  gates: fc.subarray([2, 3] as const),
  approvals: fc.integer({ min: 1, max: 2 }),
  gateMs: fc.constantFrom(60_000, 86_400_000),
  onTimeout: fc.constantFrom('pause', 'rollback', 'proceed'),
  then: fc.constantFrom('pause', 'rollback'),
  tolerate: fc.constantFrom(0, 0, 1, 3),
  keepSpecimens: fc.constantFrom(0, 0, 1),
  retries: fc.boolean(),
  health: fc.boolean(),
  content: fc.boolean(),
  bakeMs: fc.constantFrom(0, 60_000),
  maxMixedMs: fc.constantFrom(undefined, undefined, 120_000),
  onMaxMixed: fc.constantFrom('pause', 'rollback'),
  busy: fc.constantFrom('nobody', 'nobody', 'nobody', 'reload', 'leave', 'pause'),
  freezes: fc.constantFrom(0, 0, 0, 1),
  faults: fc.uniqueArray(fc.tuple(ordinals, faults), { maxLength: 2, selector: ([ordinal]) => ordinal }),
  turns: fc.array(
    fc.record<Turn>({ happening: happenings, inside: fc.boolean(), after: fc.integer({ min: 0, max: 6 }) }),
    { maxLength: 12, size: 'max' },
  ),
});
