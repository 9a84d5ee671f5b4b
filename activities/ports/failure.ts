/** Trouble between hotwave and the API server, in words a person can act on; never carries headers or bodies. */
export class ClusterFailure extends Error {
  override readonly name = 'ClusterFailure';
  /** `forbidden`, `unreachable`, `overloaded`, `unauthorized`, `invalid`, `gone` or `other`. */
  readonly reason: ClusterFailureReason;
  readonly retryable: boolean;
  /** Wait this long before the next try, from Retry-After. */
  readonly retryAfterMs: number | undefined;

  constructor(reason: ClusterFailureReason, message: string, options: { retryable: boolean; retryAfterMs?: number }) {
    super(message);
    this.reason = reason;
    this.retryable = options.retryable;
    this.retryAfterMs = options.retryAfterMs;
  }
}

/** True when the API server does not permit what was asked of it: an authorizer, or a policy of admission. */
export function isForbidden(error: unknown): error is ClusterFailure {
  return error instanceof ClusterFailure && error.reason === 'forbidden';
}

/** Why the API server could not be used. */
export type ClusterFailureReason =
  'forbidden' | 'unauthorized' | 'unreachable' | 'overloaded' | 'invalid' | 'gone' | 'other';

/** This attempt of an activity may not change anything any more; nothing was sent. Another attempt goes on. */
export class LeaseLost extends Error {
  override readonly name = 'LeaseLost';

  constructor() {
    super(
      'Temporal has not confirmed in time that this attempt is the one that works: it sends nothing more, and another one goes on',
    );
  }
}
