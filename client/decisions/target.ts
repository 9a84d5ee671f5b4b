import { isClusterName, isNamespace, isObjectName } from '../../release/spec/name-patterns.ts';
import { EXIT } from '../terminal/exit-codes.ts';
import { ExitError } from '../terminal/exit-error.ts';
import { clusterOf } from '../terminal/flags.ts';
import type { ClusterFlags } from '../terminal/flags.ts';
import type { Io } from '../terminal/io.ts';

/** The name from the person: a set, or perhaps a release. */
export interface Target {
  readonly cluster: string;
  readonly namespace: string;
  readonly name: string;
  /** The namespace was written out, so that it cannot be the name of a release. */
  readonly qualified: boolean;
}

/** The place to look, from the flags. */
export interface TargetFlags {
  readonly cluster: string;
  readonly namespace: string;
}

/** The set that the whole command line is about. @throws ExitError when the argument and --cluster say different things */
export function targetOf(io: Io, argument: string, flags: ClusterFlags & { readonly namespace: string }): Target {
  const target = parseTarget(argument, { cluster: clusterOf(io, flags), namespace: flags.namespace });
  if (flags.cluster === undefined || flags.cluster === target.cluster) return target;
  throw new ExitError(
    EXIT.usage,
    `${JSON.stringify(argument)} is in cluster ${target.cluster}, --cluster says ${flags.cluster}: leave --cluster out`,
  );
}

/**
 * Reads a SET argument.
 *
 * | text | with `-n arena` | means |
 * |---|---|---|
 * | `duel` | | arena/duel, or the release called duel |
 * | `lobby/duel` | | lobby/duel |
 * | `hotwave/eu/lobby/duel` | | lobby/duel in cluster eu: a workflow id, as copied from the Temporal UI |
 */
export function parseTarget(argument: string, { cluster, namespace }: TargetFlags): Target {
  const parts = argument.split('/');
  const [first, second, third, fourth] = parts;
  if (parts.length === 4 && first === 'hotwave' && second && third && fourth) {
    return checked({ cluster: second, namespace: third, name: fourth, qualified: true }, argument);
  }
  if (parts.length === 2 && first && second) {
    return checked({ cluster, namespace: first, name: second, qualified: true }, argument);
  }
  if (parts.length === 1 && first) return checked({ cluster, namespace, name: first, qualified: false }, argument);
  throw notATarget(argument);
}

function checked(target: Target, argument: string): Target {
  if (isClusterName(target.cluster) && isNamespace(target.namespace) && isObjectName(target.name)) return target;
  throw notATarget(argument);
}

function notATarget(argument: string): ExitError {
  return new ExitError(
    EXIT.usage,
    `${JSON.stringify(argument)} names no GameServerSet: expected NAME, NAMESPACE/NAME or the name of a release`,
  );
}
