import type { Beginning } from '../../release/decisions/canonical.ts';
import { canonicalBeginning } from '../../release/decisions/canonical.ts';
import type { Vouch } from '../../release/decisions/message.ts';
import type { Weighed } from '../../release/decisions/person.ts';
import type { Policy } from '../../release/policy/policy-spec.ts';
import { weigh } from '../../release/policy/weigh.ts';
import type { PolicySource } from '../ports/policy.ts';
import { verifySignature } from './verify-signature.ts';
import { NO_POLICY } from './weigh-decisions.ts';

/** The wish of somebody to begin or to end something, and what vouches for them. */
export interface WeighBeginningInput {
  readonly beginning: Omit<Beginning, 'channel' | 'signedAt'>;
  readonly vouch?: Vouch | undefined;
}

/** Asks the policy of the cluster, as it stands now, about a beginning; undefined where there is none. */
export async function weighedByPolicy(
  source: PolicySource | undefined,
  { beginning, vouch }: WeighBeginningInput,
): Promise<Weighed | undefined> {
  return source && weighBeginning((await source.read()).policy, beginning, vouch);
}

/** The same for several, in their order; a worker without a policy lets nobody end what began under one. */
export function weighBeginnings(
  source: PolicySource | undefined,
): (inputs: readonly WeighBeginningInput[]) => Promise<readonly Weighed[]> {
  return async (inputs) =>
    await Promise.all(inputs.map(async (input) => (await weighedByPolicy(source, input)) ?? { refusal: NO_POLICY }));
}

/** Asks the policy whether somebody may begin something; what vouches for them is a signature over the very thing. */
export function weighBeginning(
  policy: Policy,
  { verb, ...about }: Omit<Beginning, 'channel' | 'signedAt'>,
  vouch: Vouch | undefined,
): Weighed {
  const { actor, namespace = '' } = about;
  const claim = { power: verb, namespace, actor, channel: vouch?.channel ?? 'cli' };
  if (!vouch) return weigh(policy, claim, undefined, Date.now());
  const { channel, signedAt, signature } = vouch;
  const verified = verifySignature(canonicalBeginning({ verb, ...about, channel, signedAt }), signature);
  if ('problem' in verified) return { refusal: verified.problem };
  return weigh(policy, claim, { key: verified.key, signedAt }, Date.now());
}
