import { describe, expect } from 'vitest';
import type { ReleaseState } from '../../release/progress/state.ts';
import { NEW_IMAGE, SIDECAR, USER_STRATEGY } from '../support/builders.ts';
import { everyServer, loadedBy } from '../support/observer.ts';
import type { StartedRelease } from '../support/hotwave.ts';
import { aRelease, test } from '../support/stage.ts';
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
});
