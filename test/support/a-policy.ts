import { policyFileSchema } from '../../release/policy/policy-spec.ts';
import type { Policy } from '../../release/policy/policy-spec.ts';
import type { PolicyReading, PolicySource } from '../../activities/ports/policy.ts';
import type { z } from 'zod';

/** The fields of a policy file. */
export type PolicyWishes = z.input<typeof policyFileSchema>;

/** A policy with ann, bob and cleo, of whom bob and cleo are ops, and what a test adds to it. */
export function aPolicy(wishes: PolicyWishes = {}): Policy {
  return policyFileSchema.parse({
    people: {
      ann: { identities: ['github:ann', 'slack:T1/ANN'] },
      bob: { identities: ['slack:T1/BOB'] },
      cleo: { identities: ['feishu:cleo'] },
    },
    groups: { ops: ['bob', 'cleo'] },
    ...wishes,
  });
}

/** The policy of a cluster that a test may change. */
export interface FakePolicy extends PolicySource {
  /** The file that is read from now on. */
  reading: PolicyReading;
}

/** A policy that a worker reads. */
export function fakePolicy(policy: Policy): FakePolicy {
  const source: FakePolicy = { reading: { policy }, read: () => Promise.resolve(source.reading) };
  return source;
}
