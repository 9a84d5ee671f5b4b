import fc from 'fast-check';
import { FAILURE_CLASSES } from '../../release/checks/server.ts';
import type { Progress, Release, Row, WayBack } from '../../release/progress/table.ts';
import { STAGE } from '../../release/progress/table.ts';
import type { ReleaseState } from '../../release/progress/state.ts';
import { OPEN_PHASES } from '../../release/decisions/verbs.ts';
import type { OpenPhase } from '../../release/decisions/verbs.ts';
import { withCounts } from '../../release/progress/groups.ts';
import { NEW_IMAGE } from '../support/builders.ts';
import { holds, many, maybe, names, numbers, outcomes, someServers, texts, wavesOf } from './any-event.ts';

// States as the types allow them: what a release of an older version, or one that was steered in a way that nobody has
// thought of, may hand on.

const yes = fc.constant(true as const);
const someWaves = fc.uniqueArray(wavesOf, { maxLength: 4 });

const rows: fc.Arbitrary<Row> = fc.record<Row>({
  stage: fc.constantFrom(...Object.values(STAGE)),
  basis: fc.constantFrom(undefined, 'AAAAAA'),
  mayHaveLoaded: maybe(yes),
  touched: maybe(yes),
  failed: maybe(fc.constantFrom(...FAILURE_CLASSES)),
  hadFailed: maybe(yes),
  excluded: fc.constantFrom(undefined, undefined, 'failed', 'busy', 'reverted', 'edited'),
  trying: maybe(yes),
  tries: maybe(fc.integer({ min: 0, max: 3 })),
  triedAt: fc.constantFrom(undefined, 'move', 'prove', 'look'),
  retryAt: maybe(numbers),
  admitted: maybe(yes),
  deferred: maybe(yes),
  away: fc.constantFrom(undefined, undefined, 'gone', 'recreated'),
  accepting: maybe(yes),
  outgoing: fc.constantFrom(undefined, '0:000000000001'),
});

const waysBack: fc.Arbitrary<WayBack> = fc.record<WayBack>({
  scope: fc.constantFrom('release', 'wave', 'failed'),
  order: fc.constantFrom('all', 'reverse'),
  outcome: outcomes,
  reason: texts,
  groups: maybe(fc.array(many, { maxLength: 3 })),
  group: fc.integer({ min: 0, max: 4 }),
  isLookedAt: fc.boolean(),
  isWritten: fc.boolean(),
  isSwept: fc.boolean(),
  isNothing: fc.boolean(),
  byOverrides: fc.boolean(),
  problem: maybe(texts),
  isNoted: fc.boolean(),
  settled: fc.record({
    overrides: maybe(yes),
    kept: fc.constantFrom(undefined, 'written', 'ready', 'proved'),
    overridesStay: maybe(fc.boolean()),
  }),
});

const progresses: fc.Arbitrary<Partial<Progress>> = fc.record<Partial<Progress>>(
  {
    rows: fc.array(fc.tuple(names, rows), { maxLength: 6 }).map((entries) => new Map(entries)),
    set: fc.record({
      hold: maybe(holds),
      revision: fc.constantFrom('', NEW_IMAGE),
      fence: fc.constant({ from: 0, to: 1 }),
      pendingSince: maybe(numbers),
      isRecorded: fc.boolean(),
      refused: maybe(texts),
    }),
    priorities: fc.constantFrom('own', 'given', 'restored'),
    order: fc.constantFrom(undefined, 'changed', 'followed'),
    isStaged: fc.boolean(),
    isBaselined: fc.boolean(),
    opened: someWaves,
    baked: someWaves,
    looked: someWaves,
    passedGates: someWaves,
    frozen: maybe(fc.record({ keys: fc.constant(['k']), until: numbers, ends: texts })),
    remindAt: maybe(numbers),
    promotion: maybe(fc.constant('over')),
    admission: maybe(fc.record({ until: numbers, busy: many })),
    groupRetry: maybe(fc.record({ at: numbers, tries: numbers, of: numbers, servers: numbers, isGroup: fc.boolean() })),
    adoption: fc.constantFrom(undefined, 'opened', 'ready', 'cleared'),
    newcomers: fc.record({
      round: fc.integer({ min: 0, max: 9 }),
      servers: someServers,
      old: many,
      proved: someServers,
      notProved: someServers,
      isOver: fc.boolean(),
    }),
    newServers: maybe(
      fc.record({
        until: numbers,
        proved: fc.array(fc.record({ name: names, uid: texts }), { maxLength: 2 }),
        settled: fc.array(texts, { maxLength: 2 }),
        failed: fc.integer({ min: 0, max: 3 }),
        gone: fc.array(texts, { maxLength: 2 }),
        isConfirmed: fc.constantFrom(undefined, true as const),
      }),
    ),
    isPutBack: fc.boolean(),
    confirmedAt: numbers,
    toldAt: numbers,
    mustLook: fc.boolean(),
    stop: maybe(fc.record({ kind: fc.constantFrom('pause', 'rollback'), reason: texts })),
    isEditChecked: fc.boolean(),
    pause: maybe(fc.record({ since: numbers, until: numbers })),
    back: maybe(waysBack),
    leaving: maybe(fc.record({ to: fc.constantFrom('hold', 'leave'), outcome: outcomes, reason: texts })),
    lost: maybe(many),
    isMonitored: fc.boolean(),
  },
  { requiredKeys: [] },
);

const by = { actor: fc.constantFrom('ann', 'bob'), reason: texts };

const shown: fc.Arbitrary<Partial<ReleaseState>> = fc.record<Partial<ReleaseState>>(
  {
    phase: fc.constantFrom(...(Object.keys(OPEN_PHASES) as OpenPhase[])),
    wave: wavesOf,
    pausedBecause: maybe(texts),
    halt: maybe(fc.record({ ...by, since: numbers, until: numbers })),
    freeze: maybe(fc.record({ window: texts, until: numbers, overridden: maybe(fc.record(by)) })),
    foreignEdit: maybe(
      fc.record({ what: texts, seenAt: numbers, wins: fc.constantFrom(undefined, 'release', 'edit', 'order') }),
    ),
    requests: fc.record(
      {
        pause: fc.record(by),
        rollback: fc.record({ ...by, scope: fc.constantFrom(undefined, 'release', 'wave', 'failed') }),
        cancel: fc.record({ ...by, then: fc.constantFrom('hold', 'rollback') }),
        retry: fc.record({ actor: by.actor }),
      },
      { requiredKeys: [] },
    ),
    skipped: fc.array(fc.record({ server: names, ...by }), { maxLength: 3 }),
    skippedWaves: someWaves,
    goesBack: maybe(yes),
    mixedUntil: maybe(numbers),
    keptForDebugging: maybe(many),
    failures: fc.array(fc.record({ server: names, class: fc.constantFrom(...FAILURE_CLASSES), reason: texts }), {
      maxLength: 3,
    }),
  },
  { requiredKeys: [] },
);

/** A field that differs in a release, whatever it was before. */
export interface AnyState {
  readonly progress: Partial<Progress>;
  readonly state: Partial<ReleaseState>;
}

/** Any state at all. */
export const anyState: fc.Arbitrary<AnyState> = fc.record({ progress: progresses, state: shown });

/** The release in that state. */
export function inState(release: Release, { progress, state }: AnyState): Release {
  // FINDING 15: a time limit without spec.maxMixed is noted without end.
  const next = {
    ...release,
    state: { ...release.state, ...state },
    progress: { ...release.progress, ...progress },
  };
  return { ...next, state: withCounts(next) };
}
