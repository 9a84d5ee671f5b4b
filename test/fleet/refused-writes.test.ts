import { afterAll, beforeAll, expect, test } from 'vitest';
import { allowPodImages, denyPodImage } from '../support/admission.ts';
import { FleetWorld } from '../support/fleet-world.ts';
import type { ReleaseState } from '../../release/progress/state.ts';
import type { ReleaseFile } from '../../release/spec/spec.ts';
import { fleetImage, ownerLabel, podsOf } from '../lab/game-server-sets.ts';
import { hasCondition } from '../lab/kubernetes-objects.ts';
import { until } from '../lab/until.ts';

let world: FleetWorld;

beforeAll(async () => {
  world = await FleetWorld.start({ podBudgets: true });
});

afterAll(() => world.stop());

const ALL_AT_ONCE = '  waves: [rest]';
const SAYS = 'images have to be signed by the studio';

function waiting(file: ReleaseFile, milliseconds: number): ReleaseFile {
  return { ...file, spec: { ...file.spec, ready: { timeout: milliseconds } } };
}

/** A budget of OpenKruise that lets so many servers of a set be away; resolves when it has counted them. */
async function budget(set: string, maxUnavailable: number): Promise<void> {
  const path = '/apis/policy.kruise.io/v1alpha1/namespaces/default/podunavailablebudgets';
  await world.lab.api.create(path, {
    apiVersion: 'policy.kruise.io/v1alpha1',
    kind: 'PodUnavailableBudget',
    metadata: { name: `budget-of-${set}` },
    spec: { selector: { matchLabels: { [ownerLabel]: set } }, maxUnavailable },
  });
  await until({ what: `the budget of ${set} to protect its pods`, deadlineMs: 30_000, everyMs: 100 }, async () => {
    const pods = await podsOf(world.lab.api, set);
    return pods.every(({ metadata }) => metadata.annotations?.['kruise.io/related-pub'] !== undefined);
  });
}

async function areReady(set: string): Promise<boolean> {
  return (await podsOf(world.lab.api, set)).every((pod) => hasCondition(pod, 'Ready'));
}

test('a policy that denies the write of a pod is named, long before time is over, and nobody is left out of service', async () => {
  await world.aSet('denied');
  await denyPodImage(world.lab.api, { set: 'denied', image: fleetImage('v2.0'), message: SAYS });
  const started = Date.now();
  const release = await world.hotwave.start(waiting(world.release('denied', 'v2.0', ALL_AT_ONCE), 300_000));
  const result = await release.result();
  expect(result).toMatchObject({ outcome: 'rolled-back', restartsOfMainContainers: 0, recreatedPods: 0 });
  const { failedBefore: failures = [] } = await release.state();
  expect(failures.map(({ server, class: kind }) => [server, kind])).toEqual([
    ['denied-2', 'refused'],
    ['denied-1', 'refused'],
    ['denied-0', 'refused'],
  ]);
  expect(failures[0]!.reason).toBe(
    `the write of its new image is refused: pods "denied-2" is forbidden: ValidatingAdmissionPolicy 'policy-of-denied' with binding 'policy-of-denied' denied request: ${SAYS}`,
  );
  expect(failures[1]!.reason).toMatch(
    /^Kruise does not come to it: the write of the new image of denied-2 is refused: /,
  );
  expect(Date.now() - started).toBeLessThan(80_000);
  expect(await areReady('denied')).toBe(true);
  expect(await world.versions('denied')).toEqual(['v1.0', 'v1.0', 'v1.0']);
});

test('a denial is named again when it is tried again, and a person lifts it while the release is paused', async () => {
  await world.aSet('lifted');
  await denyPodImage(world.lab.api, { set: 'lifted', image: fleetImage('v2.0'), message: SAYS });
  const file = world.release('lifted', 'v2.0', '  onFailure: { then: pause }');
  const release = await world.hotwave.start(waiting(file, 300_000));
  const isPaused = ({ phase, pausedBecause }: ReleaseState): boolean =>
    phase === 'paused' && pausedBecause?.includes(SAYS) === true;
  await release.until('the pause', isPaused);
  await release.decide({ verb: 'retry' });
  await release.until('another try', ({ phase }) => phase === 'updating');
  // Kruise has sent most of its events by now.
  await release.until('another pause', isPaused);
  await allowPodImages(world.lab.api, 'lifted');
  await release.decide({ verb: 'retry' });
  expect(await release.result()).toMatchObject({ outcome: 'done', recreatedPods: 0, restartsOfMainContainers: 0 });
  expect(await world.versions('lifted')).toEqual(['v2.0', 'v2.0', 'v2.0']);
});

test('a budget that keeps OpenKruiseGame from writing an override is named when time is over', async () => {
  await world.aSet('budgeted', { reclaimPolicy: 'Delete' });
  await budget('budgeted', 0);
  const targeted = '  strategy: targeted\n  target: { gameServerSet: budgeted, servers: { servers: [1] } }\n';
  const release = await world.hotwave.start(waiting(world.release('budgeted', 'v2.0', targeted), 15_000));
  await release.result();
  const { failedBefore: failures = [] } = await release.state();
  expect(failures.map(({ server, class: kind, reason }) => [server, kind, reason])).toEqual([
    [
      'budgeted-1',
      'refused',
      'not Ready within 15s: the write of its new image is refused: a PodUnavailableBudget has no room for one more server that is not available',
    ],
  ]);
});

test('a budget does not stop a rolling release: Kruise takes a server out of service before it asks', async () => {
  await world.aSet('spared');
  await budget('spared', 0);
  const release = await world.hotwave.start(world.release('spared', 'v2.0'));
  expect(await release.result()).toMatchObject({ outcome: 'done', recreatedPods: 0, restartsOfMainContainers: 0 });
});

test('without the right to read events the reason says what the pods show, and nothing else', async () => {
  const path = '/apis/rbac.authorization.k8s.io/v1/clusterroles/hotwave';
  const { rules } = await world.lab.api.get<
    { readonly rules: readonly { readonly resources: readonly string[] }[] } & { readonly metadata: never }
  >(path);
  await world.lab.api.patch(path, { rules: rules.filter(({ resources }) => !resources.includes('events')) });
  await world.aSet('blind');
  await denyPodImage(world.lab.api, { set: 'blind', image: fleetImage('v2.0'), message: SAYS });
  const release = await world.hotwave.start(waiting(world.release('blind', 'v2.0', ALL_AT_ONCE), 20_000));
  expect(await release.result()).toMatchObject({ outcome: 'rolled-back' });
  const { failedBefore: failures = [] } = await release.state();
  expect(failures.map(({ server, class: kind, reason }) => [server, kind, reason])).toEqual([
    [
      'blind-2',
      'notReady',
      'not Ready within 20s: Kruise took it out of service for the update and has not written its image: admission refuses the write, for which its log has the reason, or Kruise is away',
    ],
    ['blind-1', 'notReady', 'not Ready within 20s: waits for Kruise to write the image'],
    ['blind-0', 'notReady', 'not Ready within 20s: waits for Kruise to write the image'],
  ]);
  await world.lab.api.patch(path, { rules });
});
