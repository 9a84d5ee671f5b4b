import { expect } from 'vitest';
import type { WatchSetInput } from '../../activities/set/watch-set.ts';
import { factsOf } from '../../release/patches/foreign-edit.ts';
import { setBaseline } from '../../release/patches/patches.ts';
import { taskQueueOf, watchQueueOf } from '../../workflows/messages.ts';
import { NEW_IMAGE, SET, SIDECAR, aSet } from '../support/builders.ts';
import { test } from '../support/stage.ts';

const WATCHES = 150;
const baseline = setBaseline(aSet(), SIDECAR, NEW_IMAGE)!;

test('more watches than there are slots for short calls do not keep a short call waiting', async ({ stage }) => {
  const { client, cluster, clusterName } = await stage();
  const facts = factsOf(await cluster.readSet(SET), baseline, true);
  const input: WatchSetInput = {
    set: SET,
    baseline,
    known: facts,
    priorities: [],
    knownStrays: [],
    tellsReplicas: false,
    until: Date.now() + 60_000,
  };
  const taskQueue = taskQueueOf(clusterName);
  const options = { startToCloseTimeout: 90_000, heartbeatTimeout: 20_000 };
  const watches = await Promise.all(
    Array.from({ length: WATCHES }, (_, index) =>
      client.activity.start('watchSet', {
        ...options,
        args: [input],
        id: `${clusterName}-watch-${index}`,
        taskQueue: watchQueueOf(taskQueue),
      }),
    ),
  );
  // The test itself has read it once.
  await expect.poll(() => cluster.calls.readSet, { timeout: 30_000 }).toBeGreaterThan(WATCHES);
  const started = performance.now();
  await client.activity.execute('inspectCluster', {
    ...options,
    args: [{ namespace: SET.namespace }],
    id: `${clusterName}-short`,
    taskQueue,
  });
  expect(performance.now() - started).toBeLessThan(3_000);
  await Promise.all(watches.map((watch) => watch.cancel('the test is over')));
});
