import { canonicalDecision } from '../../release/decisions/canonical.ts';
import type { DecisionMessage } from '../../release/decisions/message.ts';
import type { Weighed } from '../../release/decisions/person.ts';
import { holdsSet } from '../../release/decisions/halt.ts';
import type { SetRef } from '../../release/fleet/fleet.ts';
import type { Policy, Power } from '../../release/policy/policy-spec.ts';
import { membershipOf, weigh } from '../../release/policy/weigh.ts';
import type { Seal } from '../../release/policy/weigh.ts';
import type { PolicySource } from '../ports/policy.ts';
import type { Releases } from '../ports/releases.ts';
import { verifySignature } from './verify-signature.ts';

/** Weigh decisions about one release, in the order in which they came. */
export interface WeighDecisionsInput {
  readonly cluster: string;
  readonly set: SetRef;
  /** The runs of this release so far: a signature for another one is a replay. */
  readonly runs: readonly string[];
  /** The groups of the gate that is open. */
  readonly groups?: readonly string[] | undefined;
  /** The release has no plan yet, so nobody knows whether it is under a policy: a worker without one refuses nothing. */
  readonly beforePlan?: true | undefined;
  /** As they were sent. */
  readonly decisions: readonly DecisionMessage[];
}

/** Asks the policy of the cluster, as it stands now, who decides and whether that counts. */
export function weighDecisions(
  source: PolicySource | undefined,
  releases: Releases,
): (input: WeighDecisionsInput) => Promise<readonly Weighed[]> {
  return async (input) => {
    if (!source)
      return input.decisions.map(({ actor }) =>
        input.beforePlan === true ? { person: actor } : { refusal: NO_POLICY },
      );
    const { policy } = await source.read();
    return await Promise.all(input.decisions.map((decision) => weighOne(policy, releases, input, decision)));
  };
}

/** A release that began under a policy does not become anybody's because a worker was started without one. */
export const NO_POLICY =
  'it began under a policy, and the worker that was asked has none: start every worker with HOTWAVE_POLICY';

async function weighOne(
  policy: Policy,
  releases: Releases,
  { cluster, set, runs, groups = [] }: WeighDecisionsInput,
  decision: DecisionMessage,
): Promise<Weighed> {
  const { verb, actor, channel = 'unknown', then } = decision;
  if (verb === 'halt' || verb === 'unhalt') return await weighHalt(releases, { cluster, set }, decision);
  const seal = sealOf(decision, runs);
  if (seal && 'refusal' in seal) return seal;
  const allowed = (power: Power): Weighed =>
    weigh(policy, { power, namespace: set.namespace, actor, channel }, seal, Date.now());
  const weighed = allowed(verb);
  if ('refusal' in weighed) return weighed;
  // A cancel or a supersession that rolls back first is a rollback as well.
  const goingBack = then === 'rollback' ? allowed('rollback') : weighed;
  if ('refusal' in goingBack) return goingBack;
  return groups.length === 0 ? weighed : { ...weighed, ofGroups: membershipOf(policy, weighed.person, groups) };
}

/**
 * Halts are weighed where they are begun and ended; a release only follows them. So a word of a halt counts when there is
 * one, and the word of its end when there is none any more.
 */
async function weighHalt(
  releases: Releases,
  { cluster, set }: Pick<WeighDecisionsInput, 'cluster' | 'set'>,
  { verb, actor }: DecisionMessage,
): Promise<Weighed> {
  const halts = await releases.haltsOn({ cluster, namespace: set.namespace });
  const isHalted = halts.some((halt) => holdsSet(halt, { cluster, set }));
  if (isHalted === (verb === 'halt')) return { person: actor };
  return {
    refusal: isHalted ? 'a halt holds it: end that with hotwave unhalt' : 'no halt holds it: hotwave halt begins one',
  };
}

/** The signature of a decision that was meant for this very release; undefined when there is none. */
function sealOf(decision: DecisionMessage, runs: readonly string[]): Seal | { readonly refusal: string } | undefined {
  const { signature, signedAt, run, plan, wave, verb } = decision;
  if (signature === undefined) return undefined;
  const isVote = verb === 'approve' || verb === 'reject';
  if (signedAt === undefined || run === undefined || (isVote && (plan === undefined || wave === undefined)))
    return {
      refusal: `what is signed must say run and signedAt${isVote ? ', plan and wave' : ''}: nothing else may be decided with it`,
    };
  if (!runs.includes(run)) return { refusal: 'it was signed for another run of this release: look at it again' };
  const verified = verifySignature(canonicalDecision(decision), signature);
  return 'problem' in verified ? { refusal: verified.problem } : { key: verified.key, signedAt };
}
