import { expect, test } from 'vitest';
import { settleOverrides } from '../../activities/game-servers/settle-overrides.ts';
import { inActivity } from '../support/activity-context.ts';
import { NEW_IMAGE, OLD_IMAGE, SET, SIDECAR } from '../support/builders.ts';
import { DENIED, denying } from '../support/denying.ts';
import { fakeCluster } from '../support/fake-cluster.ts';

test('a webhook that lets an override not be taken away is quoted at once, and the others are taken away', async () => {
  const cluster = fakeCluster();
  const servers = ['duel-1', 'duel-2'];
  for (const name of servers)
    cluster.editServer('hotwave', name, ({ spec }) => {
      spec.containers = [{ name: SIDECAR, image: OLD_IMAGE }];
    });
  const own = [OLD_IMAGE, NEW_IMAGE];
  const input = { set: SET, servers, container: SIDECAR, own, token: 'scripts-2-0', deadline: Date.now() + 600_000 };
  const { result } = await inActivity(() => settleOverrides(denying(cluster, 'duel-2'))(input));
  const reason = `the API server refuses the write of GameServer duel-2: ${DENIED}`;
  expect(result).toMatchObject({ passed: 1, failures: [{ server: 'duel-2', class: 'overridden', reason }] });
  const overridden = [...cluster.set().gameServers].filter(([, { spec }]) => (spec.containers ?? []).length > 0);
  expect(overridden.map(([name]) => name)).toEqual(['duel-2']);
});

test('an override that somebody else has written is not taken away, and named', async () => {
  const cluster = fakeCluster();
  const images = { 'duel-1': OLD_IMAGE, 'duel-2': 'registry.test/scripts:9.9' };
  for (const [name, image] of Object.entries(images))
    cluster.editServer('ops', name, ({ spec }) => {
      spec.containers = [{ name: SIDECAR, image }];
    });
  const own = [OLD_IMAGE, NEW_IMAGE];
  const servers = Object.keys(images);
  const input = { set: SET, servers, container: SIDECAR, own, token: 'scripts-2-0', deadline: Date.now() + 600_000 };
  const { result } = await inActivity(() => settleOverrides(cluster)(input));
  const reason =
    'somebody has given GameServer duel-2 the image registry.test/scripts:9.9 for scripts: hotwave does not take that away';
  expect(result).toMatchObject({ passed: 1, failures: [{ server: 'duel-2', class: 'overridden', reason }] });
  expect(cluster.set().gameServers.get('duel-2')?.spec.containers).toEqual([
    { name: SIDECAR, image: images['duel-2'] },
  ]);
});
