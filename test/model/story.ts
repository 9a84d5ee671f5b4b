import fc from 'fast-check';
import { VERBS } from '../../release/progress/state.ts';
import type { Decision, Verb } from '../../release/progress/state.ts';
import { FAILURES } from '../support/fake-server.ts';
import type { Failure } from '../support/fake-server.ts';

/** A decision that somebody tells the release; the wave and the server are chosen by where it then is. */
export interface Wish {
  readonly verb: Verb;
  readonly actor: string;
  readonly then?: Decision['then'];
  readonly scope?: Decision['scope'];
  readonly order?: Decision['order'];
  readonly wins?: Decision['wins'];
  readonly reason?: string | undefined;
  /** How far the named wave is from the right one: mostly 0. */
  readonly off: number;
  readonly ordinal: number;
}

/** Activities whose work may stand still half-way. */
const STUCK = ['reloadServers', 'openWave', 'awaitReady', 'checkServers', 'changeControls'] as const;
/** Activities whose work may stand still half-way. */
export type StuckActivity = (typeof STUCK)[number];

/** One thing that happens to a release from outside. */
export type Happening =
  | { readonly kind: 'decision'; readonly wish: Wish; readonly bySignal: boolean }
  /** So much time passes; a moment in the fake cluster is some tens of milliseconds. */
  | { readonly kind: 'time'; readonly milliseconds: number }
  /** An engine crashes in its pod, and loads what is there. */
  | { readonly kind: 'crash'; readonly ordinal: number }
  /** Somebody deletes a pod, and Kruise makes it anew. */
  | { readonly kind: 'recreate'; readonly ordinal: number }
  /** Somebody else writes the image or the strategy of the set, or writes back what was there before. */
  | { readonly kind: 'edit'; readonly what: 'image' | 'strategy' | 'taken-back' }
  /** The next such activity stands still for a while, in the middle of its work, deaf to whoever wants it to end. */
  | { readonly kind: 'stuck'; readonly activity: StuckActivity; readonly milliseconds: number }
  | { readonly kind: 'cluster-down'; readonly calls: number };

/** A release and what happens to it. */
export interface Story {
  readonly strategy: 'rolling' | 'targeted';
  readonly gates: readonly (2 | 3)[];
  readonly approvals: number;
  readonly gateMs: number;
  readonly onTimeout: 'pause' | 'rollback' | 'proceed';
  readonly then: 'pause' | 'rollback';
  readonly tolerate: number;
  readonly maxMixedMs: number | undefined;
  readonly onMaxMixed: 'pause' | 'rollback';
  readonly bakeMs: number;
  /** Which servers fail to take the new version, and how; by ordinal. */
  readonly failures: readonly (readonly [ordinal: number, failure: Failure])[];
  readonly happenings: readonly Happening[];
}

const PEOPLE = ['ann', 'bob', 'cleo'] as const;

const wishes = fc.record<Wish>({
  // Votes and going on again are what a release needs most.
  verb: fc.constantFrom('approve', 'approve', 'approve', 'resume', 'resume', 'retry', ...VERBS),
  actor: fc.constantFrom(...PEOPLE),
  then: fc.constantFrom(undefined, 'hold' as const, 'rollback' as const),
  scope: fc.constantFrom(undefined, undefined, 'wave' as const, 'failed' as const, 'release' as const),
  order: fc.constantFrom(undefined, undefined, 'reverse' as const),
  wins: fc.constantFrom(undefined, 'release' as const, 'edit' as const),
  reason: fc.constantFrom('because', 'because', undefined),
  off: fc.constantFrom(0, 0, 0, 0, 1, -1),
  ordinal: fc.integer({ min: 0, max: 12 }),
});

const happenings = fc.oneof(
  { weight: 8, arbitrary: fc.record({ kind: fc.constant('decision' as const), wish: wishes, bySignal: fc.boolean() }) },
  {
    weight: 4,
    arbitrary: fc.record({ kind: fc.constant('time' as const), milliseconds: fc.integer({ min: 0, max: 400 }) }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant('cluster-down' as const), calls: fc.integer({ min: 1, max: 3 }) }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant('crash' as const), ordinal: fc.integer({ min: 0, max: 9 }) }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant('recreate' as const), ordinal: fc.integer({ min: 0, max: 9 }) }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant('edit' as const),
      what: fc.constantFrom('image' as const, 'strategy' as const, 'taken-back' as const),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant('stuck' as const),
      activity: fc.constantFrom(...STUCK),
      milliseconds: fc.integer({ min: 50, max: 800 }),
    }),
  },
);

/** Failures that a rollback gets over: a pod whose engine restarted is another matter and has tests of its own. */
const CURABLE = FAILURES.filter((failure) => failure !== 'mainrestart');

/** Stories of releases, the same for the same seed. */
export const stories: fc.Arbitrary<Story> = fc.record<Story>({
  strategy: fc.constantFrom('rolling', 'rolling', 'targeted'),
  gates: fc.subarray([2, 3] as const),
  approvals: fc.integer({ min: 1, max: 2 }),
  gateMs: fc.constantFrom(400, 60_000),
  onTimeout: fc.constantFrom('pause', 'rollback', 'proceed'),
  then: fc.constantFrom('pause', 'rollback'),
  tolerate: fc.constantFrom(0, 0, 1, 3),
  maxMixedMs: fc.constantFrom(undefined, undefined, 1_000),
  onMaxMixed: fc.constantFrom('pause', 'rollback'),
  bakeMs: fc.constantFrom(0, 0, 200),
  failures: fc.uniqueArray(fc.tuple(fc.integer({ min: 0, max: 9 }), fc.constantFrom(...CURABLE)), {
    maxLength: 3,
    selector: ([ordinal]) => ordinal,
  }),
  happenings: fc.array(happenings, { minLength: 2, maxLength: 14, size: 'max' }),
});
