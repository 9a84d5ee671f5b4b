import { z } from 'zod';
import type { ContainerStatus, ContainerView, ServerView } from '../release/fleet/fleet.ts';
import { SYNC_ANNOTATION } from '../release/patches/patches.ts';
import { ordinalOf } from '../release/fleet/identity.ts';
import { createdAt, objectMetaSchema } from './object-meta.ts';

/** Kruise v1.8.0 apis/apps/pub/inplace_update.go. */
const IN_PLACE_STATE = 'apps.kruise.io/inplace-update-state';
const IN_PLACE_GRACE = 'apps.kruise.io/inplace-update-grace';
/** Kruise v1.8.0 apis/apps/pub/lifecycle.go. */
const LIFECYCLE_STATE = 'lifecycle.apps.kruise.io/state';
/** OpenKruiseGame v1.0.0, syncServiceQualities: the probe's output is the message, and its result that without | and line ends. */
const SERVICE_QUALITY = 'game.kruise.io/';
/** OpenKruiseGame v1.0.0: where a network plugin writes what becomes status.networkStatus of the GameServer. */
const NETWORK_STATUS = 'game.kruise.io/network-status';
const MOST_MESSAGE_CHARACTERS = 4096;
/** Longest text that is kept of a closed readiness gate. */
const MOST_GATE_CHARACTERS = 500;
const REVISION_LABEL = 'controller-revision-hash';

const stateSchema = z.object({
  running: z.object({ startedAt: z.string().nullish() }).nullish(),
  waiting: z.object({ reason: z.string().optional(), message: z.string().optional() }).nullish(),
  terminated: z
    .object({ reason: z.string().optional(), message: z.string().optional(), exitCode: z.number().optional() })
    .nullish(),
});

const containerStatusSchema = z.object({
  name: z.string(),
  image: z.string().default(''),
  imageID: z.string().default(''),
  containerID: z.string().default(''),
  restartCount: z.number().default(0),
  ready: z.boolean().default(false),
  state: stateSchema.default({}),
});

const conditionSchema = z.object({
  type: z.string(),
  status: z.string(),
  reason: z.string().nullish(),
  message: z.string().nullish(),
});

const podSchema = z.object({
  metadata: objectMetaSchema.omit({ managedFields: true }),
  spec: z.object({
    nodeName: z.string().default(''),
    containers: z.array(
      z.object({
        name: z.string(),
        image: z.string().default(''),
        ports: z
          .array(
            z.object({
              name: z.string().default(''),
              containerPort: z.number(),
              protocol: z.string().default('TCP'),
            }),
          )
          .nullish(),
      }),
    ),
    readinessGates: z.array(z.object({ conditionType: z.string() })).nullish(),
  }),
  status: z
    .object({
      phase: z.string().default('Unknown'),
      podIP: z.string().default(''),
      conditions: z.array(conditionSchema).nullish(),
      containerStatuses: z.array(containerStatusSchema).nullish(),
    })
    .prefault({}),
});

const inPlaceSchema = z.object({
  revision: z.string().default(''),
  nextContainerImages: z.record(z.string(), z.unknown()).nullish(),
  nextContainerRefMetadata: z.record(z.string(), z.unknown()).nullish(),
  nextContainerResources: z.record(z.string(), z.unknown()).nullish(),
});

type PodStatus = z.infer<typeof containerStatusSchema>;

type Identity = Pick<ContainerStatus, 'image' | 'imageId' | 'containerId' | 'restartCount' | 'ready'>;

function startOf(text: string | null | undefined): { startedAt?: number } {
  const startedAt = Date.parse(text ?? '');
  return Number.isNaN(startedAt) ? {} : { startedAt };
}

function stateOf({ state }: PodStatus): Omit<ContainerStatus, keyof Identity> {
  if (state.running) return { state: 'running', ...startOf(state.running.startedAt) };
  const stopped = state.waiting ?? state.terminated;
  if (!stopped) return { state: 'unknown' };
  return {
    state: state.waiting ? 'waiting' : 'terminated',
    ...(stopped.reason === undefined ? {} : { reason: stopped.reason }),
    ...(stopped.message === undefined ? {} : { message: stopped.message }),
    ...(state.waiting || state.terminated?.exitCode === undefined ? {} : { exitCode: state.terminated.exitCode }),
  };
}

function portsOf(containers: z.output<typeof podSchema>['spec']['containers']): Pick<ServerView, 'ports'> {
  const named = containers
    .flatMap(({ ports }) => ports ?? [])
    .filter(({ name, protocol }) => name !== '' && protocol === 'TCP');
  if (named.length === 0) return {};
  // The first of a name counts, as for Services (Kubernetes pkg/api/v1/pod FindPort): others may be injected behind it.
  return { ports: Object.fromEntries(named.toReversed().map(({ name, containerPort }) => [name, containerPort])) };
}

const MOST_PORTS = 50;
const A_PORT = /^[1-9]\d{0,4}$/;

function asPort(value: string | number): number | undefined {
  const text = String(value);
  return A_PORT.test(text) && Number(text) <= 65_535 ? Number(text) : undefined;
}

function recordOf(
  entries: readonly (readonly [name: string, value: string | number])[],
): Record<string, number> | undefined {
  const ports = entries.flatMap(([name, value]) => {
    const port = asPort(value);
    return port === undefined ? [] : [[name, port] as const];
  });
  return ports.length === 0 ? undefined : Object.fromEntries(ports.slice(0, MOST_PORTS));
}

/** OpenKruiseGame v1.0.0, apis/v1alpha1/gameserver_types.go: NetworkStatus, which its plugins keep on the pod. */
const networkStatusSchema = z.object({
  internalAddresses: z
    .array(
      z.object({
        ports: z.array(z.object({ name: z.string(), port: z.union([z.number(), z.string()]).nullish() })).nullish(),
      }),
    )
    .nullish(),
});

function networkPortsOf(annotation: string | undefined): Record<string, number> | undefined {
  if (annotation === undefined) return undefined;
  try {
    const { internalAddresses } = networkStatusSchema.parse(JSON.parse(annotation));
    const ports = (internalAddresses ?? []).flatMap((address) => address.ports ?? []);
    return recordOf(ports.map(({ name, port }) => [name, port ?? '']));
  } catch {
    // A caller that asks for a port of it is told that there is none.
    return undefined;
  }
}

/** Ports that each server has for itself. */
function ownPorts(annotations: Readonly<Record<string, string>>): Pick<ServerView, 'annotatedPorts' | 'networkPorts'> {
  const annotatedPorts = recordOf(Object.entries(annotations));
  const networkPorts = networkPortsOf(annotations[NETWORK_STATUS]);
  return { ...(annotatedPorts && { annotatedPorts }), ...(networkPorts && { networkPorts }) };
}

function containerView(spec: { name: string; image: string }, status: PodStatus | undefined): ContainerView {
  if (!status) return spec;
  return {
    ...spec,
    status: {
      image: status.image,
      imageId: status.imageID,
      containerId: status.containerID,
      restartCount: status.restartCount,
      ready: status.ready,
      ...stateOf(status),
    },
  };
}

/**
 * Reads Kruise's record of the last in-place update. A text that is not JSON counts as "more to come": a server with
 * an unreadable record must never look finished.
 */
function inPlaceOf(annotation: string | undefined): Pick<ServerView, 'inPlace'> {
  if (annotation === undefined) return {};
  let value: unknown;
  try {
    value = JSON.parse(annotation);
  } catch {
    return { inPlace: { revision: '', moreBatches: true } };
  }
  const parsed = inPlaceSchema.safeParse(value);
  if (!parsed.success) return { inPlace: { revision: '', moreBatches: true } };
  const { revision, ...next } = parsed.data;
  const moreBatches = Object.values(next).some((images) => Object.keys(images ?? {}).length > 0);
  return { inPlace: { revision, moreBatches } };
}

type Condition = z.infer<typeof conditionSchema>;

/** The reason and the message of the closed readiness gates of a pod. */
function closedGatesOf(conditions: readonly Condition[], gates: readonly string[]): Pick<ServerView, 'closedGates'> {
  const closed = conditions.filter(({ type, status }) => gates.includes(type) && status !== 'True');
  if (closed.length === 0) return {};
  const words = closed.map(({ type, reason, message }) => {
    const parts = [reason ?? '', message ?? ''].filter((part) => part !== '');
    return [type, parts.join(': ').slice(0, MOST_GATE_CHARACTERS)] as const;
  });
  return { closedGates: Object.fromEntries(words) };
}

/** The conditions in which OpenKruise keeps the results of a set's service qualities (OpenKruiseGame v1.0.0). */
function serviceQualitiesOf(conditions: readonly Condition[]): Pick<ServerView, 'serviceQualities'> {
  const found = conditions.filter(({ type }) => type.startsWith(SERVICE_QUALITY));
  if (found.length === 0) return {};
  const results = found.map(({ type, status, message }) => {
    const text = (message ?? '').replaceAll(/[|\n]/g, '').slice(0, MOST_MESSAGE_CHARACTERS);
    return [type.slice(SERVICE_QUALITY.length), { status, message: text }];
  });
  return { serviceQualities: Object.fromEntries(results) as ServerView['serviceQualities'] & object };
}

/**
 * A pod as hotwave sees it.
 *
 * @throws ZodError when it is not a pod.
 */
export function serverView(pod: unknown): ServerView {
  const { metadata, spec, status } = podSchema.parse(pod);
  const labels = metadata.labels ?? {};
  const annotations = metadata.annotations ?? {};
  const conditions = status.conditions ?? [];
  const gates = (spec.readinessGates ?? []).map((gate) => gate.conditionType);
  const statuses = new Map((status.containerStatuses ?? []).map((entry) => [entry.name, entry]));
  return {
    name: metadata.name,
    ordinal: ordinalOf(metadata.name),
    uid: metadata.uid,
    createdAt: createdAt(metadata),
    node: spec.nodeName,
    ip: status.podIP,
    phase: status.phase,
    deleting: metadata.deletionTimestamp !== undefined,
    labels,
    ...portsOf(spec.containers),
    ...ownPorts(annotations),
    containers: spec.containers.map(({ name, image }) => containerView({ name, image }, statuses.get(name))),
    conditions: Object.fromEntries(conditions.map(({ type, status: value }) => [type, value])),
    ...serviceQualitiesOf(conditions),
    readinessGates: gates,
    ...closedGatesOf(conditions, gates),
    revision: labels[REVISION_LABEL] ?? '',
    lifecycle: labels[LIFECYCLE_STATE] ?? '',
    ...inPlaceOf(annotations[IN_PLACE_STATE]),
    inGrace: IN_PLACE_GRACE in annotations,
    syncToken: annotations[SYNC_ANNOTATION] ?? '',
  };
}
