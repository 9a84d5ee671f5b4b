import { setTimeout as pause } from 'node:timers/promises';
import type { Api } from './api.ts';
import type { Pod } from './kubernetes-objects.ts';

/** A pod as it was or became; `SYNCED` comes once after the pods that were there at the start. */
export type PodEvent =
  { readonly type: 'ADDED' | 'MODIFIED' | 'DELETED'; readonly pod: Pod } | { readonly type: 'SYNCED' };

/** That a container of a pod got another image. */
export interface ImageChange {
  /** Milliseconds since the recorder started. */
  readonly at: number;
  readonly pod: string;
  readonly uid: string;
  readonly container: string;
  /** `spec`: somebody asked for it. `status`: it runs. */
  readonly where: 'spec' | 'status';
  readonly from: string;
  readonly to: string;
}

/** Records what happens to pods; see {@link recordPods}. */
export interface PodRecorder {
  /** The pods as they are now, by name. */
  readonly pods: ReadonlyMap<string, Pod>;
  /** Every change of an image, in the order in which the API server told. */
  readonly changes: readonly ImageChange[];
  /** Names of pods that were deleted, or whose name came back with another uid. */
  readonly lost: readonly string[];
  stop(): Promise<void>;
}

/**
 * Follows the pods of a collection (`/api/v1/pods`, or one with a namespace and a label selector) until the signal
 * aborts, across ends of watches and restarts of the API server. Nothing is missed except states that came and went
 * while the connection was down.
 */
export async function* followPods(api: Api, path: string, signal: AbortSignal): AsyncGenerator<PodEvent> {
  const known = new Map<string, Pod>();
  let isSynced = false;
  while (!signal.aborted) {
    const list = await api.list<Pod>(path).catch(() => undefined);
    if (!list) {
      await pause(200);
      continue;
    }
    yield* changesSince(known, list.items);
    if (!isSynced) yield { type: 'SYNCED' };
    isSynced = true;
    for await (const { type, object } of api.watch<Pod>(path, list.metadata.resourceVersion, signal)) {
      if (type === 'BOOKMARK') continue;
      if (type === 'DELETED') known.delete(object.metadata.uid);
      else known.set(object.metadata.uid, object);
      yield { type, pod: object };
    }
  }
}

/** Brings `known` up to a fresh list, and tells what that changed. */
function* changesSince(known: Map<string, Pod>, items: readonly Pod[]): Generator<PodEvent> {
  const present = new Set(items.map(({ metadata }) => metadata.uid));
  for (const [uid, pod] of known) {
    if (present.has(uid)) continue;
    known.delete(uid);
    yield { type: 'DELETED', pod };
  }
  for (const pod of items) {
    const before = known.get(pod.metadata.uid);
    known.set(pod.metadata.uid, pod);
    if (before?.metadata.resourceVersion !== pod.metadata.resourceVersion) {
      yield { type: before ? 'MODIFIED' : 'ADDED', pod };
    }
  }
}

/**
 * Starts to record what happens to pods, independently of what hotwave believes; resolves when the pods that exist
 * are known. `selector` is a label selector, such as `game.kruise.io/owner-gss=gss-2048`.
 */
export async function recordPods(api: Api, namespace: string, selector: string): Promise<PodRecorder> {
  const path = `/api/v1/namespaces/${namespace}/pods?labelSelector=${encodeURIComponent(selector)}`;
  const pods = new Map<string, Pod>();
  const changes: ImageChange[] = [];
  const lost: string[] = [];
  const abort = new AbortController();
  const started = performance.now();
  const synced = Promise.withResolvers<undefined>();
  const take = (event: PodEvent): void => {
    if (event.type === 'SYNCED') {
      synced.resolve(undefined);
      return;
    }
    const { name } = event.pod.metadata;
    const before = pods.get(name);
    if (event.type === 'DELETED') {
      pods.delete(name);
      lost.push(name);
      return;
    }
    pods.set(name, event.pod);
    if (before) changes.push(...imageChanges(before, event.pod, Math.round(performance.now() - started)));
  };
  const running = (async () => {
    for await (const event of followPods(api, path, abort.signal)) take(event);
  })();
  running.catch(synced.reject);
  await synced.promise;
  const stop = async (): Promise<void> => {
    abort.abort();
    await running;
  };
  return { pods, changes, lost, stop };
}

function imageChanges(before: Pod, after: Pod, at: number): ImageChange[] {
  const compare = (where: 'spec' | 'status', old: readonly Named[] = [], now: readonly Named[] = []): ImageChange[] =>
    now.flatMap(({ name, image }) => {
      const from = old.find((container) => container.name === name)?.image ?? '';
      const change = { at, pod: after.metadata.name, uid: after.metadata.uid, container: name, where, from, to: image };
      return from === image || from === '' ? [] : [change];
    });
  return [
    ...compare('spec', before.spec.containers, after.spec.containers),
    ...compare('status', before.status?.containerStatuses, after.status?.containerStatuses),
  ];
}

interface Named {
  readonly name: string;
  readonly image: string;
}
