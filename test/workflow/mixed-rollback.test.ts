import { describe, expect } from 'vitest';
import type { ReleaseState } from '../../release/progress/state.ts';
import { NEW_IMAGE, OLD_IMAGE } from '../support/builders.ts';
import type { StartedRelease } from '../support/hotwave.ts';
import { aRelease, test } from '../support/stage.ts';
import type { Stage } from '../support/stage.ts';

const THIRD_IMAGE = NEW_IMAGE.replace('2.0', '3.0');

/** A release that has come to its gate before wave 2. */
async function atGate(it: Stage, name: string, image: string): Promise<StartedRelease> {
  const release = await it.start(aRelease({ name, image, gates: [{ before: 2 }] }));
  await release.until('the gate', ({ phase }: ReleaseState) => phase === 'waiting-approval');
  return release;
}

/** A set of which wave 1 is on 2.0 and all others on 1.0, because a person left it so. */
async function aMixedSet(it: Stage): Promise<void> {
  const release = await atGate(it, 'left-on-hold', NEW_IMAGE);
  await release.decide({ verb: 'cancel', then: 'hold' });
  expect(await release.result()).toMatchObject({ outcome: 'cancelled' });
}

function expectEveryServer({ cluster }: Stage, image: string, version: string): void {
  const servers = [...cluster.set().servers.values()];
  expect(servers.map((server) => server.container('scripts')!.status.image)).toEqual(Array(10).fill(image));
  expect(servers.map(({ engine }) => engine.loaded)).toEqual(Array(10).fill(version));
}

describe('a rollback of a set whose servers ran different versions before the release', () => {
  test('takes along, reloads and proves who ran the new version already', async ({ stage }) => {
    const it = await stage();
    await aMixedSet(it);
    const release = await atGate(it, 'same-again', NEW_IMAGE);
    await release.decide({ verb: 'rollback' });
    expect(await release.result()).toMatchObject({ outcome: 'rolled-back' });
    expectEveryServer(it, OLD_IMAGE, '1.0');
  });

  test('takes along, reloads and proves who ran neither the old nor the new version', async ({ stage }) => {
    const it = await stage();
    await aMixedSet(it);
    const release = await atGate(it, 'next', THIRD_IMAGE);
    expect((await release.state()).warnings.join()).toMatch(
      /1 server runs neither .* \(duel-9\): a rollback brings them to .*:1\.0/,
    );
    await release.decide({ verb: 'rollback' });
    expect(await release.result()).toMatchObject({ outcome: 'rolled-back' });
    // Not the 2.0 that the cancelled release has left in the template: nine of ten never ran it.
    expectEveryServer(it, OLD_IMAGE, '1.0');
  });
});
