import { describe, expect, inject } from 'vitest';
import { main } from '../../client/main.ts';
import type { ReleaseState } from '../../release/progress/state.ts';
import { recordedIo } from '../client/support.ts';
import { MAIN, NEW_IMAGE, SIDECAR } from '../support/builders.ts';
import { anHourOfFreeze, fakeCalendar, windowAround } from '../support/calendar.ts';
import { effects, movedTo } from '../support/fake-log.ts';
import type { StartedRelease } from '../support/hotwave.ts';
import type { SpecWishes, Stage } from '../support/stage.ts';
import { aRelease, test } from '../support/stage.ts';

const isFrozen = ({ phase }: ReleaseState): boolean => phase === 'frozen';
const isPaused = ({ phase, pausedBecause }: ReleaseState): boolean => phase === 'paused' && pausedBecause !== undefined;
const FIRST_WAVE = ['duel-9'];
const URGENT = { duringFreeze: { reason: 'nobody can log in' } };
const OVERRIDE = { verb: 'override-freeze', actor: 'bob', reason: 'the login fix cannot wait' } as const;

const FILE = `apiVersion: hotwave.dev/v1
kind: Release
metadata: { name: scripts-2-0 }
spec:
  target: { namespace: arena, gameServerSet: duel }
  images: { ${SIDECAR}: "${NEW_IMAGE}" }
  maxUnavailable: 100%
  reload: { exec: { container: ${MAIN}, command: [engine, reload] } }
  proof: { http: { port: 8080, path: /version } }
`;

/** How often the calendar was asked. */
async function looks({ handle }: StartedRelease): Promise<number> {
  const { events = [] } = await handle.fetchHistory();
  const names = (events ?? []).map((event) => event.activityTaskScheduledEventAttributes?.activityType?.name);
  return names.filter((name) => name === 'checkCalendar').length;
}

describe('a release that is started in a freeze window', () => {
  test('is refused with the window, its end, and how to go on', async ({ stage }) => {
    const it = await stage();
    const release = await it.start(aRelease({ freeze: [anHourOfFreeze('tournament')] }));
    const { outcome, reason } = await release.result();
    expect(outcome).toBe('refused');
    expect(reason).toMatch(
      /^freeze window tournament holds until \w{3} \d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC: start it then, or now with --during-freeze "reason", and have a second person say hotwave override-freeze$/,
    );
    expect(effects(it.cluster, 0)).toEqual([]);
  });

  test('is refused because of the calendar of its cluster, too', async ({ stage }) => {
    const release = await (await stage({}, fakeCalendar([anHourOfFreeze('holidays')]))).start();
    expect(await release.result()).toMatchObject({
      outcome: 'refused',
      reason: expect.stringMatching(/^freeze window holidays holds until /) as string,
    });
  });

  test('all the same writes nothing before a second person overrides the window', async ({ stage }) => {
    const it = await stage();
    const release = await it.start(aRelease({ freeze: [anHourOfFreeze('tournament')] }), 'ann', URGENT);
    const { freeze, wait } = await release.idle('the freeze', isFrozen);
    expect(freeze?.window).toBe('tournament');
    expect(wait).toMatchObject({
      for: expect.stringMatching(
        /^freeze window tournament holds until .* UTC; ann wants it all the same: nobody can log in$/,
      ) as string,
      owner: 'the calendar',
      until: freeze?.until,
    });
    for (const [wish, sentence] of [
      [{ actor: 'ann' }, 'ann started this release: overriding tournament takes a second person'],
      [{ reason: undefined }, 'say why: override-freeze --reason "...", a freeze window has its reasons too'],
    ] as const)
      expect(await release.decide({ ...OVERRIDE, ...wish })).toEqual({ accepted: false, message: sentence });
    expect(effects(it.cluster, 0)).toEqual([]);
    expect(await release.decide(OVERRIDE)).toEqual({ accepted: true, message: 'going on in spite of tournament' });
    expect(await release.result()).toMatchObject({ outcome: 'done' });
    const ended = await release.state();
    expect(ended.freeze).toBeUndefined();
    expect(ended.decisions.at(-1)).toMatchObject({ verb: 'override-freeze', actor: 'bob', accepted: true });
  });

  test('is told by plan without the flag being of use outside a window', async ({ stage }) => {
    const it = await stage();
    const release = await it.start(aRelease({ freeze: [windowAround(3_600, 7_200)] }), 'ann', URGENT);
    expect(await release.result()).toMatchObject({ outcome: 'done' });
  });
});

test('on the command line, plan shows the window, start is refused, and --during-freeze lets a second person decide', async ({
  stage,
}) => {
  const it = await stage({}, fakeCalendar([anHourOfFreeze('prime time')]));
  await it.workerIsKnown();
  const type = async (user: string, ...argv: string[]): Promise<{ code: number; said: string }> => {
    const io = { ...recordedIo({ files: { 'r.yaml': FILE } }), user, now: () => Date.now() };
    const address = inject('temporalAddress');
    const code = await main([...argv, '--address', address, '--cluster', it.clusterName], io);
    await new Promise(setImmediate);
    return { code, said: `${io.written.err}${io.written.out}` };
  };
  const plan = await type('ann', 'plan', 'r.yaml');
  expect(plan.code).toBe(6);
  expect(plan.said).toMatch(/calendar +freeze window prime time holds until /);
  expect(plan.said).toMatch(/^to do: hotwave explain calendar$/m);
  expect(plan.said).toMatch(/plan hash /);
  const refused = await type('ann', 'start', 'r.yaml');
  expect(refused.code).toBe(6);
  expect(refused.said).toMatch(/refused, nothing was changed: freeze window prime time holds until /);
  const started = await type('ann', 'start', 'r.yaml', '--during-freeze', 'nobody can log in');
  expect(started.code).toBe(0);
  expect(started.said).toMatch(/^freeze window prime time holds until .*ann wants it all the same: nobody can/m);
  expect((await type('ann', 'override-freeze', 'arena/duel', '--reason', 'x')).said).toMatch(/takes a second person/);
  const overridden = await type('bob', 'override-freeze', 'arena/duel', '--reason', 'x');
  expect(overridden).toMatchObject({ code: 0, said: 'going on in spite of prime time\n' });
  expect(await type('ann', 'watch', 'arena/duel')).toMatchObject({ code: 0 });
});

describe('a release without any window', () => {
  test('asks no calendar', async ({ stage }) => {
    const release = await (await stage()).start();
    await release.result();
    expect(await looks(release)).toBe(0);
  });
});

/** A release at its gate before wave 2, when a window begins. */
async function frozenBeforeWave2(
  it: Stage,
  calendar: ReturnType<typeof fakeCalendar>,
  wishes: SpecWishes = {},
  end = 3_600,
): Promise<StartedRelease> {
  const release = await it.start(aRelease({ gates: [{ before: 2 }], ...wishes }));
  await release.until('the gate', ({ phase }) => phase === 'waiting-approval');
  calendar.reading = { windows: [windowAround(-60, end, 'prime time')] };
  await release.decide({ verb: 'approve', wave: 2, actor: 'bob' });
  await release.until('the freeze', isFrozen);
  return release;
}

describe('a window that begins between two waves', () => {
  test('holds the next one, and the release goes on by itself when it ends', async ({ stage }) => {
    const calendar = fakeCalendar();
    const it = await stage({}, calendar);
    const release = await frozenBeforeWave2(it, calendar, {}, 4);
    expect(movedTo(it.cluster, NEW_IMAGE)).toEqual(FIRST_WAVE);
    const { freeze } = await release.state();
    await release.until('wave 2', ({ waves }) => waves[1]?.status !== 'pending');
    expect(Date.now()).toBeGreaterThanOrEqual(freeze!.until);
    expect(await release.result()).toMatchObject({ outcome: 'done' });
  });

  test('holds a wave that a person skips, too: its servers move with what follows', async ({ stage }) => {
    const calendar = fakeCalendar();
    const it = await stage({}, calendar);
    const release = await frozenBeforeWave2(it, calendar, { waves: [1, 'rest'] });
    await release.decide({ verb: 'skip', wave: 2, reason: 'after the holidays' });
    await release.idle('the freeze', isFrozen);
    expect(movedTo(it.cluster, NEW_IMAGE)).toEqual(FIRST_WAVE);
    await release.decide(OVERRIDE);
    expect(await release.result()).toMatchObject({ outcome: 'done' });
  });

  test('once overridden is not asked about again', async ({ stage }) => {
    const calendar = fakeCalendar();
    const it = await stage({}, calendar);
    const release = await frozenBeforeWave2(it, calendar);
    await release.decide(OVERRIDE);
    expect(await release.result()).toMatchObject({ outcome: 'done' });
    // Before the first write, before wave 1, 2 (twice) and 3.
    expect(await looks(release)).toBe(5);
  });

  test('once overridden does not open another one', async ({ stage }) => {
    const calendar = fakeCalendar();
    const it = await stage({}, calendar);
    const release = await frozenBeforeWave2(it, calendar);
    const held = it.calls.hold({ activity: 'lookAtFleet' });
    await release.decide(OVERRIDE);
    await held.reached;
    if ('windows' in calendar.reading)
      calendar.reading = { windows: [...calendar.reading.windows, anHourOfFreeze('incident')] };
    held.release();
    const { freeze } = await release.until('the other', ({ phase, wave }) => phase === 'frozen' && wave === 2);
    expect(freeze).toMatchObject({ window: 'incident' });
    expect(freeze?.overridden).toBeUndefined();
    await release.decide({ verb: 'cancel', then: 'hold' });
    expect(await release.result()).toMatchObject({ outcome: 'cancelled' });
  });

  test.for([
    ['pause', {}],
    ['halt', { until: Date.now() + 3_600_000 }],
  ] as const)('does not keep %s from working', async ([verb, more], { stage }) => {
    const calendar = fakeCalendar();
    const it = await stage({}, calendar);
    const release = await frozenBeforeWave2(it, calendar);
    await release.decide({ verb, reason: 'look at this', ...more });
    await release.until('to stand still', ({ phase }) => phase === 'paused' || phase === 'halted');
    expect(await release.decide(OVERRIDE)).toMatchObject({ accepted: false });
    await release.decide({ verb: verb === 'pause' ? 'resume' : 'unhalt' });
    await release.until('the freeze', isFrozen);
    expect(movedTo(it.cluster, NEW_IMAGE)).toEqual(FIRST_WAVE);
    await release.decide({ ...OVERRIDE, id: 'now it counts' });
    expect(await release.result()).toMatchObject({ outcome: 'done' });
  });

  test.for([
    ['rollback', {}, 'rolled-back'],
    ['cancel', { then: 'rollback' }, 'cancelled'],
  ] as const)('does not keep %s from working', async ([verb, more, outcome], { stage }) => {
    const calendar = fakeCalendar();
    const release = await frozenBeforeWave2(await stage({}, calendar), calendar);
    await release.decide({ verb, reason: 'players complain', ...more });
    expect(await release.result()).toMatchObject({ outcome });
    expect((await release.state()).freeze).toBeUndefined();
  });
});

describe('a window that begins while a wave is running', () => {
  test('does not interrupt it', async ({ stage }) => {
    const calendar = fakeCalendar();
    const it = await stage({}, calendar);
    const held = it.calls.hold({ activity: 'reloadServers' });
    const release = await it.start(aRelease({ waves: ['rest'] }));
    await held.reached;
    calendar.reading = { windows: [anHourOfFreeze()] };
    held.release();
    expect(await release.result()).toMatchObject({ outcome: 'done' });
  });

  test('does not interrupt it either when a person has paused and resumed it', async ({ stage }) => {
    const calendar = fakeCalendar();
    const it = await stage({}, calendar);
    const held = it.calls.hold({ activity: 'reloadServers' });
    const release = await it.start(aRelease({ waves: ['rest'] }));
    await held.reached;
    await release.decide({ verb: 'pause', reason: 'look at this' });
    held.release();
    await release.idle('the pause', isPaused);
    calendar.reading = { windows: [anHourOfFreeze()] };
    await release.decide({ verb: 'resume' });
    expect(await release.result()).toMatchObject({ outcome: 'done' });
  });
});

describe('a calendar that cannot be read', () => {
  test('refuses a release with the reason, which is no freeze', async ({ stage }) => {
    const calendar = fakeCalendar();
    calendar.reading = { problem: 'the calendar of the cluster is broken: calendar.yaml:3:5: freeze[0]' };
    const release = await (await stage({}, calendar)).start(aRelease(), 'ann', URGENT);
    expect(await release.result()).toMatchObject({
      outcome: 'refused',
      reason: 'the calendar of the cluster is broken: calendar.yaml:3:5: freeze[0]',
    });
  });

  test('between two waves pauses the release until somebody has mended it', async ({ stage }) => {
    const calendar = fakeCalendar();
    const it = await stage({}, calendar);
    const release = await it.start(aRelease({ gates: [{ before: 2 }] }));
    await release.until('the gate', ({ phase }) => phase === 'waiting-approval');
    calendar.reading = { problem: 'the calendar of the cluster is broken' };
    await release.decide({ verb: 'approve', wave: 2, actor: 'bob' });
    const { pausedBecause } = await release.until('the pause', isPaused);
    expect(pausedBecause).toBe('the calendar of the cluster is broken');
    expect(movedTo(it.cluster, NEW_IMAGE)).toEqual(FIRST_WAVE);
    calendar.reading = { windows: [] };
    await release.decide({ verb: 'resume' });
    expect(await release.result()).toMatchObject({ outcome: 'done' });
  });
});
