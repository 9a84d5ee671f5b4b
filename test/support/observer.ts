import { expect } from 'vitest';
import { MAIN, MAIN_IMAGE, SIDECAR } from './builders.ts';
import type { FakeCluster, LogEntry } from './fake-cluster.ts';
import { effects } from './fake-log.ts';

// The facts of the cluster itself, whatever a release says about it.

/** The version that each engine has loaded, by server. */
export function loadedBy(cluster: FakeCluster): Record<string, string> {
  return Object.fromEntries([...cluster.set().servers].map(([name, { engine }]) => [name, engine.loaded]));
}

/** Every server of the set with the same version; `others` says where it differs. */
export function everyServer(
  cluster: FakeCluster,
  version: string,
  others: Readonly<Record<string, string>> = {},
): Record<string, string> {
  return { ...Object.fromEntries([...cluster.set().servers.keys()].map((name) => [name, version])), ...others };
}

/** The image of its own that each GameServer asks for, where it does. */
export function overridesIn(cluster: FakeCluster): Record<string, string> {
  return Object.fromEntries(
    [...cluster.set().gameServers].flatMap(([name, { spec }]) =>
      (spec.containers ?? []).filter(({ image }) => image !== '').map(({ image }) => [name, image]),
    ),
  );
}

/** The image of the sidecar in each pod. */
export function imagesIn(cluster: FakeCluster): Record<string, string> {
  return Object.fromEntries(
    [...cluster.set().servers].map(([name, server]) => [name, server.container(SIDECAR)!.image]),
  );
}

/** The servers whose engine was started again or got another image, whoever wanted it. */
export function enginesTouched(cluster: FakeCluster): string[] {
  return cluster
    .set()
    .sorted()
    .filter((server) => {
      const { image, status } = server.container(MAIN)!;
      return status.restartCount > 0 || image !== MAIN_IMAGE;
    })
    .map(({ name }) => name);
}

/** The number of entries in the cluster's log: a mark for {@link expectNothingSince}. */
export function now(cluster: FakeCluster): number {
  return cluster.log.length;
}

/** Nobody wrote, told or moved anything since the mark. */
export function expectNothingSince(cluster: FakeCluster, mark: number): void {
  expect(effects(cluster, mark).map(briefly)).toEqual([]);
}

function briefly(entry: LogEntry): string {
  switch (entry.kind) {
    case 'patch':
      return `patch ${entry.target.name}: ${JSON.stringify(entry.patch.changes).slice(0, 150)}`;
    case 'exec':
      return `exec ${entry.server}: ${entry.command.join(' ')}`;
    case 'moved':
      return `moved ${entry.server}/${entry.container} to ${entry.image}`;
    default:
      return entry.kind;
  }
}
