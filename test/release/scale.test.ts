import { expect, test } from 'vitest';
import { scaleUnderWay } from '../../release/fleet/scale.ts';

test.each([
  ['nobody comes or goes', { replicas: 10, accepted: 10, alive: 10, leaving: 0, missing: 0 }],
  ['one is being replaced', { replicas: 10, accepted: 10, alive: 9, leaving: 1, missing: 0 }],
  ['those that leave are none of the set any more', { replicas: 8, accepted: 8, alive: 8, leaving: 2, missing: 0 }],
  ['one was missing before the release', { replicas: 10, accepted: 10, alive: 9, leaving: 0, missing: 1 }],
])('a set is of one size when %s', (_when, scale) => {
  expect(scaleUnderWay(scale)).toBeUndefined();
});

test.each([
  ['its workload has not heard of it', { replicas: 12, accepted: 10, alive: 10, leaving: 0, missing: 0 }, /Advanced/],
  ['pods are still to come', { replicas: 12, accepted: 12, alive: 10, leaving: 0, missing: 0 }, /12 servers, and 10/],
  ['pods are still to go', { replicas: 8, accepted: 8, alive: 10, leaving: 0, missing: 0 }, /8 servers, and 10/],
  ['more are missing than before', { replicas: 10, accepted: 10, alive: 8, leaving: 0, missing: 1 }, /10 servers/],
])('a set is still changing its size while %s', (_while, scale, reason) => {
  expect(scaleUnderWay(scale)).toMatch(reason);
});
