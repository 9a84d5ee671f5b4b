import { ManualClock } from './clock.ts';
import { fakeCluster } from './fake-cluster.ts';
import type { FakeCluster, FakeClusterModel } from './fake-cluster.ts';

/** A fake cluster whose time a test moves. */
export interface FakeWorld {
  readonly clock: ManualClock;
  readonly cluster: FakeCluster;
}

/** A fake cluster in time that stands still; its controllers take 1 ms for everything, its nodes 10 ms for an image. */
export function fakeWorld({ timings = {}, ...model }: Omit<FakeClusterModel, 'clock'> = {}): FakeWorld {
  const clock = new ManualClock();
  const usual = { acceptMs: 1, syncMs: 1, swapMs: 10, gateMs: 1 };
  return { clock, cluster: fakeCluster({ ...model, timings: { ...usual, ...timings }, clock }) };
}
