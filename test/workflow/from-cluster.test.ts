import { describe, expect } from 'vitest';
import type { Activities } from '../../activities/index.ts';
import { LAST_RELEASE_ANNOTATION, RELEASE_ANNOTATION } from '../../release/record/record.ts';
import { NEW_IMAGE, OLD_IMAGE, SIDECAR, USER_STRATEGY } from '../support/builders.ts';
import type { HeldCall, WhichCalls } from '../support/cluster-calls.ts';
import { effects, movedTo, reloads } from '../support/fake-log.ts';
import type { StartedRelease } from '../support/hotwave.ts';
import { stageCommand } from '../support/stage-command.ts';
import { TARGETED, aRelease, releaseText, test } from '../support/stage.ts';
import type { SpecWishes, Stage } from '../support/stage.ts';

const BACK = ['rollback', '--from-cluster', 'arena/duel', '--reason', 'Temporal is empty'];

interface Lost {
  readonly release: StartedRelease;
  readonly held: HeldCall;
}

/** A release whose workflow is gone in the middle of an activity, without having said anything. */
async function lostDuring(it: Stage, wishes: SpecWishes, where: WhichCalls): Promise<Lost> {
  const held = it.calls.hold(where);
  const release = await it.start(aRelease(wishes));
  await held.reached;
  await release.handle.terminate('the history is gone');
  return { release, held };
}

const loaded = ({ cluster }: Stage): string[] => [...cluster.set().servers.values()].map(({ engine }) => engine.loaded);
const annotation = ({ cluster }: Stage, key: string): string | undefined =>
  cluster.set().raw.metadata.annotations?.[key];
const overrides = ({ cluster }: Stage): string[] =>
  [...cluster.set().gameServers.values()].flatMap(({ spec }) => spec.containers ?? []).map(({ image }) => image);

function expectBack(it: Stage): void {
  expect(loaded(it)).toEqual(Array(10).fill('1.0'));
  expect(it.cluster.set().raw.spec.updateStrategy).toEqual(USER_STRATEGY);
  expect(annotation(it, RELEASE_ANNOTATION)).toBeUndefined();
  expect(JSON.parse(annotation(it, LAST_RELEASE_ANNOTATION)!)).toMatchObject({
    release: 'scripts-2-0',
    outcome: 'rolled-back',
    image: OLD_IMAGE,
    version: '1.0',
  });
}

describe('a rollback from what is written on the set', () => {
  test.for<{ readonly activity: keyof Activities; readonly skip: number }>([
    { activity: 'stageTemplate', skip: 1 },
    { activity: 'openWave', skip: 0 },
    { activity: 'awaitReady', skip: 0 },
    { activity: 'reloadServers', skip: 1 },
    { activity: 'lookAtFleet', skip: 1 },
  ])('brings a release back that was lost during $activity', async (where, { stage }) => {
    const it = await stage();
    const { held } = await lostDuring(it, {}, where);
    if (where.activity === 'stageTemplate') held.release();
    const { code, out, err } = await stageCommand(it, BACK);
    expect({ code, out, err }).toMatchObject({ code: 0 });
    held.release();
    expectBack(it);
    expect(out + err).toContain('asked for by ann: Temporal is empty; every server proves 1.0');
  });

  test('is done once: again there is nothing to do', async ({ stage }) => {
    const it = await stage();
    const { held } = await lostDuring(it, {}, { activity: 'stageTemplate', skip: 1 });
    held.release();
    expect(await stageCommand(it, BACK)).toMatchObject({ code: 0 });
    const before = it.cluster.log.length;
    const again = await stageCommand(it, BACK);
    expect(again).toMatchObject({ code: 0 });
    expect(again.out).toContain('nothing to do: scripts-2-0 is rolled back');
    expect(effects(it.cluster, before)).toEqual([]);
  });

  test('makes also those engines load the old version that an interrupted rollback had only given the image', async ({
    stage,
  }) => {
    const it = await stage();
    const release = await it.start(aRelease({ gates: [{ before: 3 }] }));
    await release.until('the gate', ({ phase }) => phase === 'waiting-approval');
    const held = it.calls.hold({ activity: 'reloadServers', operation: 'exec', skip: 2 });
    await release.decide({ verb: 'rollback' });
    await held.reached;
    await release.handle.terminate('the history is gone');
    expect(movedTo(it.cluster, OLD_IMAGE).length).toBeGreaterThan(0);
    expect(loaded(it)).toContain('2.0');
    expect(await stageCommand(it, BACK)).toMatchObject({ code: 0 });
    held.release();
    expectBack(it);
  });

  test('brings a set back that a person has left half-way, and who never moved is not told to reload', async ({
    stage,
  }) => {
    const it = await stage();
    const release = await it.start(aRelease({ gates: [{ before: 2 }] }));
    await release.until('the gate', ({ phase }) => phase === 'waiting-approval');
    await release.decide({ verb: 'cancel', then: 'hold' });
    await release.result();
    const before = it.cluster.log.length;
    expect(await stageCommand(it, BACK)).toMatchObject({ code: 0 });
    expectBack(it);
    expect(reloads(it.cluster, before)).toEqual({ 'duel-9': 1 });
  });

  test.for(['badpull', 'crash', 'neverready'] as const)(
    'un-wedges a set that is stuck by %s',
    async (failure, { stage }) => {
      const it = await stage();
      const image = `${NEW_IMAGE}-${failure}`;
      const release = await it.start(
        aRelease({ image, version: '2.0', onFailure: { then: 'pause' }, ready: { timeout: '4s' }, maxUnavailable: 1 }),
      );
      await release.until('the pause', ({ phase }) => phase === 'paused');
      await release.handle.terminate('the history is gone');
      expect(await stageCommand(it, BACK)).toMatchObject({ code: 0 });
      expectBack(it);
    },
  );

  test('takes the overrides of a lost targeted release away', async ({ stage }) => {
    const it = await stage();
    const { held } = await lostDuring(
      it,
      { ...TARGETED, waves: ['rest'] },
      { activity: 'reloadServers', operation: 'exec', skip: 1 },
    );
    const { code, out, err } = await stageCommand(it, BACK);
    held.release();
    expect({ code, out, err }).toMatchObject({ code: 0 });
    expect(loaded(it)).toEqual(Array(10).fill('1.0'));
    expect(overrides(it)).toEqual([]);
    expect(movedTo(it.cluster, OLD_IMAGE).sort()).toEqual(['duel-1', 'duel-3']);
    expect(annotation(it, RELEASE_ANNOTATION)).toBeUndefined();
  });

  test('gives new servers the old image again after a lost release of new servers only', async ({ stage }) => {
    const it = await stage();
    const release = await it.start(aRelease({ strategy: 'newServersOnly', newServers: { watch: '5m', count: 1 } }));
    await release.until('the watch', ({ phase }) => phase === 'watching');
    await release.handle.terminate('the history is gone');
    expect(await stageCommand(it, BACK)).toMatchObject({ code: 0 });
    const { spec } = it.cluster.set().raw;
    expect(spec.gameServerTemplate.spec.containers.find(({ name }) => name === SIDECAR)?.image).toBe(OLD_IMAGE);
    expect(spec.updateStrategy).toEqual(USER_STRATEGY);
    expect(annotation(it, RELEASE_ANNOTATION)).toBeUndefined();
  });

  test('gives the servers the priorities back that they had', async ({ stage }) => {
    const it = await stage({ sets: [{ priority: (ordinal) => (ordinal < 4 ? 5 : 7) }] });
    const priorities = (): unknown[] =>
      [...it.cluster.set().gameServers.values()].map(({ spec }) => spec.updatePriority);
    const before = priorities();
    const waves = [{ name: 'first', servers: [3, 4] }, 'rest'];
    const { held } = await lostDuring(it, { waves }, { activity: 'reloadServers' });
    expect(priorities()).not.toEqual(before);
    expect(await stageCommand(it, BACK)).toMatchObject({ code: 0 });
    held.release();
    expect(priorities()).toEqual(before);
  });

  test('of whom two ask at once is begun once, and the other one is told who is at it', async ({ stage }) => {
    const it = await stage();
    const done = await it.start(aRelease());
    await done.result();
    const held = it.calls.hold({ activity: 'planRollback' });
    const first = stageCommand(it, ['rollback', 'arena/duel', '--actor', 'ann']);
    await held.reached;
    const second = await stageCommand(it, [
      'rollback',
      'arena/duel',
      '--from-cluster',
      '--reason',
      'typed',
      '--actor',
      'bob',
    ]);
    expect(second).toMatchObject({ code: 6, out: '' });
    expect(second.err).toContain('a rollback of arena/duel runs already, started by ann hotwave watch arena/duel');
    held.release();
    expect(await first).toMatchObject({ code: 0 });
  });

  test('is refused while the release runs', async ({ stage }) => {
    const it = await stage();
    const release = await it.start(aRelease({ gates: [{ before: 2 }] }));
    await release.until('the gate', ({ phase }) => phase === 'waiting-approval');
    const { code, err } = await stageCommand(it, BACK);
    expect(code).toBe(6);
    expect(err).toContain('Temporal has not lost the release');
    await release.decide({ verb: 'cancel', then: 'rollback' });
    await release.result();
  });

  test('needs a reason, a record, and a way to ask, and says which is missing', async ({ stage }) => {
    const it = await stage();
    expect(await stageCommand(it, BACK.slice(0, 3))).toMatchObject({ code: 64 });
    const none = await stageCommand(it, BACK);
    expect(none).toMatchObject({ code: 6 });
    expect(none.out).toContain('duel has neither the annotation hotwave.dev/release nor hotwave.dev/last-release');
    const { held } = await lostDuring(it, {}, { activity: 'reloadServers' });
    const edit = (change: (text: string) => string): void =>
      it.cluster.edit('kubectl', ({ metadata }) => {
        metadata.annotations![RELEASE_ANNOTATION] = change(metadata.annotations![RELEASE_ANNOTATION]!);
      });
    const text = annotation(it, RELEASE_ANNOTATION)!;
    edit(() => '{ broken');
    expect((await stageCommand(it, BACK)).out).toContain('the annotation hotwave.dev/release cannot be read');
    const { ask: _ask, ...rest } = JSON.parse(text) as { ask: unknown };
    edit(() => JSON.stringify({ ...rest, noAsk: 'it holds a credential' }));
    const asking = await stageCommand(it, BACK);
    expect(asking).toMatchObject({ code: 6 });
    expect(asking.out).toContain('(it holds a credential): give the release file, -f release.yaml');
    const files = { 'release.yaml': releaseText() };
    expect(await stageCommand(it, [...BACK, '-f', 'release.yaml'], files)).toMatchObject({ code: 0 });
    held.release();
    expectBack(it);
  });

  test('does not overwrite a third image that somebody else has written', async ({ stage }) => {
    const it = await stage();
    const { held } = await lostDuring(it, {}, { activity: 'openWave' });
    it.cluster.edit('helm', ({ spec }) => {
      spec.gameServerTemplate.spec.containers.find(({ name }) => name === SIDECAR)!.image = 'registry.test/scripts:9';
    });
    const { code, out } = await stageCommand(it, BACK);
    expect(code).toBe(6);
    expect(out).toContain('helm changed the image of scripts in the template of duel to registry.test/scripts:9');
    held.release();
  });
});

describe('a rollback whose old image is gone', () => {
  const THIRD_IMAGE = NEW_IMAGE.replace('2.0', '3.0');

  test.for<SpecWishes>([{}, TARGETED])(
    'says so, stops, and leaves on the set what is where',
    async (wishes, { stage }) => {
      let isGone = false;
      const it = await stage({ failures: (_server, image) => (isGone && image === NEW_IMAGE ? 'badpull' : undefined) });
      expect(await (await it.start(aRelease(wishes))).result()).toMatchObject({ outcome: 'done' });
      const next = { ...wishes, name: 'scripts-3-0', image: THIRD_IMAGE, gates: [{ before: 2 }] };
      const release = await it.start(aRelease(next));
      await release.until('the gate', ({ phase }) => phase === 'waiting-approval');
      isGone = true;
      await release.decide({ verb: 'rollback', reason: 'desync' });
      const { pausedBecause } = await release.until('the pause', ({ phase }) => phase === 'paused');
      expect(pausedBecause).toContain(`the rollback is incomplete: the old image ${NEW_IMAGE} cannot be pulled: 1 of `);
      const moved = wishes === TARGETED ? 'duel-3' : 'duel-9';
      expect(reloads(it.cluster, 0)[moved]).toBe(2);
      const { stuck } = JSON.parse(annotation(it, RELEASE_ANNOTATION)!) as {
        stuck: { reason: string; images: object };
      };
      expect(stuck.reason).toContain('cannot be pulled');
      expect(Object.keys(stuck.images)).toContain(NEW_IMAGE);
      isGone = false;
      await release.decide({ verb: 'resume' });
      expect(await release.result()).toMatchObject({ outcome: 'rolled-back' });
      expect(annotation(it, RELEASE_ANNOTATION)).toBeUndefined();
    },
  );
});
