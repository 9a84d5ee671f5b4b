import { expect, test } from 'vitest';
import { overrideServers } from '../../activities/game-servers/override-servers.ts';
import { containerOf, isServing } from '../../release/fleet/fleet.ts';
import type { Probe } from '../../release/spec/probe-spec.ts';
import type { StepReport } from '../../release/checks/verdict.ts';
import { inActivity } from '../support/activity-context.ts';
import { NEW_IMAGE, OLD_IMAGE, SET, SIDECAR } from '../support/builders.ts';
import type { FakeCluster } from '../support/fake-cluster.ts';
import { fakeCluster } from '../support/fake-cluster.ts';
import type { FakeServer } from '../support/fake-server.ts';
import { planned } from '../support/questions.ts';
import type { OverrideServersInput } from '../../activities/game-servers/override-servers.ts';
import { packServers } from '../../release/fleet/server-rows.ts';

async function inputFor(cluster: FakeCluster): Promise<OverrideServersInput> {
  const { servers } = await cluster.listServers(SET);
  return {
    set: SET,
    servers: packServers(servers.map(planned)),
    container: SIDECAR,
    image: NEW_IMAGE,
    from: OLD_IMAGE,
    direction: 'forward',
    before: {},
    deadline: Date.now() + 10_000,
    timeout: 10_000,
    failFast: 0,
    maxUnavailable: 10,
    token: 'one',
  };
}

async function run(cluster: FakeCluster, input: OverrideServersInput, attempt = 1): Promise<StepReport> {
  return (await inActivity(() => overrideServers(cluster)(input), { attempt })).result;
}

/** The image that each GameServer of the set overrides. */
function overridesIn(cluster: FakeCluster): (string | undefined)[] {
  return [...cluster.set().gameServers.values()].map(({ spec }) => spec.containers?.[0]?.image);
}

function writesOf(cluster: FakeCluster): number {
  return cluster.log.filter(({ kind }) => kind === 'patch').length;
}

function hasArrived(server: FakeServer): boolean {
  const view = server.view();
  return isServing(view) && containerOf(view.containers, SIDECAR)?.status?.image === NEW_IMAGE;
}

test('each server is written once, and who is done makes room for the next', async () => {
  const cluster = fakeCluster({ sets: [{ replicas: 6, reclaimPolicy: 'Delete' }] });
  const onTheirWay: number[] = [];
  cluster.faults.before(
    'patch',
    () => {
      const arrived = cluster.set().sorted().filter(hasArrived).length;
      onTheirWay.push(writesOf(cluster) - arrived);
    },
    6,
  );
  const report = await run(cluster, { ...(await inputFor(cluster)), maxUnavailable: 2 });
  expect(report).toMatchObject({ passed: 6, failures: [] });
  expect(writesOf(cluster)).toBe(6);
  expect(Math.max(...onTheirWay)).toBe(1);
});

test('an override that an older state undoes is written again as soon as that shows', async () => {
  const overrides = Object.fromEntries([0, 1, 2].map((n) => [`duel-${n}`, { [SIDECAR]: OLD_IMAGE }]));
  const cluster = fakeCluster({ sets: [{ replicas: 3, reclaimPolicy: 'Delete', overrides }] });
  cluster.loseGameServerWrites(2);
  const started = Date.now();
  expect(await run(cluster, await inputFor(cluster))).toMatchObject({ passed: 3, failures: [] });
  expect(overridesIn(cluster)).toEqual([NEW_IMAGE, NEW_IMAGE, NEW_IMAGE]);
  expect(writesOf(cluster)).toBe(5);
  expect(Date.now() - started).toBeLessThan(4_000);
});

test('an override that is lost after its server was found done is found by the last look, and written again', async () => {
  let undone = 0;
  const cluster: FakeCluster = fakeCluster({
    sets: [{ replicas: 2, reclaimPolicy: 'Delete' }],
    exec: ({ server }) => {
      if (server === 'duel-1' && undone++ === 0) {
        const { containers: _lost, ...spec } = cluster.set().gameServers.get(server)!.spec;
        cluster.set().okg.commit({ ...cluster.set().gameServers.get(server)!, spec });
      }
      return { kind: 'exited', code: 0, stdout: '2.0', stderr: '' };
    },
  });
  const probe: Probe = {
    exec: { container: SIDECAR, command: ['cat', 'VERSION'], expect: '{{version}}', timeout: 1_000, within: 0 },
  };
  const content = { probe, version: '2.0', concurrency: { total: 5, perNode: 5 } };
  expect(await run(cluster, { ...(await inputFor(cluster)), content })).toMatchObject({ passed: 2, failures: [] });
  expect(undone).toBeGreaterThan(0);
  expect(overridesIn(cluster)).toEqual([NEW_IMAGE, NEW_IMAGE]);
});

test('an image that somebody sets while the server is on its way is theirs, and the server fails', async () => {
  const cluster = fakeCluster({ sets: [{ replicas: 1, reclaimPolicy: 'Delete' }], timings: { swapMs: 2_000 } });
  const theirs = NEW_IMAGE.replace('2.0', '9.9');
  cluster.faults.before('patch', () =>
    setTimeout(() => {
      const raw = cluster.set().gameServers.get('duel-0')!;
      const containers = [{ name: SIDECAR, image: theirs }];
      cluster.set().okg.commit({ ...raw, spec: { ...raw.spec, containers } });
    }, 700),
  );
  const { failures } = await run(cluster, await inputFor(cluster));
  expect(failures).toMatchObject([{ server: 'duel-0', class: 'overridden' }]);
  expect(failures[0]?.reason).toMatch(/somebody set the image of .* in GameServer duel-0 to .*9\.9/);
  expect(overridesIn(cluster)).toEqual([theirs]);
});

test('a server that runs the image, but whose override the controller never shows to know, fails at the deadline', async () => {
  const cluster = fakeCluster({ sets: [{ replicas: 1, reclaimPolicy: 'Delete' }] });
  const input = { ...(await inputFor(cluster)), maxUnavailable: 1 };
  await run(cluster, input);
  // A retry finds the work done, and nobody there who could show that it was seen.
  cluster.set().controllersDown = true;
  const again = { ...input, token: 'two', timeout: 300, deadline: Date.now() + 1_000 };
  const { failures } = await run(cluster, again, 2);
  expect(failures).toMatchObject([
    { server: 'duel-0', class: 'overridden', reason: expect.stringContaining('kruise-game-manager') as string },
  ]);
});
