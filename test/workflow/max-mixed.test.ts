import { describe, expect } from 'vitest';
import type { ReleaseState } from '../../release/progress/state.ts';
import { NEW_IMAGE } from '../support/builders.ts';
import { anHourOfFreeze, fakeCalendar } from '../support/calendar.ts';
import { movedTo } from '../support/fake-log.ts';
import type { StartedRelease } from '../support/hotwave.ts';
import type { Stage } from '../support/stage.ts';
import { aRelease, test } from '../support/stage.ts';

const isOpen = ({ phase }: ReleaseState): boolean => phase === 'waiting-approval';
const isPaused = ({ phase, pausedBecause }: ReleaseState): boolean => phase === 'paused' && pausedBecause !== undefined;
const SENTENCE = 'servers have been of two versions for 8s: resume gives it another 8s, rollback ends it';
const PAUSE = { maxMixed: '8s' };
const ROLLBACK = { maxMixed: '8s', onMaxMixed: 'rollback' };
const ROLLED_BACK = {
  outcome: 'rolled-back',
  reason: 'servers have been of two versions for 8s; every server proves 1.0',
};

/** A release whose second wave never gets its turn by itself, and what it waits for. */
const WAITS: readonly (readonly [string, (it: Stage, wishes: object) => Promise<StartedRelease>])[] = [
  ['at a gate', (it, wishes) => it.start(aRelease({ gates: [{ before: 2 }], ...wishes }))],
  ['while a wave bakes', (it, wishes) => it.start(aRelease({ bake: '1h', ...wishes }))],
  [
    'while a wave without health checks bakes',
    (it, wishes) => it.start(aRelease({ bake: '1h', health: [], ...wishes })),
  ],
];

describe('when servers have been of two versions for too long', () => {
  test.for(WAITS)(
    '%s, the release pauses and says so; resume gives it the whole time again',
    async ([, begin], { stage }) => {
      const it = await stage();
      const release = await begin(it, PAUSE);
      const mixed = await release.until('the first wave', ({ mixedUntil }) => mixedUntil !== undefined);
      const first = await release.until('the pause', isPaused);
      expect(first.pausedBecause).toBe(SENTENCE);
      expect(first.wait!.since).toBeGreaterThanOrEqual(mixed.mixedUntil!);
      expect(movedTo(it.cluster, NEW_IMAGE)).toEqual(['duel-9']);
      await release.decide({ verb: 'resume' });
      const again = await release.until('to go on', ({ mixedUntil }) => mixedUntil! > mixed.mixedUntil!);
      const second = await release.until(
        'the second pause',
        (now) => isPaused(now) && now.wait!.since > first.wait!.since,
      );
      expect(second.pausedBecause).toBe(SENTENCE);
      expect(second.wait!.since).toBeGreaterThanOrEqual(again.mixedUntil!);
      await release.decide({ verb: 'rollback', reason: 'enough' });
      expect(await release.result()).toMatchObject({ outcome: 'rolled-back' });
      expect((await release.state()).mixedUntil).toBeUndefined();
    },
  );

  test.for(WAITS)('%s, the release rolls back when its file says so', async ([, begin], { stage }) => {
    const release = await begin(await stage(), ROLLBACK);
    expect(await release.result()).toMatchObject(ROLLED_BACK);
  });

  test.for([
    ['pauses', PAUSE],
    ['rolls back', ROLLBACK],
  ] as const)('in a freeze window, the release %s', async ([, wishes], { stage }) => {
    const calendar = fakeCalendar();
    const it = await stage({}, calendar);
    const held = it.calls.hold({ activity: 'lookAtFleet' });
    const release = await it.start(aRelease(wishes));
    await held.reached;
    calendar.reading = { windows: [anHourOfFreeze()] };
    held.release();
    if (wishes === ROLLBACK) {
      expect(await release.result()).toMatchObject(ROLLED_BACK);
      return;
    }
    const { pausedBecause } = await release.until('the pause', isPaused);
    expect(pausedBecause).toBe(SENTENCE);
    expect(movedTo(it.cluster, NEW_IMAGE)).toEqual(['duel-9']);
    calendar.reading = { windows: [] };
    await release.decide({ verb: 'resume' });
    await release.until('wave 2', ({ waves }) => waves[1]?.status !== 'pending');
    await release.decide({ verb: 'cancel', then: 'hold' });
    await release.result();
  });

  test('during a wave, the release decides between that wave and the next', async ({ stage }) => {
    const it = await stage();
    const held = it.calls.hold({ activity: 'reloadServers' });
    const release = await it.start(aRelease({ maxMixed: '100ms' }));
    await held.reached;
    const { mixedUntil } = await release.state();
    await release.until('the end of its time', () => Date.now() >= mixedUntil!);
    held.release();
    const { waves } = await release.until('the pause', isPaused);
    expect(waves.map(({ status }) => status)).toEqual(['done', 'pending', 'pending']);
    await release.decide({ verb: 'cancel', then: 'hold' });
    await release.result();
  });

  test('the last wave, which ends that, is not held up by it', async ({ stage }) => {
    const it = await stage();
    const held = it.calls.hold({ activity: 'reloadServers' });
    const release = await it.start(aRelease({ waves: ['rest'], maxMixed: '100ms', bake: '300ms' }));
    await held.reached;
    const { mixedUntil } = await release.state();
    await release.until('the end of its time', () => Date.now() >= mixedUntil!);
    held.release();
    expect(await release.result()).toMatchObject({ outcome: 'done' });
  });

  test('a release that is paused already says that as well', async ({ stage }) => {
    const it = await stage();
    const release = await it.start(aRelease({ gates: [{ before: 2 }], ...PAUSE }));
    await release.until('the gate', isOpen);
    await release.decide({ verb: 'pause', actor: 'bob', reason: 'lunch' });
    const both = await release.until(
      'both reasons',
      ({ pausedBecause }) => pausedBecause?.includes('versions') === true,
    );
    expect(both.pausedBecause).toBe(`by bob: lunch; ${SENTENCE}`);
    expect(both.wait?.for).toBe(both.pausedBecause);
    await release.decide({ verb: 'resume' });
    await release.until('another 8s', ({ mixedUntil }) => mixedUntil! > both.mixedUntil!);
    await release.decide({ verb: 'cancel', then: 'hold' });
    await release.result();
  });

  test('a release that is paused already rolls back when its file says so', async ({ stage }) => {
    const release = await (await stage()).start(aRelease({ gates: [{ before: 2 }], ...ROLLBACK }));
    await release.until('the gate', isOpen);
    await release.decide({ verb: 'pause', actor: 'bob', reason: 'lunch' });
    expect(await release.result()).toMatchObject(ROLLED_BACK);
  });

  test('a release that is halted decides once the releases go on', async ({ stage }) => {
    const release = await (await stage()).start(aRelease({ gates: [{ before: 2 }], ...PAUSE }));
    const { mixedUntil } = await release.until('the gate', isOpen);
    await release.decide({ verb: 'halt', reason: 'fire', until: Date.now() + 3_600_000 });
    await release.until('to stand still', ({ phase }) => phase === 'halted');
    await release.until('the end of its time', () => Date.now() >= mixedUntil!);
    expect((await release.state()).phase).toBe('halted');
    await release.decide({ verb: 'unhalt' });
    expect((await release.until('the pause', isPaused)).pausedBecause).toBe(SENTENCE);
    await release.decide({ verb: 'cancel', then: 'hold' });
    await release.result();
  });
});

test('a release that is quick enough never hears of maxMixed', async ({ stage }) => {
  const release = await (await stage()).start(aRelease({ maxMixed: '1h', onMaxMixed: 'rollback' }));
  expect(await release.result()).toMatchObject({ outcome: 'done' });
  expect((await release.state()).mixedUntil).toBeUndefined();
});
