import { timingSafeEqual } from 'node:crypto';
import { Webhook } from 'standardwebhooks';
import { z } from 'zod';
import { CARD_VERBS, isVote } from './card.ts';
import { isTimely, Seen } from './freshness.ts';
import type { Click, RawAnswer, RawRequest, TakeClick } from './vendor.ts';

/** A key of Standard Webhooks with the name that its decisions are made under. */
export interface NamedSecret {
  readonly name: string;
  /** `whsec_` and base64. */
  readonly secret: string;
}

/** A request that one of the keys has signed, or why it is refused. */
export type Verified =
  | { readonly key: string; readonly id: string; readonly at: number; readonly signature: string }
  | { readonly refused: string };

/** Verifies a request as Standard Webhooks says, over the raw body, with a time window both ways. */
export function verifyWebhook({ headers, body }: RawRequest, keys: readonly NamedSecret[], now: number): Verified {
  const { 'webhook-id': id = '', 'webhook-timestamp': time = '', 'webhook-signature': given = '' } = headers;
  if (!/^[\x21-\x7e]{1,200}$/.test(id) || !/^\d{1,12}$/.test(time) || given === '')
    return { refused: 'it is not signed: expected webhook-id, webhook-timestamp and webhook-signature' };
  const at = Number(time) * 1_000;
  if (!isTimely(at, now)) return { refused: 'its time is more than 5 minutes from ours' };
  const signatures = given.split(' ').filter((one) => one.startsWith('v1,'));
  for (const { name, secret } of keys) {
    const own = new Webhook(secret).sign(id, new Date(at), body);
    if (signatures.some((one) => isSame(one, own))) return { key: name, id, at, signature: own };
  }
  return { refused: 'no key that is known has signed it' };
}

/** Compares in constant time. */
export function isSame(left: string, right: string): boolean {
  const [a, b] = [Buffer.from(left), Buffer.from(right)];
  return a.length === b.length && timingSafeEqual(a, b);
}

/** The message of a button, as it comes back from outside. */
export const buttonSchema = z.object({
  workflowId: z
    .string()
    .regex(/^hotwave\/[^/\s]{1,100}\/[^/\s]{1,63}\/[^/\s]{1,253}$/, 'expected hotwave/CLUSTER/NAMESPACE/SET'),
  run: z.guid(),
  release: z.string().min(1).max(63),
  plan: z.string().regex(/^[0-9a-f]{8,64}$/),
  verb: z.enum(CARD_VERBS),
  wave: z.int().min(1).max(100_000).optional(),
});

const decisionRequest = buttonSchema
  .extend({ actor: z.string().min(1).max(100), reason: z.string().max(1_000).optional() })
  .refine(({ verb, wave }) => isVote(verb) === (wave !== undefined), 'approve and reject name a wave, others none');

/** Answers signed requests with a decision of any program: `webhook:<name of the key>/<actor>` decides. */
export function webhookDecisions(keys: readonly NamedSecret[], now: () => number) {
  const seen = new Seen<true>();
  return async (request: RawRequest, take: TakeClick): Promise<RawAnswer> => {
    const verified = verifyWebhook(request, keys, now());
    if ('refused' in verified) return { status: 401, body: { message: verified.refused } };
    if (seen.of(verified.signature, now())) return { status: 409, body: { message: 'this request was taken before' } };
    const click = clickOf(request.body, verified);
    if ('problem' in click) return { status: 400, body: { message: click.problem } };
    seen.add(verified.signature, true, now());
    return { status: 200, body: { message: await take(click) } };
  };
}

function clickOf(
  body: string,
  { key, id, at }: Extract<Verified, { key: string }>,
): Click | { readonly problem: string } {
  const read = decisionRequest.safeParse(jsonOf(body));
  if (!read.success) {
    const [issue] = read.error.issues;
    return { problem: `${issue?.path.join('.') ?? ''}: ${issue?.message ?? 'not understood'}` };
  }
  const { actor, reason, ...value } = read.data;
  return { vendor: 'webhook', card: key, actor: `webhook:${key}/${actor}`, click: id, value, reason, at };
}

/** The JSON of a text; undefined when it is none. */
export function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
