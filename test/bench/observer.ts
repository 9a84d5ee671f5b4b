import { setTimeout as pause } from 'node:timers/promises';
import { apiFromKubeconfig } from '../lab/api.ts';
import type { Api } from '../lab/api.ts';
import type { EngineStats } from '../lab/fleet-engine.ts';
import { fleetImage, ownerLabel, sidecarContainer } from '../lab/game-server-sets.ts';
import type { GameServerSet } from '../lab/game-server-sets.ts';
import { containerStatus, hasCondition } from '../lab/kubernetes-objects.ts';
import type { Pod } from '../lab/kubernetes-objects.ts';
import type { Lab } from '../lab/lab.ts';
import { followPods } from '../lab/pod-observer.ts';
import { until } from '../lab/until.ts';
import type { Observation, Opening } from './own-time.ts';

/** No event for this long means that the controllers have come to rest after an update. */
const QUIET_MS = 2_000;
const QUIET_DEADLINE_MS = 5 * 60_000;

/**
 * Watches one set beside whoever updates it, with connections of its own: when which server was Ready on the new
 * image, when the set was written. Engines themselves say what they were asked.
 */
export class Observer {
  readonly #api: Api;
  readonly #lab: Lab;
  readonly #set: string;
  readonly #abort = new AbortController();
  readonly #ready = new Map<string, number>();
  #openings: Opening[] = [];
  #image = '';
  #startedAt = 0;
  #lastEventAt = Date.now();
  #watches: readonly Promise<void>[] = [];

  private constructor(lab: Lab, set: string) {
    this.#lab = lab;
    this.#set = set;
    this.#api = apiFromKubeconfig(lab.kubeconfigOf('observer'));
  }

  /** Starts to watch. */
  static start(lab: Lab, set: string): Observer {
    const observer = new Observer(lab, set);
    observer.#watches = [observer.#followServers(), observer.#followSet()];
    return observer;
  }

  /** Forgets what was and records from now on who gets to the image with this tag. */
  record(tag: string): void {
    this.#image = fleetImage(tag);
    this.#ready.clear();
    this.#openings = [];
    this.#startedAt = Date.now();
  }

  /** The observations since `record`. */
  async observed(): Promise<Observation> {
    const engines = new Map<string, EngineStats>();
    const answer = await fetch(`http://127.0.0.1:${this.#lab.enginePort ?? 0}/stats`);
    const stats = (await answer.json()) as Record<string, EngineStats>;
    for (const [name, engine] of Object.entries(stats)) engines.set(name.replace('default/', ''), engine);
    return {
      startedAt: this.#startedAt,
      ready: new Map(this.#ready),
      openings: this.#openings.filter(({ image }) => image === this.#image),
      engines,
    };
  }

  /** Resolves when nothing has happened to the set's servers for two seconds. */
  async quiet(): Promise<void> {
    const gameServers = this.#followGameServers();
    this.#lastEventAt = Date.now();
    const wait = { what: `the controllers to come to rest`, deadlineMs: QUIET_DEADLINE_MS };
    await until(wait, () => Date.now() - this.#lastEventAt > QUIET_MS);
    await gameServers.stop();
  }

  async stop(): Promise<void> {
    this.#abort.abort();
    await Promise.all(this.#watches);
    await this.#api.close();
  }

  async #followServers(): Promise<void> {
    const selector = encodeURIComponent(`${ownerLabel}=${this.#set}`);
    const path = `/api/v1/namespaces/default/pods?labelSelector=${selector}`;
    for await (const event of followPods(this.#api, path, this.#abort.signal)) {
      this.#lastEventAt = Date.now();
      if (event.type !== 'SYNCED') this.#takeServer(event.type === 'DELETED', event.pod);
    }
  }

  #takeServer(gone: boolean, pod: Pod): void {
    const { name } = pod.metadata;
    const isReady =
      !gone && containerStatus(pod, sidecarContainer)?.image === this.#image && hasCondition(pod, 'Ready');
    if (!isReady) this.#ready.delete(name);
    else if (!this.#ready.has(name)) this.#ready.set(name, Date.now());
  }

  async #followSet(): Promise<void> {
    const sets = '/apis/game.kruise.io/v1alpha1/namespaces/default/gameserversets';
    const path = `${sets}?fieldSelector=${encodeURIComponent(`metadata.name=${this.#set}`)}`;
    while (!this.#abort.signal.aborted) {
      const list = await this.#api.list<GameServerSet>(path);
      for (const set of list.items) this.#takeSet(set);
      const { resourceVersion } = list.metadata;
      for await (const event of this.#api.watch<GameServerSet>(path, resourceVersion, this.#abort.signal))
        if (event.type !== 'BOOKMARK') this.#takeSet(event.object);
    }
  }

  #takeSet({ spec }: GameServerSet): void {
    const { containers } = spec.gameServerTemplate.spec;
    const image = containers.find(({ name }) => name === sidecarContainer)?.image ?? '';
    const partition = Number(spec.updateStrategy?.rollingUpdate?.partition ?? 0);
    const latest = this.#openings.at(-1);
    if (latest?.image !== image || latest.partition !== partition)
      this.#openings.push({ at: Date.now(), image, partition });
  }

  #followGameServers(): { stop: () => Promise<void> } {
    const abort = new AbortController();
    const path = '/apis/game.kruise.io/v1alpha1/namespaces/default/gameservers';
    const running = (async () => {
      while (!abort.signal.aborted) {
        const list = await this.#api.list(`${path}?limit=1`);
        for await (const { type } of this.#api.watch(path, list.metadata.resourceVersion, abort.signal))
          if (type !== 'BOOKMARK') this.#lastEventAt = Date.now();
        await pause(200);
      }
    })();
    return {
      stop: async () => {
        abort.abort();
        await running;
      },
    };
  }
}
