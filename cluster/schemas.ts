import { z } from 'zod';
import type { GameServerSetView, WorkloadView } from '../release/fleet/fleet.ts';
import { SYNC_ANNOTATION } from '../release/patches/patches.ts';
import { TEMPLATE, templateFields } from '../release/patches/template.ts';
import { foreignOwners, lastWriter, lastWriters } from './field-owners.ts';
import { createdAt, objectMetaSchema } from './object-meta.ts';
import type { GameServerRecord } from '../activities/ports/game-servers.ts';

const containerSchema = z.object({ name: z.string(), image: z.string().default('') });

/** Kept with every unknown field: it is compared as a whole by the API server, and put back at the end. */
const updateStrategySchema = z.looseObject({
  type: z.string().optional(),
  rollingUpdate: z
    .looseObject({
      partition: z.number().optional(),
      maxUnavailable: z.union([z.number(), z.string()]).optional(),
      podUpdatePolicy: z.string().optional(),
      paused: z.boolean().optional(),
    })
    .optional(),
});

/** Of its actions only what they do to the order of updates, and for which results they are taken. */
const serviceQualitySchema = z
  .object({
    name: z.string(),
    serviceQualityAction: z
      .array(z.object({ updatePriority: z.union([z.number(), z.string()]).nullish(), result: z.string().nullish() }))
      .nullish(),
  })
  .transform(({ name, serviceQualityAction: actions }) => ({
    name,
    priorities: eachOnce((actions ?? []).flatMap(({ updatePriority }) => updatePriority ?? [])),
    results: eachOnce((actions ?? []).flatMap(({ result }) => result ?? [])).filter((result) => result !== ''),
  }));

function eachOnce<Value>(values: readonly Value[]): Value[] {
  return [...new Set(values)];
}

/** How players reach the servers: a plugin of OpenKruiseGame by its name, and its settings. */
const networkSchema = z.object({
  networkType: z.string().default(''),
  networkConf: z.array(z.object({ name: z.string(), value: z.string().default('') })).nullish(),
});

/** OpenKruiseGame v1.0.0 cloudprovider/utils: containers that are left out when it asks whether a pod is ready. */
const ALLOW_NOT_READY = 'AllowNotReadyContainers';

function networkOf(network: z.output<typeof networkSchema> | null | undefined): Pick<GameServerSetView, 'network'> {
  if (!network || network.networkType === '') return {};
  const allowed = (network.networkConf ?? []).filter(({ name }) => name === ALLOW_NOT_READY);
  const allowNotReady = allowed.flatMap(({ value }) => value.split(',').map((name) => name.trim()));
  return { network: { type: network.networkType, allowNotReady } };
}

/** OpenKruiseGame v1.0.0 apis/v1alpha1/gameserverset_types.go. */
const gameServerSetSchema = z.object({
  metadata: objectMetaSchema,
  spec: z.object({
    replicas: z.number(),
    updateStrategy: updateStrategySchema.optional(),
    serviceQualities: z.array(serviceQualitySchema).nullish(),
    network: networkSchema.nullish(),
    gameServerTemplate: z.object({
      reclaimPolicy: z.string().default('Cascade'),
      spec: z.object({
        containers: z.array(containerSchema),
        initContainers: z.array(z.object({ name: z.string() })).nullish(),
      }),
    }),
  }),
});

/** Kept with every unknown field: a write replaces the whole list. */
const overrideSchema = z.looseObject({ name: z.string(), image: z.string().optional() });

/** OpenKruiseGame v1.0.0 apis/v1alpha1/gameserver_types.go. */
const gameServerSchema = z.object({
  metadata: objectMetaSchema.extend({ ownerReferences: z.array(z.object({ kind: z.string() })).default([]) }),
  spec: z
    .object({
      opsState: z.string().default(''),
      updatePriority: z.union([z.number(), z.string()]).nullish(),
      containers: z.array(overrideSchema).nullish(),
    })
    .prefault({}),
});

/** Kruise v1.8.0 apis/apps/v1beta1/statefulset_types.go; the webhook fills in the defaults. */
const workloadSchema = z.object({
  metadata: objectMetaSchema.omit({ managedFields: true }),
  spec: z.object({
    // The API server gives it a number where none is said.
    replicas: z.number().default(1),
    template: z.object({ spec: z.object({ containers: z.array(containerSchema) }) }),
    updateStrategy: z
      .object({
        type: z.string().default('RollingUpdate'),
        rollingUpdate: z
          .object({
            partition: z.number().default(0),
            paused: z.boolean().default(false),
            podUpdatePolicy: z.string().default('ReCreate'),
          })
          .prefault({}),
      })
      .prefault({}),
  }),
  status: z
    .object({
      observedGeneration: z.number().default(0),
      updateRevision: z.string().default(''),
      currentRevision: z.string().default(''),
    })
    .prefault({}),
});

const CONTAINERS = '/spec/gameServerTemplate/spec/containers';

/**
 * A GameServerSet as hotwave sees it.
 *
 * @throws ZodError when it is not one.
 */
export function gameServerSetView(object: unknown): GameServerSetView {
  const { metadata, spec } = gameServerSetSchema.parse(object);
  const template = spec.gameServerTemplate;
  const images = template.spec.containers.map((_, index) => `${CONTAINERS}/${index}/image`);
  const written = [...images, '/spec/updateStrategy', '/spec/replicas'];
  const whole = (object as { readonly spec: { readonly gameServerTemplate: unknown } }).spec.gameServerTemplate;
  const inTemplate = Object.keys(templateFields(whole, '')).map((pointer) => `${TEMPLATE}${pointer}`);
  return {
    ref: { namespace: metadata.namespace, name: metadata.name },
    uid: metadata.uid,
    generation: metadata.generation,
    replicas: spec.replicas,
    updateStrategy: (spec.updateStrategy ?? {}) as GameServerSetView['updateStrategy'],
    hasUpdateStrategy: spec.updateStrategy !== undefined,
    ...(metadata.annotations && { annotations: metadata.annotations }),
    containers: template.spec.containers,
    template: whole,
    initContainers: (template.spec.initContainers ?? []).map((container) => container.name),
    serviceQualities: (spec.serviceQualities ?? []).map(({ name }) => name),
    priorityWriters: (spec.serviceQualities ?? []).flatMap(({ name, priorities }) =>
      priorities.length > 0 ? [{ name, priorities }] : [],
    ),
    qualityResults: Object.fromEntries(
      (spec.serviceQualities ?? []).flatMap(({ name, results }) => (results.length > 0 ? [[name, results]] : [])),
    ),
    ...networkOf(spec.network),
    reclaimPolicy: template.reclaimPolicy,
    ...(metadata.labels && { labels: metadata.labels }),
    managers: eachOnce((metadata.managedFields ?? []).map(({ manager }) => manager)),
    foreignOwners: foreignOwners(metadata.managedFields ?? [], written),
    lastWriters: lastWriters(metadata.managedFields ?? [], [...written, ...inTemplate]),
    deleting: metadata.deletionTimestamp !== undefined,
  };
}

/** One that is absent counts as 0, and is still absent for a patch that tests it. */
function priorityOf(
  updatePriority: number | string | undefined,
  priorityBy: string | undefined,
): Pick<GameServerRecord, 'updatePriority' | 'hasPriority' | 'priorityBy'> {
  return {
    updatePriority: updatePriority ?? 0,
    hasPriority: updatePriority !== undefined,
    ...(priorityBy === undefined ? {} : { priorityBy }),
  };
}

/**
 * A GameServer as hotwave sees it.
 *
 * @throws ZodError when it is not one.
 */
export function gameServerRecord(object: unknown): GameServerRecord {
  const { metadata, spec } = gameServerSchema.parse(object);
  const overrides = spec.containers ?? undefined;
  const images = (overrides ?? []).filter(({ image }) => image !== undefined && image !== '');
  const { managedFields = [] } = metadata;
  const overriddenBy = images.length === 0 ? undefined : lastWriter(managedFields, '/spec/containers');
  return {
    name: metadata.name,
    uid: metadata.uid,
    resourceVersion: metadata.resourceVersion,
    opsState: spec.opsState,
    createdAt: createdAt(metadata),
    ...priorityOf(spec.updatePriority ?? undefined, lastWriter(managedFields, '/spec/updatePriority')),
    imageOverrides: Object.fromEntries(images.map(({ name, image }) => [name, image ?? ''])),
    ...(overriddenBy === undefined ? {} : { overriddenBy }),
    ...(overrides && { overrides }),
    diesWithPod: metadata.ownerReferences.some(({ kind }) => kind === 'Pod'),
    hasAnnotations: metadata.annotations !== undefined,
    syncToken: metadata.annotations?.[SYNC_ANNOTATION] ?? '',
    ...(metadata.annotations && { annotations: cutValues(metadata.annotations) }),
  };
}

/** Controllers keep whole objects in annotations; nobody compares that much. */
const LONGEST_VALUE = 257;

function cutValues(annotations: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(annotations).map(([key, value]) => [key, value.slice(0, LONGEST_VALUE)]));
}

/**
 * An Advanced StatefulSet as hotwave sees it.
 *
 * @throws ZodError when it is not one.
 */
export function workloadView(object: unknown): WorkloadView {
  const { metadata, spec, status } = workloadSchema.parse(object);
  const { type, rollingUpdate } = spec.updateStrategy;
  const { partition, paused, podUpdatePolicy } = rollingUpdate;
  return {
    generation: metadata.generation,
    observedGeneration: status.observedGeneration,
    updateRevision: status.updateRevision,
    currentRevision: status.currentRevision,
    replicas: spec.replicas,
    containers: spec.template.spec.containers,
    strategyType: type,
    partition,
    paused,
    podUpdatePolicy,
  };
}
