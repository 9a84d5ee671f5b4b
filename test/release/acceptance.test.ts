import { expect, test } from 'vitest';
import { acceptancePatience, notAccepted } from '../../release/checks/acceptance.ts';
import type { Acceptance } from '../../release/checks/acceptance.ts';
import { NEW_IMAGE, SIDECAR, aWorkload } from '../support/builders.ts';

const containers = [{ name: SIDECAR, image: NEW_IMAGE }];
const wanted: Acceptance = {
  container: SIDECAR,
  image: NEW_IMAGE,
  held: { partition: 3, maxUnavailable: '100%', paused: false },
  by: 'written',
};

test.each([
  ['is not there', undefined, /there is no Advanced StatefulSet/],
  ['has another image', aWorkload({ partition: 3 }), /has image/],
  ['has another partition', aWorkload({ containers, partition: 5 }), /partition 5, not 3/],
  ['is paused', aWorkload({ containers, partition: 3, paused: true }), /is paused/],
] as const)('a write is not accepted while the workload %s', (_what, workload, reason) => {
  expect(notAccepted(workload, wanted)).toMatch(reason);
});

test('a wave is open as soon as the workload has the partition: Kruise reports it only when every server has begun', () => {
  const workload = aWorkload({ containers, partition: 3, generation: 8, observedGeneration: 7 });
  expect(notAccepted(workload, wanted)).toBeUndefined();
});

test('what others build on, a revision or that nobody moves any more, holds only once Kruise has observed it', () => {
  const lagging = aWorkload({ containers, partition: 3, generation: 8, observedGeneration: 7 });
  expect(notAccepted(lagging, { ...wanted, by: 'observed' })).toMatch(/not observed/);
  expect(notAccepted({ ...lagging, observedGeneration: 8 }, { ...wanted, by: 'observed' })).toBeUndefined();
});

test('Kruise may take longer to come round the more servers it is busy with', () => {
  expect(acceptancePatience('written', 1_000)).toBe(acceptancePatience('written', 10));
  expect(acceptancePatience('observed', 500)).toBeGreaterThan(acceptancePatience('observed', 10));
  expect(acceptancePatience('observed', 10_000)).toBeLessThan(10 * 60_000);
});
