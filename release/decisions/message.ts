import { z } from 'zod';
import { ROLLBACK_ORDERS, ROLLBACK_SCOPES, VERBS } from '../progress/state.ts';
import type { Verb } from '../progress/state.ts';
import type { HaltOfScope, HaltScope } from './halt.ts';
import { clusterName, dnsLabel, objectName } from '../spec/names.ts';
import { PLAIN_WORDS, problemsOf } from '../spec/issue-sentences.ts';
import type { Problem } from '../spec/issue-sentences.ts';
import { plainText } from '../spec/plain-text.ts';
import { plainLine, remark } from '../spec/text.ts';
import { momentSchema } from '../spec/quantity.ts';

const actor = plainLine(200);
const reason = remark(1_000);
const NO_REASON = 'no reason given';
const signature = z
  .string()
  .max(8_000)
  .regex(
    /^-----BEGIN SSH SIGNATURE-----\n[A-Za-z0-9+/=\n]+-----END SSH SIGNATURE-----\n?$/,
    'expected what ssh-keygen -Y sign -n hotwave writes',
  );

/** The key that vouches for the person who begins something. */
export const vouchSchema = z.object({ channel: plainLine(60), signedAt: momentSchema, signature });
/** The key that vouches for the person who begins something. */
export type Vouch = z.output<typeof vouchSchema>;

/** A decision as it travels: one flat JSON object. An update answers whether it was accepted; a signal cannot. */
export const decisionSchema = z.strictObject({
  id: plainLine(200),
  verb: z.enum(VERBS),
  release: dnsLabel,
  plan: z
    .string()
    .regex(/^[0-9a-f]{8,64}$/, 'expected the first 8 to 64 characters of the hash of a plan')
    .optional(),
  wave: z.int().min(1).max(100_000).optional(),
  then: z.enum(['hold', 'rollback']).optional(),
  server: objectName.optional(),
  scope: z.enum(ROLLBACK_SCOPES).optional(),
  order: z.enum(ROLLBACK_ORDERS).optional(),
  wins: z.enum(['release', 'edit']).optional(),
  by: dnsLabel.optional(),
  until: momentSchema.optional(),
  namespace: dnsLabel.optional(),
  actor,
  channel: plainLine(60).prefault('unknown'),
  reason: reason.transform((text) => (text === '' ? undefined : text)).optional(),
  run: z.guid('expected the id of a run of the release').optional(),
  signedAt: momentSchema.optional(),
  signature: signature.optional(),
});

/** A decision before defaults, as a bot sends it. */
export type DecisionMessage = z.input<typeof decisionSchema>;

/** The person who ends a halt or a monitor, and why. */
export const farewellSchema = z.strictObject({
  actor,
  reason: reason.transform((text) => (text === '' ? NO_REASON : text)).prefault(NO_REASON),
  vouch: vouchSchema.optional(),
});

/** The person who lets one set go on while the other releases of a halt stand still, and why. */
export const exceptionSchema = farewellSchema.extend({
  set: z.strictObject({ namespace: dnsLabel, name: objectName }),
});

/** A wish to let one set go on, before defaults. */
export type ExceptionMessage = z.input<typeof exceptionSchema>;

/** A wish to end a halt or a monitor. */
export type Farewell = z.output<typeof farewellSchema>;

/** A wish to end a halt or a monitor, before defaults. */
export type FarewellMessage = z.input<typeof farewellSchema>;

/** The halt: by whom, why, since when and until when. */
export const haltOfScopeSchema = z.object({
  cluster: clusterName,
  namespace: dnsLabel.optional(),
  actor,
  reason,
  since: momentSchema,
  until: momentSchema,
});

/**
 * The facts of a halt from its memo, which anybody may have written. Never throws: a halt whose facts cannot be read
 * holds its releases all the same.
 */
export function readHaltOfScope(memo: unknown, scope: HaltScope): HaltOfScope {
  const read = readMessage(haltOfScopeSchema, memo);
  const { cluster, namespace } = scope;
  const held = namespace === undefined ? { cluster } : { cluster, namespace };
  if ('ok' in read) return { ...read.ok, ...held };
  return { ...held, actor: 'somebody', reason: 'its reason cannot be read', since: 0, until: 0 };
}

/** A message that was understood, or one sentence that says why not and what is expected. */
export type Read<Value> = { readonly ok: Value } | { readonly problem: string };

const A_DECISION = '{"id":"1","verb":"approve","release":"NAME","wave":2,"actor":"YOU","channel":"ui"}';
const A_FAREWELL = '{"actor":"YOU","reason":"why"}';
const AN_EXCEPTION = '{"set":{"namespace":"NAMESPACE","name":"SET"},"actor":"YOU","reason":"why"}';

/** The options of a verb beside who decides about which release and plan, why, and over which channel. */
export const DECISION_FIELDS: Readonly<Record<Verb, readonly (keyof DecisionMessage)[]>> = {
  approve: ['wave'],
  reject: ['wave'],
  pause: [],
  resume: ['wins'],
  retry: [],
  skip: ['server', 'wave'],
  rollback: ['scope', 'order'],
  cancel: ['then'],
  supersede: ['then', 'by'],
  'override-freeze': [],
  halt: ['until', 'namespace'],
  unhalt: ['until', 'namespace'],
};
const ALL_FIELDS = Object.values(DECISION_FIELDS).flat();

/**
 * Reads a decision from whatever somebody sent. Never throws. A field that the verb does not know is refused: whoever
 * sends a rollback with a wave means less than a rollback of everything.
 */
export function readDecision(message: unknown): Read<z.output<typeof decisionSchema>> {
  const read = readMessage(decisionSchema, message, A_DECISION);
  if ('problem' in read) return read;
  const { verb } = read.ok;
  const foreign = ALL_FIELDS.find((field) => read.ok[field] !== undefined && !DECISION_FIELDS[verb].includes(field));
  if (foreign === undefined) return read;
  const known = DECISION_FIELDS[verb].length === 0 ? '' : `, only ${DECISION_FIELDS[verb].join(', ')}`;
  return { problem: `not understood: ${foreign}: ${verb} does not know it${known}; expected ${A_DECISION}` };
}

/** Reads who ends a halt or a monitor from whatever somebody sent. Never throws. */
export function readFarewell(message: unknown): Read<z.output<typeof farewellSchema>> {
  return readMessage(farewellSchema, message, A_FAREWELL);
}

/** Reads who lets one set go on from whatever somebody sent. Never throws. */
export function readException(message: unknown): Read<z.output<typeof exceptionSchema>> {
  return readMessage(exceptionSchema, message, AN_EXCEPTION);
}

/** A message as a person sees it in a tool that sends messages by hand. */
export const EXAMPLES = { decision: A_DECISION, farewell: A_FAREWELL, exception: AN_EXCEPTION } as const;

/**
 * Reads a message by its schema. Never throws, whatever the message is: a handler that throws for a signal fails the
 * task of its workflow again and again, and nobody can reach the release any more.
 * @param example what would have been understood; part of the sentence
 */
export function readMessage<Schema extends z.ZodType>(
  schema: Schema,
  message: unknown,
  example?: string,
): Read<z.output<Schema>> {
  const parsed = parse(schema, message);
  if (parsed.success) return { ok: parsed.data };
  const [problem] = problemsOf(parsed.error.issues);
  return {
    problem: `not understood: ${problem ? describeProblem(problem) : ''}${example === undefined ? '' : `; expected ${example}`}`,
  };
}

type Parsed<Schema extends z.ZodType> = ReturnType<typeof z.safeParse<Schema>>;

function parse<Schema extends z.ZodType>(schema: Schema, message: unknown): Parsed<Schema> {
  try {
    return z.safeParse(schema, message, PLAIN_WORDS);
  } catch {
    // A value whose properties cannot be read. JSON has none, other senders may.
    return z.safeParse(schema, undefined, PLAIN_WORDS);
  }
}

/** `wave: expected a number of at most 100000`. Keys of the message are foreign text; they are made plain and short. */
function describeProblem({ path, message }: Problem): string {
  const where = path.length === 0 ? 'the message' : path.join('.');
  return plainText(`${where}: ${message}`, 300);
}
