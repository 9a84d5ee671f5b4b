import { describeSet } from '../../release/draft/set-description.ts';
import type { SetDescription } from '../../release/draft/set-description.ts';
import type { Cluster } from '../ports/cluster.ts';
import { cancellation } from '../runtime.ts';
import { absentSet } from './named-set.ts';

/** Look at a set, to write a release file for it. */
export interface DescribeSetInput {
  readonly namespace: string;
  /** Default: only which sets there are. */
  readonly name?: string | undefined;
}

/** A set as it can be seen; or the names of those that there are; or why there is nothing to see. */
export type DescribedSet =
  | { readonly kind: 'described'; readonly description: SetDescription }
  | { readonly kind: 'sets'; readonly names: readonly string[] }
  | { readonly kind: 'absent'; readonly reason: string };

/** Looks at a set: its template, its servers and its GameServers. Asks no server and writes nothing. */
export function describeSetActivity(cluster: Cluster): (input: DescribeSetInput) => Promise<DescribedSet> {
  return async ({ namespace, name }) => {
    if (name === undefined) return { kind: 'sets', names: await cluster.listSets(namespace, cancellation()) };
    const ref = { namespace, name };
    const set = await cluster.readSet(ref, cancellation());
    if (!set) return { kind: 'absent', reason: await absentSet(cluster, ref) };
    const [{ servers }, gameServers] = await Promise.all([
      cluster.listServers(ref, {}, cancellation()),
      cluster.listGameServers(ref, undefined, cancellation()),
    ]);
    return { kind: 'described', description: describeSet({ set, servers, gameServers }) };
  };
}
