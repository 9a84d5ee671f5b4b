/**
 * Temporal's answer to a heartbeat. `taken`: this attempt is the one that works. `cancelled`: it is, and is to end.
 * `ended`: another attempt works, or none is wanted any more. `unanswered`: nothing is known.
 */
export type HeartbeatAnswer = 'taken' | 'cancelled' | 'ended' | 'unanswered';

/** Heartbeats whose answer is awaited. The SDK's own are throttled, and nobody learns whether they have arrived. */
export interface Heartbeats {
  /**
   * Sends one for the attempt that calls. Never rejects.
   * @param details what the next attempt finds
   * @param within milliseconds; then it is `unanswered`
   */
  send(details: unknown, within: number): Promise<HeartbeatAnswer>;
}

/**
 * Asked by an adapter right before it sends what changes something, each time that it sends. Rejects when the caller may
 * not send any more; then nothing is sent.
 */
export type Permit = () => Promise<void>;
