import { randomUUID } from 'node:crypto';
import type { SetRef, UpdateStrategy, WorkloadView } from '../../release/fleet/fleet.ts';
import { sameJson, valueAt } from '../../release/patches/patches.ts';
import type { ByServer, FakeEngineModel } from './fake-engine-model.ts';
import type { WhyLoaded } from './fake-pod.ts';
import { MAIN, MAIN_IMAGE, OLD_IMAGE, SET, SIDECAR, uidOf, USER_STRATEGY } from './builders.ts';

/** A container in a template. */
export interface NamedImage {
  name: string;
  image: string;
  ports?: readonly { readonly name?: string; readonly containerPort: number }[];
  readinessProbe?: object;
  volumeMounts?: readonly { readonly name: string; readonly mountPath: string }[];
}

/** A service quality of a set. */
export interface RawQuality {
  name: string;
  /** Its action is taken once, at the first result. */
  permanent?: boolean;
  serviceQualityAction?: {
    state: boolean;
    /** Only for this message. */
    result?: string;
    /** `result`: the number that the probe has printed (a template variable of OpenKruiseGame 1.1). */
    updatePriority?: number | 'result';
    opsState?: string;
  }[];
}

/** The parts of a GameServerSet that the fake cluster keeps; patches are applied to it. */
export interface RawSet {
  metadata: {
    name: string;
    namespace: string;
    uid: string;
    generation: number;
    annotations?: Record<string, string>;
    deletionTimestamp?: string;
  };
  spec: {
    replicas: number;
    reserveGameServerIds?: number[];
    updateStrategy?: UpdateStrategy;
    serviceQualities?: RawQuality[];
    gameServerTemplate: {
      reclaimPolicy?: string;
      spec: { containers: NamedImage[]; initContainers?: NamedImage[]; volumes?: readonly object[] };
    };
  };
}

/** The parts of a GameServer that the fake cluster keeps. */
export interface RawGameServer {
  metadata: {
    name: string;
    namespace: string;
    uid: string;
    resourceVersion: string;
    creationTimestamp: string;
    annotations?: Record<string, string>;
    ownerReferences?: { kind: string }[];
  };
  spec: { opsState: string; updatePriority: number | string; containers?: NamedImage[] };
}

/** A set of a fake cluster as a test wishes it; everything has a usual value. */
export interface FakeSetModel {
  /** Default `arena/duel`. */
  readonly ref?: SetRef;
  /** Default 10. */
  readonly replicas?: number;
  /** Default one engine and one sidecar, as the builders name them. */
  readonly containers?: readonly NamedImage[];
  /** Volumes of the template. Default none. */
  readonly volumes?: readonly object[];
  /** The container whose image carries the hot files. Default the last one. */
  readonly hotContainer?: string;
  /** The containers that admission webhooks add to each pod beside the containers of the template. Default nothing. */
  readonly injected?: readonly NamedImage[];
  /** The images of pods, as an admission webhook rewrites them, when they are made and when they are written. */
  readonly rewritten?: (image: string) => string;
  readonly engine?: FakeEngineModel;
  /** `spec.serviceQualities`, by name when nothing is done for their results. */
  readonly serviceQualities?: readonly (string | RawQuality)[];
  /** Null: the set has none, as when its owner never wrote one. */
  readonly updateStrategy?: UpdateStrategy | null;
  readonly annotations?: Readonly<Record<string, string>>;
  /** Default Cascade: GameServers die with their pods. */
  readonly reclaimPolicy?: 'Cascade' | 'Delete';
  /** Fields that somebody applies (GitOps), by JSON pointer. */
  readonly appliedBy?: Readonly<Record<string, string>>;
  readonly priority?: (ordinal: number) => number | string;
  readonly opsState?: (ordinal: number) => string;
  /** Image overrides of single servers: server name, container name, image. */
  readonly overrides?: Readonly<Record<string, Readonly<Record<string, string>>>>;
}

/** How long the simulated controllers and nodes take, in ms. */
export interface FakeTimings {
  /** From a write of the set until the Advanced StatefulSet has it. Default 2. */
  readonly acceptMs?: number;
  /** From the workload's new number of replicas until its pods are made or gone. Default 0. */
  readonly scaleMs?: number;
  /** From a write of a GameServer until its pod has it. Default 2. */
  readonly syncMs?: number;
  /** From an image in the pod until its container runs. Default 5. */
  readonly swapMs?: ByServer<number>;
  /** A container that is to be replaced ignores the signal to end, and runs on for so long. Default 0. */
  readonly termMs?: ByServer<number>;
  /** From the death of a container, which runs again at once, until the pod's status shows its new run. Default 0. */
  readonly statusMs?: ByServer<number>;
  /**
   * From the making of a pod until its containers start for the first time. Default 0. Infinity: not before
   * `cluster.server(name).start()`.
   */
  readonly startMs?: ByServer<number>;
  /** From the container's start until Kruise opens the readiness gate. Default 2. */
  readonly gateMs?: number;
}

/** A set's words to its cluster. */
export interface SetEvents {
  /** Something changed. */
  readonly changed: () => void;
  /** A server's pod was given an image. */
  readonly moved: (server: string, container: string, image: string) => void;
  /** A server is Ready after an update. */
  readonly ready: (server: string) => void;
  /** A container was really started anew, whatever the status shows. */
  readonly restarted: (server: string, container: string, restarts: number) => void;
  /** An engine has loaded a version. */
  readonly loaded: (server: string, version: string, why: WhyLoaded) => void;
  /** Somebody who is not hotwave has changed the set or a GameServer. */
  readonly edited: (manager: string, what: string) => void;
}

/** The GameServerSet that a model describes. */
export function rawSet(model: FakeSetModel): RawSet {
  const { ref = SET, replicas = 10, containers = defaultContainers(), updateStrategy = USER_STRATEGY } = model;
  return {
    metadata: {
      name: ref.name,
      namespace: ref.namespace,
      uid: uidOf(`set/${ref.namespace}/${ref.name}`),
      generation: 1,
      ...(model.annotations ? { annotations: { ...model.annotations } } : {}),
    },
    spec: {
      replicas,
      ...(updateStrategy ? { updateStrategy: structuredClone(updateStrategy) } : {}),
      ...(model.serviceQualities ? { serviceQualities: model.serviceQualities.map(rawQuality) } : {}),
      gameServerTemplate: {
        ...(model.reclaimPolicy ? { reclaimPolicy: model.reclaimPolicy } : {}),
        spec: {
          containers: containers.map((container) => ({ ...container })),
          ...(model.volumes ? { volumes: model.volumes } : {}),
        },
      },
    },
  };
}

function rawQuality(quality: string | RawQuality): RawQuality {
  return typeof quality === 'string' ? { name: quality } : structuredClone(quality);
}

/** The GameServer that OpenKruiseGame makes for a server, with the model's wishes in it; `now` is the clock's time. */
export function rawGameServer(model: FakeSetModel, name: string, ordinal: number, now: number): RawGameServer {
  const overrides = Object.entries(model.overrides?.[name] ?? {});
  return {
    metadata: {
      name,
      namespace: (model.ref ?? SET).namespace,
      uid: randomUUID(),
      resourceVersion: '1',
      creationTimestamp: new Date(now).toISOString(),
      ownerReferences: [{ kind: model.reclaimPolicy === 'Delete' ? 'GameServerSet' : 'Pod' }],
    },
    spec: {
      opsState: model.opsState?.(ordinal) ?? 'None',
      updatePriority: model.priority?.(ordinal) ?? 0,
      ...(overrides.length > 0
        ? { containers: overrides.map(([container, image]) => ({ name: container, image })) }
        : {}),
    },
  };
}

/** The name of the container with the hot files. */
export function hotContainerOf(model: FakeSetModel): string {
  return model.hotContainer ?? (model.containers ?? defaultContainers()).at(-1)?.name ?? SIDECAR;
}

/** The ports of the model's containers that have a name. */
export function namedPorts({ containers = [] }: FakeSetModel): Record<string, number> {
  const ports = containers.flatMap((container) => container.ports ?? []);
  return Object.fromEntries(
    ports.flatMap(({ name, containerPort }) => (name === undefined ? [] : [[name, containerPort]])),
  );
}

/** The name of a template's revision: equal templates have equal revisions, so a rollback returns to the old name. */
export function revisionOf(set: string, containers: readonly NamedImage[]): string {
  return `${set}-${uidOf(JSON.stringify(containers)).slice(0, 8)}`;
}

/** The Advanced StatefulSet, with the fields that hotwave does not read. */
export interface FakeWorkload extends WorkloadView {
  readonly maxUnavailable: number | string;
}

/** A set as OpenKruiseGame v1.0.0 and Kruise's defaults make it. */
export function acceptedWorkload(
  { spec }: RawSet,
  made: Pick<WorkloadView, 'generation' | 'updateRevision' | 'currentRevision'>,
): FakeWorkload {
  const rolling = spec.updateStrategy?.rollingUpdate;
  return {
    ...made,
    observedGeneration: made.generation,
    containers: spec.gameServerTemplate.spec.containers,
    strategyType: updatesOnDelete(spec.updateStrategy) ? 'OnDelete' : 'RollingUpdate',
    partition: rolling?.partition ?? 0,
    paused: rolling?.paused ?? false,
    podUpdatePolicy: rolling?.podUpdatePolicy ?? 'ReCreate',
    maxUnavailable: rolling?.maxUnavailable ?? 1,
    replicas: spec.replicas,
  };
}

/** OpenKruiseGame v1.0.0 takes a strategy for a rolling update as soon as there is a `rollingUpdate`, whatever its type. */
export function updatesOnDelete(strategy: UpdateStrategy | undefined): boolean {
  return strategy?.type === 'OnDelete' && !strategy.rollingUpdate;
}

/** Time between closing the readiness gate and writing the image, in ms. */
export function graceMsOf({ spec }: RawSet): number {
  const inPlace = spec.updateStrategy?.rollingUpdate?.['inPlaceUpdateStrategy'];
  return ((inPlace as { gracePeriodSeconds?: number } | undefined)?.gracePeriodSeconds ?? 0) * 1000;
}

/** The fields that hotwave cares about and in which two states of a set differ, as JSON pointers. */
export function changedFields(before: RawSet, after: RawSet): string[] {
  const template = ({ spec }: RawSet): string[] => [
    ...Object.keys(spec.gameServerTemplate.spec).map((key) => `/spec/gameServerTemplate/spec/${key}`),
    ...Object.keys(spec.gameServerTemplate)
      .filter((key) => key !== 'spec')
      .map((key) => `/spec/gameServerTemplate/${key}`),
  ];
  const fields = [...new Set([...template(before), ...template(after)]), '/spec/updateStrategy', '/spec/replicas'];
  return fields.filter((pointer) => !sameJson(valueAt(before, pointer), valueAt(after, pointer)));
}

function defaultContainers(): NamedImage[] {
  return [
    { name: MAIN, image: MAIN_IMAGE },
    { name: SIDECAR, image: OLD_IMAGE },
  ];
}

/** The set with one server less, as OpenKruiseGame writes it: whole, and without false values (Go's omitempty). */
export function withOneLess(set: RawSet): RawSet {
  const raw = structuredClone(set);
  raw.spec.replicas -= 1;
  const { updateStrategy } = raw.spec;
  if (updateStrategy?.rollingUpdate?.paused === false)
    raw.spec.updateStrategy = { ...updateStrategy, rollingUpdate: withoutPaused(updateStrategy) };
  raw.spec.gameServerTemplate = asGoWrites(raw.spec.gameServerTemplate);
  return raw;
}

/** A template that was read into Go's types and written again: they write fields that nobody has given. */
function asGoWrites(template: Template): Template {
  const resourced = (container: NamedImage): NamedImage => ({ resources: {}, ...container }) as NamedImage;
  const containers = template.spec.containers.map(resourced);
  return { metadata: { creationTimestamp: null }, ...template, spec: { ...template.spec, containers } } as Template;
}

type Template = RawSet['spec']['gameServerTemplate'];

type Strategy = NonNullable<RawSet['spec']['updateStrategy']>;

function withoutPaused({ rollingUpdate }: Strategy): NonNullable<Strategy['rollingUpdate']> {
  const { paused: _false, ...others } = rollingUpdate ?? {};
  return others;
}
