import { groupsOf, approvalsNeeded } from '../decisions/gate-votes.ts';
import { gateSchema } from '../spec/gate-spec.ts';
import type { GateSpec, Gates } from '../spec/spec.ts';
import type { Policy } from './policy-spec.ts';
import { rulesFor } from './weigh.ts';

type MandatoryGate = Policy['rules'][number]['gates'][number];

/**
 * The gates that a release has by its file and by the policy of the cluster. A file may ask for more, never for less: of two
 * gates before one wave the stricter part of each counts, and no gate of the policy opens by itself. A group that both name
 * has the people that the policy says.
 *
 * A gate before a wave that the release does not have stands before its last wave: fewer waves must not take it away.
 *
 * | file | policy | waves | gates |
 * |---|---|---|---|
 * | none | before 2: 1 of ops | 3 | before 2: 1 of ops |
 * | before 2: 2 of leads | before 2: 1 of ops | 3 | before 2: 2 of leads, 1 of ops |
 * | none | before 2 | 1 | before 1 |
 * | before 3, proceeds after 1h | before 3 | 3 | before 3, pauses after 1h |
 */
export function withMandatoryGates(own: Gates, policy: Policy, { namespace, waves }: Subject): Gates {
  const wanted = rulesFor(policy, namespace).flatMap(({ gates }) => gates);
  const approvers = { ...own.approvers, ...policy.groups };
  return { approvers, gates: wanted.reduce((gates, gate) => withGate(gates, gate, Math.max(1, waves)), own.gates) };
}

interface Subject {
  readonly namespace: string;
  readonly waves: number;
}

function withGate(gates: readonly GateSpec[], wanted: MandatoryGate, waves: number): GateSpec[] {
  const before = Math.min(wanted.before, waves);
  const own = gates.find((gate) => gate.before === before);
  const others = gates.filter((gate) => gate !== own);
  return [...others, stricter(own ?? gateSchema.parse({ before }), wanted)].toSorted(
    (left, right) => left.before - right.before,
  );
}

function stricter({ promoteAfter: _opensByItself, ...own }: GateSpec, wanted: MandatoryGate): GateSpec {
  const { approvals, notRequester, onTimeout, groups: ownGroups } = own;
  const groups = wanted.groups || ownGroups ? { groups: mostOfEach(ownGroups, wanted.groups) } : {};
  return {
    ...own,
    ...groups,
    approvals: Math.max(approvals, wanted.approvals),
    notRequester: notRequester || wanted.notRequester,
    onTimeout: onTimeout === 'proceed' ? 'pause' : onTimeout,
  };
}

type Counts = Readonly<Record<string, number>>;

function mostOfEach(own: Counts = {}, wanted: Counts = {}): Record<string, number> {
  const names = [...new Set([...Object.keys(own), ...Object.keys(wanted)])];
  return Object.fromEntries(names.map((name) => [name, Math.max(own[name] ?? 0, wanted[name] ?? 0)]));
}

/** `before wave 2: 2 approvals (1 of ops), not by the requester`: what the policy adds, for people. */
export function mandatoryGateTexts(policy: Policy, namespace: string): readonly string[] {
  return rulesFor(policy, namespace).flatMap(({ gates }) =>
    gates.map((gate) => {
      const groups = Object.entries(gate.groups ?? {}).map(([name, count]) => `${count} of ${name}`);
      const needed = approvalsNeeded({
        spec: gateSchema.parse({ before: gate.before, approvals: gate.approvals }),
        groups: groupsOf(gate.groups, {}) ?? [],
      });
      const of = groups.length === 0 ? '' : ` (${groups.join(', ')})`;
      return `before wave ${gate.before}: ${needed} ${needed === 1 ? 'approval' : 'approvals'}${of}${gate.notRequester ? ', not by the requester' : ''}`;
    }),
  );
}
