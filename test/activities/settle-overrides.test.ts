import { expect, test } from 'vitest';
import { settleOverrides } from '../../activities/game-servers/settle-overrides.ts';
import { inActivity } from '../support/activity-context.ts';
import { OLD_IMAGE, SET, SIDECAR } from '../support/builders.ts';
import { DENIED, denying } from '../support/denying.ts';
import { fakeCluster } from '../support/fake-cluster.ts';

test('a webhook that lets an override not be taken away is quoted at once, and the others are taken away', async () => {
  const cluster = fakeCluster();
  const servers = ['duel-1', 'duel-2'];
  for (const name of servers)
    cluster.editServer('hotwave', name, ({ spec }) => {
      spec.containers = [{ name: SIDECAR, image: OLD_IMAGE }];
    });
  const input = { set: SET, servers, container: SIDECAR, token: 'scripts-2-0', deadline: Date.now() + 600_000 };
  const { result } = await inActivity(() => settleOverrides(denying(cluster, 'duel-2'))(input));
  const reason = `the API server refuses the write of GameServer duel-2: ${DENIED}`;
  expect(result).toMatchObject({ passed: 1, failures: [{ server: 'duel-2', class: 'overridden', reason }] });
  const overridden = [...cluster.set().gameServers].filter(([, { spec }]) => (spec.containers ?? []).length > 0);
  expect(overridden.map(([name]) => name)).toEqual(['duel-2']);
});
