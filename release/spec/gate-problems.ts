import type { z } from 'zod';
import type { approversSchema, gateSchema } from './gate-spec.ts';
import type { FieldPath } from './read-fields.ts';

type Gate = z.output<typeof gateSchema>;

/** The issues of fields together. They count only when each of them was read. */
export interface CombinedProblem {
  readonly path: (string | number)[];
  readonly error: string;
  readonly combines: readonly FieldPath[];
}

/** The dependencies of gates. */
interface Surroundings {
  readonly approvers: z.output<typeof approversSchema>;
  readonly health: readonly unknown[];
  readonly gates: readonly Gate[];
  readonly waves: readonly unknown[] | { readonly by: string };
  readonly strategy: string;
}

/** Fields of the gates that are right alone and wrong together. */
export function gateProblems(spec: Surroundings): CombinedProblem[] {
  return spec.gates.flatMap((gate, index) => [
    ...placeProblems(spec, gate, index),
    ...groupProblems(spec, gate, index),
    ...promotionProblems(spec, gate, index),
  ]);
}

function placeProblems({ gates, waves, strategy }: Surroundings, { before }: Gate, index: number): CombinedProblem[] {
  const path = ['gates', index, 'before'];
  const first = gates.findIndex((gate) => gate.before === before);
  if (first < index) {
    const error = `gates[${first}] is before wave ${before} already: one gate is enough, with as many approvals as it takes`;
    return [{ path, error, combines: [path, ['gates', first, 'before']] }];
  }
  // By priority there are as many waves as the servers have priorities, which only the plan knows.
  const last = strategy === 'newServersOnly' ? 1 : 'by' in waves ? Infinity : waves.length;
  if (before <= last) return [];
  const why = strategy === 'newServersOnly' ? 'with newServersOnly new servers are one wave' : `spec.waves has ${last}`;
  return [{ path, error: `there is no wave ${before}: ${why}`, combines: [path, ['waves'], ['strategy']] }];
}

function groupProblems({ approvers }: Surroundings, { groups = {} }: Gate, index: number): CombinedProblem[] {
  const at = (group: string, error: string): CombinedProblem => {
    const path = ['gates', index, 'groups', group];
    return { path, error, combines: [path, ['approvers']] };
  };
  const entries = Object.entries(groups);
  const unknown = entries.find(([name]) => !Object.hasOwn(approvers, name));
  const short = entries.find(([name, count]) => (approvers[name]?.length ?? count) < count);
  return [
    ...(unknown ? [at(unknown[0], `spec.approvers has no group ${unknown[0]}`)] : []),
    ...(short ? [at(short[0], `the group ${short[0]} has only ${approvers[short[0]]?.length ?? 0} people`)] : []),
  ];
}

function promotionProblems(
  { health }: Surroundings,
  { before, promoteAfter, timeout }: Gate,
  index: number,
): CombinedProblem[] {
  if (promoteAfter === undefined) return [];
  const path = ['gates', index, 'promoteAfter'];
  const rules: readonly (readonly [broken: boolean, other: FieldPath, error: string])[] = [
    [health.length === 0, ['health'], 'a gate that opens by itself needs spec.health'],
    [
      before === 1,
      ['gates', index, 'before'],
      'before wave 1 no server runs the new version, so none can prove healthy',
    ],
    [
      promoteAfter >= timeout,
      ['gates', index, 'timeout'],
      'expected less than timeout, or the gate never opens by itself',
    ],
  ];
  return rules.flatMap(([broken, other, error]) => (broken ? [{ path, error, combines: [path, other] }] : []));
}
