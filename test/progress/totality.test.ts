import fc from 'fast-check';
import { expect, test } from 'vitest';
import { renderExplanation } from '../../client/render/explain.ts';
import { progressLine } from '../../client/render/progress-line.ts';
import { renderStatus } from '../../client/render/status.ts';
import { plainView } from '../../client/render/view.ts';
import { applyDecision } from '../../release/decisions/decision.ts';
import { explainRelease } from '../../release/narrate/explain.ts';
import { detailsMarkdown, nextCommands, why } from '../../release/narrate/narrate.ts';
import { expectedBases } from '../../release/progress/apply-look.ts';
import { apply } from '../../release/progress/apply.ts';
import { describeStep } from '../../release/progress/describe-step.ts';
import type { Event } from '../../release/progress/events.ts';
import { withCounts } from '../../release/progress/groups.ts';
import { nextStep } from '../../release/progress/next-step.ts';
import { outcomeSentence } from '../../release/progress/sentences.ts';
import type { Step } from '../../release/progress/step.ts';
import { isFinal } from '../../release/progress/state.ts';
import type { Decision } from '../../release/progress/state.ts';
import { STAGE } from '../../release/progress/table.ts';
import type { Release } from '../../release/progress/table.ts';
import { wrongNumbers } from '../support/wrong-number.ts';
import { handedOn } from './handed-on.ts';
import { anyState, inState } from './any-state.ts';
import type { AnyState } from './any-state.ts';
import { EVENT_KINDS, anyEvent } from './any-event.ts';
import { Performing } from './performing.ts';
import { clusterOf, planned, specOf } from './planning.ts';
import { nameOf } from './simulated-cluster.ts';
import { stories, wishes } from './story.ts';
import type { Story, Wish } from './story.ts';

// The heart is total: whatever a release knows and whatever it is told, nothing throws, each wait has an end, and no chain
// of consequences is without one.

const SEED = Number(process.env['HOTWAVE_SEED'] ?? 20_261_127);
const COUNT = Number(process.env['HOTWAVE_STORIES'] ?? 400);
const START = 1_000_000;
/** Consequences that follow one upon the other without any time or call: more would be for ever. */
const MOST_NOTES = 30;

/** An act on a release: its next step, an event that need not fit, or a decision. */
type Move =
  | { readonly kind: 'step' }
  | { readonly kind: 'event'; readonly event: Event }
  | { readonly kind: 'decision'; readonly wish: Wish }
  | { readonly kind: 'later'; readonly milliseconds: number };

const moves: fc.Arbitrary<Move> = fc.oneof(
  { weight: 6, arbitrary: fc.constant<Move>({ kind: 'step' }) },
  { weight: 4, arbitrary: anyEvent.map((event): Move => ({ kind: 'event', event })) },
  { weight: 1, arbitrary: wishes.map((wish): Move => ({ kind: 'decision', wish })) },
  {
    weight: 1,
    arbitrary: fc
      .constantFrom(0, 1_000, 90_000, 2_700_000_000, 1e12)
      .map((milliseconds): Move => ({ kind: 'later', milliseconds })),
  },
);

test(
  `${COUNT} releases (seed ${SEED}) have a next step whatever happens to them`,
  () => {
    fc.assert(
      fc.property(stories, fc.array(moves, { maxLength: 30, size: 'max' }), (story, some) => {
        const subject = new Subject(story);
        for (const move of some) subject.make(move);
      }),
      { seed: SEED, numRuns: COUNT },
    );
  },
  Math.max(60_000, COUNT * 20),
);

test('a release in any state takes any event and has a next step', () => {
  fc.assert(
    fc.property(stories, anyState, fc.array(moves, { maxLength: 3 }), (story, state, some) => {
      const subject = new Subject(story, state);
      for (const move of some) subject.make(move);
    }),
    { seed: SEED, numRuns: COUNT },
  );
});

test('any release that has only been planned takes any event of every kind', () => {
  const kinds = new Set<string>();
  fc.assert(
    fc.property(stories, anyEvent, (story, event) => {
      kinds.add(event.kind);
      new Subject(story).make({ kind: 'event', event });
    }),
    { seed: SEED, numRuns: 1_000 },
  );
  expect([...kinds].sort()).toEqual([...EVENT_KINDS].sort());
});

class Subject {
  readonly #performing: Performing;
  #release: Release;
  #now = START;
  #sent = 0;

  constructor(story: Story, state?: AnyState) {
    const cluster = clusterOf(story);
    this.#performing = new Performing(cluster, { busyUntil: START + 200_000, freezes: story.freezes });
    const release = planned(specOf(story), story, cluster, START);
    this.#release = state ? inState(release, state) : release;
    demandTotal(this.#release, this.#now);
  }

  make(move: Move): void {
    switch (move.kind) {
      case 'event':
        this.#release = apply(this.#release, move.event, this.#now);
        break;
      case 'decision':
        this.#decide(move.wish);
        break;
      case 'later':
        this.#now += move.milliseconds;
        break;
      case 'step':
        this.#step();
        break;
    }
    demandTotal(this.#release, this.#now);
  }

  /** As the loop does it: consequences first, then what is to be done outside. */
  #step(): void {
    const settled = settledOf(this.#release, this.#now);
    const step = nextStep(settled, this.#now);
    this.#release = shownIn(settled, step, this.#now);
    if (step.kind === 'wait') {
      this.#now = Math.min(step.until, this.#now + 86_400_000);
      return;
    }
    const events = this.#performing.perform(this.#release, step, { now: this.#now, midway: () => false }) ?? [];
    for (const event of events) this.#release = apply(this.#release, event, this.#now);
    this.#now += 1_000;
  }

  #decide({ verb, actor, off, ordinal, ...more }: Wish): void {
    this.#sent += 1;
    const target = ordinal % 2 === 0 ? { server: nameOf(ordinal) } : { wave: ordinal + off };
    const decision: Decision = {
      id: `d-${this.#sent}`,
      release: 'scripts-2-0',
      channel: 'test',
      verb,
      actor,
      reason: 'because',
      until: this.#now + 600_000,
      by: 'newer',
      ...target,
      ...more,
    };
    const { state } = applyDecision(this.#release.state, decision, this.#now);
    this.#release = { ...this.#release, state: withCounts({ ...this.#release, state }) };
  }
}

/** The release after all consequences that need neither time nor a call. */
function settledOf(release: Release, now: number): Release {
  let settled = release;
  const notes: string[] = [];
  for (;;) {
    const step = nextStep(settled, now);
    if (step.kind !== 'note') return settled;
    notes.push(step.event.kind);
    if (notes.length > MOST_NOTES) throw new Error(`consequences without end: ${notes.slice(-6).join(', ')}`);
    settled = apply(settled, step.event, now);
  }
}

/** The release as the workflow shows it while a step is at work. */
function shownIn(release: Release, step: Step, now: number): Release {
  if (step.kind === 'note' || step.kind === 'end') return release;
  const { phase, step: doing, for: what, owner, since = now, until } = describeStep(release, step, now);
  const wait = { for: what ?? doing, owner, since, until };
  return { ...release, state: { ...release.state, phase, step: doing, wait } };
}

function demandTotal(release: Release, now: number): void {
  demandCounts(release);
  demandWords(release, now);
  const settled = settledOf(release, now);
  const step = nextStep(settled, now);
  demandStep(settled, step, now);
  demandCounts(settled);
  demandWords(shownIn(settled, step, now), now);
  if (!isSameJson(nextStep(handedOn(settled), now), step))
    throw new Error(`another step in the next run: ${step.kind}`);
}

function demandStep(release: Release, step: Step, now: number): void {
  if (step.kind === 'note') throw new Error('a consequence is left');
  if ((step.kind === 'end') !== isFinal(release.state.phase)) throw new Error(`${step.kind} in ${release.state.phase}`);
  if ('until' in step && !Number.isFinite(step.until)) throw new Error(`no deadline of ${step.kind}`);
  if (step.kind === 'wait' && step.until <= now) throw new Error(`a wait for ${step.for} that is over already`);
  const { until, step: text, owner } = describeStep(release, step, now);
  if (!Number.isFinite(until)) throw new Error(`no deadline of ${step.kind} is shown`);
  if (step.kind !== 'end' && (text === '' || owner === '')) throw new Error(`${step.kind} has no words`);
}

/** One status each, and no more of them than there are servers. */
function demandCounts({ state, progress }: Release): void {
  for (const { number, size, ready, proven, failed } of state.waves) {
    const isRight = ready >= proven && failed + proven <= size && ready <= size && Math.min(ready, proven, failed) >= 0;
    if (!isRight) throw new Error(`wave ${number}: ${ready} ready, ${proven} proven, ${failed} failed of ${size}`);
  }
  const stages: readonly number[] = Object.values(STAGE);
  for (const [name, { stage }] of progress.rows)
    if (!stages.includes(stage)) throw new Error(`${name} is at stage ${stage}`);
  for (const { count, servers } of [state.deferred, state.returned].flatMap((named) => named ?? []))
    if (count < servers.length) throw new Error(`${count} servers, and ${servers.length} are named`);
}

/** The text of a state as people see it, whatever it says. */
function demandWords(release: Release, now: number): void {
  const { state } = release;
  const texts = [why(state, now), why(state), detailsMarkdown(state), ...nextCommands(state), outcomeSentence(release)];
  if (texts.some((text) => typeof text !== 'string')) throw new Error('something is not said in words');
  const shown = [
    renderStatus(state, now, plainView()),
    progressLine(state),
    renderExplanation(explainRelease(state, now), plainView()),
  ];
  const [wrong] = [...texts, ...shown].flatMap(wrongNumbers);
  if (wrong !== undefined) throw new Error(`wrong number: ${wrong}`);
  for (const purpose of ['baseline', 'wave', 'final', 'evidence'] as const) expectedBases(release, purpose);
}

function isSameJson(left: unknown, right: unknown): boolean {
  return JSON.stringify(left) === JSON.stringify(right);
}
