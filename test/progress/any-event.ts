import fc from 'fast-check';
import { FAILURE_CLASSES } from '../../release/checks/server.ts';
import type { ServerFailure } from '../../release/checks/server.ts';
import { stepReport } from '../../release/checks/verdict.ts';
import type { StepReport } from '../../release/checks/verdict.ts';
import type { FleetLook } from '../../release/checks/fleet-look.ts';
import type { UpdateStrategy } from '../../release/fleet/fleet.ts';
import { FROZEN } from '../../release/patches/patches.ts';
import type { SetControls, SeenValues } from '../../release/patches/patches.ts';
import type { PlannedServer } from '../../release/plan/plan.ts';
import type { Event, SetWritten } from '../../release/progress/events.ts';
import type { Outcome } from '../../release/progress/state.ts';
import { MAIN, NEW_IMAGE, OLD_IMAGE, SIDECAR } from '../support/builders.ts';
import { OTHER_IMAGE } from './planning.ts';
import { nameOf } from './simulated-cluster.ts';

// Events as the types allow them, whether or not they can ever happen: of other steps, of waves that do not exist, about
// servers that nobody knows, about nobody, with numbers beyond every bound.

type OfKind<Kind extends Event['kind']> = Extract<Event, { readonly kind: Kind }>;

type AnyEvent = { readonly [Kind in Event['kind']]: fc.Arbitrary<Omit<OfKind<Kind>, 'kind'>> };

/** A value, or mostly none. */
export const maybe = <Value>(value: fc.Arbitrary<Value>): fc.Arbitrary<Value | undefined> =>
  fc.option(value, { nil: undefined, freq: 2 });

/** The decision of somebody. */
export const texts = fc.constantFrom(
  'because',
  '',
  'duel-1: it is away',
  'x'.repeat(2_000),
  'servers have been of two versions',
);
/** Numbers, some beyond every bound. */
export const numbers = fc.oneof(
  fc.integer({ min: -1, max: 9 }),
  fc.constantFrom(1_000_500, 1_060_000, 90_000_000, FROZEN, Number.MAX_SAFE_INTEGER, -Number.MAX_SAFE_INTEGER),
);
const fences = fc.oneof(fc.integer({ min: 0, max: 9 }), fc.constantFrom(999_999_999));
/** Waves, some of which do not exist. */
export const wavesOf = fc.constantFrom(0, 1, 1, 2, 2, 3, 4, 99, -1);
const ordinals = fc.integer({ min: 0, max: 9 });
/** Names of servers, some of which nobody knows. */
export const names = fc.oneof(
  { weight: 9, arbitrary: ordinals.map(nameOf) },
  { weight: 1, arbitrary: fc.constantFrom('duel-4294967295', 'elsewhere', '', '__proto__', 'constructor') },
);
/** Names of servers, or none. */
export const many = fc.array(names, { maxLength: 5 });
const images = fc.constantFrom(OLD_IMAGE, NEW_IMAGE, OTHER_IMAGE, '');
const runs = fc.constantFrom('0:000000000001', '1:000000000002', '7:000000000003', '-', '!');

const servers: fc.Arbitrary<PlannedServer> = fc
  .record({
    ordinal: fc.oneof(ordinals, fc.constantFrom(99)),
    uid: fc.constantFrom('00000000000a', '00000000000b', ''),
  })
  .chain(({ ordinal, uid }) =>
    fc.record({ engine: runs, scripts: runs }).map(({ engine, scripts }) => ({
      name: nameOf(ordinal),
      ordinal,
      uid,
      containers: { [MAIN]: engine, [SIDECAR]: scripts },
    })),
  );
/** Servers as a plan knows them. */
export const someServers = fc.array(servers, { maxLength: 3 });

/** How a release holds its set. */
export const holds = fc.record<SetControls>({
  partition: fc.oneof(fc.integer({ min: 0, max: 9 }), fc.constantFrom(FROZEN)),
  maxUnavailable: fc.constantFrom(1, '100%'),
  paused: fc.boolean(),
});
const insteads = fc.record({ taken: many, left: many });

const writes: fc.Arbitrary<SetWritten> = fc.oneof(
  fc.record({
    kind: fc.constant('accepted' as const),
    hold: maybe(holds),
    revision: fc.constantFrom(undefined, '', NEW_IMAGE),
    fence: maybe(fences),
    joined: maybe(many),
    instead: maybe(insteads),
  }),
  fc.record({
    kind: fc.constant('written' as const),
    hold: holds,
    fence: maybe(fences),
    reason: maybe(texts),
    instead: maybe(insteads),
    undoneBy: maybe(texts),
  }),
  fc.record({
    kind: fc.constant('refused' as const),
    reason: texts,
    templateChanged: maybe(fc.boolean()),
    orderChanged: maybe(fc.boolean()),
    fence: maybe(fences),
  }),
  fc.record({ kind: fc.constant('untouched' as const), fence: maybe(fences) }),
  fc.record({
    kind: fc.constant('pending' as const),
    hold: holds,
    fence: fences,
    reason: texts,
    instead: maybe(insteads),
  }),
);

const failures = fc.array(
  fc.record<ServerFailure>({ server: names, class: fc.constantFrom(...FAILURE_CLASSES), reason: texts }),
  { maxLength: 4 },
);
const reports: fc.Arbitrary<StepReport> = fc.oneof(
  fc.tuple(fc.integer({ min: 0, max: 9 }), failures).map(([passed, failed]) => stepReport(passed, failed)),
  fc.record({
    passed: numbers,
    failures,
    moreFailed: many,
    moreClasses: fc.array(fc.constantFrom(...FAILURE_CLASSES), { maxLength: 2 }),
    observed: fc.array(texts, { maxLength: 2 }),
  }),
);

const looks = fc.record<FleetLook>({
  missing: many,
  changed: fc.array(
    fc.record({
      server: servers,
      image: images,
      basis: fc.constantFrom('AAAAAA', 'BBBBBB', ''),
      deleting: fc.boolean(),
    }),
    { maxLength: 4 },
  ),
  more: fc.constantFrom(0, 0, 1, Number.MAX_SAFE_INTEGER),
  came: fc.constantFrom(0, 0, 2),
});

const strategies = fc.constantFrom<UpdateStrategy | null | undefined>(
  undefined,
  null,
  {},
  { type: 'OnDelete' },
  { type: 'RollingUpdate', rollingUpdate: { partition: 0, paused: true } },
);
const seenValues = fc.record<SeenValues>({ image: images, updateStrategy: strategies });
/** How a release ends. */
export const outcomes = fc.constantFrom<Outcome>('done', 'rolled-back', 'failed', 'cancelled', 'refused');
const nothing = fc.constant({});
const ofReason = fc.record({ reason: texts });
const ofWave = fc.record({ wave: wavesOf });
const ofWritten = fc.record({ written: writes });
const ofServers = fc.record({ servers: many });
const ofProblem = fc.record({ problem: maybe(texts) });
const ofUntil = fc.record({ until: numbers });
const towards = fc.constantFrom('new' as const, 'old' as const);

const EVENTS: AnyEvent = {
  calendarOpen: ofWave,
  calendarFrozen: fc.record({ window: texts, keys: fc.array(texts, { maxLength: 2 }), until: numbers, ends: texts }),
  windowOverridden: nothing,
  prioritiesChanged: fc.record({ direction: fc.constantFrom('assign', 'restore') }),
  staged: ofWritten,
  recorded: nothing,
  opened: fc.record({
    for: fc.constantFrom('wave', 'adopted', 'newcomers'),
    wave: maybe(wavesOf),
    servers: many,
    written: writes,
  }),
  templateChecked: fc.record({
    before: fc.constantFrom('wave', 'end', 'rollback', 'overrides'),
    wave: maybe(wavesOf),
    changed: maybe(texts),
  }),
  checked: fc.record({
    what: fc.constantFrom('move', 'files', 'reload', 'prove', 'health', 'bake', 'look'),
    toward: towards,
    servers: many,
    report: reports,
    means: fc.constantFrom(undefined, 'template', 'override', 'adopt'),
    bases: maybe(fc.dictionary(names, fc.constant('AAAAAA'), { maxKeys: 3 })),
    told: maybe(many),
    isInterrupted: maybe(fc.boolean()),
    kept: maybe(fc.boolean()),
  }),
  admitted: fc.record({ busy: many, of: many, until: numbers }),
  playersAwaited: ofUntil,
  deferred: ofServers,
  excluded: fc.record({ servers: many, why: fc.constant('busy') }),
  looked: fc.record({
    purpose: fc.constantFrom('baseline', 'wave', 'final', 'evidence', 'left'),
    wave: maybe(wavesOf),
    look: looks,
  }),
  whereabouts: fc.record({ gone: many, recreated: many }),
  newcomersFound: fc.record({ servers: someServers, old: many, notServing: someServers }),
  newcomersProved: nothing,
  newServersSeen: fc.record({
    report: reports,
    proved: fc.array(fc.record({ name: names, uid: texts }), { maxLength: 3 }),
    settled: fc.array(texts, { maxLength: 3 }),
    gone: fc.array(texts, { maxLength: 3 }),
  }),
  watchBegun: ofUntil,
  snapshot: fc.record({
    outgoing: fc.dictionary(names, runs, { maxKeys: 3 }),
    touched: many,
    newcomers: someServers,
    notServing: someServers,
    gone: many,
  }),
  takenBack: ofWritten,
  backByOverrides: nothing,
  nextGroup: nothing,
  overridesSettled: fc.record({ after: fc.constantFrom('adopt', 'reverted', 'kept', 'back') }),
  putBack: ofWritten,
  endBegun: nothing,
  endRecorded: nothing,
  controlsChanged: fc.record({ why: fc.constantFrom('pause', 'resume', 'hold'), written: writes }),
  leftRecorded: ofProblem,
  leftUnseen: fc.record({ reason: texts }),
  reasserted: fc.record({ written: writes, priorities: fc.boolean() }),
  stuckNoted: fc.record({ meanwhile: maybe(texts), writer: maybe(fc.record({ by: texts, stop: texts })) }),
  monitored: ofProblem,
  gateOpened: ofWave,
  gatePassed: ofWave,
  gateRejected: nothing,
  gateTimedOut: nothing,
  reminded: nothing,
  promoted: fc.record({ servers: numbers }),
  promotionEnded: ofReason,
  observed: fc.record({ observed: fc.array(texts, { maxLength: 3 }) }),
  waveBegun: ofWave,
  waveEnded: ofWave,
  overMixed: nothing,
  paused: ofReason,
  resumed: nothing,
  personAwaitedInVain: nothing,
  haltOver: nothing,
  retrying: nothing,
  turnedBack: fc.record({
    scope: fc.constantFrom('release', 'wave', 'failed'),
    order: fc.constantFrom('all', 'reverse'),
    outcome: outcomes,
    reason: texts,
    hasFailed: fc.boolean(),
  }),
  partBack: ofProblem,
  tryAgain: nothing,
  leaving: fc.record({ to: fc.constantFrom('hold', 'leave'), outcome: outcomes, reason: texts }),
  foreignSeen: fc.record({
    facts: fc.record({ gone: maybe(texts), image: maybe(images), updateStrategy: strategies, replicas: numbers }),
    strays: fc.array(
      fc.record({ name: names, createdAt: numbers, priority: fc.oneof(numbers, texts), by: maybe(texts) }),
      { maxLength: 2 },
    ),
    what: maybe(texts),
    ofOrder: maybe(fc.boolean()),
    ofOthers: maybe(fc.boolean()),
    by: maybe(texts),
    seen: maybe(seenValues),
    told: maybe(texts),
    replicas: numbers,
  }),
  stopped: fc.record({ verdict: fc.constantFrom('pause', 'rollback'), reason: texts }),
  writeUnknown: nothing,
  marked: fc.record({ fence: fences }),
  finished: fc.record({ outcome: outcomes, reason: texts }),
};

/** The kinds of events, each once. */
export const EVENT_KINDS: readonly Event['kind'][] = Object.keys(EVENTS) as Event['kind'][];

/** Any event of this kind. */
function anyOf(kind: Event['kind']): fc.Arbitrary<Event> {
  return EVENTS[kind].map((payload) => ({ kind, ...payload }) as Event);
}

/** Any event at all, each kind as often as any other. */
export const anyEvent: fc.Arbitrary<Event> = fc.oneof(...EVENT_KINDS.map(anyOf));
