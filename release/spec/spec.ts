import { z } from 'zod';
import { gateProblems } from './gate-problems.ts';
import type { CombinedProblem } from './gate-problems.ts';
import { PLAIN_WORDS, ofType, problemsOf } from './issue-sentences.ts';
import { wereRead } from './read-fields.ts';
import type { FieldPath } from './read-fields.ts';
import { admissionSchema } from './admission-spec.ts';
import { onFailureSchema } from './failure-spec.ts';
import { freezeWindowSchema } from './freeze-spec.ts';
import { approversSchema, gateSchema } from './gate-spec.ts';
import { imageTag, readImageReference } from './image-reference.ts';
import { dnsLabel, objectName } from './names.ts';
import { contentCheck, healthCheck, proof } from './probe-spec.ts';
import { plainLine } from './text.ts';
import { countSchema, durationUpTo } from './quantity.ts';
import { secretIn } from './redact.ts';
import { reload } from './reload-spec.ts';
import { serverCriteria, serverSelection } from './selection-spec.ts';

const AN_IMAGE = 'expected an image such as registry.example/2048-sidecar:v2.0';

/**
 * An image by the grammar of registries, with a tag, a digest or both: what names neither is another image tomorrow. Kruise
 * 1.8 compares the texts of images where digests do not tell, and one without ':' never completes.
 */
const image = z
  .string({ error: AN_IMAGE })
  .max(1_024, 'expected an image of at most 1024 characters')
  .refine((text) => readImageReference(text) !== undefined, { error: AN_IMAGE, abort: true })
  .refine(isPinned, 'expected an image with a tag or a digest: without, it is another image tomorrow');

function isPinned(text: string): boolean {
  const { tag, digest } = readImageReference(text) ?? {};
  return (tag ?? digest) !== undefined;
}

const version = z
  .string({ error: ofType('expected text; put a version that looks like a number in quotes, such as "1.10"') })
  .min(1)
  .max(128)
  .regex(/^[\w.+:/-]+$/, 'expected letters, digits and ._+:/- only');

const waveEntry = z.union([countSchema(1), z.literal('rest'), serverSelection], {
  error: 'expected a whole number of servers (1 or more), a share such as 5%, rest, or a named group of servers',
});

const waves = z
  .union([z.array(waveEntry).min(1).max(100), z.strictObject({ by: z.literal('updatePriority') })], {
    error: 'expected a list such as [1, 5%, 25%, rest], or { by: updatePriority }',
  })
  .refine((list) => !Array.isArray(list) || list.includes('rest'), {
    error: 'the last wave must be rest, so that no server is excluded unnoticed',
    when: ({ issues }) => issues.length === 0,
  })
  .refine((list) => !Array.isArray(list) || list.indexOf('rest') === list.length - 1, {
    error: 'only the last wave may be rest',
    when: ({ issues }) => issues.length === 0,
  });

const target = z
  .strictObject({
    namespace: dnsLabel.prefault('default'),
    gameServerSet: objectName,
    servers: serverCriteria.optional().meta({ description: 'Strategy targeted: the chosen servers' }),
    allowCascade: z.boolean().prefault(false).meta({
      description:
        'Strategy targeted: go on although reclaimPolicy is Cascade, where an override is lost together with its pod',
    }),
  })
  .meta({ description: 'Which GameServerSet, and with strategy targeted which of its servers' });

/** How long new servers are followed when nobody says it, in milliseconds. */
const FOLLOWED_MS = 3_600_000;

const newServers = z
  .strictObject({
    watch: durationUpTo('30d')
      .prefault('1h')
      .meta({ description: 'How long new servers are waited for and proved; at most 30d' }),
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
      error: ofType('expected the new image of each sidecar, such as { sidecar: registry.example/2048-sidecar:v2.0 }'),
    })
    .refine((images) => Object.keys(images).length === 1, 'expected the image of exactly one sidecar container')
    .meta({ description: 'The new image, by the name of the sidecar container that gets it' }),
  version: version
    .optional()
    .meta({ description: 'Version that content check and proof must echo. Default: the tag of the new image' }),
  previousVersion: version.optional().meta({
    description:
      'Version that the servers prove before the release and after a rollback. Default: the tag of the old image',
  }),
  waves: waves.prefault([1, '5%', '25%', 'rest']).meta({
    description:
      'How many servers each wave moves: numbers, shares of all servers that the release moves, or named groups; or { by: updatePriority }',
  }),
  maxUnavailable: countSchema(1)
    .prefault('10%')
    .meta({ description: 'How many servers may be without their sidecar at once' }),
  ready: z
    .strictObject({ timeout: durationUpTo('1d').prefault('5m') })
    .prefault({})
    .meta({ description: 'How long a server may take to be Ready on the new image; then it has failed' }),
  content: contentCheck
    .optional()
    .meta({ description: 'Checked before the reload: are the new files in the shared folder?' }),
  reload: reload.meta({ description: 'The way to make the engine load the new files' }),
  proof: proof.meta({ description: 'Checked after the reload: the engine itself must say which version it runs' }),
  health: z
    .array(healthCheck, { error: ofType('expected a list such as [ { http: { port: 80, path: /healthz } } ]') })
    .max(10)
    .prefault([])
    .meta({ description: 'Checked after the proof, and again and again while the wave bakes' }),
  bake: durationUpTo('7d')
    .prefault('0s')
    .meta({ description: 'How long the health of a wave is sampled before the next one; at most 7d' }),
  approvers: approversSchema,
  gates: z
    .array(gateSchema)
    .max(100)
    .prefault([])
    .meta({ description: 'Waves that wait for people; the policy of the cluster may add more' }),
  admission: admissionSchema
    .optional()
    .meta({ description: 'Reloads wait for servers with players. Default: they do not' }),
  freeze: z.array(freezeWindowSchema).max(50).prefault([]).meta({ description: 'Times in which nothing is released' }),
  maxMixed: durationUpTo('30d')
    .refine((milliseconds) => milliseconds > 0, 'expected a duration longer than 0')
    .optional()
    .meta({
      description:
        'How long servers may be of two versions before somebody has to decide; at most 30d. Default: any time',
    }),
  onMaxMixed: z
    .enum(['pause', 'rollback'])
    .prefault('pause')
    .meta({ description: 'Consequence when the time of maxMixed is over' }),
  onFailure: onFailureSchema.meta({ description: 'Verdict on failed servers' }),
  allowFailedVersion: plainLine(200)
    .optional()
    .meta({ description: 'Why an image is released again that an earlier release had to roll back' }),
  paused: z
    .strictObject({ timeout: durationUpTo('30d').prefault('3d') })
    .prefault({})
    .meta({ description: 'How long a paused release waits for a person before it ends as failed, left as it is' }),
  concurrency: z
    .strictObject({ total: z.int().min(1).max(200).prefault(20), perNode: z.int().min(1).max(50).prefault(5) })
    .prefault({})
    .meta({ description: 'How many reloads and checks run at once, in all and on one node' }),
  guard: durationUpTo('30d')
    .refine((milliseconds) => milliseconds > 0, 'expected a duration longer than 0')
    .optional()
    .meta({
      description:
        'How long the servers are watched after the release is done: whatever crashes, is recreated or comes new has to prove the version. Default: not at all',
    }),
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

type Rule = readonly [broken: boolean, path: FieldPath, error: string, other?: FieldPath];

const brokenOnes = (rules: readonly Rule[]): CombinedProblem[] =>
  rules.flatMap(([broken, path, error, other = ['strategy']]) =>
    broken ? [{ path: [...path], error, combines: [path, other] }] : [],
  );

/** A line that would mean nothing: a person who has left a line out is told before servers move. */
function idleProblems({
  strategy,
  newServers: followed,
  maxMixed,
  onMaxMixed,
}: z.output<typeof specSchema>): CombinedProblem[] {
  const isSaid = followed.count !== undefined || followed.watch !== FOLLOWED_MS;
  return brokenOnes([
    [
      isSaid && strategy !== 'newServersOnly',
      ['newServers'],
      'only strategy newServersOnly follows new servers: the others update those that run',
    ],
    [
      maxMixed === undefined && onMaxMixed !== 'pause',
      ['onMaxMixed'],
      'nothing is limited: say maxMixed too',
      ['maxMixed'],
    ],
  ]);
}

/** The limits of one strategy, or of one way of reloading. */
function strategyProblems({
  strategy,
  admission,
  maxMixed,
  reload,
  onFailure,
  images,
  version: named,
}: z.output<typeof specSchema>): CombinedProblem[] {
  const forNewServers = strategy === 'newServersOnly';
  const retries = Object.entries(onFailure.classes).filter(([, { then }]) => then === 'retry');
  const [retried] = retries;
  return brokenOnes([
    [
      named === undefined && Object.values(images).some((text) => imageTag(text) === ''),
      ['version'],
      'an image by its digest alone has no tag to prove: say what content check and proof must echo',
      ['images'],
    ],
    [
      admission !== undefined && 'self' in reload,
      ['admission'],
      'an engine that reloads by itself does not wait for its players',
      ['reload'],
    ],
    [
      maxMixed !== undefined && forNewServers,
      ['maxMixed'],
      'with newServersOnly, servers are of two versions for good',
    ],
    [admission !== undefined && forNewServers, ['admission'], 'new servers have no players yet'],
    [
      onFailure.keepSpecimens > 0 && strategy !== 'targeted',
      ['onFailure', 'keepSpecimens'],
      'only strategy targeted can keep failed servers: in the others the template takes every server back',
    ],
    [onFailure.perWave !== undefined && forNewServers, ['onFailure', 'perWave'], 'new servers are in no wave'],
    [
      retried !== undefined && forNewServers,
      ['onFailure', 'classes', retried?.[0] ?? ''],
      'new servers are followed until ready.timeout is over, and not tried again after that',
    ],
  ]);
}

const HOLDS_A_SECRET =
  'this looks like a credential, and a release file is kept in histories and shown: let the engine read it from where it is safe';

/** The `apiVersion` of a release file. */
export const API_VERSION = 'hotwave.dev/v1';
/** The `kind` of a release file. */
export const KIND = 'Release';

const withTheChoice = (soFar: Parameters<typeof wereRead>[0]): boolean =>
  wereRead(soFar, ['strategy'], ['target', 'servers']);

/** The release file: what a person writes and a reviewer reads. */
export const releaseFileSchema = z.strictObject({
  apiVersion: z.literal(API_VERSION, { error: `expected ${API_VERSION}` }),
  kind: z.literal(KIND, { error: `expected ${KIND}` }),
  metadata: z.strictObject({ name: dnsLabel }),
  spec: specSchema
    .refine((spec) => spec.strategy !== 'targeted' || spec.target.servers !== undefined, {
      path: ['target', 'servers'],
      when: withTheChoice,
      error: 'strategy targeted needs the chosen servers, such as { servers: [1, 2] }',
    })
    .refine((spec) => spec.strategy === 'targeted' || spec.target.servers === undefined, {
      path: ['target', 'servers'],
      when: withTheChoice,
      error: 'only strategy targeted chooses servers; the other strategies are about the whole set',
    })
    .superRefine((spec, context) => {
      for (const { path, error, combines } of [...gateProblems(spec), ...strategyProblems(spec), ...idleProblems(spec)])
        if (wereRead(context, ...combines)) context.addIssue({ code: 'custom', path, message: error });
      const secret = secretIn(spec);
      if (secret) context.addIssue({ code: 'custom', path: [...secret], message: HOLDS_A_SECRET });
    }),
});

/** A release file after defaults and units: durations are milliseconds. */
export type ReleaseFile = z.output<typeof releaseFileSchema>;
/** The task of a release. */
export type ReleaseSpec = ReleaseFile['spec'];
export type { Probe } from './probe-spec.ts';
export type { Reload } from './reload-spec.ts';
export type { ServerCriteria } from './selection-spec.ts';
/** The gates of a release, and the people by group who decide at them. */
export type Gates = Pick<ReleaseSpec, 'gates' | 'approvers'>;
/** A gate as written in the release file. */
export type GateSpec = z.output<typeof gateSchema>;
export type { Admission } from './admission-spec.ts';
export type { FreezeWindow } from './freeze-spec.ts';

/** The one sidecar that the release changes and its new image. */
export function updatedContainer(spec: ReleaseSpec): { container: string; image: string } {
  const [entry] = Object.entries(spec.images);
  if (!entry) throw new Error('a validated release names one image');
  return { container: entry[0], image: entry[1] };
}

/** The JSON Schema of release files, for editors (`docs/release.schema.json`). */
export function releaseJsonSchema(): object {
  return { title: 'hotwave release', ...z.toJSONSchema(releaseFileSchema, { io: 'input', target: 'draft-7' }) };
}

/**
 * A release file that has been read already, as it travels from one program to another: durations are numbers. A
 * program that sends it need not have read it by this schema, so the same rules and bounds are tested again.
 */
export const checkedFileSchema = z.custom<ReleaseFile>().superRefine((file, context) => {
  const { error } = z.safeEncode(releaseFileSchema, file, PLAIN_WORDS);
  const [problem] = problemsOf(error?.issues ?? []);
  if (problem) context.addIssue({ code: 'custom', path: [...problem.path], message: problem.message });
});
