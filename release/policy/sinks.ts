import type { Policy } from './policy-spec.ts';
import type { Sink } from './sink-spec.ts';

/** The sinks that are told of the sets of a namespace. */
export function sinksOf(policy: Policy | undefined, namespace: string): readonly Sink[] {
  const isMeant = (pattern: string): boolean =>
    pattern.endsWith('*') ? namespace.startsWith(pattern.slice(0, -1)) : pattern === namespace;
  return (policy?.sinks ?? []).filter(({ namespaces }) => namespaces?.some(isMeant) ?? true);
}
