import { expect, test } from 'vitest';
import { followNewServers } from '../../activities/servers/follow-new-servers.ts';
import type { NewServersReport } from '../../activities/servers/follow-new-servers.ts';
import { lookAtFleet } from '../../activities/servers/look-at-fleet.ts';
import { rollbackSnapshot } from '../../activities/servers/rollback-snapshot.ts';
import { packBases } from '../../release/fleet/basis.ts';
import type { ServerView } from '../../release/fleet/fleet.ts';
import { shortUid } from '../../release/fleet/identity.ts';
import { packServers, unpackServers } from '../../release/fleet/server-rows.ts';
import type { Cluster } from '../../activities/ports/cluster.ts';
import type { SetBaseline } from '../../release/patches/patches.ts';
import { inActivity } from '../support/activity-context.ts';
import { MAIN, NEW_IMAGE, OLD_IMAGE, SET, SIDECAR, aServer, aSet, servers } from '../support/builders.ts';
import { fakeCluster } from '../support/fake-cluster.ts';
import { planned } from '../support/questions.ts';

const CONTAINERS = [MAIN, SIDECAR];
const PLANNED = { ordinals: '0-2', youngestPod: 0 };

/** A cluster whose servers are these, and everything else is that of the fake one. */
function clusterOf(views: readonly ServerView[]): Cluster {
  const fake = fakeCluster();
  return Object.assign(Object.create(fake) as Cluster, {
    listServers: () => Promise.resolve({ servers: views, resourceVersion: '1' }),
    readSet: () => Promise.resolve(aSet({ replicas: views.length })),
  });
}

/** Three planned servers of the first second, and what came later. */
function fleet(...came: readonly ServerView[]): ServerView[] {
  return [...servers(3, () => ({ createdAt: 0 })), ...came];
}

const came = (ordinal: number, sidecarImage: string, more: Parameters<typeof aServer>[0] = {}): ServerView =>
  aServer({ ordinal, createdAt: 5, sidecarImage, ...more });

test.each([
  ['in the first look only who runs the version that is taken back is named', false, ['duel-3']],
  ['in the last look whoever came and serves is named, whatever image it has', true, ['duel-3', 'duel-4']],
])('a rollback: %s', async (_, isSweep, names) => {
  const cluster = clusterOf(
    fleet(came(3, NEW_IMAGE), came(4, OLD_IMAGE), came(5, OLD_IMAGE, { ready: false, deleting: true })),
  );
  const baseline = { container: SIDECAR, oldImage: OLD_IMAGE, newImage: NEW_IMAGE } as SetBaseline;
  const input = { set: SET, baseline, containers: CONTAINERS, planned: PLANNED, isSweep };
  const { result } = await inActivity(() => rollbackSnapshot(cluster)({ ...input, servers: packServers([]) }));
  expect(unpackServers(SET, result.newcomers).map(({ name }) => name)).toEqual(names);
  expect(result.touched).toEqual(['duel-3']);
  expect(Object.keys(result.before)).toEqual(['duel-3']);
});

test('a look counts who came and was not dealt with, and only when it is asked to', async () => {
  const settled = came(3, NEW_IMAGE);
  const cluster = clusterOf(fleet(settled, came(4, NEW_IMAGE)));
  const input = { set: SET, container: SIDECAR, containers: CONTAINERS, expected: packBases([]) };
  const look = async (more: object): Promise<unknown> =>
    (await inActivity(() => lookAtFleet(cluster)({ ...input, ...more }))).result;
  const known = { planned: PLANNED, settled: [shortUid(settled.uid)] };
  expect(await look({ known })).toEqual({ missing: [], changed: [], more: 0, came: 1 });
  expect(await look({})).toEqual({ missing: [], changed: [], more: 0 });
});

/** The knowledge after one look at these, for a release that has planned with those. */
async function followed(
  live: readonly ServerView[],
  older: readonly ServerView[],
  settled: readonly string[] = [],
): Promise<NewServersReport> {
  const input = {
    set: SET,
    container: SIDECAR,
    image: NEW_IMAGE,
    version: '2.0',
    proof: { http: { port: 80, path: '/version', within: 200, timeout: 100 } },
    bystanders: packServers(older.map(planned)),
    settled,
    timeout: 1_000,
    until: 0,
  };
  return (await inActivity(() => followNewServers(clusterOf(live))(input))).result;
}

test('who follows new servers leaves those alone that have the old image or ran the new one before, and says who is gone', async () => {
  const older = servers(3, (ordinal) => ({ createdAt: 0, sidecarImage: ordinal === 0 ? NEW_IMAGE : OLD_IMAGE }));
  const report = await followed([...older.slice(0, 2), came(4, OLD_IMAGE)], older, ['gone']);
  expect(report).toMatchObject({ failures: [], proved: [], settled: [], gone: [shortUid(older[2]!.uid), 'gone'] });
});

test('an older server that is given the new image while new ones are followed has moved', async () => {
  const moved = servers(1, () => ({ createdAt: 0, sidecarImage: NEW_IMAGE, sidecarStatus: { restartCount: 1 } }));
  const report = await followed(
    moved,
    servers(1, () => ({ createdAt: 0 })),
  );
  expect(report.failures).toMatchObject([{ server: 'duel-0', class: 'moved' }]);
});
