import type { Policy } from '../../release/policy/policy-spec.ts';

/**
 * The policy of a cluster as it is in force. `problem`: the file cannot be read now, and what it last said counts.
 */
export interface PolicyReading {
  readonly policy: Policy;
  readonly problem?: string | undefined;
}

/** Where the policy of a cluster is written down. Read anew each time. */
export interface PolicySource {
  read(): Promise<PolicyReading>;
}
