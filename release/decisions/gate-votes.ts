import type { GateGroup, OpenGate } from '../progress/state.ts';
import { isAmong, isSamePerson } from './person.ts';

/** People who may vote, by group. */
export type Approvers = Readonly<Record<string, readonly string[]>>;

/** The groups of a gate with their members; undefined when anybody may vote. */
export function groupsOf(
  needed: Readonly<Record<string, number>> | undefined,
  approvers: Approvers,
): readonly GateGroup[] | undefined {
  if (!needed) return undefined;
  return Object.entries(needed).map(([name, count]) => ({
    name,
    members: Object.hasOwn(approvers, name) ? (approvers[name] ?? []) : [],
    needed: count,
  }));
}

/** The groups as they are now, by what is known of one person: groups that are not named stay as they were. */
export function withMember(
  groups: readonly GateGroup[],
  person: string,
  ofGroups: Readonly<Record<string, boolean>>,
): readonly GateGroup[] {
  return groups.map((group) => {
    const is = ofGroups[group.name];
    if (is === undefined || is === isAmong(group.members, person)) return group;
    const others = group.members.filter((member) => !isSamePerson(member, person));
    return { ...group, members: is ? [...others, person] : others };
  });
}

/** True when the person's vote counts at this gate. */
export function mayVote({ groups }: Pick<OpenGate, 'groups'>, actor: string): boolean {
  return groups === undefined || groups.some(({ members }) => isAmong(members, actor));
}

/**
 * The votes that are still missing before the gate opens, in words; undefined when it is open. Every group must have
 * its number of approvals and all of them together `approvals`, so that one person in two groups does not count for
 * two.
 *
 * | approvals | groups | approved by | missing |
 * |---|---|---|---|
 * | 2 | | ann | 1 more |
 * | 2 | ops: 1 (ann, bob), leads: 1 (cleo) | ann, bob | 1 more of leads |
 * | 2 | ops: 1 (ann), leads: 1 (ann, cleo) | ann | 1 more |
 */
export function approvalsMissing(gate: Pick<OpenGate, 'spec' | 'groups' | 'approvedBy'>): string | undefined {
  const { groups = [], approvedBy } = gate;
  const lacking = groups.flatMap(({ name, members, needed }) => {
    const missing = needed - approvedBy.filter((actor) => isAmong(members, actor)).length;
    return missing > 0 ? [`${missing} more of ${name}`] : [];
  });
  if (lacking.length > 0) return lacking.join(', ');
  const all = approvalsNeeded(gate);
  return approvedBy.length < all ? `${all - approvedBy.length} more` : undefined;
}

/** How many votes there must be in all. */
export function approvalsNeeded({ spec, groups = [] }: Pick<OpenGate, 'spec' | 'groups'>): number {
  return Math.max(
    spec.approvals,
    groups.reduce((sum, { needed }) => sum + needed, 0),
  );
}
