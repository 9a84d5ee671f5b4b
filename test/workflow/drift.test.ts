import { describe, expect } from 'vitest';
import type { ReleaseState } from '../../release/state.ts';
import { NEW_IMAGE, OLD_IMAGE, SIDECAR, USER_STRATEGY } from '../support/builders.ts';
import { movedTo, setWrites } from '../support/fake-log.ts';
import type { RawSet } from '../support/fake-set-model.ts';
import type { StartedRelease } from '../support/hotwave.ts';
import { aRelease, test } from '../support/stage.ts';
import type { SpecWishes, Stage } from '../support/stage.ts';

type Edit = (set: RawSet) => void;

const isPaused = ({ phase, pausedBecause }: ReleaseState): boolean => phase === 'paused' && pausedBecause !== undefined;
const setImage =
  (image: string): Edit =>
  ({ spec }) => {
    spec.gameServerTemplate.spec.containers.find(({ name }) => name === SIDECAR)!.image = image;
  };
const setRolling =
  (change: object): Edit =>
  ({ spec }) => {
    spec.updateStrategy = {
      ...spec.updateStrategy,
      rollingUpdate: { ...spec.updateStrategy?.rollingUpdate, ...change },
    };
  };

/** Edits of others, the field that they touch, and how they take them back. */
const EDITS: readonly (readonly [string, string, Edit, Edit])[] = [
  [
    'the image',
    '/spec/gameServerTemplate/spec/containers/1/image',
    setImage('registry.test/scripts:2.1'),
    setImage(NEW_IMAGE),
  ],
  ['the partition', '/spec/updateStrategy', setRolling({ partition: 10 }), setRolling({ partition: 9 })],
  ['maxUnavailable', '/spec/updateStrategy', setRolling({ maxUnavailable: 1 }), setRolling({ maxUnavailable: 10 })],
  [
    'the whole strategy',
    '/spec/updateStrategy',
    ({ spec }) => {
      spec.updateStrategy = { type: 'OnDelete' };
    },
    ({ spec }) => {
      spec.updateStrategy = {
        type: 'RollingUpdate',
        rollingUpdate: { partition: 9, maxUnavailable: 10, podUpdatePolicy: 'InPlaceOnly', paused: false },
      };
    },
  ],
];

/** A release in whose first wave somebody else edits the set, and that has paused because of it. */
async function disturbed(it: Stage, edit: Edit, wishes: SpecWishes = {}): Promise<[StartedRelease, ReleaseState]> {
  const held = it.calls.hold({ activity: 'reloadServers' });
  const release = await it.start(aRelease(wishes));
  await held.reached;
  it.cluster.edit('helm', edit);
  held.release();
  return [release, await release.until('the pause', isPaused)];
}

describe('an edit by somebody else', () => {
  test.for(EDITS)(
    'of %s pauses the release, names field and manager, and is not overwritten',
    async ([, field, edit], { stage }) => {
      const it = await stage();
      const [release, paused] = await disturbed(it, edit);
      expect(paused.pausedBecause).toContain(`helm changed ${field} of duel to `);
      expect(paused.pausedBecause).toContain('and does not overwrite it');
      const edited = structuredClone(it.cluster.set().raw.spec);
      await release.decide({ verb: 'resume' });
      const again = await release.until(
        'the next pause',
        (state) => isPaused(state) && state.wait!.since > paused.wait!.since,
      );
      expect(again.pausedBecause).toContain(`helm changed ${field} of duel to `);
      expect(it.cluster.set().raw.spec).toEqual(edited);
      await release.decide({ verb: 'cancel', then: 'hold' });
      expect(await release.result()).toMatchObject({ outcome: 'cancelled' });
    },
  );

  test.for(EDITS)(
    'of %s, once taken back, lets a resumed release go on to its end',
    async ([, , edit, back], { stage }) => {
      const it = await stage();
      const [release] = await disturbed(it, edit);
      it.cluster.edit('helm', back);
      await release.decide({ verb: 'resume' });
      expect(await release.result()).toMatchObject({ outcome: 'done' });
      expect(it.cluster.set().raw.spec.updateStrategy).toEqual(USER_STRATEGY);
    },
  );

  test.for(EDITS.slice(1))(
    'of %s does not stand in the way of a rollback, which a person asked for',
    async ([, , edit], { stage }) => {
      const it = await stage();
      const [release] = await disturbed(it, edit);
      await release.decide({ verb: 'rollback', actor: 'bob' });
      expect(await release.result()).toMatchObject({ outcome: 'rolled-back' });
      expect([...it.cluster.set().servers.values()].map(({ engine }) => engine.loaded)).toEqual(Array(10).fill('1.0'));
      expect(it.cluster.set().raw.spec.updateStrategy).toEqual(USER_STRATEGY);
    },
  );

  test('that keeps the set from being frozen loses no resume that comes at that moment', async ({ stage }) => {
    const it = await stage();
    const freezing = it.calls.hold({ activity: 'changeHold' });
    const [release] = await disturbed(it, setRolling({ maxUnavailable: 1 }));
    await freezing.reached;
    expect(await release.decide({ verb: 'resume' })).toEqual({ accepted: true, message: 'resuming' });
    freezing.release();
    await release.until('the next pause', (state) => isPaused(state) && state.decisions.length === 1);
    it.cluster.edit('helm', setRolling({ maxUnavailable: 10 }));
    await release.decide({ verb: 'resume' });
    expect(await release.result()).toMatchObject({ outcome: 'done' });
  });

  test('that keeps servers from moving is not undone by an automatic rollback', async ({ stage }) => {
    const it = await stage({ timings: { swapMs: 300 } });
    const held = it.calls.hold({ activity: 'awaitReady' });
    const release = await it.start(aRelease({ waves: [3, 'rest'], maxUnavailable: 1, ready: { timeout: '2s' } }));
    await held.reached;
    it.cluster.edit('emergency', setRolling({ paused: true }));
    held.release();
    const { pausedBecause } = await release.until('the pause', isPaused);
    expect(pausedBecause).toMatch(
      /^duel-\d: not Ready within 2s: .*; emergency changed \/spec\/updateStrategy of duel to /,
    );
    expect(it.cluster.set().raw.spec.updateStrategy).toMatchObject({ rollingUpdate: { paused: true } });
    expect(movedTo(it.cluster, OLD_IMAGE)).toEqual([]);
    await release.decide({ verb: 'rollback', actor: 'bob' });
    expect(await release.result()).toMatchObject({ outcome: 'rolled-back' });
  });

  test('of the image stops a rollback until it is taken back: it may be the next release of somebody', async ({
    stage,
  }) => {
    const it = await stage();
    const [release, paused] = await disturbed(it, setImage('registry.test/scripts:2.1'));
    await release.decide({ verb: 'rollback' });
    const stopped = await release.until(
      'the incomplete rollback',
      (state) => isPaused(state) && state.wait!.since > paused.wait!.since,
    );
    expect(stopped.pausedBecause).toMatch(/^the rollback is incomplete: helm changed \S+\/image of duel to /);
    expect(setWrites(it.cluster).at(-1)).toMatchObject({ outcome: 'preconditionFailed', image: OLD_IMAGE });
    it.cluster.edit('helm', setImage(NEW_IMAGE));
    await release.decide({ verb: 'resume' });
    expect(await release.result()).toMatchObject({ outcome: 'rolled-back' });
  });
});
