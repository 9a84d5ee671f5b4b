import { beginningOfStart } from '../../release/decisions/canonical.ts';
import type { Vouch } from '../../release/decisions/message.ts';
import type { Weighed } from '../../release/decisions/person.ts';
import type { PreflightLine, UnderPolicy } from '../../release/plan/preflight.ts';
import { mandatoryGateTexts, withMandatoryGates } from '../../release/policy/mandatory-gates.ts';
import type { Policy } from '../../release/policy/policy-spec.ts';
import { describeRules } from '../../release/policy/describe-policy.ts';
import type { ReleaseFile } from '../../release/spec/spec.ts';
import type { PolicySource } from '../ports/policy.ts';
import { sinksOf } from '../../release/policy/sinks.ts';
import { weighBeginning } from './weigh-beginning.ts';

/** The release to be started, and its requester. */
export interface Wanted {
  readonly file: ReleaseFile;
  readonly cluster?: string | undefined;
  readonly requester?: string | undefined;
  readonly takeover?: { readonly actor: string; readonly reason: string } | undefined;
  readonly duringFreeze?: boolean | undefined;
  readonly vouch?: Vouch | undefined;
}

/** The policy's answer to a release: one line for people, and what it makes of a plan with so many waves. */
export interface StartUnderPolicy {
  readonly line: PreflightLine;
  of(waves: number): UnderPolicy;
}

/** Asks the policy whether somebody may start this release, and which gates it must have. */
export async function startUnderPolicy(source: PolicySource, wanted: Wanted): Promise<StartUnderPolicy> {
  const { policy, problem } = await source.read();
  const { spec } = wanted.file;
  const { namespace } = spec.target;
  const weighed =
    wanted.requester === undefined
      ? undefined
      : weighBeginning(
          policy,
          beginningOfStart({ ...wanted, cluster: wanted.cluster ?? '', requester: wanted.requester }),
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
  const sinks = sinksOf(policy, namespace).map(({ name }) => name);
  const told = sinks.length === 0 ? [] : [`tells ${sinks.join(', ')}`];
  const parts = [...(who === undefined ? [] : [who]), ...gates, ...describeRules(policy, namespace), ...told];
  const detail = parts.length === 0 ? `nothing about namespace ${namespace}` : parts.join('; ');
  return problem === undefined
    ? { title, status: 'ok', detail }
    : { title, status: 'warning', detail: `${problem}; what it said last counts: ${detail}` };
}

/** The policy's lines about a namespace, for `doctor`. */
export async function describePolicy(source: PolicySource | undefined, namespace: string): Promise<PreflightLine> {
  if (source) {
    const { policy, problem } = await source.read();
    return lineOf(policy, namespace, undefined, problem);
  }
  const detail = 'none: HOTWAVE_POLICY of the worker names no file, so anybody who reaches Temporal may decide';
  return { title: 'policy', status: 'ok', detail };
}
