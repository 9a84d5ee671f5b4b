import type { Api } from './api.ts';
import { hasCondition } from './kubernetes-objects.ts';
import type { GameServer, KubernetesObject, Pod } from './kubernetes-objects.ts';
import { followPods } from './pod-observer.ts';
import { until } from './until.ts';

/** The GameServerSet of a test; everything but the name has a usual value. */
export interface SetOptions {
  readonly name: string;
  /** `default` when left out. */
  readonly namespace?: string;
  /** 3 when left out. */
  readonly replicas?: number;
  /** The `spec.nodeName` of every pod: `lab.nodeName`. Left out where a scheduler runs. */
  readonly nodeName?: string;
  /** The engine's image, container `app-2048`. */
  readonly mainImage?: string;
  /** The image with the hot files, container `sidecar`. */
  readonly sidecarImage?: string;
  /** `spec.updateStrategy`; a rolling update in place, all at once, when left out. */
  readonly updateStrategy?: object;
  /** `Cascade`, OpenKruiseGame's default, when left out. */
  readonly reclaimPolicy?: 'Cascade' | 'Delete';
  /** Merged into `spec`, such as `lifecycle`. */
  readonly spec?: object;
  readonly podLabels?: Readonly<Record<string, string>>;
  /** Of every pod; see fleet-failures.ts. */
  readonly podAnnotations?: Readonly<Record<string, string>>;
  /** Merged into `spec.gameServerTemplate.spec`, such as volumes or other containers. */
  readonly podSpec?: object;
}

/** A GameServerSet as the API server has it, as far as tests read it. */
export interface GameServerSet extends KubernetesObject {
  readonly spec: {
    readonly replicas: number;
    readonly gameServerTemplate: { readonly spec: { readonly containers: readonly { name: string; image: string }[] } };
    readonly updateStrategy?: { readonly rollingUpdate?: { readonly partition?: number | string } };
  };
}

/** The label on pods and GameServers with the name of their set. */
export const ownerLabel = 'game.kruise.io/owner-gss';

/** The usual container names of a set. */
export const mainContainer = 'app-2048';
export const sidecarContainer = 'sidecar';

/** Images that only the fleet knows: nothing is pulled there. */
export const fleetImage = (tag: string): string => `registry.example/2048-sidecar:${tag}`;

/** The manifest of a GameServerSet in the shape of OpenKruiseGame's hot update example. */
export function gameServerSet(options: SetOptions): object {
  const { name, namespace = 'default', replicas = 3, podAnnotations = {} } = options;
  const rollingUpdate = { podUpdatePolicy: 'InPlaceIfPossible', partition: 0, maxUnavailable: '100%' };
  return {
    apiVersion: 'game.kruise.io/v1alpha1',
    kind: 'GameServerSet',
    metadata: { name, namespace },
    spec: {
      replicas,
      updateStrategy: options.updateStrategy ?? { type: 'RollingUpdate', rollingUpdate },
      gameServerTemplate: {
        ...(options.reclaimPolicy ? { reclaimPolicy: options.reclaimPolicy } : {}),
        metadata: { annotations: podAnnotations, labels: options.podLabels ?? {} },
        spec: {
          ...(options.nodeName === undefined ? {} : { nodeName: options.nodeName }),
          automountServiceAccountToken: false,
          containers: [
            { name: mainContainer, image: options.mainImage ?? 'registry.example/2048:v1.0' },
            { name: sidecarContainer, image: options.sidecarImage ?? fleetImage('v1.0') },
          ],
          ...options.podSpec,
        },
      },
      ...options.spec,
    },
  };
}

/** The API path of one set. */
export function setPath(name: string, namespace = 'default'): string {
  return `/apis/game.kruise.io/v1alpha1/namespaces/${namespace}/gameserversets/${name}`;
}

/** The API path of one GameServer. */
export function serverPath(name: string, namespace = 'default'): string {
  return `/apis/game.kruise.io/v1alpha1/namespaces/${namespace}/gameservers/${name}`;
}

/** Creates a set and resolves when all its servers are Ready. */
export async function createSet(api: Api, options: SetOptions, deadlineMs = 60_000): Promise<readonly Pod[]> {
  const { name, namespace = 'default', replicas = 3 } = options;
  await api.create(setPath('', namespace).replace(/\/$/, ''), gameServerSet(options));
  return waitForServers(api, { name, namespace, count: replicas, deadlineMs });
}

/** Asks for another sidecar image (and update strategy) in the set's template, as `kubectl edit` would. */
export async function setImage(api: Api, name: string, image: string, rollingUpdate: object = {}): Promise<void> {
  const set = await api.get<GameServerSet>(setPath(name));
  const { containers } = set.spec.gameServerTemplate.spec;
  const changed = containers.map((container) =>
    container.name === sidecarContainer ? { ...container, image } : container,
  );
  await api.patch(setPath(name), {
    spec: { gameServerTemplate: { spec: { containers: changed } }, updateStrategy: { rollingUpdate } },
  });
}

/** Which servers to wait for. */
export interface ServerWait {
  readonly name: string;
  readonly namespace?: string;
  /** How many pods must be as wanted. */
  readonly count: number;
  readonly deadlineMs: number;
  /** A further condition for a Ready pod, such as on a new image. */
  readonly isAsWanted?: (pod: Pod) => boolean;
}

/**
 * Waits until exactly `count` pods of a set are Ready and as wanted, and returns them in the order of their ordinals.
 * Follows the pods instead of listing them again and again: that would slow down what it waits for.
 * @throws Error that tells how many were
 */
export async function waitForServers(api: Api, wait: ServerWait): Promise<readonly Pod[]> {
  const { name, namespace = 'default', count, isAsWanted = () => true, deadlineMs } = wait;
  const wanted = new Map<string, Pod>();
  let isSynced = false;
  for await (const event of followPods(api, podsPath(name, namespace), AbortSignal.timeout(deadlineMs))) {
    if (event.type === 'SYNCED') isSynced = true;
    else if (event.type !== 'DELETED' && hasCondition(event.pod, 'Ready') && isAsWanted(event.pod)) {
      wanted.set(event.pod.metadata.uid, event.pod);
    } else wanted.delete(event.pod.metadata.uid);
    if (isSynced && wanted.size === count) return [...wanted.values()].toSorted((a, b) => ordinal(a) - ordinal(b));
  }
  const how = wait.isAsWanted ? 'Ready and as wanted' : 'Ready';
  throw new Error(`waited ${deadlineMs / 1000} s for ${count} servers of ${name} to be ${how}; ${wanted.size} were`);
}

/** The pods of a set in the order of their ordinals. */
export async function podsOf(api: Api, name: string, namespace = 'default'): Promise<readonly Pod[]> {
  const list = await api.list<Pod>(podsPath(name, namespace));
  return list.items.toSorted((a, b) => ordinal(a) - ordinal(b));
}

function podsPath(set: string, namespace: string): string {
  return `/api/v1/namespaces/${namespace}/pods?labelSelector=${encodeURIComponent(`${ownerLabel}=${set}`)}`;
}

/** The number at the end of a server's name. */
export function ordinal(server: KubernetesObject): number {
  return Number(server.metadata.name.slice(server.metadata.name.lastIndexOf('-') + 1));
}

/** Sets `updatePriority` of GameServers by name, and resolves when the pods' labels agree. */
export async function setPriorities(
  api: Api,
  set: { readonly name: string; readonly namespace?: string },
  priorities: Readonly<Record<string, number>>,
): Promise<void> {
  const namespace = set.namespace ?? 'default';
  const wanted = Object.entries(priorities);
  await until(
    { what: `the priorities of ${set.name} to be on its pods`, deadlineMs: 60_000, everyMs: 300 },
    async () => {
      // OpenKruiseGame v1.0.0 may undo a write with a stale copy of the object, so it is repeated until it holds.
      for (const [name, updatePriority] of wanted) {
        const server = await api.get<GameServer>(serverPath(name, namespace));
        if (Number(server.spec.updatePriority ?? 0) !== updatePriority) {
          await api.patch(serverPath(name, namespace), { spec: { updatePriority } });
        }
      }
      const labels = new Map(
        (await podsOf(api, set.name, namespace)).map(({ metadata }) => [metadata.name, metadata.labels]),
      );
      return wanted.every(
        ([name, priority]) => labels.get(name)?.['game.kruise.io/gs-update-priority'] === String(priority),
      );
    },
  );
}

/** Deletes a set and resolves when its pods and GameServers are gone. */
export async function deleteSet(api: Api, name: string, namespace = 'default'): Promise<void> {
  await api.delete(setPath(name, namespace), { propagationPolicy: 'Background' });
  const selector = encodeURIComponent(`${ownerLabel}=${name}`);
  const servers = `${serverPath('', namespace).replace(/\/$/, '')}?labelSelector=${selector}`;
  await until({ what: `the servers of ${name} to be gone`, deadlineMs: 120_000, everyMs: 300 }, async () => {
    const [pods, list] = await Promise.all([podsOf(api, name, namespace), api.list(servers)]);
    return pods.length === 0 && list.items.length === 0;
  });
}

/** Asks for another number of servers. */
export async function scale(api: Api, name: string, replicas: number): Promise<void> {
  await api.patch(setPath(name), { spec: { replicas } });
}
