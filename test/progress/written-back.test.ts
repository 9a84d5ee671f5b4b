import { expect, test } from 'vitest';
import { applyDecision } from '../../release/decisions/decision.ts';
import type { UpdateStrategy } from '../../release/fleet/fleet.ts';
import { controlledStrategy } from '../../release/patches/patches.ts';
import { apply } from '../../release/progress/apply.ts';
import type { Event } from '../../release/progress/events.ts';
import { nextStep } from '../../release/progress/next-step.ts';
import { aPlannedRelease } from './a-planned-release.ts';
import type { Release } from '../../release/progress/table.ts';
import { NEW_IMAGE, OLD_IMAGE, USER_STRATEGY } from '../support/builders.ts';

// A manager that applies a set from Git writes back what a person has let the release write over, for ever.

const NOW = 1_000;
const HOLD = { partition: 2, maxUnavailable: 3, paused: false };

/** A release that has written its set. */
function aStagedRelease(): Release {
  const planned = aPlannedRelease([1, 'rest'], NOW);
  return apply(planned, { kind: 'staged', written: { kind: 'accepted', hold: HOLD, revision: 'new', fence: 1 } }, NOW);
}

const WHAT = `changed /spec/gameServerTemplate/spec/containers/1/image of duel from "${NEW_IMAGE}" to "${OLD_IMAGE}"`;
const UNFROZEN = '; the set is not closed, so servers may move';
const seenBy = (by: string, image = OLD_IMAGE, updateStrategy: UpdateStrategy = USER_STRATEGY): Event => ({
  kind: 'foreignSeen',
  facts: { image, updateStrategy, replicas: 3 },
  strays: [],
  what: `${by} ${WHAT}`,
  seen: { image, updateStrategy },
  by,
  replicas: 3,
});

/** Performs what the release notes by itself. */
function noted(release: Release): Release {
  const step = nextStep(release, NOW);
  return step.kind === 'note' ? apply(release, step.event, NOW) : release;
}

function wins(release: Release): Release {
  const decision = { id: String(release.state.decisions.length), verb: 'resume', wins: 'release' } as const;
  const who = { release: 'r', actor: 'bob', channel: 'test' };
  const { state, answer } = applyDecision({ ...release.state, phase: 'paused' }, { ...decision, ...who }, NOW);
  expect(answer.accepted).toBe(true);
  return { ...release, state };
}

const writtenOver: Event = {
  kind: 'reasserted',
  written: { kind: 'accepted', hold: HOLD, revision: 'new', fence: 2 },
  priorities: false,
};

test('a manager that writes back what was written over is named with how often, and what to do about it', () => {
  const first = noted(apply(aStagedRelease(), seenBy('terraform'), NOW));
  expect(first.state.pausedBecause).toBe(`terraform ${WHAT}${UNFROZEN}`);
  const second = noted(apply(apply(wins(first), writtenOver, NOW), seenBy('terraform'), NOW));
  const again = 'terraform has written that back after the release had written it over';
  const advice = 'stop it before resume --wins release, or give way with resume --wins edit or rollback';
  expect(second.state.pausedBecause).toBe(`terraform ${WHAT}${UNFROZEN}; ${again}, and will again: ${advice}`);
  expect(second.state.foreignEdit?.what).toBe(`terraform ${WHAT}`);
  const third = noted(apply(apply(wins(second), writtenOver, NOW), seenBy('terraform'), NOW));
  expect(third.state.pausedBecause).toBe(
    `terraform ${WHAT}${UNFROZEN}; ${again}, 2 times now, and will again: ${advice}`,
  );
});

test('of a manager that applies sets from Git it is known the first time', () => {
  const { state } = noted(apply(aStagedRelease(), seenBy('argocd-controller'), NOW));
  expect(state.pausedBecause).toBe(
    `argocd-controller ${WHAT}${UNFROZEN}; argocd-controller applies it from Git again and again: make peace with it (docs/git-ops.md) before resume --wins release, or give way with resume --wins edit or rollback`,
  );
});

test('somebody else who comes after it is not said to have written back', () => {
  const first = noted(apply(aStagedRelease(), seenBy('terraform'), NOW));
  const { state } = noted(apply(apply(wins(first), writtenOver, NOW), seenBy('helm'), NOW));
  expect(state.pausedBecause).toBe(`helm ${WHAT}${UNFROZEN}`);
});

test('a look that finds one more difference is no further time', () => {
  const first = noted(apply(aStagedRelease(), seenBy('terraform'), NOW));
  const back = noted(apply(apply(wins(first), writtenOver, NOW), seenBy('terraform'), NOW));
  const more = { ...seenBy('terraform'), what: `terraform ${WHAT}; terraform changed /spec/updateStrategy` } as Event;
  expect(apply(back, more, NOW).state.pausedBecause).toMatch(/written it over, and will again/);
});

test('a write that is undone before the controllers come to it is written back as well, and is asked about', () => {
  const first = noted(apply(aStagedRelease(), seenBy('terraform'), NOW));
  const undone: Event = {
    kind: 'reasserted',
    written: { kind: 'written', hold: HOLD, fence: 2, reason: `terraform ${WHAT}, at once`, undoneBy: 'terraform' },
    priorities: false,
  };
  const { state } = noted(apply(wins(first), undone, NOW));
  expect(state.pausedBecause).toMatch(
    /^terraform changed .*, at once; .*; terraform has written that back .*: stop it before resume --wins release/,
  );
});

test('a release that ends after it has written over another image warns that it may come again', () => {
  const over = apply(wins(noted(apply(aStagedRelease(), seenBy('argocd-controller'), NOW))), writtenOver, NOW);
  const done = apply(over, { kind: 'finished', outcome: 'done', reason: 'every server proves 2.0' }, NOW);
  expect(done.state.warnings).toContain(
    `argocd-controller asked for ${OLD_IMAGE}, which this release has written over: it may come again, for all servers at once (docs/git-ops.md)`,
  );
  const same = seenBy('argocd-controller', NEW_IMAGE);
  const agreed = apply(wins(noted(apply(aStagedRelease(), same, NOW))), writtenOver, NOW);
  expect(apply(agreed, { kind: 'finished', outcome: 'done', reason: '' }, NOW).state.warnings).toEqual([]);
});

test('a rollback that is stuck says who has written the set meanwhile', () => {
  const stuck = apply(
    backOf(aStagedRelease()),
    { kind: 'stopped', verdict: 'pause', reason: '3 of 3 servers are not proved' },
    NOW,
  );
  const told = noted(apply(stuck, { kind: 'stuckNoted', meanwhile: `argocd-controller ${WHAT}` }, NOW));
  expect(told.state.pausedBecause).toBe(
    `the rollback is incomplete: 3 of 3 servers are not proved; meanwhile argocd-controller ${WHAT}: stop that (docs/git-ops.md), then resume`,
  );
});

test('a rollback that is stuck while somebody lets servers move says that the set is not closed, who writes and what ends it', () => {
  const problem = 'argocd-controller changed /spec/updateStrategy/rollingUpdate/partition of duel from 0 to 2';
  const stuck = apply(backOf(aStagedRelease()), { kind: 'stopped', verdict: 'pause', reason: problem }, NOW);
  const writer = { by: 'argocd-controller', stop: 'argocd app set duel --sync-policy none' };
  const told = noted(apply(stuck, { kind: 'stuckNoted', meanwhile: problem, writer }, NOW));
  expect(told.state.pausedBecause).toBe(
    `the rollback is incomplete: ${problem}; the set is not closed: argocd-controller writes it, and servers may move: argocd app set duel --sync-policy none (docs/git-ops.md), then hotwave rollback arena/duel --cluster c`,
  );
});

test.each<[string, UpdateStrategy]>([
  ['pauses it', { type: 'RollingUpdate', rollingUpdate: { paused: true } }],
  ['keeps all servers', { type: 'RollingUpdate', rollingUpdate: { partition: 3 } }],
  ['moves nobody by itself', { type: 'OnDelete' }],
])('a set whose strategy somebody has written is not called open when that %s', (_what, strategy) => {
  const { state } = noted(apply(aStagedRelease(), seenBy('terraform', OLD_IMAGE, strategy), NOW));
  expect(state.pausedBecause).toBe(`terraform ${WHAT}`);
});

test('a set of which only the image was written is not called open: the release freezes it', () => {
  const { baseline } = aStagedRelease().plan;
  const { state } = noted(apply(aStagedRelease(), seenBy('helm', OLD_IMAGE, controlledStrategy(baseline, HOLD)), NOW));
  expect(state.pausedBecause).toBe(`helm ${WHAT}`);
});

const backOf = (release: Release): Release =>
  apply(
    release,
    { kind: 'turnedBack', scope: 'release', order: 'all', outcome: 'rolled-back', reason: 'bob', hasFailed: false },
    NOW,
  );

test('a rollback that is tried again after it had put the strategy back puts it back again', () => {
  const put: Event = { kind: 'putBack', written: { kind: 'accepted', hold: HOLD, revision: '', fence: 3 } };
  const stuck = apply(
    apply(backOf(aStagedRelease()), put, NOW),
    { kind: 'stopped', verdict: 'pause', reason: 'x' },
    NOW,
  );
  expect(stuck.progress.isPutBack).toBe(true);
  expect(apply(stuck, { kind: 'tryAgain' }, NOW).progress.isPutBack).toBe(false);
});

test('servers that fail after the set was put back are no reason to go back before it was looked who changed the set', () => {
  const put: Event = { kind: 'putBack', written: { kind: 'accepted', hold: HOLD, revision: '', fence: 3 } };
  const failed: Event = { kind: 'stopped', verdict: 'rollback', reason: 'duel-2: not Ready within 10s' };
  const stopped = apply(apply(aStagedRelease(), put, NOW), failed, NOW);
  expect(nextStep(stopped, NOW)).toEqual({ kind: 'checkTemplate', before: 'rollback' });
});

test('a release that cannot take its own pause out of the set that it leaves says so', () => {
  const leaving: Event = { kind: 'leaving', to: 'leave', outcome: 'cancelled', reason: 'the edit stays' };
  const refused: Event = { kind: 'controlsChanged', why: 'resume', written: { kind: 'refused', reason: 'denied' } };
  const { progress } = apply(apply(aStagedRelease(), leaving, NOW), refused, NOW);
  expect(progress.leaving?.reason).toBe('the edit stays; the set stays paused by this release: denied');
});
