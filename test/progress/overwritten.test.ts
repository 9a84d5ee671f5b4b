import { expect, test } from 'vitest';
import { overwriting, writtenAnew } from '../../release/progress/written-back.ts';
import type { ForeignView } from '../../release/progress/table.ts';

// A manager that writes back again and again, as the release counts it.

function foreign(more: Partial<ForeignView>): ForeignView {
  return { strays: [], seen: { image: 'r/a:1', updateStrategy: {} }, ...more } as ForeignView;
}

test('what hotwave itself has written is nobody’s edit', () => {
  expect(overwriting(foreign({ by: 'hotwave' })).overwritten).toBeUndefined();
});

test('another manager begins at none, however often the one before it came back', () => {
  const before = foreign({ by: 'flux', overwritten: { by: 'argocd-controller', image: 'r/a:1', times: 4 } });
  expect(overwriting(before).overwritten).toEqual({ by: 'flux', image: 'r/a:1', times: 0 });
});

test('a manager that applies from Git has written back whatever image it brings, and nobody else has in its place', () => {
  const overwritten = { by: 'argocd-controller', image: 'r/a:0', times: 1 };
  expect(writtenAnew(foreign({ overwritten }), 'argocd-controller').overwritten?.times).toBe(2);
  expect(writtenAnew(foreign({ overwritten }), 'flux').overwritten?.times).toBe(1);
});
