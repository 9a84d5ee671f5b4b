import { canonicalBeginning } from '../../release/decisions/canonical.ts';
import type { Beginning } from '../../release/decisions/canonical.ts';
import type { Vouch } from '../../release/decisions/message.ts';
import type { Weighed } from '../../release/decisions/person.ts';
import { hashOf } from '../../release/fleet/hash.ts';
import type { PreflightLine, UnderPolicy } from '../../release/plan/preflight.ts';
import { mandatoryGateTexts, withMandatoryGates } from '../../release/policy/mandatory-gates.ts';
import type { Policy } from '../../release/policy/policy-spec.ts';
import { describeRules } from '../../release/policy/describe-policy.ts';
import { weigh } from '../../release/policy/weigh.ts';
import type { ReleaseFile } from '../../release/spec/spec.ts';
import type { PolicySource } from '../ports/policy.ts';
import { verifySignature } from './verify-signature.ts';

/** What is to be started, and by whom. */
export interface Wanted {
  readonly file: ReleaseFile;
  readonly cluster?: string | undefined;
  readonly requester?: string | undefined;
  readonly vouch?: Vouch | undefined;
}

/** What the policy says to a release: one line for people, and what it makes of a plan with so many waves. */
export interface StartUnderPolicy {
  readonly line: PreflightLine;
  of(waves: number): UnderPolicy;
}

/** Asks the policy whether somebody may start this release, and which gates it must have. */
export async function startUnderPolicy(source: PolicySource, wanted: Wanted): Promise<StartUnderPolicy> {
  const { policy, problem } = await source.read();
  const { metadata, spec } = wanted.file;
  const { namespace, gameServerSet: set } = spec.target;
  const weighed =
    wanted.requester === undefined
      ? undefined
      : weighBeginning(
          policy,
          {
            verb: 'start',
            cluster: wanted.cluster ?? '',
            namespace,
            set,
            release: metadata.name,
            file: hashOf(wanted.file),
            actor: wanted.requester,
          },
          wanted.vouch,
        );
  const by =
    weighed && !('refusal' in weighed)
      ? { requester: weighed.person, ...(weighed.vouchedBy === undefined ? {} : { vouchedBy: weighed.vouchedBy }) }
      : {};
  return {
    line: lineOf(policy, namespace, weighed, problem),
    of: (waves) => ({ ...by, ...withMandatoryGates(spec, policy, { namespace, waves }) }),
  };
}

function lineOf(
  policy: Policy,
  namespace: string,
  weighed: Weighed | undefined,
  problem: string | undefined,
): PreflightLine {
  const title = 'policy';
  if (weighed && 'refusal' in weighed) return { title, status: 'refused', detail: weighed.refusal };
  const who =
    weighed &&
    `started by ${weighed.person} (${weighed.vouchedBy === undefined ? 'claimed' : `vouched for by ${weighed.vouchedBy}`})`;
  const gates = mandatoryGateTexts(policy, namespace).map((text) => `gate ${text}`);
  const parts = [...(who === undefined ? [] : [who]), ...gates, ...describeRules(policy, namespace)];
  const detail = parts.length === 0 ? `nothing about namespace ${namespace}` : parts.join('; ');
  return problem === undefined
    ? { title, status: 'ok', detail }
    : { title, status: 'warning', detail: `${problem}; what it said last counts: ${detail}` };
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
