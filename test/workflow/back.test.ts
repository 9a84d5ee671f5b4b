import { describe, expect } from 'vitest';
import { LAST_RELEASE_ANNOTATION, RELEASE_ANNOTATION } from '../../release/record/record.ts';
import { STABLE_ANNOTATION, readStable } from '../../release/record/stable.ts';
import { NEW_IMAGE, OLD_IMAGE, SIDECAR, USER_STRATEGY } from '../support/builders.ts';
import { effects, movedTo, reloads } from '../support/fake-log.ts';
import { stageCommand } from '../support/stage-command.ts';
import { TARGETED, aRelease, releaseText, test } from '../support/stage.ts';
import type { SpecWishes, Stage } from '../support/stage.ts';

const THIRD_IMAGE = 'registry.test/scripts:3.0';
const BACK = ['rollback', 'arena/duel'];

const loaded = ({ cluster }: Stage): string[] => [...cluster.set().servers.values()].map(({ engine }) => engine.loaded);
const annotations = ({ cluster }: Stage): Record<string, string> => cluster.set().raw.metadata.annotations ?? {};
const template = ({ cluster }: Stage): string | undefined =>
  cluster.set().raw.spec.gameServerTemplate.spec.containers.find(({ name }) => name === SIDECAR)?.image;
const stableOf = (it: Stage): string | undefined => readStable(annotations(it)).stable?.version;

async function release(it: Stage, wishes: SpecWishes = {}): Promise<void> {
  expect(await (await it.start(aRelease(wishes))).result()).toMatchObject({ outcome: 'done' });
}

/** Moves one server to 2.0, and is cancelled. */
async function leftHalfWay(it: Stage): Promise<void> {
  const half = await it.start(aRelease({ gates: [{ before: 2 }] }));
  await half.until('the gate', ({ phase }) => phase === 'waiting-approval');
  await half.decide({ verb: 'cancel', then: 'hold' });
  await half.result();
}

function expectAll(it: Stage, version: string, image: string): void {
  expect(loaded(it)).toEqual(Array(10).fill(version));
  expect(template(it)).toBe(image);
  expect(it.cluster.set().raw.spec.updateStrategy).toEqual(USER_STRATEGY);
  expect(annotations(it)[RELEASE_ANNOTATION]).toBeUndefined();
  expect(JSON.parse(annotations(it)[LAST_RELEASE_ANNOTATION]!)).toMatchObject({ image, version });
}

describe('a release that is done', () => {
  test('is taken back by the same verb, once, and each end says which version is stable', async ({ stage }) => {
    const it = await stage();
    await release(it);
    expect(stableOf(it)).toBe('2.0');
    const before = it.cluster.log.length;
    const { code, out, err } = await stageCommand(it, [...BACK, '--reason', 'matches are lost']);
    expect({ code, out, err }).toMatchObject({ code: 0 });
    expect(err).toContain('no release runs on arena/duel: it goes back by what is written on the set');
    expectAll(it, '1.0', OLD_IMAGE);
    expect(Object.values(reloads(it.cluster, before))).toEqual(Array(10).fill(1));
    expect(stableOf(it)).toBe('1.0');
    const again = await stageCommand(it, BACK);
    expect(again).toMatchObject({ code: 0 });
    expect(again.out).toContain('nothing to do: scripts-2-0 is rolled back');
  });

  test('goes to any version whose image is named, and says what it knows otherwise', async ({ stage }) => {
    const it = await stage();
    await release(it);
    await release(it, { name: 'scripts-3-0', image: THIRD_IMAGE });
    const unknown = await stageCommand(it, [...BACK, '--to', '1.0']);
    expect(unknown).toMatchObject({ code: 6 });
    expect(unknown.out).toContain('its records name 3.0 (stable), 2.0. Say its image too');
    const { code, out, err } = await stageCommand(it, [...BACK, '--to', '1.0', '--image', OLD_IMAGE]);
    expect({ code, out, err }).toMatchObject({ code: 0 });
    expectAll(it, '1.0', OLD_IMAGE);
    expect(movedTo(it.cluster, NEW_IMAGE)).toHaveLength(10);
  });

  test('of chosen servers loses its overrides', async ({ stage }) => {
    const it = await stage();
    await release(it, TARGETED);
    expect(annotations(it)[STABLE_ANNOTATION]).toBeUndefined();
    const { code, out, err } = await stageCommand(it, BACK);
    expect({ code, out, err }).toMatchObject({ code: 0 });
    expect(loaded(it)).toEqual(Array(10).fill('1.0'));
    expect([...it.cluster.set().gameServers.values()].flatMap(({ spec }) => spec.containers ?? [])).toEqual([]);
    expect(movedTo(it.cluster, OLD_IMAGE).sort()).toEqual(['duel-1', 'duel-3']);
  });

  test('of new servers only gives whoever comes from now on the old version', async ({ stage }) => {
    const it = await stage();
    await release(it, { strategy: 'newServersOnly', newServers: { watch: '1s' } });
    expect(template(it)).toBe(NEW_IMAGE);
    const { code, out, err } = await stageCommand(it, BACK);
    expect({ code, out, err }).toMatchObject({ code: 0 });
    expectAll(it, '1.0', OLD_IMAGE);
  });

  test('goes back in spite of a halt, which may be because of it', async ({ stage }) => {
    const it = await stage();
    await release(it);
    await stageCommand(it, ['halt', '--reason', 'login is down']);
    const { code, out, err } = await stageCommand(it, BACK);
    expect({ code, out, err }).toMatchObject({ code: 0 });
    expectAll(it, '1.0', OLD_IMAGE);
    await stageCommand(it, ['unhalt']);
  });

  test('says on the set that it goes back, so that it still does when Temporal loses that, too', async ({ stage }) => {
    const it = await stage();
    await release(it);
    const held = it.calls.hold({ activity: 'reloadServers', operation: 'exec', skip: 2 });
    const first = stageCommand(it, BACK);
    await held.reached;
    expect(JSON.parse(annotations(it)[RELEASE_ANNOTATION]!)).toMatchObject({ oldVersion: '1.0', newVersion: '2.0' });
    await it.client.workflow.getHandle(`hotwave/${it.clusterName}/arena/duel`).terminate('the history is gone');
    expect((await first).code).not.toBe(0);
    const status = await stageCommand(it, ['status', 'arena/duel']);
    expect(status.err).toContain(`hotwave rollback arena/duel --cluster ${it.clusterName} goes back`);
    expect(await stageCommand(it, BACK)).toMatchObject({ code: 0 });
    held.release();
    expectAll(it, '1.0', OLD_IMAGE);
  });
});

describe('while a release runs', () => {
  test('rollback tells it, and another version is refused with what to do', async ({ stage }) => {
    const it = await stage();
    const running = await it.start(aRelease({ gates: [{ before: 2 }] }));
    await running.until('the gate', ({ phase }) => phase === 'waiting-approval');
    const other = await stageCommand(it, [...BACK, '--to', '0.9', '--image', 'registry.test/scripts:0.9']);
    expect(other).toMatchObject({ code: 6 });
    expect(other.err).toContain('scripts-2-0 runs on arena/duel');
    expect(other.err).toContain(`hotwave cancel arena/duel --cluster ${it.clusterName} --then hold`);
    expect(await stageCommand(it, BACK)).toMatchObject({ code: 0 });
    expect(await running.result()).toMatchObject({ outcome: 'rolled-back' });
    expectAll(it, '1.0', OLD_IMAGE);
  });
});

describe('a set that a cancelled release has left half-way', () => {
  test('goes back to what servers ran when the next release is rolled back, not to what the template says', async ({
    stage,
  }) => {
    const it = await stage();
    await leftHalfWay(it);
    expect(template(it)).toBe(NEW_IMAGE);
    const wishes = { name: 'scripts-3-0', image: THIRD_IMAGE, gates: [{ before: 3 }] };
    const plan = await stageCommand(it, ['plan', 'next.yaml'], { 'next.yaml': releaseText(wishes) });
    expect(plan.out).toContain(
      'a rollback goes back to 1.0 (what servers ran before the last release; the template says 2.0)',
    );
    const next = await it.start(aRelease(wishes));
    await next.until('the gate', ({ phase }) => phase === 'waiting-approval');
    expect(JSON.parse(annotations(it)[RELEASE_ANNOTATION]!)).toMatchObject({
      oldVersion: '1.0',
      oldBecause: 'what servers ran before the last release; the template says 2.0',
    });
    const before = it.cluster.log.length;
    expect((await next.decide({ verb: 'rollback' })).message).toContain('rolling back to 1.0 (what servers ran before');
    expect(await next.result()).toMatchObject({ outcome: 'rolled-back' });
    expectAll(it, '1.0', OLD_IMAGE);
    expect(movedTo(it.cluster, NEW_IMAGE)).toEqual(['duel-9']);
    expect(effects(it.cluster, before).length).toBeGreaterThan(0);
  });

  test('goes back with one command, and to another version with one more word', async ({ stage }) => {
    const it = await stage();
    await leftHalfWay(it);
    const { code, out, err } = await stageCommand(it, BACK);
    expect({ code, out, err }).toMatchObject({ code: 0 });
    expectAll(it, '1.0', OLD_IMAGE);
    await it.client.workflow.getHandle(`hotwave/${it.clusterName}/arena/duel`).result();
    await release(it);
    const half = await it.start(aRelease({ name: 'scripts-3-0', image: THIRD_IMAGE, gates: [{ before: 2 }] }));
    await half.until('the gate', ({ phase }) => phase === 'waiting-approval');
    await half.handle.terminate('a flood');
    const wish = await stageCommand(it, [...BACK, '--to', '1.0']);
    expect(wish).toMatchObject({ code: 0 });
    expectAll(it, '1.0', OLD_IMAGE);
  });
});

test('a set that another Temporal holds goes back only when a person says that it is dead', async ({ stage }) => {
  const it = await stage();
  await leftHalfWay(it);
  const { leftAt: _heldAt, ...record } = JSON.parse(annotations(it)[RELEASE_ANNOTATION]!) as Record<string, object>;
  it.cluster.edit('kubectl', ({ metadata }) => {
    const holder = { ...record['holder'], temporal: 'another' };
    metadata.annotations![RELEASE_ANNOTATION] = JSON.stringify({ ...record, holder });
  });
  const refused = await stageCommand(it, BACK);
  expect(refused).toMatchObject({ code: 6 });
  expect(refused.out).toContain('hotwave rollback arena/duel --from-cluster --reason "how you know"');
  expect(await stageCommand(it, [...BACK, '--from-cluster', '--reason', 'deleted'])).toMatchObject({ code: 0 });
  expectAll(it, '1.0', OLD_IMAGE);
});
