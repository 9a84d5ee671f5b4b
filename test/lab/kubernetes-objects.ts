/** The parts of Kubernetes objects that the lab and its tests read; everything else stays untyped. */

/** The fields of every object. */
export interface ObjectMeta {
  readonly name: string;
  readonly namespace?: string;
  readonly uid: string;
  readonly resourceVersion: string;
  readonly creationTimestamp: string;
  readonly deletionTimestamp?: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
}

/** Any object, typed as far as its metadata. */
export interface KubernetesObject {
  readonly metadata: ObjectMeta;
}

/** A list as the API server answers it. */
export interface ObjectList<T> {
  readonly metadata: { readonly resourceVersion: string };
  readonly items: readonly T[];
}

/** A kubelet's status of one container. */
export interface ContainerStatus {
  readonly name: string;
  readonly image: string;
  readonly imageID: string;
  readonly containerID?: string;
  readonly ready: boolean;
  readonly restartCount: number;
  readonly state?: {
    readonly running?: { readonly startedAt: string };
    readonly waiting?: { readonly reason: string };
    readonly terminated?: { readonly exitCode: number };
  };
}

/** A condition of a pod or a node. */
export interface Condition {
  readonly type: string;
  readonly status: 'True' | 'False' | 'Unknown';
}

/** A pod. */
export interface Pod extends KubernetesObject {
  readonly spec: {
    readonly nodeName?: string;
    readonly containers: readonly { readonly name: string; readonly image: string }[];
  };
  readonly status?: {
    readonly phase?: string;
    readonly podIP?: string;
    readonly conditions?: readonly Condition[];
    readonly containerStatuses?: readonly ContainerStatus[];
  };
}

/** A node. */
export interface Node extends KubernetesObject {
  readonly status?: { readonly conditions?: readonly Condition[] };
}

/** An OpenKruiseGame GameServer. */
export interface GameServer extends KubernetesObject {
  readonly spec: {
    readonly updatePriority?: number | string;
    readonly opsState?: string;
    readonly containers?: readonly { readonly name: string; readonly image?: string }[];
  };
  readonly status?: { readonly currentState?: string };
}

/** Whether a pod or node has the condition with status True. */
export function hasCondition(object: Pod | Node, type: string): boolean {
  return (
    object.status?.conditions?.some((condition) => condition.type === type && condition.status === 'True') ?? false
  );
}

/** The status of one container of a pod, undefined while the kubelet has not reported it. */
export function containerStatus(pod: Pod, container: string): ContainerStatus | undefined {
  return pod.status?.containerStatuses?.find(({ name }) => name === container);
}
