import { createHash } from 'node:crypto';
import { OPS_STATE_LABEL, OWNER_LABEL, PRIORITY_LABEL } from '../../release/fleet/fleet.ts';
import type {
  ContainerStatus,
  ContainerView,
  GameServerSetView,
  ServerView,
  UpdateStrategy,
  WorkloadView,
} from '../../release/fleet/fleet.ts';
import type { GameServerRecord } from '../../activities/ports/game-servers.ts';

/** Names that every builder agrees on, so that a test only says what differs. */
export const SET = { namespace: 'arena', name: 'duel' } as const;
export const MAIN = 'engine';
export const SIDECAR = 'scripts';
export const MAIN_IMAGE = 'registry.test/engine:1.0';
export const OLD_IMAGE = 'registry.test/scripts:1.0';
export const NEW_IMAGE = 'registry.test/scripts:2.0';
export const OLD_REVISION = `${SET.name}-old`;
export const NEW_REVISION = `${SET.name}-new`;

/** A stable uid-shaped text for a seed. */
export function uidOf(seed: string): string {
  const hash = createHash('sha256').update(seed).digest('hex');
  return [hash.slice(0, 8), hash.slice(8, 12), hash.slice(12, 16), hash.slice(16, 20), hash.slice(20, 32)].join('-');
}

/** The image id that the test kubelets report for an image. */
export function imageIdOf(image: string): string {
  return `sha256:${createHash('sha256').update(image).digest('hex')}`;
}

/** The container id of the n-th start of a container of a server. */
export function containerIdOf(server: string, container: string, restartCount: number): string {
  return `containerd://${createHash('sha256').update(`${server}/${container}/${restartCount}`).digest('hex')}`;
}

/** A running, ready container with its status; `status` overrides single fields of it. */
function aContainer(
  wanted: { readonly server: string; readonly name: string; readonly image: string },
  status: Partial<ContainerStatus> = {},
): ContainerView {
  const restartCount = status.restartCount ?? 0;
  return {
    name: wanted.name,
    image: wanted.image,
    status: {
      image: wanted.image,
      imageId: imageIdOf(status.image ?? wanted.image),
      containerId: containerIdOf(wanted.server, wanted.name, restartCount),
      restartCount,
      ready: true,
      state: 'running',
      ...status,
    },
  };
}

/** The facts that a test may say about a server beside the fields of the view. */
export interface ServerWishes extends Partial<ServerView> {
  /** The set it belongs to; default `duel`. */
  readonly set?: string;
  readonly mainImage?: string;
  readonly sidecarImage?: string;
  /** Single fields of the containers' statuses. */
  readonly mainStatus?: Partial<ContainerStatus>;
  readonly sidecarStatus?: Partial<ContainerStatus>;
  /** Value of the priority label; null leaves the label out. Default 0. */
  readonly priority?: number | string | null;
  readonly opsState?: string;
  readonly ready?: boolean;
}

function serverLabels(wishes: ServerWishes, set: string): Record<string, string> {
  const priority = wishes.priority === undefined ? 0 : wishes.priority;
  return {
    [OWNER_LABEL]: set,
    [OPS_STATE_LABEL]: wishes.opsState ?? 'None',
    ...(priority === null ? {} : { [PRIORITY_LABEL]: String(priority) }),
    ...wishes.labels,
  };
}

/** A healthy server on the old version; `aServer({ ordinal: 3 })` is `duel-3`. */
export function aServer(wishes: ServerWishes = {}): ServerView {
  const {
    set = SET.name,
    mainImage,
    sidecarImage,
    mainStatus,
    sidecarStatus,
    priority,
    opsState,
    ready,
    ...view
  } = wishes;
  const ordinal = wishes.ordinal ?? 0;
  const name = wishes.name ?? `${set}-${ordinal}`;
  const readiness = (ready ?? true) ? 'True' : 'False';
  return {
    name,
    ordinal,
    uid: uidOf(`pod/${name}`),
    createdAt: Date.UTC(2026, 0, 1),
    node: `node-${ordinal % 3}`,
    ip: `10.64.${Math.floor(ordinal / 250)}.${(ordinal % 250) + 1}`,
    phase: 'Running',
    deleting: false,
    containers: [
      aContainer({ server: name, name: MAIN, image: mainImage ?? MAIN_IMAGE }, mainStatus),
      aContainer({ server: name, name: SIDECAR, image: sidecarImage ?? OLD_IMAGE }, sidecarStatus),
    ],
    conditions: { Initialized: 'True', InPlaceUpdateReady: 'True', ContainersReady: readiness, Ready: readiness },
    readinessGates: ['InPlaceUpdateReady'],
    revision: `${set}-old`,
    lifecycle: 'Normal',
    inGrace: false,
    syncToken: '',
    ...view,
    labels: serverLabels(wishes, set),
  };
}

/** A server after a complete in-place update to `image`: same pod, the sidecar restarted once, nothing else. */
export function anUpdatedServer(wishes: ServerWishes = {}): ServerView {
  const revision = wishes.revision ?? `${wishes.set ?? SET.name}-new`;
  return aServer({
    sidecarImage: NEW_IMAGE,
    inPlace: { revision, moreBatches: false },
    ...wishes,
    revision,
    sidecarStatus: { restartCount: 1, ...wishes.sidecarStatus },
  });
}

/** `count` servers with ordinals from 0; `wishes` may depend on the ordinal. */
export function servers(count: number, wishes: (ordinal: number) => ServerWishes = () => ({})): ServerView[] {
  return Array.from({ length: count }, (_, ordinal) => aServer({ ordinal, ...wishes(ordinal) }));
}

/** A person's ordinary update strategy: everything at once, one server at a time. */
export const USER_STRATEGY: UpdateStrategy = {
  type: 'RollingUpdate',
  rollingUpdate: { partition: 0, maxUnavailable: 1, podUpdatePolicy: 'InPlaceIfPossible' },
};

/** A set of ten servers on the old version. */
export function aSet(wishes: Partial<GameServerSetView> = {}): GameServerSetView {
  const containers = wishes.containers ?? [
    { name: MAIN, image: MAIN_IMAGE },
    { name: SIDECAR, image: OLD_IMAGE },
  ];
  return {
    ref: SET,
    uid: uidOf(`set/${wishes.ref?.name ?? SET.name}`),
    generation: 1,
    replicas: 10,
    updateStrategy: USER_STRATEGY,
    hasUpdateStrategy: true,
    containers,
    template: { spec: { containers } },
    initContainers: [],
    reclaimPolicy: 'Cascade',
    foreignOwners: {},
    lastWriters: {},
    deleting: false,
    ...wishes,
  };
}

/** The Advanced StatefulSet of `aSet()`, settled on the old version. */
export function aWorkload(wishes: Partial<WorkloadView> = {}): WorkloadView {
  return {
    generation: 1,
    observedGeneration: 1,
    updateRevision: OLD_REVISION,
    currentRevision: OLD_REVISION,
    replicas: 10,
    containers: [
      { name: MAIN, image: MAIN_IMAGE },
      { name: SIDECAR, image: OLD_IMAGE },
    ],
    strategyType: 'RollingUpdate',
    partition: 0,
    paused: false,
    podUpdatePolicy: 'InPlaceIfPossible',
    ...wishes,
  };
}

/** A GameServer as OpenKruiseGame creates it: no wishes yet. */
export function aGameServer(wishes: Partial<GameServerRecord> & { readonly ordinal?: number } = {}): GameServerRecord {
  const { ordinal = 0, ...view } = wishes;
  const name = wishes.name ?? `${SET.name}-${ordinal}`;
  return {
    name,
    uid: uidOf(`gameserver/${name}`),
    opsState: 'None',
    createdAt: Date.UTC(2026, 0, 1),
    updatePriority: 0,
    hasPriority: true,
    imageOverrides: {},
    resourceVersion: '1',
    syncToken: '',
    diesWithPod: false,
    hasAnnotations: true,
    ...view,
  };
}
