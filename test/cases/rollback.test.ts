import { describe, expect } from 'vitest';
import type { ReleaseState } from '../../release/progress/state.ts';
import { OLD_IMAGE, SIDECAR, USER_STRATEGY } from '../support/builders.ts';
import { carriedToItsEnd } from '../support/carry.ts';
import { loads, movedTo, reloads } from '../support/fake-log.ts';
import type { StartedRelease } from '../support/hotwave.ts';
import { everyServer, expectNothingSince, imagesIn, loadedBy, now, overridesIn } from '../support/observer.ts';
import { stageCommand } from '../support/stage-command.ts';
import { aRelease, aTargetedRelease, test } from '../support/stage.ts';
import type { SpecWishes, Stage } from '../support/stage.ts';

const image = (version: string): string => OLD_IMAGE.replace('1.0', version);
const atGate = ({ phase }: ReleaseState): boolean => phase === 'waiting-approval';

async function done(it: Stage, version: string, wishes: SpecWishes = {}): Promise<void> {
  const release = await it.start(
    aRelease({ name: `to-${version.replace('.', '-')}`, image: image(version), ...wishes }),
  );
  expect(await release.result()).toMatchObject({ outcome: 'done' });
}

async function atItsGate(it: Stage, version: string, wishes: SpecWishes = {}): Promise<StartedRelease> {
  const name = `to-${version.replace('.', '-')}`;
  const release = await it.start(aRelease({ name, image: image(version), gates: [{ before: 2 }], ...wishes }));
  await release.until('the gate', atGate);
  return release;
}

/** A release that has changed one server of the set and was then given up. */
async function givenUp(it: Stage, version: string): Promise<void> {
  const release = await atItsGate(it, version);
  await release.decide({ verb: 'cancel', then: 'hold' });
  expect(await release.result()).toMatchObject({ outcome: 'cancelled' });
}

/** A set whose servers all prove 2.0, of which one was then changed to 3.0 by a release that was given up. */
async function halfApplied(it: Stage): Promise<void> {
  await done(it, '2.0');
  await givenUp(it, '3.0');
  expect(loadedBy(it.cluster)).toEqual(everyServer(it.cluster, '2.0', { 'duel-9': '3.0' }));
}

describe('a rollback', () => {
  // A7
  test('of a release after one that was given up half-way goes back to the stable version, which every server has proved', async ({
    stage,
  }) => {
    const it = await stage();
    await halfApplied(it);
    const release = await atItsGate(it, '4.0');
    await release.decide({ verb: 'rollback', actor: 'bob' });
    expect(await release.result()).toMatchObject({ outcome: 'rolled-back' });
    expect(loadedBy(it.cluster)).toEqual(everyServer(it.cluster, '2.0'));
    // Nobody was given a version that only one server has ever run.
    expect(movedTo(it.cluster, image('3.0'))).toEqual(['duel-9']);
    expect(it.cluster.set().raw.spec.updateStrategy).toEqual(USER_STRATEGY);
  });

  // A7
  test('names the stable version in plan, status and its reason before anybody has to ask', async ({ stage }) => {
    const it = await stage();
    await halfApplied(it);
    const release = await atItsGate(it, '4.0');
    expect((await release.state()).previousVersion).toBe('2.0');
    expect((await stageCommand(it, ['status', 'arena/duel'])).out).toContain('2.0');
    const { message } = await release.decide({ verb: 'rollback', actor: 'bob' });
    expect(message).toContain('2.0');
    expect((await release.result()).reason).toContain('2.0');
  });

  // A7: given up twice.
  test('after two releases that were given up half-way still goes back to what every server has proved', async ({
    stage,
  }) => {
    const it = await stage();
    await halfApplied(it);
    await givenUp(it, '4.0');
    const release = await atItsGate(it, '5.0');
    await release.decide({ verb: 'rollback', actor: 'bob' });
    expect(await release.result()).toMatchObject({ outcome: 'rolled-back' });
    expect(loadedBy(it.cluster)).toEqual(everyServer(it.cluster, '2.0'));
  });

  // A7: a release that fails by itself.
  test('that a failure starts goes back to the stable version as well', async ({ stage }) => {
    const it = await stage({ failures: (_server, wanted) => (wanted === image('4.0') ? 'stale' : undefined) });
    await halfApplied(it);
    const release = await it.start(aRelease({ name: 'to-4-0', image: image('4.0') }));
    expect(await release.result()).toMatchObject({ outcome: 'rolled-back' });
    expect(loadedBy(it.cluster)).toEqual(everyServer(it.cluster, '2.0'));
  });

  // A7
  test('of chosen servers brings each back to what it ran before, although the set is half-way', async ({ stage }) => {
    const it = await stage({ sets: [{ reclaimPolicy: 'Delete' }] });
    await halfApplied(it);
    const { target } = aTargetedRelease().spec;
    const chosen = { ...target, servers: { servers: [7, 8] } };
    const release = await it.start(
      aTargetedRelease({ name: 'to-4-0', image: image('4.0'), target: chosen, gates: [{ before: 2 }] }),
    );
    await release.until('the gate', atGate);
    await release.decide({ verb: 'rollback', actor: 'bob' });
    await carriedToItsEnd(release);
    expect(await release.result()).toMatchObject({ outcome: 'rolled-back' });
    expect(loadedBy(it.cluster)).toEqual(everyServer(it.cluster, '2.0', { 'duel-9': '3.0' }));
  });

  test('of a set that was left half-way can be told to go to a version that its records name', async ({ stage }) => {
    const it = await stage();
    await halfApplied(it);
    const { code, err, out } = await stageCommand(it, [
      'rollback',
      'arena/duel',
      '--to',
      '2.0',
      '--reason',
      '3.0 is bad',
    ]);
    expect({ code, err, out }).toMatchObject({ code: 0 });
    expect(loadedBy(it.cluster)).toEqual(everyServer(it.cluster, '2.0'));
    expect(it.cluster.set().raw.spec.updateStrategy).toEqual(USER_STRATEGY);
  });

  test('to a version that nobody knows the image of is refused, and nothing moves', async ({ stage }) => {
    const it = await stage();
    await done(it, '2.0');
    const before = now(it.cluster);
    const result = await stageCommand(it, ['rollback', 'arena/duel', '--to', '0.1', '--reason', 'older']);
    expect(result).toMatchObject({ code: 6 });
    expect(result.err + result.out).toContain('2.0');
    expectNothingSince(it.cluster, before);
  });

  test('of a set whose release is done goes back to the version before', async ({ stage }) => {
    const it = await stage();
    await done(it, '2.0');
    await done(it, '3.0');
    const { code, err, out } = await stageCommand(it, ['rollback', 'arena/duel', '--reason', '3.0 is bad']);
    expect({ code, err, out }).toMatchObject({ code: 0 });
    expect(loadedBy(it.cluster)).toEqual(everyServer(it.cluster, '2.0'));
    expect(imagesIn(it.cluster)).toEqual(everyServer(it.cluster, image('2.0')));
    expect(it.cluster.set().raw.spec.updateStrategy).toEqual(USER_STRATEGY);
  });

  test('of a set that hotwave has never touched says that there is nothing to go back to', async ({ stage }) => {
    const it = await stage();
    const { code, err, out } = await stageCommand(it, ['rollback', 'arena/duel', '--reason', 'just so']);
    expect([6, 8]).toContain(code);
    expect(err + out).toContain('duel');
    expect(loadedBy(it.cluster)).toEqual(everyServer(it.cluster, '1.0'));
  });
});

describe('a rollback of servers that never loaded the new version', () => {
  // A6: the sidecar ignores TERM, so its wave is late; the new files arrive when the release is on its way back.
  test('makes none of them load it: who was not reloaded is not reloaded', async ({ stage }) => {
    // Some are late by little, some by much: files may arrive at any step of the way back.
    const it = await stage({ timings: { termMs: (server) => 2_000 + 300 * Number(server.slice('duel-'.length)) } });
    const release = await it.start(aRelease({ waves: ['rest'], ready: { timeout: '2s' } }));
    await carriedToItsEnd(release);
    expect(await release.result()).toMatchObject({ outcome: 'rolled-back' });
    await it.calls.quiet();
    const told = [...it.cluster.set().servers.keys()].flatMap((name) => loads(it.cluster, name));
    expect(told.filter((line) => line.startsWith('2.0'))).toEqual([]);
    expect(loadedBy(it.cluster)).toEqual(everyServer(it.cluster, '1.0'));
    expect(imagesIn(it.cluster)).toEqual(everyServer(it.cluster, OLD_IMAGE));
  });

  // A6
  test('nor makes a server load it whose sidecar has restarted by itself', async ({ stage }) => {
    const it = await stage();
    const release = await atItsGate(it, '2.0');
    it.cluster.crash('duel-0', SIDECAR);
    const before = now(it.cluster);
    await release.decide({ verb: 'rollback', actor: 'bob' });
    expect(await release.result()).toMatchObject({ outcome: 'rolled-back' });
    expect(reloads(it.cluster, before)).toEqual({ 'duel-9': 1 });
  });

  test('names what is late as late: not ready, and not one digest under two tags', async ({ stage }) => {
    const it = await stage({ timings: { termMs: (server) => (server === 'duel-9' ? 4_000 : 0) } });
    const release = await it.start(aRelease({ ready: { timeout: '2s' } }));
    await carriedToItsEnd(release);
    const { failedBefore: failures, reason } = await release.state();
    expect(`${JSON.stringify(failures)} ${reason}`).not.toMatch(/digest/);
    expect(`${JSON.stringify(failures)} ${reason}`).toMatch(/duel-9/);
  });

  // A6: by overrides.
  test('holds for chosen servers as well', async ({ stage }) => {
    const it = await stage({ timings: { termMs: (server) => (server === 'duel-3' ? 4_000 : 0) } });
    const release = await it.start(aTargetedRelease({ ready: { timeout: '2s' } }));
    await carriedToItsEnd(release);
    expect(await release.result()).toMatchObject({ outcome: 'rolled-back' });
    await it.calls.quiet();
    expect(loads(it.cluster, 'duel-3').filter((line) => line.startsWith('2.0'))).toEqual([]);
    expect(loadedBy(it.cluster)).toEqual(everyServer(it.cluster, '1.0'));
    expect(overridesIn(it.cluster)).toEqual({});
  });

  // A6: only those of a wave whose files were checked may be told.
  test('makes nobody load who was still waiting for its content check', async ({ stage }) => {
    const it = await stage();
    const held = it.calls.hold({ operation: 'exec' });
    const release = await it.start(aRelease());
    await held.reached;
    await release.decide({ verb: 'rollback', actor: 'bob' });
    held.release();
    expect(await release.result()).toMatchObject({ outcome: 'rolled-back' });
    await it.calls.quiet();
    for (const name of it.cluster.set().servers.keys())
      expect(loads(it.cluster, name).filter((line) => line.startsWith('2.0'))).toEqual([]);
  });
});
