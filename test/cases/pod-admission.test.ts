import { describe, expect } from 'vitest';
import type { ReleaseState } from '../../release/progress/state.ts';
import { MAIN, NEW_IMAGE, OLD_IMAGE, SIDECAR } from '../support/builders.ts';
import { effects } from '../support/fake-log.ts';
import type { FakeCluster } from '../support/fake-cluster.ts';
import { aRelease, aTargetedRelease, test } from '../support/stage.ts';

const SAYS = `ValidatingAdmissionPolicy 'signed' with binding 'signed' denied request: not signed`;
const mirrored = (image: string): string => image.replace('registry.test', 'mirror.test');
const atGate = ({ phase }: ReleaseState): boolean => phase === 'waiting-approval';

function deny(cluster: FakeCluster, server: string, says: string | undefined): void {
  cluster.set().podAdmission = (name, images) =>
    name === server && images.some(({ image }) => image === NEW_IMAGE) ? says : undefined;
}

// D17
describe('a server whose write is denied', () => {
  test('fails with the words of the policy, and those behind it are told who is in their way', async ({ stage }) => {
    const it = await stage({ sets: [{ replicas: 3 }] });
    deny(it.cluster, 'duel-1', `pods "duel-1" is forbidden: ${SAYS}`);
    const release = await it.start(aRelease({ ready: { timeout: '5m' } }));
    expect(await release.result()).toMatchObject({ outcome: 'rolled-back' });
    expect((await release.state()).failedBefore).toEqual([
      {
        server: 'duel-1',
        class: 'refused',
        reason: `the write of its new image is refused: pods "duel-1" is forbidden: ${SAYS}`,
      },
      {
        server: 'duel-0',
        class: 'refused',
        reason: `Kruise does not come to it: the write of the new image of duel-1 is refused: pods "duel-1" is forbidden: ${SAYS}`,
      },
    ]);
  });

  test('is waited for as long as a budget is used up, and goes on when it has room', async ({ stage }) => {
    const it = await stage({ sets: [{ replicas: 3 }] });
    const pub = 'podunavailablebudget.policy.kruise.io "arena" is forbidden: pub unavailable allowed is negative';
    deny(it.cluster, 'duel-2', `admission webhook "vpod.kb.io" denied the request: ${pub}`);
    it.cluster.clock.after(28_000, () => deny(it.cluster, 'duel-2', undefined));
    const release = await it.start(aRelease({ ready: { timeout: '5m' } }));
    expect(await release.result()).toMatchObject({ outcome: 'done' });
  });
});

// D6
describe('a set whose images a webhook rewrites', () => {
  test('is refused at plan with the name that the webhook leaves as it is, and released by that name', async ({
    stage,
  }) => {
    const it = await stage({ sets: [{ replicas: 3, rewritten: mirrored }] });
    const refused = await (await it.start(aRelease())).result();
    expect(refused).toMatchObject({
      outcome: 'refused',
      reason: expect.stringContaining(`Name it ${mirrored(NEW_IMAGE)} in spec.images`) as string,
    });
    expect(effects(it.cluster, 0)).toEqual([]);
    const release = await it.start(aRelease({ image: mirrored(NEW_IMAGE), gates: [{ before: 2 }] }));
    await release.until('the gate', atGate);
    await release.decide({ verb: 'rollback', actor: 'bob' });
    expect(await release.result()).toMatchObject({ outcome: 'rolled-back' });
    const images = it.cluster
      .set()
      .sorted()
      .map((server) => server.container(SIDECAR)!.image);
    expect(images).toEqual(Array(3).fill(mirrored(OLD_IMAGE)));
  });
});

// D16
describe('a container that others have put into the pods', () => {
  const mesh = [{ name: 'mesh', image: 'mesh.test/proxy:1.0' }];

  test('may die and be updated at any time: only the containers of the template count', async ({ stage }) => {
    const it = await stage({ sets: [{ replicas: 4, injected: mesh }] });
    const release = await it.start(aRelease({ gates: [{ before: 2 }] }));
    await release.until('the gate', atGate);
    for (const { name } of it.cluster.set().sorted()) it.cluster.crash(name, 'mesh');
    it.cluster.set().writeImage('duel-0', 'mesh', 'mesh.test/proxy:2.0');
    await release.decide({ verb: 'approve', wave: 2, actor: 'bob' });
    expect(await release.result()).toMatchObject({ outcome: 'done', restartsOfMainContainers: 0, recreatedPods: 0 });
    const runs = it.cluster
      .set()
      .sorted()
      .map((server) => server.container(MAIN)!.restarts);
    expect(runs).toEqual([0, 0, 0, 0]);
  });

  test('may die in a release of chosen servers, and in its rollback', async ({ stage }) => {
    const it = await stage({ sets: [{ replicas: 4, injected: mesh, reclaimPolicy: 'Delete' }] });
    const release = await it.start(aTargetedRelease({ gates: [{ before: 2 }] }));
    await release.until('the gate', atGate);
    for (const { name } of it.cluster.set().sorted()) it.cluster.crash(name, 'mesh');
    await release.decide({ verb: 'rollback', actor: 'bob' });
    expect(await release.result()).toMatchObject({ outcome: 'rolled-back', restartsOfMainContainers: 0 });
  });
});
