import type { Policy } from './policy-spec.ts';
import type { Sink } from './sink-spec.ts';
import { matchesAny } from './weigh.ts';

/** The sinks that are told of the sets of a namespace. */
export function sinksOf({ sinks }: Policy, namespace: string): readonly Sink[] {
  return sinks.filter(({ namespaces }) => namespaces === undefined || matchesAny(namespaces, namespace));
}
