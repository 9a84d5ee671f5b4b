import type { SetRef } from '../release/fleet/fleet.ts';
import type { PatchTarget } from '../release/patches/patches.ts';
import { ClusterFailure } from '../activities/ports/failure.ts';

/** The version of OpenKruiseGame's objects that is read and written. */
export const GAME_VERSION = 'game.kruise.io/v1alpha1';
const GAME = `/apis/${GAME_VERSION}`;
const RESOURCES = { GameServerSet: 'gameserversets', GameServer: 'gameservers' } as const;
/** RFC 1123 subdomain, the widest name that Kubernetes takes for the objects that are read here. */
const NAME = /^[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?$/;

/** A name as a part of a path. Names come from release files: "../" must not lead to another resource. */
export function checkedName(name: string): string {
  if (NAME.test(name)) return name;
  throw new ClusterFailure('invalid', `"${name.slice(0, 100)}" is not a name that Kubernetes takes`, {
    retryable: false,
  });
}

/** Where a GameServerSet or GameServer is. @throws ClusterFailure `invalid` for a name that cannot be one. */
export function objectPath(target: PatchTarget): string {
  return `${GAME}/namespaces/${checkedName(target.namespace)}/${RESOURCES[target.kind]}/${checkedName(target.name)}`;
}

/** Where the GameServers of a namespace are. */
export function gameServersPath(namespace: string): string {
  return `${GAME}/namespaces/${checkedName(namespace)}/gameservers`;
}

/** Where the GameServerSets of a namespace are. */
export function gameServerSetsPath(namespace: string): string {
  return `${GAME}/namespaces/${checkedName(namespace)}/gameserversets`;
}

/** Where the Advanced StatefulSet of a set is: it has the set's name (OpenKruiseGame v1.0.0). */
export function workloadPath(ref: SetRef): string {
  return `/apis/apps.kruise.io/v1beta1/namespaces/${checkedName(ref.namespace)}/statefulsets/${checkedName(ref.name)}`;
}

/** Where the pods of a namespace are. */
export function podsPath(namespace: string): string {
  return `/api/v1/namespaces/${checkedName(namespace)}/pods`;
}

/** Where the events of a namespace are. */
export function eventsPath(namespace: string): string {
  return `/api/v1/namespaces/${checkedName(namespace)}/events`;
}

/** Where one asks who one is. */
export const SELF_REVIEW_PATH = '/apis/authentication.k8s.io/v1/selfsubjectreviews';

/** Where one asks what one may do. */
export const ACCESS_REVIEW_PATH = '/apis/authorization.k8s.io/v1/selfsubjectaccessreviews';
