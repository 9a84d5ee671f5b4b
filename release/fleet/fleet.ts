/** A fleet as hotwave observes it, as plain values: no client types, no undefined behaviour, nothing to await. */

/** A GameServerSet by name. */
export interface SetRef {
  readonly namespace: string;
  readonly name: string;
}

/** A container's state as the kubelet reports it. */
export interface ContainerStatus {
  readonly image: string;
  readonly imageId: string;
  readonly containerId: string;
  readonly restartCount: number;
  readonly ready: boolean;
  readonly state: 'running' | 'waiting' | 'terminated' | 'unknown';
  /** `waiting.reason` or `terminated.reason`. */
  readonly reason?: string;
  readonly message?: string;
  readonly exitCode?: number;
  /** Since when it runs, milliseconds since the epoch by the clock of its node, rounded down to a second. */
  readonly startedAt?: number;
}

/** A container of a server: what the spec asks for and what runs. */
export interface ContainerView {
  readonly name: string;
  readonly image: string;
  readonly status?: ContainerStatus;
}

/** The result of one service quality: `True`, `False` or anything else for "not known", and what its probe printed. */
export interface ServiceQuality {
  readonly status: string;
  readonly message: string;
}

/**
 * A game server as its pod shows it. The pod is the judge: the counters of a GameServerSet can still be those of the
 * previous release while `observedGeneration` is already new (OpenKruiseGame v1.0.0).
 */
export interface ServerView {
  readonly name: string;
  readonly ordinal: number;
  readonly uid: string;
  /** When the pod was made, in milliseconds since the epoch; 0 when it does not say. */
  readonly createdAt: number;
  readonly node: string;
  readonly ip: string;
  /** Its ports that have a name. Default none. */
  readonly ports?: Readonly<Record<string, number>>;
  /** Annotations of its pod whose value is the number of a port. Default none. */
  readonly annotatedPorts?: Readonly<Record<string, number>>;
  /** Ports among the internal addresses that a network plugin of OpenKruiseGame has written, by name. Default none. */
  readonly networkPorts?: Readonly<Record<string, number>>;
  readonly phase: string;
  readonly deleting: boolean;
  readonly labels: Readonly<Record<string, string>>;
  readonly containers: readonly ContainerView[];
  readonly conditions: Readonly<Record<string, string>>;
  /** The last result of OpenKruise for the set's service qualities, by name: conditions `game.kruise.io/NAME`. */
  readonly serviceQualities?: Readonly<Record<string, ServiceQuality>>;
  readonly readinessGates: readonly string[];
  /** The words about those of them that are closed, by name; empty when nothing is. Absent when none is closed. */
  readonly closedGates?: Readonly<Record<string, string>>;
  /** Label `controller-revision-hash`. */
  readonly revision: string;
  /** Label `lifecycle.apps.kruise.io/state`; empty when absent. */
  readonly lifecycle: string;
  /** Annotation `apps.kruise.io/inplace-update-state`: the revision that Kruise last wrote in place. */
  readonly inPlace?: { readonly revision: string; readonly moreBatches: boolean };
  /** Annotation `apps.kruise.io/inplace-update-grace` is present: the image is not patched yet. */
  readonly inGrace: boolean;
  /** Value of the annotation `gs-sync/hotwave`, copied by OKG from the GameServer; empty when absent. */
  readonly syncToken: string;
}

/** A GameServer object: the person's wishes for one server. */
export interface GameServerView {
  readonly name: string;
  readonly uid: string;
  /** Another one after every change of the object, whatever changed. */
  readonly resourceVersion: string;
  /** When the object was made, in milliseconds since the epoch; 0 when it does not say. */
  readonly createdAt: number;
  readonly opsState: string;
  /** Integer or text with trailing digits, as OKG takes it; 0 when none is set. */
  readonly updatePriority: number | string;
  readonly hasPriority: boolean;
  /** The field manager that last wrote `spec.updatePriority`; absent when nobody is on record. */
  readonly priorityBy?: string;
  /** Images of `spec.containers`: overrides that win over the template. */
  readonly imageOverrides: Readonly<Record<string, string>>;
  /** The field manager that last wrote `spec.containers`; absent when nobody is on record. */
  readonly overriddenBy?: string;
  /** `spec.containers` as it is, so that a write keeps what is somebody else's; undefined when the field is absent. */
  readonly overrides?: readonly Override[];
  /** False when the object has no annotations at all. */
  readonly hasAnnotations: boolean;
  /** Value of the annotation `gs-sync/hotwave`, as hotwave wrote it last; empty when absent. */
  readonly syncToken: string;
  /** Annotations, their values cut at 257 characters: one more than anybody compares. Absent when there are none. */
  readonly annotations?: Readonly<Record<string, string>>;
  /** The GameServer dies with its pod (reclaimPolicy Cascade when it was created). */
  readonly diesWithPod: boolean;
}

/** An entry of a GameServer's `spec.containers`. */
export interface Override {
  readonly name: string;
  readonly image?: string | undefined;
  /** `resources`, and whatever else was there. */
  readonly [field: string]: unknown;
}

/** `spec.updateStrategy` of a GameServerSet, kept as it is so that it can be put back. */
export interface UpdateStrategy {
  readonly type?: string;
  readonly rollingUpdate?: {
    readonly partition?: number;
    readonly maxUnavailable?: number | string;
    readonly podUpdatePolicy?: string;
    readonly paused?: boolean;
    readonly [field: string]: unknown;
  };
}

/** A service quality with actions that write the `updatePriority` of GameServers. */
export interface PriorityWriter {
  readonly name: string;
  /** Each value once; a text that is no number is a template for the result of the probe. */
  readonly priorities: readonly (number | string)[];
}

/** A GameServerSet: the desired state. */
export interface GameServerSetView {
  readonly ref: SetRef;
  readonly uid: string;
  readonly generation: number;
  readonly replicas: number;
  /** Empty when the object has none. */
  readonly updateStrategy: UpdateStrategy;
  readonly hasUpdateStrategy: boolean;
  readonly containers: readonly { readonly name: string; readonly image: string }[];
  readonly initContainers: readonly string[];
  /** `spec.gameServerTemplate` as it is, every field of it: what a server that moves gets. */
  readonly template: unknown;
  /** Names of `spec.serviceQualities`. Default none. */
  readonly serviceQualities?: readonly string[];
  /** Those of them that write priorities. Default none. */
  readonly priorityWriters?: readonly PriorityWriter[];
  /** Of service qualities whose script says more than yes or no: what it may print. Default none. */
  readonly qualityResults?: Readonly<Record<string, readonly string[]>>;
  /** `spec.network`: how players reach the servers, and whose readiness does not count for that. Absent when it has none. */
  readonly network?: { readonly type: string; readonly allowNotReady: readonly string[] };
  readonly reclaimPolicy: string;
  /** Undefined when the object has no annotations at all. */
  readonly annotations?: Readonly<Record<string, string>>;
  /** Default none. */
  readonly labels?: Readonly<Record<string, string>>;
  /** Everybody who is on record for a field of it, whichever: names of field managers, each once. Default nobody. */
  readonly managers?: readonly string[];
  /** Field managers other than hotwave, by the JSON pointers hotwave wants to write that they own. */
  readonly foreignOwners: Readonly<Record<string, string>>;
  /** Field managers that last wrote them, hotwave or not, by the same JSON pointers; absent when nobody is on record. */
  readonly lastWriters: Readonly<Record<string, string>>;
  readonly deleting: boolean;
}

/** The Advanced StatefulSet behind a GameServerSet: what the controllers have accepted. */
export interface WorkloadView {
  readonly generation: number;
  readonly observedGeneration: number;
  readonly updateRevision: string;
  readonly currentRevision: string;
  /** How many servers it is to have: the set's number as soon as OpenKruiseGame has copied it. */
  readonly replicas: number;
  readonly containers: readonly { readonly name: string; readonly image: string }[];
  /** `spec.updateStrategy.type`: RollingUpdate or OnDelete. */
  readonly strategyType: string;
  readonly partition: number;
  readonly paused: boolean;
  readonly podUpdatePolicy: string;
}

/** Every write of hotwave carries this name in `metadata.managedFields`. */
export const FIELD_MANAGER = 'hotwave';

/** Pod label with the updatePriority that OKG copies from the GameServer. Kruise sorts by it. */
export const PRIORITY_LABEL = 'game.kruise.io/gs-update-priority';
/** Pod label with the opsState that OKG copies from the GameServer. */
export const OPS_STATE_LABEL = 'game.kruise.io/gs-opsState';
/** Pod label with the name of the owning GameServerSet. */
export const OWNER_LABEL = 'game.kruise.io/owner-gss';

/** The container of that name, or undefined. */
export function containerOf<Named extends { readonly name: string }>(
  containers: readonly Named[],
  name: string,
): Named | undefined {
  return containers.find((container) => container.name === name);
}

/** True when the pod serves: Running, Ready, and not on its way out. */
export function isServing(server: ServerView): boolean {
  return !server.deleting && server.phase === 'Running' && server.conditions['Ready'] === 'True';
}
