import type { CourierBatch, Couriers } from '../ports/couriers.ts';

/** Hands notices over to the courier of their set. Telling twice does no harm: a courier drops what it has. */
export function tellCourier(couriers: Couriers | undefined): (batch: CourierBatch) => Promise<void> {
  return async (batch) => {
    if (!couriers) throw new Error('this worker has no couriers');
    await couriers.tell(batch);
  };
}
