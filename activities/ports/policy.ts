import type { Policy } from '../../release/policy/policy-spec.ts';

/** The policy of a cluster as it is written down now; or why it cannot be read. */
export type PolicyReading = { readonly policy: Policy } | { readonly problem: string };

/** Where the policy of a cluster is written down. Read anew each time. */
export interface PolicySource {
  read(): Promise<PolicyReading>;
}
