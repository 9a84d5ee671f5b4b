import { DefaultFailureConverter } from '@temporalio/common';

/** Messages and stack traces of failures go through the codec like all else; Temporal reads this module by its path. */
export const failureConverter = new DefaultFailureConverter({ encodeCommonAttributes: true });
