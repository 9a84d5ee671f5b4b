import { isClusterName } from '../../release/spec/name-patterns.ts';
import { EXIT } from './exit-codes.ts';
import { ExitError } from './exit-error.ts';
import type { Io } from './io.ts';

/** How to reach Temporal; what is not given comes from the environment and the Temporal configuration file. */
export interface ConnectionFlags {
  readonly address?: string | undefined;
  readonly temporalNamespace?: string | undefined;
  readonly profile?: string | undefined;
}

/** Which cluster's workers to ask. */
export interface ClusterFlags extends ConnectionFlags {
  readonly cluster?: string | undefined;
}

/** How results are printed. */
export type OutputFormat = 'text' | 'wide' | 'json' | 'jsonl' | 'yaml' | 'name';

/** The output formats of every verb, in the order of the help text. */
export const OUTPUT_FORMATS: readonly OutputFormat[] = ['text', 'wide', 'json', 'jsonl', 'yaml'];

/** Those of a verb that is about sets: `name` prints what other verbs take for SET. */
export const NAMED_FORMATS: readonly OutputFormat[] = [...OUTPUT_FORMATS, 'name'];

/** The cluster that the person means. @throws ExitError for a name that no cluster can have */
export function clusterOf(io: Io, flags: ClusterFlags): string {
  return namedCluster(flags) ?? checkedCluster('HOTWAVE_CLUSTER', io.env['HOTWAVE_CLUSTER'] || 'default');
}

/** The cluster that the person named; undefined when all are meant. @throws ExitError for a name that no cluster can have */
export function namedCluster({ cluster }: ClusterFlags): string | undefined {
  return cluster === undefined ? undefined : checkedCluster('--cluster', cluster);
}

function checkedCluster(origin: string, name: string): string {
  if (isClusterName(name)) return name;
  const expected = 'expected lower-case letters, digits, - and . such as eu-west-1';
  throw new ExitError(EXIT.usage, `${origin} ${JSON.stringify(name)}: ${expected}`);
}

/**
 * The acting person, for starting as for deciding: a gate that wants somebody other than the requester compares the
 * two, so they must be spelled alike. The login name without the machine, because people change machines during a
 * release.
 */
export function actorOf(io: Io, given: string | undefined): string {
  return given ?? (io.env['HOTWAVE_ACTOR'] || io.user);
}
