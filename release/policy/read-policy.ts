import type { Diagnostic } from '../spec/diagnose.ts';
import { readDocument } from '../spec/diagnose.ts';
import type { Policy } from './policy-spec.ts';
import { policyFileSchema } from './policy-spec.ts';

/** Reads the policy of a cluster. Never throws for what is in the text. */
export function readPolicyFile(
  text: string,
): { readonly policy: Policy } | { readonly diagnostics: readonly Diagnostic[] } {
  const reading = readDocument(text, policyFileSchema);
  return 'value' in reading ? { policy: reading.value } : reading;
}
