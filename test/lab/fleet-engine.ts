import { selfReloadAnnotation } from './fleet-failures.ts';
import { containerStatus } from './kubernetes-objects.ts';
import type { ContainerStatus, Pod } from './kubernetes-objects.ts';

/** The state of one simulated engine; the answer of `/stats`. */
export interface EngineStats {
  readonly uid: string;
  /** The version of the files in the shared folder: the tag of the sidecar image that runs. */
  readonly files: string;
  /** The version that the engine has loaded. */
  readonly loaded: string;
  /** When `/reload` was called, in milliseconds since 1970, successful or not. */
  readonly reloads: readonly number[];
  /** When `/version` was asked, in milliseconds since 1970. */
  readonly proofs: readonly number[];
}

/** The answer of an engine over HTTP. */
export interface Answer {
  readonly status: number;
  readonly body: string;
}

interface Engine {
  /** Of its pod, without the namespace. */
  readonly name: string;
  readonly uid: string;
  files: string;
  loaded: string;
  readonly reloads: number[];
  readonly proofs: number[];
  mainContainer: string;
  sidecarContainer: string;
}

/** The container whose image carries the hot files: the one named `sidecar`, else the last one of the pod. */
function sidecarOf({ spec: { containers } }: Pod): string {
  return (containers.find(({ name }) => name === 'sidecar') ?? containers.at(-1))?.name ?? '';
}

/**
 * Plays the game engines of all pods of a fleet, by what the pods' statuses say. An engine loads new files only when
 * it is told to (or when its main container starts): "the file is there" and "the version is loaded" are two facts,
 * as with real engines. The loaded and the new tag may make it misbehave: see `engineFailures` of fleet-failures.ts.
 */
export class FleetEngine {
  readonly #engines = new Map<string, Engine>();
  readonly #names = new Map<string, string>();
  readonly #now: () => number;
  readonly #log: (line: string) => void;

  /**
   * @param now milliseconds since 1970
   * @param log takes what engines write to their standard output, a line at a time
   */
  constructor(now: () => number, log: (line: string) => void = () => undefined) {
    this.#now = now;
    this.#log = log;
  }

  /** Takes in a pod as the API server shows it now. */
  observe(pod: Pod): void {
    const name = `${pod.metadata.namespace ?? ''}/${pod.metadata.name}`;
    if (pod.status?.podIP !== undefined) this.#names.set(pod.status.podIP, name);
    const known = this.#engines.get(name);
    const engine = known?.uid === pod.metadata.uid ? known : newEngine(pod.metadata);
    this.#engines.set(name, engine);
    this.#follow(engine, pod);
  }

  /** Takes in that a pod is gone. */
  forget(pod: Pod): void {
    const name = `${pod.metadata.namespace ?? ''}/${pod.metadata.name}`;
    if (this.#engines.get(name)?.uid !== pod.metadata.uid) return;
    this.#engines.delete(name);
    const address = pod.status?.podIP;
    if (address !== undefined && this.#names.get(address) === name) this.#names.delete(address);
  }

  /** Answers a request to the engine of the pod with this IP. */
  answerAt(address: string, method: string, path: string): Answer {
    return this.answer(this.#names.get(address) ?? '', method, path);
  }

  /** Answers a request to the engine of the pod NAMESPACE/NAME. */
  answer(name: string, method: string, path: string): Answer {
    const engine = this.#engines.get(name);
    if (!engine) return { status: 404, body: `no server ${name}` };
    switch (path) {
      case '/version':
        engine.proofs.push(this.#now());
        return text(engine.loaded);
      case '/files':
        return text(engine.files);
      case '/healthz':
        return engine.loaded.includes('unhealthy') ? { status: 503, body: 'unhealthy' } : text('ok');
      case '/stats':
        return { status: 200, body: JSON.stringify(stats(engine)) };
      case '/reload':
        return method === 'POST' ? this.#reload(engine) : { status: 405, body: 'POST only' };
      default:
        return { status: 404, body: `no ${path}` };
    }
  }

  /** The statistics of every engine, by NAMESPACE/NAME. */
  allStats(): Readonly<Record<string, EngineStats>> {
    return Object.fromEntries([...this.#engines].map(([name, engine]) => [name, stats(engine)]));
  }

  /**
   * The metrics that a Prometheus scrapes: `game_error_ratio` by pod, 0.002, and 0.07 from versions with `errors` in
   * their name. Versions with `mute` in their name tell nothing.
   */
  metrics(): string {
    const lines = [...this.#engines.values()]
      .filter(({ loaded }) => loaded !== '' && !loaded.includes('mute'))
      .map(({ name, loaded }) => `game_error_ratio{pod="${name}"} ${loaded.includes('errors') ? '0.07' : '0.002'}\n`);
    return `# TYPE game_error_ratio gauge\n${lines.join('')}`;
  }

  #follow(engine: Engine, pod: Pod): void {
    const sidecar = sidecarOf(pod);
    // A pod of one container has no hot files: its engine comes with them.
    const main = pod.spec.containers.find(({ name }) => name !== sidecar)?.name ?? sidecar;
    const mainId = startedId(containerStatus(pod, main));
    const sidecarStatus = containerStatus(pod, sidecar);
    const sidecarId = startedId(sidecarStatus);
    if (sidecarStatus && sidecarId !== '' && sidecarId !== engine.sidecarContainer) {
      engine.sidecarContainer = sidecarId;
      engine.files = imageTag(sidecarStatus.image);
      if (pod.metadata.annotations?.[selfReloadAnnotation] === 'true') this.#load(engine);
    }
    if (mainId !== '' && mainId !== engine.mainContainer) {
      engine.mainContainer = mainId;
      engine.loaded = engine.files;
      if (engine.loaded !== '') this.#say(engine);
    }
  }

  #load(engine: Engine): void {
    if (engine.files.includes('stale') || engine.files.includes('reloadfails')) return;
    engine.loaded = engine.files;
    this.#say(engine);
  }

  #say({ name, loaded }: Engine): void {
    this.#log(`${name} hot-reload loaded=${loaded}`);
  }

  #reload(engine: Engine): Answer {
    engine.reloads.push(this.#now());
    if (engine.files.includes('reloadfails')) return { status: 500, body: `cannot load ${engine.files}` };
    this.#load(engine);
    return text(`reloaded ${engine.files}`);
  }
}

/** The tag of an image reference, `latest` when it has none; a digest is not a tag. */
function imageTag(image: string): string {
  const name = image.replace(/@.*$/, '').split('/').at(-1) ?? '';
  return name.split(':')[1] ?? 'latest';
}

function newEngine({ name, uid }: Pod['metadata']): Engine {
  return { name, uid, files: '', loaded: '', reloads: [], proofs: [], mainContainer: '', sidecarContainer: '' };
}

/** The id of a container that runs, empty for one that waits: that one has copied no files and loaded none. */
function startedId(status: ContainerStatus | undefined): string {
  return status?.state?.running ? (status.containerID ?? '') : '';
}

function stats({ uid, files, loaded, reloads, proofs }: Engine): EngineStats {
  return { uid, files, loaded, reloads, proofs };
}

function text(body: string): Answer {
  return body === '' ? { status: 503, body: 'starting' } : { status: 200, body };
}
