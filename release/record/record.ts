import { z } from 'zod';
import type { UpdateStrategy } from '../fleet/fleet.ts';
import { looksSecret } from '../spec/redact.ts';
import type { StableVersion } from './stable.ts';
import { readStable } from './stable.ts';
import type { Ask } from '../spec/spec.ts';
import { askSchema } from '../spec/spec.ts';
import { PLAIN_WORDS, problemsOf } from '../spec/issue-sentences.ts';
import { plainText } from '../spec/plain-text.ts';
import { plainLine, remark } from '../spec/text.ts';
import { momentSchema } from '../spec/quantity.ts';

/** Annotation of a set under release: what is needed to go on, or back, when Temporal has lost the release. */
export const RELEASE_ANNOTATION = 'hotwave.dev/release';

/** Annotation of a set after a release: what came of it, and how its servers are asked what they run. */
export const LAST_RELEASE_ANNOTATION = 'hotwave.dev/last-release';

/** Longest record in characters. All annotations of an object share 256 KiB, and every reader of the set gets them. */
export const RECORD_LIMIT = 16 * 1024;
/** Longest text that is read as a record: what is longer was not written by hotwave. */
const READ_LIMIT = 64 * 1024;

/** How to ask, or why the record does not say it. */
export type RecordedAsk = { readonly ask: Ask } | { readonly noAsk: string };

const shortText = plainLine(1_024);

const strategySchema = z.looseObject({
  type: z.string().optional(),
  rollingUpdate: z.looseObject({}).optional(),
});

const commonSchema = z.object({
  v: z.literal(1),
  release: plainLine(63),
  strategy: plainLine(63),
  container: plainLine(63),
  chosen: z
    .string()
    .max(4_096)
    .regex(/^[\d,-]*$/)
    .optional(),
  earlier: z
    .array(
      z.object({
        image: shortText,
        version: shortText,
        servers: z
          .string()
          .max(4_096)
          .regex(/^[\d,-]*$/)
          .optional(),
      }),
    )
    .max(16)
    .optional(),
  ask: z.unknown().optional(),
  noAsk: remark(200).optional(),
});

/**
 * The servers that a rollback could not bring back: why, and which servers ask for which image, ordinals as compact
 * ranges.
 */
const stuckSchema = z.object({
  reason: remark(1_000),
  at: momentSchema,
  images: z.record(plainLine(1_024), plainLine(4_096)),
});

/** The servers that a rollback could not bring back. */
export type Stuck = z.output<typeof stuckSchema>;

/**
 * Which workflow holds a set. `temporal` tells Temporals apart: the id of the namespace, empty when it was not known.
 * `runId` is the first run of the release, whichever run has written it.
 */
const holderSchema = z.object({
  temporal: z.union([z.literal(''), plainLine(200)]),
  namespace: plainLine(200),
  workflowId: plainLine(1_000),
  runId: plainLine(200),
});

/** Which workflow holds a set. */
export type Holder = z.output<typeof holderSchema>;

const runningSchema = commonSchema.extend({
  oldImage: shortText,
  newImage: shortText,
  oldVersion: shortText,
  newVersion: shortText,
  updateStrategy: strategySchema,
  startedAt: momentSchema,
  priorities: z.record(plainLine(40), plainLine(4_096)).optional(),
  holder: holderSchema.optional(),
  leftAt: momentSchema.optional(),
  back: z.literal(true).optional(),
  stuck: stuckSchema.optional(),
  oldBecause: remark(200).optional(),
  left: remark(READ_LIMIT).optional(),
});

const lastSchema = commonSchema.extend({
  outcome: z.enum(['done', 'rolled-back']),
  image: shortText,
  version: shortText,
  previousImage: shortText,
  previousVersion: shortText,
  startedAt: momentSchema,
  finishedAt: momentSchema,
  putBack: z.object({ from: strategySchema, to: strategySchema }).optional(),
  everyServer: z.literal(true).optional(),
});

/** A version that a release leaves servers on, because an earlier one had brought them there. */
export interface EarlierVersion {
  readonly image: string;
  readonly version: string;
  /** Ordinals as compact ranges; absent: every server that is neither chosen nor named elsewhere. */
  readonly servers?: string | undefined;
}

interface RecordBase {
  readonly v: 1;
  readonly release: string;
  /** The strategy of the release file. */
  readonly strategy: string;
  /** The container whose image the release changed. */
  readonly container: string;
  /** Strategy targeted: the ordinals of the chosen servers as compact ranges; absent when they would be too long. */
  readonly chosen?: string;
  /** The versions of servers that the release does not move; absent when there is nothing to say. */
  readonly earlier?: readonly EarlierVersion[];
  readonly how: RecordedAsk;
  /** Milliseconds since the epoch. */
  readonly startedAt: number;
}

/** A release that is under way, or that was left half-way: enough to go back without Temporal. */
export interface ReleaseRecord extends RecordBase {
  readonly oldImage: string;
  readonly newImage: string;
  readonly oldVersion: string;
  readonly newVersion: string;
  /** Why a rollback goes back to the old image and to no other; absent where that is simply what servers ran. */
  readonly oldBecause?: string;
  /** The person's own, to be put back. */
  readonly updateStrategy: UpdateStrategy;
  /** Priorities to be put back where the release gives its own: the ordinals, as compact ranges, that had each. */
  readonly priorities?: Readonly<Record<string, string>>;
  /** Absent in what older versions wrote. */
  readonly holder?: Holder;
  /** When the release ended and left the servers as they are; absent while it runs. */
  readonly leftAt?: number;
  /** It has brought its servers back by overrides, because the template has a change of somebody else: the set controls stay. */
  readonly back?: true;
  /** The servers that a rollback could not bring back; absent when there was none, or it is over. */
  readonly stuck?: Stuck;
  /** Why the release ended where it was: somebody else's edit, which a person let stay. */
  readonly left?: string;
}

/** A release that has ended: what every server was proved to run. */
export interface LastRelease extends RecordBase {
  readonly outcome: 'done' | 'rolled-back';
  /** The version on the servers since: the new image after `done`, the old one after `rolled-back`. */
  readonly image: string;
  readonly version: string;
  /** The other of the two. */
  readonly previousImage: string;
  readonly previousVersion: string;
  /** Milliseconds since the epoch. */
  readonly finishedAt: number;
  /** A strategy that could not be put back yet, because that would move servers: `from` is what is there instead. */
  readonly putBack?: { readonly from: UpdateStrategy; readonly to: UpdateStrategy };
  /** Every server of the set proved the version: it is the stable version from now on. Absent when some did not. */
  readonly everyServer?: true;
}

/** The facts about releases in the annotations of a set. */
export interface Records {
  readonly running?: ReleaseRecord;
  readonly last?: LastRelease;
  /** The last version that every server of the set proved at the end of a release. */
  readonly stable?: StableVersion;
  /** One sentence for each record that is there but cannot be read. */
  readonly unreadable: readonly string[];
}

/**
 * The text of a record. It never holds what looks like a credential and never exceeds {@link RECORD_LIMIT}: how to ask
 * is then left out, and the record says why.
 */
export function recordText(record: ReleaseRecord | LastRelease): string {
  const { how, ...facts } = record;
  const plain = (extra: object): string => JSON.stringify({ ...facts, ...extra });
  if ('noAsk' in how) return plain(how);
  const encoded = encodeAsk(how.ask);
  if ('noAsk' in encoded) return plain(encoded);
  const text = plain(encoded);
  if (looksSecret(text)) return plain({ noAsk: 'the release file seems to hold a credential' });
  return text.length <= RECORD_LIMIT ? text : plain({ noAsk: `it is longer than ${RECORD_LIMIT / 1024} KiB` });
}

/** In the words of the release file, so that a person can read it and the same schema checks it. */
function encodeAsk(ask: Ask): { readonly ask: unknown } | { readonly noAsk: string } {
  try {
    return { ask: z.encode(askSchema, ask) };
  } catch {
    // A workflow must not fail over a record; what cannot be spelled is asked for with -f release.yaml.
    return { noAsk: 'this version of hotwave cannot spell it' };
  }
}

/** Reads the records from a set's annotations. Never throws: people and tools edit annotations. */
export function readRecords(annotations: Readonly<Record<string, string>> | undefined): Records {
  const running = readOne(annotations, RELEASE_ANNOTATION, runningSchema);
  const last = readOne(annotations, LAST_RELEASE_ANNOTATION, lastSchema);
  const { stable, unreadable } = readStable(annotations);
  return {
    ...(running && 'value' in running ? { running: withHow(running.value) } : {}),
    ...(last && 'value' in last ? { last: withHow(last.value) } : {}),
    ...(stable ? { stable } : {}),
    unreadable: [
      ...[running, last].flatMap((entry) => (entry && 'problem' in entry ? [entry.problem] : [])),
      ...(unreadable === undefined ? [] : [unreadable]),
    ],
  };
}

/**
 * The updateStrategy that a release has to put back, when one is recorded. Read apart from the rest, so that a record
 * that is damaged elsewhere still gives the person's own strategy back.
 */
export function recordedStrategy(
  annotations: Readonly<Record<string, string>> | undefined,
): UpdateStrategy | undefined {
  const found = readOne(annotations, RELEASE_ANNOTATION, z.object({ updateStrategy: strategySchema }));
  return found && 'value' in found ? (found.value.updateStrategy as UpdateStrategy) : undefined;
}

type Read<Value> = { readonly value: Value } | { readonly problem: string };

function readOne<Schema extends z.ZodType>(
  annotations: Readonly<Record<string, string>> | undefined,
  key: string,
  schema: Schema,
): Read<z.output<Schema>> | undefined {
  const text = annotations?.[key];
  if (text === undefined) return undefined;
  const problem = (why: string): Read<never> => ({ problem: `the annotation ${key} cannot be read: ${why}` });
  if (text.length > READ_LIMIT) return problem(`it has ${text.length} characters`);
  const parsed = schema.safeParse(jsonOf(text), PLAIN_WORDS);
  if (parsed.success) return { value: parsed.data };
  const [issue] = problemsOf(parsed.error.issues);
  return problem(
    issue && issue.path.length > 0 ? plainText(`${issue.path.join('.')}: ${issue.message}`, 300) : 'it is no record',
  );
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

type Parsed = z.output<typeof runningSchema> | z.output<typeof lastSchema>;
type Recorded<Value extends Parsed> = Value extends z.output<typeof runningSchema> ? ReleaseRecord : LastRelease;

function withHow<Value extends Parsed>({ ask, noAsk, ...facts }: Value): Recorded<Value> {
  const parsed = askSchema.safeParse(ask);
  const how: RecordedAsk = parsed.success
    ? { ask: parsed.data }
    : { noAsk: noAsk ?? 'the record does not say it in a way that can be read' };
  return { ...facts, how } as unknown as Recorded<Value>;
}

const howSchema = z.union([
  z.object({ ask: z.custom<Ask>((ask) => z.safeEncode(askSchema, ask as Ask).success) }),
  z.object({ noAsk: remark(200) }),
]);

/**
 * The result of a release as one workflow hands it to another: the same facts and bounds as on the set, already read.
 */
export const lastReleaseSchema = lastSchema
  .omit({ ask: true, noAsk: true })
  .extend({ how: howSchema }) as unknown as z.ZodType<LastRelease>;
