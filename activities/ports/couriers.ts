import type { SetRef } from '../../release/fleet/fleet.ts';
import type { Notice } from '../../release/notices/notice.ts';

/** The message to a set's courier, sent at once. */
export interface CourierBatch {
  readonly cluster: string;
  readonly set: SetRef;
  readonly notices: readonly Notice[];
}

/** The couriers of the same Temporal namespace. */
export interface Couriers {
  /** Tells the courier of a set, and starts it where none runs. Bounded in time; rejects when it is not known to be told. */
  tell(batch: CourierBatch): Promise<void>;
}
