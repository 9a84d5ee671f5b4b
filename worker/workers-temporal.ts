import type { NativeConnection } from '@temporalio/worker';
import type { Converter } from '../codec/data-converter.ts';

/** A Temporal namespace as a worker reaches it. */
export interface WorkersTemporal {
  readonly connection: NativeConnection;
  readonly namespace: string;
  readonly dataConverter?: Converter;
}
