import type { Weighed } from '../decisions/person.ts';
import { isAmong, personKey } from '../decisions/person.ts';
import { formatDuration } from '../spec/quantity.ts';
import { eitherOf } from '../spec/either-of.ts';
import type { Policy, Power } from './policy-spec.ts';

/** The wish of somebody, and the name that they give. */
export interface Claim {
  readonly power: Power;
  readonly namespace: string;
  /** As it was sent: an identity such as `slack:T1/U2`, or a name. */
  readonly actor: string;
  readonly channel: string;
}

/** A signature that verifies. */
export interface Seal {
  /** The public key, base64 as in a `.pub` file. */
  readonly key: string;
  /** When it was made, milliseconds since the epoch, as its maker says. */
  readonly signedAt: number;
}

/** How far the time of a signature may be from now, in milliseconds, to both sides: clocks differ, and a click is not kept for later. */
const SIGNATURE_WINDOW_MS = 5 * 60_000;

type Rule = Policy['rules'][number];

/** Says whether somebody may do what they want, by every rule that is about the namespace. */
export function weigh(policy: Policy, claim: Claim, seal: Seal | undefined, now: number): Weighed {
  const voucher = seal && voucherOf(policy, claim, seal, now);
  if (voucher && 'refusal' in voucher) return voucher;
  const person = voucher?.person ?? personOf(policy, claim.actor);
  const rules = rulesFor(policy, claim.namespace);
  const refusal =
    rules
      .map((rule) => ruleRefusal(policy, rule, { ...claim, person, isVouched: voucher !== undefined }))
      .find(Boolean) ?? undefined;
  if (refusal !== undefined) return { refusal };
  return voucher ? { person, vouchedBy: voucher.by } : { person };
}

/** The rules that are about a namespace. All of them hold. */
export function rulesFor({ rules }: Policy, namespace: string): readonly Rule[] {
  return rules.filter(({ namespaces }) => matchesAny(namespaces, namespace));
}

/** `arena`, or `live-*` for all whose names begin so. */
export function matchesAny(patterns: readonly string[], namespace: string): boolean {
  return patterns.some((pattern) =>
    pattern.endsWith('*') ? namespace.startsWith(pattern.slice(0, -1)) : pattern === namespace,
  );
}

/** The person behind a name or an identity; who is not in the policy is known by that name. */
function personOf({ people }: Policy, actor: string): string {
  const key = personKey(actor);
  const found = Object.entries(people).find(
    ([name, { identities }]) => personKey(name) === key || identities.some((identity) => personKey(identity) === key),
  );
  return found?.[0] ?? actor.normalize('NFC').trim();
}

/** The people of these groups; a name that is no group is a person. */
function membersOf({ groups }: Policy, names: readonly string[]): readonly string[] {
  return [...new Set(names.flatMap((name) => (Object.hasOwn(groups, name) ? (groups[name] ?? []) : [name])))];
}

/** Which of these groups somebody is in; those that the policy does not have are left out. */
export function membershipOf(
  { groups }: Policy,
  person: string,
  names: readonly string[],
): Readonly<Record<string, boolean>> {
  const known = names.filter((name) => Object.hasOwn(groups, name));
  return Object.fromEntries(known.map((name) => [name, isAmong(groups[name] ?? [], person)]));
}

type Voucher = { readonly person: string; readonly by: string } | { readonly refusal: string };

function voucherOf(policy: Policy, claim: Claim, seal: Seal, now: number): Voucher {
  const age = now - seal.signedAt;
  const window = formatDuration(SIGNATURE_WINDOW_MS);
  if (age > SIGNATURE_WINDOW_MS)
    return { refusal: `it was signed ${formatDuration(age)} ago, and a signature counts for ${window}: decide again` };
  if (-age > SIGNATURE_WINDOW_MS)
    return {
      refusal: `it was signed ${formatDuration(-age)} ahead of the clock of the worker, at most ${window} may be: set your clock`,
    };
  const { people, channels } = policy;
  const owner = Object.entries(people).find(([, { keys }]) => holdsKey(keys, seal));
  if (owner) return ownKey(policy, claim, owner[0]);
  const signers = Object.keys(channels).filter((name) => holdsKey(channels[name]?.keys ?? [], seal));
  if (signers.includes(claim.channel)) return keyOfChannel(policy, claim);
  if (signers.length > 0)
    return {
      refusal: `it is signed with the key of ${eitherOf(signers)}, which does not vouch for channel ${claim.channel}`,
    };
  return { refusal: 'it is signed with a key that the policy of the cluster does not know, or not for this time' };
}

function ownKey(policy: Policy, { actor }: Claim, owner: string): Voucher {
  const claimed = personOf(policy, actor);
  if (personKey(claimed) === personKey(owner)) return { person: owner, by: `${owner}'s key` };
  return { refusal: `it is signed with the key of ${owner}, but says that ${claimed} decides` };
}

/** The gateway of a channel vouches for the identities of its own channel, and for nobody else. */
function keyOfChannel(policy: Policy, { actor, channel }: Claim): Voucher {
  if (!personKey(actor).startsWith(`${personKey(channel)}:`))
    return {
      refusal: `the key of ${channel} vouches for people of ${channel} only, such as ${channel}:NAME, not for ${actor}`,
    };
  return { person: personOf(policy, actor), by: `the key of ${channel}` };
}

type Key = Policy['people'][string]['keys'][number];

/** A key counts for what was signed in its time. */
function holdsKey(keys: readonly Key[], { key, signedAt }: Seal): boolean {
  return keys.some(
    (known) =>
      known.key.split(' ')[1] === key &&
      (known.from === undefined || signedAt >= Date.parse(known.from)) &&
      (known.until === undefined || signedAt < Date.parse(known.until)),
  );
}

interface Wanted extends Claim {
  readonly person: string;
  readonly isVouched: boolean;
}

function ruleRefusal(policy: Policy, rule: Rule, wanted: Wanted): string | undefined {
  const { power, namespace, channel, person, isVouched } = wanted;
  const allowed = rule.may[power];
  const where = namespace === '' ? 'in the whole cluster' : `in namespace ${namespace}`;
  if (mustBeVouched(rule, power) && !isVouched)
    return `the policy of the cluster wants ${power} ${where} to be vouched for: ${power === 'unguard' ? 'sign it with hotwave guard --stop --sign' : `decide in a chat with a gateway, or sign it with hotwave ${power} --sign`}`;
  if (rule.channels && !rule.channels.includes(channel))
    return `decisions over ${channel} do not count ${where}: use ${eitherOf(rule.channels)}`;
  if (allowed && !membersOf(policy, allowed).some((member) => personKey(member) === personKey(person)))
    return `${person} may not ${power} ${where}: the policy of the cluster wants somebody of ${eitherOf(allowed)}`;
  return undefined;
}

/** True when a rule takes no claimed names for this. */
export function mustBeVouched({ vouched }: Rule, power: Power): boolean {
  return typeof vouched === 'boolean' ? vouched : vouched.includes(power);
}
