import { describe, expect, test } from 'vitest';
import type { UpdateStrategy } from '../../release/fleet/fleet.ts';
import { setBaseline } from '../../release/patches/baseline.ts';
import { handBack } from '../../release/patches/hand-back.ts';
import { OPEN, STRATEGY, controlledStrategy } from '../../release/patches/patches.ts';
import { NEW_IMAGE, OLD_IMAGE, SIDECAR, USER_STRATEGY, aSet } from '../support/builders.ts';

// The strategy of a set at the end of a rollback when others have written its strategy meanwhile.

type Rolling = NonNullable<UpdateStrategy['rollingUpdate']>;

const OWNERS = USER_STRATEGY.rollingUpdate!;
const baseline = setBaseline(aSet(), SIDECAR, NEW_IMAGE)!;
const HELD = controlledStrategy(baseline, OPEN).rollingUpdate!;
const rolling = (rollingUpdate: Rolling): UpdateStrategy => ({ type: 'RollingUpdate', rollingUpdate });

function handedBack(live: UpdateStrategy | null, of = baseline): { strategy: unknown; kept: string | undefined } {
  const updateStrategy = live ?? USER_STRATEGY;
  const lastWriters = { [STRATEGY]: 'argocd-controller' };
  const set = aSet({ updateStrategy, hasUpdateStrategy: live !== null, lastWriters });
  const { patch, kept } = handBack(of, set, { image: OLD_IMAGE, hold: OPEN });
  expect(patch.preconditions).toContainEqual({ path: STRATEGY, value: live });
  expect(patch.preconditions).toContainEqual({
    path: '/spec/gameServerTemplate/spec/containers/1/image',
    value: OLD_IMAGE,
  });
  const [change] = patch.changes;
  if (!change) return { strategy: live, kept };
  return { strategy: change.op === 'remove' ? null : change.value, kept };
}

describe('at the end of a rollback', () => {
  test.each<[what: string, live: Rolling, then: Rolling]>([
    ['nobody has touched', HELD, OWNERS],
    ['somebody has put back whole', OWNERS, OWNERS],
    ['somebody has put back in part', { ...HELD, maxUnavailable: 1 }, OWNERS],
    ['OpenKruiseGame has dropped a false pause of', { ...HELD, podUpdatePolicy: 'InPlaceIfPossible' }, OWNERS],
  ])('a strategy that %s is the one that the owner had', (_what, live, then) => {
    expect(handedBack(rolling(live))).toEqual({ strategy: rolling(then), kept: undefined });
  });

  test.each<[what: string, live: Rolling, then: Rolling, kept: string]>([
    [
      'another pace',
      { ...HELD, maxUnavailable: '30%' },
      { ...OWNERS, maxUnavailable: '30%' },
      'maxUnavailable of duel from 1 to "30%"',
    ],
    ['a partition', { ...HELD, partition: 4 }, { ...OWNERS, partition: 4 }, 'partition of duel from 0 to 4'],
    ['a pause', { ...OWNERS, paused: true }, { ...OWNERS, paused: true }, 'paused of duel from nothing to true'],
    [
      'a further field',
      { ...HELD, minReadySeconds: 3 },
      { ...OWNERS, minReadySeconds: 3 },
      'minReadySeconds of duel from nothing to 3',
    ],
  ])('%s that somebody has given it stays, and is named', (_what, live, then, kept) => {
    expect(handedBack(rolling(live))).toEqual({
      strategy: rolling(then),
      kept: `argocd-controller changed /spec/updateStrategy/rollingUpdate/${kept}, and it stays so`,
    });
  });

  test('another type of strategy stays as it is', () => {
    const { strategy, kept } = handedBack({ type: 'OnDelete' });
    expect(strategy).toEqual({ type: 'OnDelete' });
    expect(kept).toContain(
      'argocd-controller changed /spec/updateStrategy/type of duel from "RollingUpdate" to "OnDelete"',
    );
  });

  test('a strategy that somebody has taken away stays away', () => {
    const { strategy, kept } = handedBack(null);
    expect(strategy).toBeNull();
    expect(kept).toContain('argocd-controller changed /spec/updateStrategy of duel');
  });

  test('a set that had none has none again, but for what others have written', () => {
    const bare = setBaseline(aSet({ hasUpdateStrategy: false, updateStrategy: {} }), SIDECAR, NEW_IMAGE)!;
    const held = controlledStrategy(bare, OPEN).rollingUpdate!;
    expect(handedBack(rolling(held), bare)).toEqual({ strategy: null, kept: undefined });
    expect(handedBack(rolling({ ...held, partition: 2 }), bare).strategy).toEqual(rolling({ partition: 2 }));
  });
});
