import { DefaultFailureConverter } from '@temporalio/common';

/**
 * How failures of workflows are told to Temporal. Where a worker encrypts, their messages and stack traces go through its
 * codec; the sandbox knows no settings, so that the worker says so in front of the code (worker/bundle.ts).
 */
export const failureConverter = new DefaultFailureConverter({
  encodeCommonAttributes: (globalThis as { readonly hotwaveHidesFailures?: boolean }).hotwaveHidesFailures === true,
});
