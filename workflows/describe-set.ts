import { ActivityFailure } from '@temporalio/workflow';
import { describeFailure, isForbidden } from './call-failures.ts';
import { asked } from './calls.ts';
import { checkedInput, describeInputSchema } from './input-schemas.ts';
import type { DescribeInput, DescribeResult } from './messages.ts';

/** Ten thousand servers take seconds. */
const LOOK_MS = 60_000;

/** Runs for `hotwave init`: one look at a set, or at which sets there are. */
export async function describeSet(input: DescribeInput): Promise<DescribeResult> {
  const { namespace, name } = checkedInput(describeInputSchema, input);
  try {
    return await asked('look at the set', LOOK_MS).describeSet({ namespace, name });
  } catch (error) {
    if (!(error instanceof ActivityFailure)) throw error;
    return { kind: isForbidden(error) ? 'refused' : 'unreachable', reason: describeFailure(error) };
  }
}
