import { describe, expect, test } from 'vitest';
import { planReleaseActivity } from '../../activities/preflight/preflight.ts';
import { ClusterFailure } from '../../activities/ports/failure.ts';
import { NO_RELEASES } from '../../activities/ports/releases.ts';
import { unpackPlan } from '../../release/plan/packed-plan.ts';
import type { PreflightResult } from '../../release/plan/preflight.ts';
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

async function planOn(cluster: FakeCluster): Promise<PreflightResult> {
  const around = { cluster, metrics: undefined, calendar: undefined, releases: NO_RELEASES };
  return (await inActivity<PreflightResult>(() => planReleaseActivity(around)({ file: FILE }))).result;
}

/** A cluster whose policy refuses commands. */
function withoutCommands(cluster = fakeCluster()): FakeCluster {
  cluster.exec = () => Promise.reject(new ClusterFailure('forbidden', DENIAL, { retryable: false }));
  return cluster;
}

const refusalsOf = ({ lines }: PreflightResult): string[] =>
  lines.flatMap(({ title, status, detail }) => (status === 'refused' ? [`${title}: ${detail}`] : []));

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
