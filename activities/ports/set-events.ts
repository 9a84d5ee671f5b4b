import type { SetEvent } from '../../release/notices/set-event.ts';
import type { Permit } from './heartbeats.ts';

/** The Kubernetes Events of sets: what `kubectl describe` shows. */
export interface SetEvents {
  /**
   * Writes an Event about a set, which need not be there any more. One of that name is left as it is. Bounded in time;
   * trouble is thrown as a ClusterFailure.
   */
  recordEvent(event: SetEvent, signal?: AbortSignal, permit?: Permit): Promise<void>;
}
