import type { FoundAccount, FoundPolicies } from '../../release/plan/worker-account.ts';
import type { FoundVersion, Product } from '../../release/plan/tried-versions.ts';

/** One permission that a release needs. */
export interface Access {
  readonly verb: string;
  readonly group: string;
  readonly resource: string;
  readonly subresource?: string;
  /** Of one object; all of them when left out. */
  readonly name?: string;
  readonly namespace: string;
}

/**
 * The rights of the worker, and where they hold.
 * Every call is bounded in time and honours `signal`; trouble is thrown as a ClusterFailure.
 */
export interface ClusterAccess {
  /** Which of these permissions the worker lacks. */
  missingAccess(wanted: readonly Access[], signal?: AbortSignal): Promise<readonly Access[]>;
  /** The version of one of the products that hotwave stands on. */
  versionOf(product: Product, signal?: AbortSignal): Promise<FoundVersion>;
  /** The identity of the worker, as the API server sees it. */
  account(signal?: AbortSignal): Promise<FoundAccount>;
  /** The policies of deploy/admission-policy.yaml, where the worker may look. */
  admissionPolicies(signal?: AbortSignal): Promise<FoundPolicies>;
  /** Whether there is such a namespace; undefined when the worker may not look. */
  hasNamespace(namespace: string, signal?: AbortSignal): Promise<boolean | undefined>;
  /** A line that says which API server this is, for people: address and context, never credentials. */
  describe(): string;
}
