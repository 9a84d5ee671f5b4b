import { setTimeout as pause } from 'node:timers/promises';
import { describe, expect } from 'vitest';
import { until } from '../lab/until.ts';
import type { ReleaseFile } from '../../release/spec/spec.ts';
import type { ReleaseState } from '../../release/progress/state.ts';
import { MESSAGES, WORKFLOWS, releaseWorkflowId, taskQueueOf } from '../../workflows/messages.ts';
import { SET } from '../support/builders.ts';
import { isOver } from '../support/carry.ts';
import { effects } from '../support/fake-log.ts';
import type { StartedRelease } from '../support/hotwave.ts';
import { everyServer, loadedBy } from '../support/observer.ts';
import { stageCommand } from '../support/stage-command.ts';
import { aRelease, releaseText, test } from '../support/stage.ts';
import type { SpecWishes, Stage } from '../support/stage.ts';

const atGate = ({ phase }: ReleaseState): boolean => phase === 'waiting-approval';
const isHalted = ({ phase }: ReleaseState): boolean => phase === 'halted';

async function atItsGate(it: Stage, wishes: SpecWishes = {}): Promise<StartedRelease> {
  const release = await it.start(aRelease({ gates: [{ before: 2 }], ...wishes }));
  await release.until('the gate', atGate);
  return release;
}

async function approvedToItsEnd(it: Stage, release: StartedRelease): Promise<void> {
  expect(await release.decide({ verb: 'approve', wave: 2 })).toMatchObject({ accepted: true });
  expect(await release.result()).toMatchObject({ outcome: 'done' });
  expect(loadedBy(it.cluster)).toEqual(everyServer(it.cluster, '2.0'));
}

/** The release file with another value at a path, past the schema of the client. */
function changed(file: ReleaseFile, path: readonly (string | number)[], value: unknown): ReleaseFile {
  const copy = structuredClone(file) as unknown as Record<string | number, unknown>;
  const parent = path.slice(0, -1).reduce((node, key) => node[key] as Record<string | number, unknown>, copy);
  parent[path.at(-1)!] = value;
  return copy as unknown as ReleaseFile;
}

const NOT_DECISIONS: readonly (readonly [string, unknown])[] = [
  ['null', null],
  ['nothing', undefined],
  ['a number', 42],
  ['a text', 'approve'],
  ['a list', [{ verb: 'approve' }]],
  ['an empty object', {}],
  ['numbers where texts belong', { id: 1, verb: 2, release: 3, actor: 4 }],
  ['nested nulls', { id: null, verb: null, release: null, actor: null, reason: null }],
  ['a prototype', { __proto__: null, constructor: 'x', id: '1', verb: 'toString', release: 'x', actor: 'y' }],
  ['a date that no calendar has', { id: 'x', verb: 'halt', release: 'scripts-2-0', actor: 'ops', until: 8.64e15 + 1 }],
  ['a date that is no integer', { id: 'y', verb: 'halt', release: 'scripts-2-0', actor: 'ops', until: 1e300 }],
];

describe('a message that is no decision', () => {
  // B6, B7
  test.for(NOT_DECISIONS)(
    'such as %s leaves the release as it was: it answers, and takes the next one',
    async ([, sent], { stage }) => {
      const it = await stage();
      const release = await atItsGate(it);
      await release.handle.signal(MESSAGES.decideSignal, sent);
      await release.until('the gate to be open still', atGate, 20_000);
      await approvedToItsEnd(it, release);
    },
  );

  // B6
  test('is counted and shown, not silently dropped', async ({ stage }) => {
    const it = await stage();
    const release = await atItsGate(it);
    for (const sent of [null, 42, { verb: 'approve' }]) await release.handle.signal(MESSAGES.decideSignal, sent);
    const isCounted = ({ unreadable }: ReleaseState): boolean => unreadable?.count === 3;
    await release.until('the count', isCounted, 20_000);
    expect((await stageCommand(it, ['status', 'arena/duel'])).out).toMatch(/3 unreadable/);
    await approvedToItsEnd(it, release);
  });

  // B6
  test('is refused as an update, and as a query, and the release goes on', async ({ stage }) => {
    const it = await stage();
    const release = await atItsGate(it);
    for (const sent of [null, 42, []]) {
      await expect(release.handle.executeUpdate(MESSAGES.decide, { args: [sent] })).rejects.toThrow();
      await release.handle.query(MESSAGES.answer, sent).catch(() => undefined);
    }
    await approvedToItsEnd(it, release);
  });

  // B7
  test('that halts until a day beyond every calendar does not take the release away from people', async ({ stage }) => {
    const it = await stage();
    const release = await atItsGate(it);
    for (const until of [8.64e15, 4e15, Date.now() + 100 * 365 * 86_400_000]) {
      const halt = { id: `far-${until}`, verb: 'halt', release: 'scripts-2-0', actor: 'ops', channel: 'halt', until };
      await release.handle.signal(MESSAGES.decideSignal, halt);
      await release.until('an answer', (state) => atGate(state) || isHalted(state), 20_000);
    }
    expect(await stageCommand(it, ['status', 'arena/duel'])).toMatchObject({ code: 3 });
    const state = await release.state();
    if (isHalted(state)) expect(state.halt!.until - Date.now()).toBeLessThan(8 * 86_400_000);
    await release.decide({ verb: 'unhalt', actor: 'ops', channel: 'halt' });
    await release.until('the gate', atGate);
    await approvedToItsEnd(it, release);
  });
});

const HUGE = 99_999_999 * 86_400_000;
const HUGE_NUMBERS: readonly (readonly [string, readonly (string | number)[], unknown])[] = [
  ['gates[].timeout', ['spec', 'gates', 0, 'timeout'], HUGE],
  ['gates[].remindEvery', ['spec', 'gates', 0, 'remindEvery'], HUGE],
  ['ready.timeout', ['spec', 'ready', 'timeout'], HUGE],
  ['paused.timeout', ['spec', 'paused', 'timeout'], HUGE],
  ['bake', ['spec', 'bake'], HUGE],
  ['ready.timeout', ['spec', 'ready', 'timeout'], Number.MAX_VALUE],
  ['concurrency.total', ['spec', 'concurrency', 'total'], 1e18],
];

describe('a release file', () => {
  // B7
  test.for(HUGE_NUMBERS)(
    'with a %s beyond every bound is refused by the workflow before anything is written',
    async ([, path, value], { stage }) => {
      const it = await stage();
      const release = await it.start(changed(aRelease({ gates: [{ before: 2 }] }), path, value));
      const field = String(path.findLast((key) => typeof key === 'string'));
      await expect(release.handle.result()).rejects.toMatchObject({
        cause: { type: 'BadInput', message: expect.stringContaining(field) as string },
      });
      expect(effects(it.cluster, 0)).toEqual([]);
    },
  );

  // B7
  test('with a duration beyond every bound is refused at the terminal with the longest that is taken', async ({
    stage,
  }) => {
    const it = await stage();
    for (const wishes of [{ gates: [{ before: 2, timeout: '99999999d' }] }, { ready: { timeout: '99999999d' } }]) {
      // The builder's schema would refuse it as well.
      const text = JSON.stringify({
        ...(JSON.parse(releaseText()) as object),
        spec: { ...(JSON.parse(releaseText()) as { spec: object }).spec, ...wishes },
      });
      const result = await stageCommand(it, ['start', 'release.yaml'], { 'release.yaml': text });
      expect(result).toMatchObject({ code: 64 });
      expect(result.err).toContain('timeout');
    }
  });

  // B7: nothing at all in it.
  test('that is no release file at all is refused by the workflow', async ({ stage }) => {
    const it = await stage();
    // No command of ours starts such a thing.
    const handle = await it.client.workflow.start(WORKFLOWS.hotUpdate, {
      workflowId: releaseWorkflowId(it.clusterName, SET),
      taskQueue: taskQueueOf(it.clusterName),
      args: [{ v: 1, cluster: it.clusterName, file: changed(aRelease(), ['spec', 'images'], null), requester: 'ann' }],
    });
    await expect(handle.result()).rejects.toMatchObject({ cause: { type: 'BadInput' } });
    expect(effects(it.cluster, 0)).toEqual([]);
  });
});

/** A run takes 10,000 signals, and none while it hands over to the next: whoever sends in a flood sends again. */
async function signalled(release: StartedRelease, message: object): Promise<void> {
  for (let tries = 0; ; tries += 1) {
    try {
      await release.handle.signal(MESSAGES.decideSignal, message);
      return;
    } catch (error) {
      if (tries >= 600) throw error;
      await pause(100);
    }
  }
}

/** Sends so many signals that are refused, some at a time. */
async function flood(release: StartedRelease, count: number, reason = ''): Promise<void> {
  const AT_ONCE = 100;
  for (let sent = 0; sent < count; sent += AT_ONCE) {
    await Promise.all(
      Array.from({ length: Math.min(AT_ONCE, count - sent) }, (_, index) =>
        signalled(release, {
          id: `flood-${sent + index}`,
          verb: 'approve',
          release: 'another',
          actor: 'bot',
          channel: 'chat',
          ...(reason === '' ? {} : { reason }),
        }),
      ),
    );
  }
}

/** More than one run takes; `HOTWAVE_FLOOD=30000` for a longer flood. */
const FLOOD = Number(process.env['HOTWAVE_FLOOD'] ?? 11_000);

describe('a flood of signals', () => {
  // B8
  test(
    'that are small and refused does not take the release away from halts and votes',
    { timeout: Math.max(300_000, FLOOD * 30) },
    async ({ stage }) => {
      const it = await stage();
      const release = await atItsGate(it);
      await flood(release, FLOOD);
      expect(await stageCommand(it, ['halt', '--reason', 'login is down'])).toMatchObject({ code: 0 });
      await release.until('the halt', isHalted);
      expect(await stageCommand(it, ['unhalt'])).toMatchObject({ code: 0 });
      await release.until('the gate', atGate);
      await approvedToItsEnd(it, release);
    },
  );

  // B8
  test('that ends the workflow leaves a set that goes back with one command', async ({ stage }) => {
    const it = await stage();
    const release = await atItsGate(it);
    // The server ends a workflow whose history is too large.
    await release.handle.terminate('the history is too large');
    const back = await stageCommand(it, ['rollback', 'arena/duel', '--from-cluster', '--reason', 'terminated']);
    expect(back).toMatchObject({ code: 0 });
    expect(loadedBy(it.cluster)).toEqual(everyServer(it.cluster, '1.0'));
  });

  // B8
  test('that ends the workflow leaves a set that goes on with one command', async ({ stage }) => {
    const it = await stage();
    const release = await atItsGate(it);
    await release.handle.terminate('the history is too large');
    const files = { 'release.yaml': releaseText() };
    expect(await stageCommand(it, ['start', 'release.yaml', '--wait'], files)).toMatchObject({ code: 0 });
    expect(loadedBy(it.cluster)).toEqual(everyServer(it.cluster, '2.0'));
  });

  // B8
  test('at one release does not keep a halt from the others', { timeout: 180_000 }, async ({ stage }) => {
    const lobby = { namespace: 'arena', name: 'lobby' };
    const it = await stage({ sets: [{}, { ref: lobby }] });
    const release = await atItsGate(it);
    const other = await it.start(
      aRelease({ name: 'lobby-2-0', target: { namespace: 'arena', gameServerSet: 'lobby' }, gates: [{ before: 2 }] }),
    );
    await other.until('the gate', atGate);
    await flood(release, 26, 'x'.repeat(1_900_000)).catch(() => undefined);
    // And one that no worker can run: it never answers.
    const mute = await it.client.workflow.start('aReleaseOfAnotherVersion', {
      workflowId: releaseWorkflowId(it.clusterName, { namespace: 'arena', name: 'mute' }),
      taskQueue: taskQueueOf(it.clusterName),
    });
    const halting = stageCommand(it, ['halt', '--reason', 'login is down']);
    await other.until('the halt', isHalted, 30_000);
    await halting;
    await until(
      { what: 'the release that does not answer to be named', deadlineMs: 90_000, everyMs: 1_000 },
      async () => (await stageCommand(it, ['halts'])).out.includes('mute'),
    );
    await stageCommand(it, ['unhalt']);
    await mute.terminate();
    await other.until('the gate', atGate);
    await other.decide({ verb: 'cancel', then: 'hold' });
    await other.result();
  });
});

describe('a plan', () => {
  // B12
  test('of one named wave of 10,000 servers fits into Temporal', { timeout: 240_000 }, async ({ stage }) => {
    const it = await stage({ sets: [{ replicas: 10_000 }] });
    const all = { name: 'everybody', servers: ['0-2', '4-9999'] };
    const file = aRelease({ waves: [{ name: 'first', servers: [3] }, all, 'rest'], gates: [{ before: 2 }] });
    const release = await it.start(file);
    const state = await release.until('the gate or the end', (now) => atGate(now) || isOver(now), 200_000);
    expect(state.reason).toBe('');
    await release.decide({ verb: 'cancel', then: 'rollback' });
    await release.until('the end', isOver, 120_000);
  });

  // B12
  test('in which reminders would fill the history is refused, with the field to change', async ({ stage }) => {
    const it = await stage();
    const text = JSON.parse(releaseText()) as { spec: object };
    const spec = { ...text.spec, gates: [{ before: 2, remindEvery: '1s', timeout: '30d' }] };
    const files = { 'release.yaml': JSON.stringify({ ...text, spec }) };
    const { code, out, err } = await stageCommand(it, ['start', 'release.yaml'], files);
    expect([6, 64]).toContain(code);
    expect(out + err).toContain('remindEvery');
    expect(effects(it.cluster, 0)).toEqual([]);
  });
});
