import { describe, expect, test } from 'vitest';
import { planReleaseActivity } from '../../activities/preflight/preflight.ts';
import { ClusterFailure } from '../../activities/ports/failure.ts';
import { NO_RELEASES } from '../../activities/ports/releases.ts';
import { unpackPlan } from '../../release/plan/packed-plan.ts';
import type { PreflightResult } from '../../release/plan/preflight.ts';
import { didYouMean } from '../../release/spec/did-you-mean.ts';
import { inActivity } from '../support/activity-context.ts';
import { MAIN, NEW_IMAGE, SET, SIDECAR, USER_STRATEGY } from '../support/builders.ts';
import { fakeCluster } from '../support/fake-cluster.ts';
import type { FakeCluster } from '../support/fake-cluster.ts';
import { releaseFrom } from '../support/release-file.ts';

const DENIAL =
  'hotwave may not run commands in pod duel-9: it is of none of the sets in annotation hotwave.dev/exec-sets of the namespace';

const FILE = releaseFrom(`
apiVersion: hotwave.dev/v1
kind: Release
metadata: { name: r }
spec:
  target: { namespace: ${SET.namespace}, gameServerSet: ${SET.name} }
  images: { ${SIDECAR}: "${NEW_IMAGE}" }
  waves: [1, rest]
  reload: { self: {} }
  proof: { exec: { container: ${MAIN}, command: [game, version] } }
`);

async function planOn(cluster: FakeCluster, file = FILE): Promise<PreflightResult> {
  const around = { cluster, metrics: undefined, calendar: undefined, releases: NO_RELEASES };
  return (await inActivity<PreflightResult>(() => planReleaseActivity(around)({ file }))).result;
}

/** A cluster whose policy refuses commands. */
function withoutCommands(cluster = fakeCluster()): FakeCluster {
  cluster.exec = () => Promise.reject(new ClusterFailure('forbidden', DENIAL, { retryable: false }));
  return cluster;
}

const refusalsOf = ({ lines }: PreflightResult): string[] =>
  lines.flatMap(({ title, status, detail }) => (status === 'refused' ? [`${title}: ${detail}`] : []));

const commandsOf = ({ lines }: PreflightResult): Record<string, readonly string[]> =>
  Object.fromEntries(
    lines.flatMap(({ title, status, commands = [] }) => (status === 'refused' ? [[title, commands]] : [])),
  );

describe('a plan that is refused', () => {
  test('because a policy refuses the commands of its proof has its waves all the same', async () => {
    const result = await planOn(withoutCommands());
    expect(refusalsOf(result)).toEqual([`proof before the release: ${DENIAL}`]);
    expect(result.lines.at(-1)).toMatchObject({ title: 'dry run', status: 'ok' });
    expect(unpackPlan(result.plan!).waves.map(({ servers }) => servers.length)).toEqual([1, 9]);
  });

  test('for several reasons says all of them in one run', async () => {
    const rollingUpdate = { ...USER_STRATEGY.rollingUpdate, paused: true };
    const model = { sets: [{ updateStrategy: { ...USER_STRATEGY, rollingUpdate } }] };
    expect(refusalsOf(await planOn(withoutCommands(fakeCluster(model))))).toEqual([
      'update strategy: duel is paused (spec.updateStrategy.rollingUpdate.paused): resume it, or end the release that paused it',
      `proof before the release: ${DENIAL}`,
    ]);
  });

  test('for want of a right says so once, also where a later check needs it', async () => {
    const cluster = withoutCommands();
    const exec = { verb: 'get', group: '', resource: 'pods', subresource: 'exec', namespace: 'arena' };
    cluster.missingAccess = () => Promise.resolve([exec]);
    expect(refusalsOf(await planOn(cluster))).toEqual([
      'permissions: the worker may not get pods/exec in namespace arena: apply deploy/rbac.yaml, and bind its roles in that namespace as its head says',
    ]);
  });

  test('says of each refusal what to type, where a command mends it', async () => {
    const rollingUpdate = { ...USER_STRATEGY.rollingUpdate, podUpdatePolicy: 'ReCreate' };
    const overrides = {
      'duel-1': { [SIDECAR]: 'registry.test/scripts:0.9' },
      'duel-2': { [SIDECAR]: 'registry.test/scripts:0.9' },
    };
    const cluster = fakeCluster({ sets: [{ updateStrategy: { ...USER_STRATEGY, rollingUpdate }, overrides }] });
    cluster.missingAccess = (wanted) => Promise.resolve(wanted.filter(({ subresource }) => subresource === 'exec'));
    expect(commandsOf(await planOn(cluster))).toEqual({
      permissions: [
        'kubectl -n arena create rolebinding hotwave-exec --clusterrole hotwave-exec --serviceaccount hotwave-system:hotwave',
      ],
      'update strategy': [
        `kubectl patch gameserverset duel -n arena --type merge -p '{ "spec": { "updateStrategy": { "rollingUpdate": { "podUpdatePolicy": "InPlaceIfPossible" } } } }'`,
      ],
      overrides: [
        `kubectl patch gameserver duel-1 duel-2 -n arena --type merge -p '{ "spec": { "containers": null } }'`,
      ],
    });
  });

  test('for overrides that hold more than the image keeps the rest, with a command for each kind', async () => {
    const cluster = fakeCluster({
      sets: [{ overrides: { 'duel-1': { [SIDECAR]: 'x:1' }, 'duel-2': { [MAIN]: 'y:1', [SIDECAR]: 'x:1' } } }],
    });
    cluster.editServer('ann', 'duel-3', (server) => {
      server.spec.containers = [{ name: SIDECAR, image: 'x:1', resources: { limits: { cpu: '1' } } } as never];
    });
    expect(commandsOf(await planOn(cluster))['overrides']).toEqual([
      `kubectl patch gameserver duel-1 -n arena --type merge -p '{ "spec": { "containers": null } }'`,
      `kubectl patch gameserver duel-2 -n arena --type json -p '[ { "op": "remove", "path": "/spec/containers/1" } ]'`,
      `kubectl patch gameserver duel-3 -n arena --type json -p '[ { "op": "remove", "path": "/spec/containers/0/image" } ]'`,
    ]);
  });

  test('for overrides of very many servers has a command for the first twenty, and says so', async () => {
    const overrides = Object.fromEntries(
      Array.from({ length: 30 }, (_, index) => [`duel-${index}`, { [SIDECAR]: 'x:1' }]),
    );
    const result = await planOn(fakeCluster({ sets: [{ replicas: 30, overrides }] }));
    const [command = '', ...more] = commandsOf(result)['overrides'] ?? [];
    expect(more).toEqual([]);
    expect(command.match(/duel-\d+/g)).toHaveLength(20);
    expect(refusalsOf(result).join()).toContain('the command is for the first 20, plan again after it');
  });

  test('because of a container that there is not is still looked at otherwise', async () => {
    const rollingUpdate = { ...USER_STRATEGY.rollingUpdate, paused: true };
    const cluster = fakeCluster({ sets: [{ updateStrategy: { ...USER_STRATEGY, rollingUpdate } }] });
    const { spec, ...rest } = FILE;
    const file = {
      ...rest,
      spec: { ...spec, images: { scrpits: NEW_IMAGE }, proof: { serviceQuality: { name: 'v', within: 0 } } },
    };
    expect(refusalsOf(await planOn(cluster, file))).toEqual([
      'update strategy: duel is paused (spec.updateStrategy.rollingUpdate.paused): resume it, or end the release that paused it',
      `containers: spec.images names container scrpits, which the template does not have${didYouMean('scrpits', [SIDECAR])}: it has ${MAIN}, ${SIDECAR}`,
      'service qualities: spec.proof names service quality v, which duel does not have: it has none',
    ]);
  });

  test('because there is no such set says nothing of what nobody could look at', async () => {
    const cluster = fakeCluster();
    cluster.readSet = () => Promise.resolve(undefined);
    const { lines, plan } = await planOn(cluster);
    expect(lines.map(({ title, status }) => `${title} ${status}`)).toEqual([
      'halt ok',
      'permissions ok',
      'set refused',
    ]);
    expect(plan).toBeUndefined();
  });
});
