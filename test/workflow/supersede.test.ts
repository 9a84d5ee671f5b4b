import { describe, expect } from 'vitest';
import { LAST_RELEASE_ANNOTATION, RELEASE_ANNOTATION } from '../../release/record/record.ts';
import { NEW_IMAGE, OLD_IMAGE, USER_STRATEGY } from '../support/builders.ts';
import type { FakeCluster } from '../support/fake-cluster.ts';
import { movedTo } from '../support/fake-log.ts';
import type { StartedRelease } from '../support/hotwave.ts';
import { stageCommand } from '../support/stage-command.ts';
import { TARGETED, aRelease, releaseText, test } from '../support/stage.ts';
import type { SpecWishes, Stage } from '../support/stage.ts';

const THIRD_IMAGE = NEW_IMAGE.replace('2.0', '3.0');
const NEXT = { name: 'scripts-3-0', image: THIRD_IMAGE };

async function atGate(it: Stage, wishes: SpecWishes = {}): Promise<StartedRelease> {
  const release = await it.start(aRelease({ ...wishes, gates: [{ before: 2 }] }));
  await release.until('the gate', ({ phase }) => phase === 'waiting-approval');
  return release;
}

function startNext(it: Stage, flags: readonly string[], wishes: SpecWishes = {}): ReturnType<typeof stageCommand> {
  return stageCommand(it, ['start', 'next.yaml', '--wait', ...flags], {
    'next.yaml': releaseText({ ...wishes, ...NEXT }),
  });
}

const loaded = ({ cluster }: Stage): string[] => [...cluster.set().servers.values()].map(({ engine }) => engine.loaded);
const overrides = (cluster: FakeCluster): string[] =>
  [...cluster.set().gameServers.values()].flatMap(({ spec }) => spec.containers ?? []).map(({ image }) => image);

describe('a release that supersedes another one', () => {
  test('and adopts its servers takes all of them to the new image and puts the strategy of the person back', async ({
    stage,
  }) => {
    const it = await stage();
    const older = await atGate(it);
    const { code, err } = await startNext(it, ['--supersede', 'adopt']);
    expect(err).toContain('scripts-3-0 takes over from scripts-2-0 on arena/duel');
    expect(code).toBe(0);
    expect(await older.result()).toMatchObject({ outcome: 'cancelled', reason: 'by ann: superseded by scripts-3-0' });
    expect(movedTo(it.cluster, OLD_IMAGE)).toEqual([]);
    expect(loaded(it)).toEqual(Array(10).fill('3.0'));
    const { spec, metadata } = it.cluster.set().raw;
    expect(spec.updateStrategy).toEqual(USER_STRATEGY);
    expect(metadata.annotations?.[RELEASE_ANNOTATION]).toBeUndefined();
    expect(metadata.annotations?.[LAST_RELEASE_ANNOTATION]).toContain('scripts-3-0');
  });

  test('and adopts a targeted one takes the chosen servers along, whichever version they run', async ({ stage }) => {
    const it = await stage();
    const older = await atGate(it, TARGETED);
    expect(movedTo(it.cluster, NEW_IMAGE)).toEqual(['duel-3']);
    expect(await startNext(it, ['--supersede', 'adopt'], TARGETED)).toMatchObject({ code: 0 });
    expect(await older.result()).toMatchObject({ outcome: 'cancelled' });
    expect(loaded(it).filter((version) => version === '3.0')).toHaveLength(2);
    expect(overrides(it.cluster)).toEqual([THIRD_IMAGE, THIRD_IMAGE]);
  });

  test('and adopts a targeted one brings every chosen server to the oldest version in a rollback', async ({
    stage,
  }) => {
    const it = await stage({
      failures: (server, image) => (image === THIRD_IMAGE && server === 'duel-1' ? 'stale' : undefined),
    });
    await atGate(it, TARGETED);
    expect(await startNext(it, ['--supersede', 'adopt'], TARGETED)).toMatchObject({ code: 2 });
    expect(loaded(it)).toEqual(Array(10).fill('1.0'));
    expect(overrides(it.cluster)).toEqual([]);
  });

  test('and adopts one between image and reload goes on from there', async ({ stage }) => {
    const it = await stage();
    const held = it.calls.hold({ activity: 'reloadServers' });
    await it.start();
    await held.reached;
    const { code, err } = await startNext(it, ['--supersede', 'adopt']);
    held.release();
    expect({ code, err }).toMatchObject({ code: 0 });
    expect(loaded(it)).toEqual(Array(10).fill('3.0'));
  });

  test('and rolls it back first starts from the old version', async ({ stage }) => {
    const it = await stage();
    const older = await atGate(it);
    expect(await startNext(it, ['--supersede', 'rollback'])).toMatchObject({ code: 0 });
    const { outcome, reason } = await older.result();
    expect(outcome).toBe('cancelled');
    expect(reason).toBe('by ann: superseded by scripts-3-0; every server proves 1.0');
    expect(movedTo(it.cluster, OLD_IMAGE)).toEqual(['duel-9']);
    expect(loaded(it)).toEqual(Array(10).fill('3.0'));
    expect(it.cluster.set().raw.spec.updateStrategy).toEqual(USER_STRATEGY);
  });

  test('is not started while the other one rolls back, or cannot', async ({ stage }) => {
    const it = await stage();
    const older = await atGate(it);
    const held = it.calls.hold({ activity: 'rollBackSet' });
    await older.decide({ verb: 'rollback' });
    await held.reached;
    const refused = await startNext(it, ['--supersede', 'adopt']);
    expect(refused).toMatchObject({ code: 6 });
    expect(refused.err).toContain('scripts-2-0 does not let scripts-3-0 take over: scripts-2-0 is rolling back');
    held.release();
    await older.result();
  });

  test('needs no other one, and is refused without the flag with who holds the set and how to reach it', async ({
    stage,
  }) => {
    const it = await stage();
    const older = await atGate(it);
    const refused = await startNext(it, []);
    expect(refused).toMatchObject({ code: 6 });
    expect(refused.err).toContain('waits for 1 approval before wave 2 (a person, since');
    expect(refused.err).toContain(`see hotwave status arena/duel --cluster ${it.clusterName}`);
    expect(refused.err).toContain('--supersede adopt');
    await older.decide({ verb: 'cancel', then: 'rollback' });
    await older.result();
    expect(await startNext(it, ['--supersede', 'adopt'])).toMatchObject({ code: 0 });
  });
});
