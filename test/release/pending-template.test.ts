import { describe, expect, test } from 'vitest';
import type { WorkloadView } from '../../release/fleet/fleet.ts';
import type { FleetSnapshot } from '../../release/plan/plan.ts';
import { asServersRun, pendingImages, pendingText } from '../../release/plan/pending-template.ts';
import { changedTemplateFields } from '../../release/patches/template.ts';
import { setBaseline } from '../../release/patches/patches.ts';
import {
  MAIN,
  MAIN_IMAGE,
  NEW_IMAGE,
  NEW_REVISION,
  SET,
  SIDECAR,
  USER_STRATEGY,
  aWorkload,
} from '../support/builders.ts';
import { fakeCluster } from '../support/fake-cluster.ts';

const NEXT_ENGINE = MAIN_IMAGE.replace('1.0', '1.1');
const HELD = { ...USER_STRATEGY, rollingUpdate: { ...USER_STRATEGY.rollingUpdate, partition: 10 } };

/** A set whose template has another engine than its servers, who may not move. */
async function staged(): Promise<{ readonly snapshot: FleetSnapshot; readonly workload: WorkloadView }> {
  const cluster = fakeCluster({ sets: [{ updateStrategy: HELD }] });
  cluster.edit('helm', ({ spec }) => {
    spec.gameServerTemplate.spec.containers.find(({ name }) => name === MAIN)!.image = NEXT_ENGINE;
  });
  const set = (await cluster.readSet(SET))!;
  const { servers } = await cluster.listServers(SET);
  const gameServers = await cluster.listGameServers(SET);
  const workload = aWorkload({ updateRevision: NEW_REVISION, containers: set.containers });
  return { snapshot: { set, servers, gameServers }, workload };
}

describe('an image that is staged in the template for another container', () => {
  test('is found, and who does not run it, also before the controllers know of it', async () => {
    const { snapshot, workload } = await staged();
    for (const known of [workload, aWorkload({ updateRevision: snapshot.servers[0]!.revision }), undefined]) {
      const [first] = pendingImages(snapshot, SIDECAR, known);
      expect(first).toMatchObject({ container: MAIN, image: NEXT_ENGINE, runs: MAIN_IMAGE });
      expect(first!.servers).toHaveLength(10);
      expect(pendingText(first!, 'duel')).toContain('/spec/gameServerTemplate/spec/containers/0/image');
    }
  });

  test('is not what a GameServer overrides, nor what admission made of it at the revision of the template', async () => {
    const { snapshot, workload } = await staged();
    const gameServers = snapshot.gameServers.map((one) => ({ ...one, imageOverrides: { [MAIN]: MAIN_IMAGE } }));
    expect(pendingImages({ ...snapshot, gameServers }, SIDECAR, workload)).toEqual([]);
    const servers = snapshot.servers.map((one) => ({ ...one, revision: NEW_REVISION }));
    expect(pendingImages({ ...snapshot, servers }, SIDECAR, workload)).toEqual([]);
  });

  test('is a change of the template for whoever goes back', async () => {
    const { snapshot, workload } = await staged();
    const baseline = setBaseline(snapshot.set, SIDECAR, NEW_IMAGE)!;
    expect(changedTemplateFields(baseline, snapshot.set)).toEqual({});
    const asRun = asServersRun(baseline, pendingImages(snapshot, SIDECAR, workload));
    expect(changedTemplateFields(asRun, snapshot.set)).toEqual({ '/spec/containers/0/image': NEXT_ENGINE });
  });

  test('is not there while all run what the template says', async () => {
    const { snapshot, workload } = await staged();
    const set = { ...snapshot.set, containers: snapshot.servers[0]!.containers };
    expect(pendingImages({ ...snapshot, set }, SIDECAR, workload)).toEqual([]);
  });
});
