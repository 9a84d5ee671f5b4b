import { expect, test } from 'vitest';
import { editedPriorities } from '../../release/patches/foreign-edit.ts';
import type { StrayPriority } from '../../release/patches/foreign-edit.ts';

const PLANNED_AT = Date.UTC(2026, 0, 1);
const plan = {
  priorities: [
    { name: 'duel-1', from: 0, to: 10 },
    { name: 'duel-2', from: 0, to: 20 },
  ],
  youngestGameServer: PLANNED_AT,
};
const stray = (wishes: Partial<StrayPriority>): StrayPriority => ({
  name: 'duel-1',
  createdAt: PLANNED_AT - 1_000,
  priority: 7,
  ...wishes,
});

test.each<[string, Partial<StrayPriority>, number]>([
  ['that somebody has given another one is edited', {}, 1],
  ['that shows its own again is not', { priority: '10' }, 0],
  ['to which the release gave none is not', { name: 'duel-3' }, 0],
  [
    'that was recreated since the plan starts without, which is no edit',
    { createdAt: PLANNED_AT + 1_000, priority: 0 },
    0,
  ],
  ['that does not say when it was made is taken for the planned one', { createdAt: 0 }, 1],
])('the priority of a GameServer %s', (_, wishes, edits) => {
  expect(editedPriorities(plan, [stray(wishes)])).toHaveLength(edits);
});
