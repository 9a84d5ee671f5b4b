import { z } from 'zod';
import { countSchema, durationSchema } from './quantity.ts';

/** Largest name that Kubernetes takes for a namespaced object and that still fits in every label hotwave reads. */
const DNS_LABEL = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/;
const DNS_SUBDOMAIN = /^[a-z0-9]([-.a-z0-9]*[a-z0-9])?$/;

/**
 * `registry/repository:tag`, optionally with a digest. A tag is demanded because Kruise 1.8 compares
 * image strings when digests do not tell (a name without ':' never completes), and because the tag is
 * the default of `version`.
 */
const IMAGE = /^[a-z0-9]+([._:/-][a-z0-9]+|__[a-z0-9]+)*:[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}$/;

const dnsLabel = z
  .string()
  .max(63, 'a name has at most 63 characters')
  .regex(DNS_LABEL, 'expected a Kubernetes name: lower-case letters, digits and -');

const objectName = z
  .string()
  .max(253, 'a name has at most 253 characters')
  .regex(DNS_SUBDOMAIN, 'expected a Kubernetes name: lower-case letters, digits, - and .');

const image = z
  .string({ error: 'expected an image such as registry.example/2048-sidecar:v2.0' })
  .regex(
    IMAGE,
    'expected an image with a tag such as registry.example/2048-sidecar:v2.0 (digests move by tag, see docs)',
  );

const version = z
  .string({ error: 'expected text; put a version that looks like a number in quotes, such as "1.10"' })
  .min(1)
  .max(128)
  .regex(/^[\w.+:/-]+$/, 'expected letters, digits and ._+:/- only');

const command = z
  .array(z.string({ error: 'expected text; put numbers in quotes' }).min(1).max(4096), {
    error: 'expected a list of arguments such as [/usr/sbin/nginx, -s, reload]; no shell reads it',
  })
  .min(1, 'expected at least the program to run')
  .max(64)
  .meta({
    description:
      'Program and arguments, run without a shell. {{server}}, {{namespace}}, {{ordinal}} and {{version}} are replaced per server.',
  });

const absolutePath = z.string().regex(/^\//, 'expected an absolute path');

const within = durationSchema
  .prefault('30s')
  .meta({ description: 'How long the answer may take to become right; it is asked again until then' });

const execProbe = z.strictObject({
  container: dnsLabel,
  command,
  timeout: durationSchema.prefault('20s'),
  within,
  expect: z
    .string()
    .max(4096)
    .optional()
    .meta({ description: 'What the trimmed output must be; {{version}} is replaced. Default: {{version}}' }),
});

const httpProbe = z.strictObject({
  port: z.int().min(1).max(65_535),
  path: absolutePath,
  timeout: durationSchema.prefault('5s'),
  within,
  expect: z
    .string()
    .max(4096)
    .optional()
    .meta({ description: 'What the trimmed body must be; {{version}} is replaced' }),
});

const fileProbe = z.strictObject({
  container: dnsLabel,
  path: absolutePath,
  timeout: durationSchema.prefault('20s'),
  within,
});

/** Turns a record of alternatives into a schema of which exactly one key is given: `{ http: … }` or `{ exec: … }`. */
function exactlyOne<Shape extends z.ZodRawShape>(
  shape: Shape,
): z.ZodObject<{ [K in keyof Shape]: z.ZodOptional<Shape[K]> }, z.core.$strict> {
  const keys = Object.keys(shape).join(', ');
  const optional = Object.fromEntries(
    Object.entries(shape).map(([key, value]) => [key, z.optional(value as z.ZodType)]),
  );
  return z
    .strictObject(optional)
    .refine(
      (value) => Object.values(value).filter((entry) => entry !== undefined).length === 1,
      `expected exactly one of: ${keys}`,
    ) as unknown as z.ZodObject<{ [K in keyof Shape]: z.ZodOptional<Shape[K]> }, z.core.$strict>;
}

const serverEntry = z.union(
  [
    z.int().min(0),
    objectName.refine((text) => {
      const range = /^(\d+)-(\d+)$/.exec(text);
      return !range || Number(range[1]) <= Number(range[2]);
    }, 'a range of ordinals goes upwards, such as 5-9'),
  ],
  { error: 'expected an ordinal such as 3, a range of ordinals such as 5-9, or the name of a server' },
);

/** What may be said about the servers that are meant; every criterion that is given must hold. */
const criteria = {
  servers: z.array(serverEntry).min(1).max(1_000).optional().meta({
    description: 'Ordinals, ranges of ordinals such as 5-9, or names',
  }),
  labels: z.record(z.string(), z.string()).optional().meta({ description: 'Labels of the pod' }),
  opsState: z.array(z.string().min(1)).min(1).optional(),
  updatePriority: z
    .strictObject({ min: z.int().min(0).optional(), max: z.int().min(0).optional() })
    .optional()
    .meta({ description: 'The lowest and the highest updatePriority, both included' }),
};

const CRITERIA_NAMES = 'servers, labels, opsState, updatePriority';

function isLimited(selection: z.output<z.ZodObject<typeof criteria>>): boolean {
  return [selection.servers, selection.labels, selection.opsState, selection.updatePriority].some(
    (entry) => entry !== undefined,
  );
}

const serverCriteria = z.strictObject(criteria).refine(isLimited, `expected at least one of: ${CRITERIA_NAMES}`);

const serverSelection = z
  .strictObject({ name: z.string().min(1).max(63), ...criteria })
  .refine(isLimited, `expected at least one of: ${CRITERIA_NAMES}`)
  .meta({
    description: `A named wave: the servers that meet every criterion given (${CRITERIA_NAMES})`,
  });

const waveEntry = z.union([countSchema(1), z.literal('rest'), serverSelection], {
  error: 'expected a whole number of servers (1 or more), a share such as 5%, rest, or a named group of servers',
});

const waves = z
  .union([z.array(waveEntry).min(1).max(100), z.strictObject({ by: z.literal('updatePriority') })], {
    error: 'expected a list such as [1, 5%, 25%, rest], or { by: updatePriority }',
  })
  .refine((list) => !Array.isArray(list) || list.at(-1) === 'rest', {
    error: 'the last wave must be rest, so that no server is left behind unnoticed',
  })
  .refine((list) => !Array.isArray(list) || list.indexOf('rest') === list.length - 1, {
    error: 'only the last wave may be rest',
  });

const gate = z.strictObject({
  before: z
    .int('expected the number of a wave')
    .min(1)
    .meta({ description: 'The number of the wave that this gate is before' }),
  approvals: z.int().min(1).max(20).prefault(1),
  notRequester: z.boolean().prefault(false).meta({ description: 'The person who started the release may not approve' }),
  timeout: durationSchema.prefault('4h'),
  onTimeout: z.enum(['pause', 'rollback', 'proceed']).prefault('pause'),
});

const target = z.strictObject({
  namespace: dnsLabel.prefault('default'),
  gameServerSet: objectName,
  servers: serverCriteria.optional().meta({ description: 'Strategy targeted: the chosen servers' }),
  allowCascade: z.boolean().prefault(false).meta({
    description:
      'Strategy targeted: go on although reclaimPolicy is Cascade, where an override is lost together with its pod',
  }),
});

const newServers = z
  .strictObject({
    watch: durationSchema.prefault('1h').meta({ description: 'How long new servers are waited for and proved' }),
    count: z
      .int()
      .min(1)
      .max(10_000)
      .optional()
      .meta({ description: 'End earlier, once so many new servers are proved' }),
  })
  .prefault({})
  .meta({ description: 'Strategy newServersOnly: which scale-ups the release follows' });

const specSchema = z.strictObject({
  target,
  strategy: z
    .enum(['rolling', 'targeted', 'newServersOnly'], { error: 'expected rolling, targeted or newServersOnly' })
    .prefault('rolling')
    .meta({
      description:
        'rolling: the template of the whole set, wave by wave. targeted: chosen servers, through their GameServer objects. newServersOnly: servers that are created from now on',
    }),
  newServers,
  images: z
    .record(dnsLabel, image, {
      error: 'expected the new image of each sidecar, such as { sidecar: registry.example/2048-sidecar:v2.0 }',
    })
    .refine((images) => Object.keys(images).length === 1, 'expected the image of exactly one sidecar container'),
  version: version
    .optional()
    .meta({ description: 'What content check and proof must echo. Default: the tag of the new image' }),
  previousVersion: version.optional().meta({
    description: 'What the servers prove before the release and after a rollback. Default: the tag of the old image',
  }),
  waves: waves.prefault([1, '5%', '25%', 'rest']),
  maxUnavailable: countSchema(1)
    .prefault('10%')
    .meta({ description: 'How many servers may be without their sidecar at once' }),
  ready: z.strictObject({ timeout: durationSchema.prefault('5m') }).prefault({}),
  content: exactlyOne({ file: fileProbe, exec: execProbe })
    .optional()
    .meta({ description: 'Checked before the reload: are the new files in the shared folder?' }),
  reload: exactlyOne({
    exec: z.strictObject({ container: dnsLabel, command, timeout: durationSchema.prefault('30s') }),
  }).meta({ description: 'What makes the engine load the new files' }),
  proof: exactlyOne({ http: httpProbe, exec: execProbe }).meta({
    description: 'Checked after the reload: the engine itself must say which version it runs',
  }),
  health: z
    .array(exactlyOne({ http: httpProbe, exec: execProbe }))
    .max(10)
    .prefault([]),
  bake: durationSchema.prefault('0s'),
  gates: z.array(gate).max(100).prefault([]),
  onFailure: z
    .strictObject({
      tolerate: countSchema(0).prefault(0),
      then: z.enum(['rollback', 'pause']).prefault('rollback'),
      scope: z.literal('release').prefault('release'),
    })
    .prefault({}),
  paused: z
    .strictObject({ timeout: durationSchema.prefault('3d') })
    .prefault({})
    .meta({ description: 'How long a paused release waits for a person before it ends as failed, left as it is' }),
  concurrency: z
    .strictObject({ total: z.int().min(1).max(200).prefault(20), perNode: z.int().min(1).max(50).prefault(5) })
    .prefault({})
    .meta({ description: 'How many reloads and checks run at once, in all and on one node' }),
});

/**
 * How servers are asked what they run and made to load it. The records on a set hold it in the words of the release
 * file; `z.encode` turns it back into them.
 */
export const askSchema = z.strictObject({
  content: specSchema.shape.content,
  reload: specSchema.shape.reload,
  proof: specSchema.shape.proof,
  concurrency: specSchema.shape.concurrency,
});
/** How servers are asked what they run and made to load it. */
export type Ask = z.output<typeof askSchema>;

/** The release file: what a person writes and a reviewer reads. */
export const releaseFileSchema = z.strictObject({
  apiVersion: z.literal('hotwave.dev/v1', { error: 'expected hotwave.dev/v1' }),
  kind: z.literal('Release', { error: 'expected Release' }),
  metadata: z.strictObject({ name: dnsLabel }),
  spec: specSchema
    .refine((spec) => spec.strategy !== 'targeted' || spec.target.servers !== undefined, {
      path: ['target', 'servers'],
      error: 'strategy targeted needs the chosen servers, such as { servers: [1, 2] }',
    })
    .refine((spec) => spec.strategy === 'targeted' || spec.target.servers === undefined, {
      path: ['target', 'servers'],
      error: 'only strategy targeted chooses servers; the other strategies are about the whole set',
    }),
});

/** A release file after defaults and units: durations are milliseconds. */
export type ReleaseFile = z.output<typeof releaseFileSchema>;
/** What a release is to do. */
export type ReleaseSpec = ReleaseFile['spec'];
/** One way to ask a server something: by exec in a container, by HTTP, or by reading a file. Exactly one is given. */
export interface Probe {
  readonly http?: z.output<typeof httpProbe> | undefined;
  readonly exec?: z.output<typeof execProbe> | undefined;
  readonly file?: z.output<typeof fileProbe> | undefined;
}
/** Which servers are meant, by any of several criteria. */
export type ServerCriteria = z.output<typeof serverCriteria>;
/** An entry of `waves` that names a group of servers. */
export type ServerSelection = z.output<typeof serverSelection>;
/** A gate as written in the release file. */
export type GateSpec = z.output<typeof gate>;

/** The one sidecar that the release changes and its new image. */
export function updatedContainer(spec: ReleaseSpec): { container: string; image: string } {
  const [entry] = Object.entries(spec.images);
  if (!entry) throw new Error('a validated release names one image');
  return { container: entry[0], image: entry[1] };
}

/** The tag of an image reference: `registry:5000/a/b:v2.0` -> `v2.0`. Empty when there is none. */
export function imageTag(reference: string): string {
  const name = reference.slice(reference.lastIndexOf('/') + 1);
  const colon = name.indexOf(':');
  return colon < 0 ? '' : name.slice(colon + 1);
}

/** The JSON Schema of release files, for editors (`docs/release.schema.json`). */
export function releaseJsonSchema(): object {
  return { title: 'hotwave release', ...z.toJSONSchema(releaseFileSchema, { io: 'input', target: 'draft-7' }) };
}
