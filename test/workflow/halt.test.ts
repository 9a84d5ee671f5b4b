import { describe, expect } from 'vitest';
import type { Activities } from '../../activities/index.ts';
import type { ReleaseState } from '../../release/progress/state.ts';
import { USER_STRATEGY } from '../support/builders.ts';
import { eachServer, effects, reloads } from '../support/fake-log.ts';
import type { StartedRelease } from '../support/hotwave.ts';
import { stageCommand } from '../support/stage-command.ts';
import { aRelease, test } from '../support/stage.ts';
import type { Stage } from '../support/stage.ts';

const isHalted = ({ phase }: ReleaseState): boolean => phase === 'halted';
const FIRE = ['halt', '--reason', 'login is down'];

/** An activity in which each open phase of a release can be met. */
const MOMENTS: readonly (keyof Activities)[] = [
  'planRelease',
  'stageTemplate',
  'openWave',
  'awaitReady',
  'reloadServers',
  'bakeWave',
  'lookAtFleet',
];

async function atGate(it: Stage): Promise<StartedRelease> {
  const release = await it.start(aRelease({ gates: [{ before: 2 }] }));
  await release.until('the gate', ({ phase }) => phase === 'waiting-approval');
  return release;
}

/** Nothing changes in the cluster, and nobody moves. */
async function expectStill(it: Stage, release: StartedRelease): Promise<void> {
  await release.idle('the halt', isHalted);
  const before = it.cluster.log.length;
  for (const verb of ['resume', 'retry'] as const)
    expect(await release.decide({ verb })).toEqual({
      accepted: false,
      message: 'the releases are halted; end that first with hotwave unhalt',
    });
  expect(effects(it.cluster, before)).toEqual([]);
}

describe('a halt', () => {
  test.for(MOMENTS)(
    'during %s lets nothing be changed until the halt is over, and then the release is done',
    async (activity, { stage }) => {
      const it = await stage();
      const held = it.calls.hold({ activity });
      const release = await it.start(aRelease({ bake: '100ms' }));
      await held.reached;
      const halting = stageCommand(it, FIRE);
      await release.until('the halt to arrive', ({ halt }) => halt !== undefined);
      held.release();
      const halted = await halting;
      expect(halted).toMatchObject({ code: 0 });
      await expectStill(it, release);
      expect((await release.state()).wait?.for).toBe('ann halted the releases: login is down');
      expect(await stageCommand(it, ['unhalt'])).toMatchObject({ code: 0 });
      expect(await release.result()).toMatchObject({ outcome: 'done', restartsOfMainContainers: 0 });
      expect(reloads(it.cluster)).toEqual(eachServer(it.cluster, 1));
      expect(it.cluster.set().raw.spec.updateStrategy).toEqual(USER_STRATEGY);
    },
  );

  test('closes the set in the middle of a wave and opens it afterwards', async ({ stage }) => {
    const it = await stage({ timings: { swapMs: 300 } });
    const release = await it.start(aRelease({ waves: ['rest'], maxUnavailable: 1, ready: { timeout: '60s' } }));
    await release.until('a server to have moved', () => it.cluster.log.some(({ kind }) => kind === 'moved'));
    await stageCommand(it, FIRE);
    await release.idle('the halt', isHalted);
    expect(it.cluster.set().raw.spec.updateStrategy).toMatchObject({ rollingUpdate: { paused: true } });
    await stageCommand(it, ['unhalt']);
    expect(await release.result()).toMatchObject({ outcome: 'done' });
    expect(it.cluster.set().raw.spec.updateStrategy).toEqual(USER_STRATEGY);
  });

  test('refuses new releases with who, why, until and what to type; plan says the same', async ({ stage }) => {
    const it = await stage();
    await stageCommand(it, [...FIRE, '--for', '2h']);
    const release = await it.start();
    const { outcome, reason } = await release.result();
    expect(outcome).toBe('refused');
    expect(reason).toContain(`ann has halted the releases of cluster ${it.clusterName}: login is down (since `);
    expect(reason).toContain(`; hotwave unhalt --cluster ${it.clusterName} lets it go on`);
    expect(effects(it.cluster, 0)).toEqual([]);
    await stageCommand(it, ['unhalt']);
    expect(await (await it.start()).result()).toMatchObject({ outcome: 'done' });
  });

  test('of another namespace holds nobody here', async ({ stage }) => {
    const it = await stage();
    await stageCommand(it, [...FIRE, '--namespace', 'lobby']);
    expect(await (await it.start()).result()).toMatchObject({ outcome: 'done' });
    expect(await stageCommand(it, ['unhalt', '--namespace', 'lobby'])).toMatchObject({ code: 0 });
  });

  test('of a namespace and of its cluster: the release goes on only when both have ended', async ({ stage }) => {
    const it = await stage();
    const release = await atGate(it);
    await stageCommand(it, [...FIRE, '--for', '1h']);
    await release.until('the halt', isHalted);
    await stageCommand(it, ['halt', '--reason', 'finals', '--namespace', 'arena', '--for', '2h']);
    const { halt } = await release.until('the longer halt', ({ halt: now }) => now?.reason === 'finals');
    expect(halt).toMatchObject({ namespace: 'arena', actor: 'ann' });
    await stageCommand(it, ['unhalt', '--namespace', 'arena']);
    expect(await release.state()).toMatchObject({ phase: 'halted' });
    await stageCommand(it, ['unhalt']);
    await release.until('the gate', ({ phase }) => phase === 'waiting-approval');
    await release.decide({ verb: 'approve', wave: 2 });
    expect(await release.result()).toMatchObject({ outcome: 'done' });
  });

  test('of a paused release leaves it paused afterwards', async ({ stage }) => {
    const it = await stage();
    const release = await atGate(it);
    await release.decide({ verb: 'pause', reason: 'look' });
    await release.until('the pause', ({ phase }) => phase === 'paused');
    await stageCommand(it, FIRE);
    await expectStill(it, release);
    await stageCommand(it, ['unhalt']);
    const { pausedBecause } = await release.until('the pause', ({ phase }) => phase === 'paused');
    expect(pausedBecause).toBe('by approver: look');
    await release.decide({ verb: 'resume' });
    await release.until('the gate', ({ phase }) => phase === 'waiting-approval');
    await release.decide({ verb: 'approve', wave: 2 });
    expect(await release.result()).toMatchObject({ outcome: 'done' });
  });

  test('that comes with a pause leaves the release paused afterwards, and the set frozen', async ({ stage }) => {
    const it = await stage();
    const held = it.calls.hold({ activity: 'reloadServers' });
    const release = await it.start();
    await held.reached;
    const halting = stageCommand(it, FIRE);
    await release.until('the halt to arrive', ({ halt }) => halt !== undefined);
    expect(await release.decide({ verb: 'pause', reason: 'look' })).toMatchObject({ accepted: true });
    held.release();
    await halting;
    await release.idle('the halt', isHalted);
    await stageCommand(it, ['unhalt']);
    await release.idle('the pause', ({ phase, pausedBecause }) => phase === 'paused' && pausedBecause !== undefined);
    expect(it.cluster.set().raw.spec.updateStrategy).toMatchObject({ rollingUpdate: { paused: true } });
    await release.decide({ verb: 'resume' });
    expect(await release.result()).toMatchObject({ outcome: 'done' });
  });

  test('lets a rollback end first', async ({ stage }) => {
    const it = await stage();
    const release = await atGate(it);
    const held = it.calls.hold({ activity: 'rollBackSet' });
    await release.decide({ verb: 'rollback' });
    await held.reached;
    const { out } = await stageCommand(it, FIRE);
    expect(out).toContain('roll back and end that first: scripts-2-0 (arena/duel)');
    held.release();
    expect(await release.result()).toMatchObject({ outcome: 'rolled-back' });
    await stageCommand(it, ['unhalt']);
  });

  test.for(['rollback', 'cancel'] as const)(
    'does not hold the release that is its cause: %s brings it back, and nothing else starts',
    async (verb, { stage }) => {
      const it = await stage();
      const release = await atGate(it);
      await stageCommand(it, FIRE);
      await release.idle('the halt', isHalted);
      const { accepted, message } = await release.decide({ verb, ...(verb === 'cancel' ? { then: 'rollback' } : {}) });
      expect({ accepted, message }).toEqual({
        accepted: true,
        message: expect.stringContaining('in spite of the halt by ann (login is down)') as string,
      });
      expect(await release.result()).toMatchObject({ outcome: verb === 'cancel' ? 'cancelled' : 'rolled-back' });
      expect(it.cluster.set().raw.spec.updateStrategy).toEqual(USER_STRATEGY);
      expect([...it.cluster.set().servers.values()].map(({ engine }) => engine.loaded)).toEqual(Array(10).fill('1.0'));
      expect(await (await it.start()).result()).toMatchObject({ outcome: 'refused' });
      await stageCommand(it, ['unhalt']);
    },
  );

  test('lets one set go on while everything else stays halted, and that set starts new releases', async ({ stage }) => {
    const other = { namespace: 'lobby', name: 'chess' };
    const it = await stage({ sets: [{}, { ref: other }] });
    const [duel, chess] = [
      await atGate(it),
      await it.start(
        aRelease({
          name: 'chess-2-0',
          target: { namespace: 'lobby', gameServerSet: 'chess' },
          gates: [{ before: 2 }],
        }),
      ),
    ];
    await chess.until('the gate', ({ phase }) => phase === 'waiting-approval');
    await stageCommand(it, FIRE);
    await stageCommand(it, ['halt', '--reason', 'finals', '--namespace', 'arena']);
    await duel.until('the halt', isHalted);
    await chess.until('the halt', isHalted);
    const only = await stageCommand(it, ['unhalt', '--only', 'arena/duel', '--reason', 'it brings the fix']);
    expect(only).toMatchObject({ code: 0 });
    expect(only.out).toContain(`arena/duel goes on; every other release of cluster ${it.clusterName} stays halted`);
    await duel.until('the gate', ({ phase, halt }) => phase === 'waiting-approval' && halt === undefined);
    const line = await stageCommand(it, ['halts']);
    expect(line).toMatchObject({ code: 3 });
    expect(line.out).toContain(
      'stand still: chess-2-0 (lobby/chess) goes on in spite of it: arena/duel (ann: it brings',
    );
    await duel.decide({ verb: 'approve', wave: 2 });
    expect(await duel.result()).toMatchObject({ outcome: 'done' });
    const next = aRelease({ name: 'scripts-2-1', image: 'registry.test/scripts:2.1' });
    expect(await (await it.start(next)).result()).toMatchObject({ outcome: 'done' });
    expect(await chess.state()).toMatchObject({ phase: 'halted' });
    await stageCommand(it, ['unhalt']);
    await chess.until('the gate', ({ phase }) => phase === 'waiting-approval');
    await chess.decide({ verb: 'cancel', then: 'hold' });
    await stageCommand(it, ['unhalt', '--namespace', 'arena']);
    expect(await stageCommand(it, ['unhalt', '--only', 'arena/duel'])).toMatchObject({ code: 6 });
  });

  test('ends by itself when its time is over', async ({ stage }) => {
    const it = await stage();
    const release = await atGate(it);
    await stageCommand(it, [...FIRE, '--for', '3s']);
    await release.until('the gate again', ({ phase, halt }) => phase === 'waiting-approval' && halt === undefined);
    expect((await release.state()).decisions.at(-1)).toMatchObject({ verb: 'unhalt', actor: 'a timer' });
    await release.decide({ verb: 'cancel', then: 'hold' });
  });

  test('whose end nobody tells becomes a pause half a minute after its time', async ({ stage }) => {
    const it = await stage();
    const release = await atGate(it);
    await release.signal({ verb: 'halt', until: Date.now() + 200, actor: 'ops', reason: 'fire' });
    await release.until('the halt', isHalted);
    const { pausedBecause } = await release.until('the pause', ({ phase }) => phase === 'paused');
    expect(pausedBecause).toBe('nobody said that the releases go on; ops halted the releases: fire');
    await release.decide({ verb: 'cancel', then: 'hold' });
    expect(await release.result()).toMatchObject({ outcome: 'cancelled' });
  });

  test('is shown with its releases, refused twice, and goes on once', async ({ stage }) => {
    const it = await stage();
    const release = await atGate(it);
    expect(await stageCommand(it, ['halt'])).toMatchObject({ code: 64 });
    expect(await stageCommand(it, [...FIRE, '--for', '8d'])).toMatchObject({ code: 64 });
    const first = await stageCommand(it, FIRE);
    expect(first.out).toContain('stand still: scripts-2-0 (arena/duel)');
    const again = await stageCommand(it, [...FIRE, '--actor', 'bob']);
    expect(again).toMatchObject({ code: 6 });
    expect(again.err).toContain(`it is stopped already: ann has halted the releases of cluster ${it.clusterName}`);
    const status = await stageCommand(it, ['status', 'arena/duel']);
    expect(status).toMatchObject({ code: 3 });
    expect(status.out).toContain(`hotwave unhalt --cluster ${it.clusterName}`);
    expect((await stageCommand(it, ['unhalt', '--reason', 'it is up'])).out).toContain('go on');
    expect(await stageCommand(it, ['unhalt'])).toMatchObject({ code: 6 });
    await release.decide({ verb: 'cancel', then: 'hold' });
  });
});
