import { expect, test } from 'vitest';
import { overrideServers } from '../../activities/override-servers.ts';
import { NEW_IMAGE, OLD_IMAGE, SET, SIDECAR } from '../support/builders.ts';
import { inActivity } from '../support/activity-context.ts';
import { fakeCluster } from '../support/fake-cluster.ts';
import { planned } from '../support/questions.ts';

test('a server that runs the image, but whose override the controller never shows to know, fails at the deadline', async () => {
  const cluster = fakeCluster({ sets: [{ replicas: 1, reclaimPolicy: 'Delete' }] });
  const { servers } = await cluster.listServers(SET);
  const input = {
    set: SET,
    servers: servers.map(planned),
    container: SIDECAR,
    image: NEW_IMAGE,
    from: OLD_IMAGE,
    direction: 'forward',
    before: {},
    deadline: Date.now() + 5_000,
    timeout: 5_000,
    failFast: 0,
    maxUnavailable: 1,
    token: 'one',
  } as const;
  await inActivity(() => overrideServers(cluster)(input));
  // A retry finds the work done, and nobody there who could show that it was seen.
  cluster.set().controllersDown = true;
  const again = { ...input, token: 'two', timeout: 300, deadline: Date.now() + 1_000 };
  const { result } = await inActivity(() => overrideServers(cluster)(again), { attempt: 2 });
  expect(result.failures).toMatchObject([
    { server: 'duel-0', class: 'overridden', reason: expect.stringContaining('kruise-game-manager') as string },
  ]);
});
