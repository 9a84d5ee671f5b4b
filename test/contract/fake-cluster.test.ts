import { fakeCluster } from '../support/fake-cluster.ts';
import { gitOps } from '../support/fake-git-ops.ts';
import { applyJsonPatch } from '../support/json-patch.ts';
import { MAIN, SIDECAR } from '../support/builders.ts';
import { describeClusterContract } from './cluster-contract.ts';

describeClusterContract('in memory', () => {
  // A set per test, all in one cluster: as on a real API server.
  const image = (tag: string): string => `registry.test/scripts:${tag}`;
  const names = Array.from({ length: 30 }, (_, index) => `set-${index}`);
  const containers = [
    { name: MAIN, image: 'registry.test/engine:1.0' },
    { name: SIDECAR, image: image('1.0') },
  ];
  const cluster = fakeCluster({
    sets: names.map((name) => ({ ref: { namespace: 'default', name }, replicas: 4, containers })),
  });
  return Promise.resolve({
    cluster,
    enginePort: 8080,
    newSet() {
      const ref = { namespace: 'default', name: names.pop()! };
      const manifest = structuredClone(cluster.set(ref).raw);
      return Promise.resolve({
        ref,
        main: MAIN,
        sidecar: SIDECAR,
        image,
        mainImage: (tag) => `registry.test/engine:${tag}`,
        edit(manager: string, path: string, value: unknown) {
          cluster.edit(
            manager,
            (set) => Object.assign(set, applyJsonPatch(set, [{ op: 'replace', path, value }])),
            ref,
          );
          return Promise.resolve();
        },
        restore(manager, by) {
          gitOps(cluster, { manager, by, ref, manifest }).sync();
          return Promise.resolve();
        },
        rankBy(name, updatePriority) {
          const quality = { name, serviceQualityAction: [{ state: true, updatePriority }] };
          cluster.edit('owner', ({ spec }) => (spec.serviceQualities = [quality]), ref);
          return Promise.resolve();
        },
        denyImage(denied, says) {
          cluster.set(ref).podAdmission = (server, images) =>
            images.some((asked) => asked.image === denied)
              ? `pods "${server}" is forbidden: ValidatingAdmissionPolicy 'test' with binding 'test' denied request: ${says}`
              : undefined;
          return Promise.resolve();
        },
        described() {
          return Promise.resolve(cluster.eventsOf(ref).map(({ set: _, ...event }) => ({ ...event, from: 'hotwave' })));
        },
        reportQuality(server, name, result) {
          cluster.reportQuality(server, name, result);
          return Promise.resolve();
        },
      });
    },
    stop: () => Promise.resolve(),
  });
});
