import { describe, expect } from 'vitest';
import type { ReleaseState } from '../../release/progress/state.ts';
import { NEW_IMAGE, SIDECAR, USER_STRATEGY } from '../support/builders.ts';
import { A_RELOAD } from '../support/moments.ts';
import { everyServer, imagesIn, loadedBy, overridesIn } from '../support/observer.ts';
import type { StartedRelease } from '../support/hotwave.ts';
import { aRelease, aTargetedRelease, test } from '../support/stage.ts';
import { until } from '../lab/until.ts';
import { carriedToItsEnd } from '../support/carry.ts';
import type { Stage } from '../support/stage.ts';

const OTHER_IMAGE = NEW_IMAGE.replace('2.0', '3.0');
const atGate = ({ phase }: ReleaseState): boolean => phase === 'waiting-approval';
const asksBack = ({ phase, pausedBecause = '' }: ReleaseState): boolean =>
  phase === 'paused' && pausedBecause.startsWith('the rollback is incomplete');

function imageOf(it: Stage): string | undefined {
  return it.cluster.set().raw.spec.gameServerTemplate.spec.containers.find(({ name }) => name === SIDECAR)?.image;
}

/** Somebody writes a third image just before a rollback writes the old one. */
async function disturbed(it: Stage): Promise<StartedRelease> {
  const release = await it.start(aRelease({ gates: [{ before: 2 }] }));
  await release.until('the gate', atGate);
  it.calls.run({ activity: 'rollBackSet' }, () =>
    it.cluster.edit('helm', ({ spec }) => {
      spec.gameServerTemplate.spec.containers.find(({ name }) => name === SIDECAR)!.image = OTHER_IMAGE;
    }),
  );
  await release.decide({ verb: 'rollback' });
  return release;
}

describe('a rollback that meets an image of somebody else', () => {
  test('names who wrote it, and asks whose values stay', async ({ stage }) => {
    const release = await disturbed(await stage());
    const { pausedBecause, foreignEdit } = await release.until('the question', asksBack);
    expect(pausedBecause).toContain(`helm changed`);
    expect(foreignEdit?.what).toContain(OTHER_IMAGE);
    expect(await release.decide({ verb: 'resume' })).toMatchObject({
      accepted: false,
      message: expect.stringMatching(/resume --wins release .* or resume --wins edit/) as string,
    });
    await release.decide({ verb: 'cancel', then: 'hold' });
    expect(await release.result()).toMatchObject({ outcome: 'cancelled' });
  });

  test.for([
    ['when the release wins', { verb: 'resume', wins: 'release' }],
    ['when a person rolls back over it', { verb: 'rollback' }],
  ] as const)('goes back over it %s', async ([, decision], { stage }) => {
    const it = await stage();
    const release = await disturbed(it);
    await release.until('the question', asksBack);
    expect(await release.decide(decision)).toMatchObject({ accepted: true });
    expect(await release.result()).toMatchObject({ outcome: 'rolled-back' });
    expect(loadedBy(it.cluster)).toEqual(everyServer(it.cluster, '1.0'));
    expect(it.cluster.set().raw.spec.updateStrategy).toEqual(USER_STRATEGY);
  });

  test('ends and leaves it when the edit wins', async ({ stage }) => {
    const it = await stage();
    const release = await disturbed(it);
    await release.until('the question', asksBack);
    expect(await release.decide({ verb: 'resume', wins: 'edit' })).toMatchObject({ accepted: true });
    expect(await release.result()).toMatchObject({
      outcome: 'cancelled',
      reason: expect.stringContaining('the edit stays') as string,
    });
    expect(imageOf(it)).toBe(OTHER_IMAGE);
  });

  test('asks again when it is changed once more before that was written over', async ({ stage }) => {
    const it = await stage();
    const release = await disturbed(it);
    await release.until('the question', asksBack);
    const fourth = OTHER_IMAGE.replace('3.0', '4.0');
    it.cluster.edit('helm', ({ spec }) => {
      spec.gameServerTemplate.spec.containers.find(({ name }) => name === SIDECAR)!.image = fourth;
    });
    await release.decide({ verb: 'resume', wins: 'release' });
    const { foreignEdit } = await release.until('the question', (state) =>
      Boolean(asksBack(state) && state.foreignEdit?.what.includes(fourth)),
    );
    expect(foreignEdit?.wins).toBeUndefined();
    expect(imageOf(it)).toBe(fourth);
    await release.decide({ verb: 'cancel', then: 'hold' });
    expect(await release.result()).toMatchObject({ outcome: 'cancelled' });
  });

  const theirs = { type: 'RollingUpdate', rollingUpdate: { partition: 0, maxUnavailable: 4 } };

  /** A rollback in the middle of which somebody writes another strategy, right before a write of hotwave. */
  async function edited(it: Stage, activity: 'rollBackSet' | 'restoreSet'): Promise<StartedRelease> {
    const release = await it.start(aRelease({ gates: [{ before: 2 }] }));
    await release.until('the gate', atGate);
    it.calls.run({ activity, operation: 'readSet' }, () =>
      it.cluster.edit('helm', ({ spec }) => {
        spec.updateStrategy = structuredClone(theirs);
      }),
    );
    await release.decide({ verb: 'rollback' });
    return release;
  }

  test('of a strategy just before its first write asks as well', async ({ stage }) => {
    const it = await stage();
    const release = await edited(it, 'rollBackSet');
    const first = await release.until('the question', asksBack);
    expect(first.pausedBecause).toContain('helm changed /spec/updateStrategy');
    if (!first.foreignEdit) await release.decide({ verb: 'resume' });
    await release.until('whose values stay', (state) => asksBack(state) && state.foreignEdit !== undefined);
    expect(it.cluster.set().raw.spec.updateStrategy).toEqual(theirs);
    await release.decide({ verb: 'cancel', then: 'hold' });
    await release.result();
  });

  test('of a strategy just before its last write is over with every server back, and says that it stays', async ({
    stage,
  }) => {
    const it = await stage();
    const release = await edited(it, 'restoreSet');
    expect(await release.result()).toMatchObject({ outcome: 'rolled-back' });
    expect((await release.state()).warnings.join()).toMatch(
      /^helm changed .*maxUnavailable of duel from \d+ to 4, and it stays so$/,
    );
    expect(it.cluster.set().raw.spec.updateStrategy?.rollingUpdate).toMatchObject(theirs.rollingUpdate);
    for (const { engine } of it.cluster.set().servers.values()) expect(engine.loaded).toBe('1.0');
  });

  test('and a strategy keeps both for the next release when the edit wins', async ({ stage }) => {
    const theirs = {
      type: 'RollingUpdate',
      rollingUpdate: { partition: 0, maxUnavailable: 3, podUpdatePolicy: 'InPlaceIfPossible' },
    };
    const it = await stage();
    const release = await it.start(aRelease({ gates: [{ before: 2 }] }));
    await release.until('the gate', atGate);
    it.calls.run({ activity: 'rollBackSet' }, () =>
      it.cluster.edit('helm', ({ spec }) => {
        spec.gameServerTemplate.spec.containers.find(({ name }) => name === SIDECAR)!.image = OTHER_IMAGE;
        spec.updateStrategy = structuredClone(theirs);
      }),
    );
    await release.decide({ verb: 'rollback' });
    await release.until('the question', asksBack);
    await release.decide({ verb: 'resume', wins: 'edit' });
    expect(await release.result()).toMatchObject({ outcome: 'cancelled' });
    const next = await it.start(aRelease({ name: 'scripts-4-0', image: NEW_IMAGE.replace('2.0', '4.0') }));
    expect(await next.result()).toMatchObject({ outcome: 'done' });
    expect(it.cluster.set().raw.spec.updateStrategy).toEqual(theirs);
  });
});

describe('the end of the time in two versions', () => {
  test('takes nothing back over an edit that nobody has decided about', async ({ stage }) => {
    const it = await stage();
    const release = await it.start(aRelease({ gates: [{ before: 2 }], maxMixed: '8s', onMaxMixed: 'rollback' }));
    await release.until('the gate', atGate);
    it.cluster.edit('helm', ({ spec }) => {
      spec.gameServerTemplate.spec.containers.find(({ name }) => name === SIDECAR)!.image = OTHER_IMAGE;
    });
    const { pausedBecause } = await release.until('both reasons', (state) =>
      Boolean(state.pausedBecause?.includes('helm changed') && state.pausedBecause.includes('of two versions')),
    );
    expect(pausedBecause).toContain(OTHER_IMAGE);
    expect(imageOf(it)).toBe(OTHER_IMAGE);
    await release.decide({ verb: 'cancel', then: 'hold' });
    expect(await release.result()).toMatchObject({ outcome: 'cancelled' });
  });
});

describe('a colleague', () => {
  test('who gives a chosen server another image during a targeted rollback keeps it, and is named', async ({
    stage,
  }) => {
    const it = await stage();
    const release = await it.start(aTargetedRelease({ gates: [{ before: 2 }] }));
    await release.until('the gate', atGate);
    it.calls.run({ ...A_RELOAD, when: 'after' }, () =>
      it.cluster.editServer('ops', 'duel-3', ({ spec }) => {
        spec.containers = [{ name: SIDECAR, image: OTHER_IMAGE }];
      }),
    );
    await release.decide({ verb: 'rollback' });
    const { pausedBecause } = await release.until('the question', asksBack);
    expect(pausedBecause).toContain('duel-3');
    expect(overridesIn(it.cluster)['duel-3']).toBe(OTHER_IMAGE);
    await release.decide({ verb: 'cancel', then: 'hold' });
    expect(await release.result()).toMatchObject({ outcome: 'cancelled' });
  });

  test('who moves servers that a targeted release has not chosen leaves them named, and not said to be untouched', async ({
    stage,
  }) => {
    const it = await stage();
    const release = await it.start(aTargetedRelease({ gates: [{ before: 2 }] }));
    await release.until('the gate', atGate);
    it.cluster.edit('ops', ({ spec }) => {
      spec.updateStrategy = { type: 'RollingUpdate', rollingUpdate: { partition: 0, maxUnavailable: '100%' } };
      spec.gameServerTemplate.spec.containers.find(({ name }) => name === SIDECAR)!.image = OTHER_IMAGE;
    });
    await release.until('the question', ({ phase, foreignEdit }) => phase === 'paused' && foreignEdit !== undefined);
    await until(
      { what: 'the others to move', deadlineMs: 30_000 },
      () => imagesIn(it.cluster)['duel-0'] === OTHER_IMAGE,
    );
    await release.decide({ verb: 'resume', wins: 'release' });
    await carriedToItsEnd(release);
    const { reason } = await release.result();
    expect(reason).toContain('duel-0');
    expect(reason).not.toContain('8 others were not touched');
    expect((await release.state()).warnings.join()).not.toMatch(/duel-0: .*proves again/);
  });
});
