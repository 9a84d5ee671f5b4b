import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { packPlan, packPriorities, unpackPlan, unpackPriorities } from '../../release/plan/packed-plan.ts';
import { isPlan } from '../../release/plan/plan.ts';
import type { Plan, PriorityChange } from '../../release/plan/plan.ts';
import { planRelease } from '../../release/plan/plan-release.ts';
import { MAIN, NEW_IMAGE, SET, SIDECAR, aGameServer, aServer, aSet, anUpdatedServer } from '../support/builders.ts';
import { releaseFrom } from '../support/release-file.ts';

const ORDINALS_OF_TEN_WAVES = Array.from({ length: 10 }, (_, wave) => `${wave * 1_000}-${wave * 1_000 + 999}`);
const TEN_WAVES = ORDINALS_OF_TEN_WAVES.map((range, index) =>
  index === 9 ? 'rest' : `{ name: part-${index}, servers: [${range}] }`,
);

/** A plan of so many servers, one in ten of which is on the new image already and every tenth of those by an override. */
function aPlan(count: number, waves: string): Plan {
  const { spec } = releaseFrom(`
apiVersion: hotwave.dev/v1
kind: Release
metadata: { name: scripts-2-0 }
spec:
  target: { namespace: arena, gameServerSet: duel }
  images: { ${SIDECAR}: '${NEW_IMAGE}' }
  reload: { exec: { container: ${MAIN}, command: [reload] } }
  proof: { http: { port: 80, path: /version } }
  waves: ${waves}`);
  const ordinals = Array.from({ length: count }, (_, ordinal) => ordinal);
  const plan = planRelease(spec, {
    set: aSet({ replicas: count }),
    servers: ordinals.map((ordinal) => (ordinal % 10 === 9 ? anUpdatedServer({ ordinal }) : aServer({ ordinal }))),
    gameServers: ordinals.map((ordinal) =>
      aGameServer({
        ordinal,
        updatePriority: ordinal % 3,
        ...(ordinal % 100 === 99 ? { imageOverrides: { [SIDECAR]: NEW_IMAGE } } : {}),
      }),
    ),
  });
  if (!isPlan(plan)) throw new Error(plan.refusals.join('; '));
  return { ...plan, unproved: plan.alreadyUpdated.slice(0, 7).map(({ name }) => name) };
}

const sorted = (changes: readonly PriorityChange[]): readonly PriorityChange[] =>
  changes.toSorted((left, right) => left.name.localeCompare(right.name, 'en', { numeric: true }));
const withSortedPriorities = (plan: Plan): Plan => ({ ...plan, priorities: sorted(plan.priorities) });

test.each(['[1, 5%, rest]', '{ by: updatePriority }', '[{ name: first, servers: [3, 9-7] }, rest]'])(
  'a plan with waves %s that is packed and unpacked is the same',
  (waves) => {
    const plan = aPlan(200, waves.replace('9-7', '5-7'));
    const wire = JSON.parse(JSON.stringify(packPlan(plan))) as ReturnType<typeof packPlan>;
    expect(withSortedPriorities(unpackPlan(wire))).toEqual(withSortedPriorities(plan));
  },
);

test('priorities that are packed and unpacked are the same', () => {
  const value = fc.oneof(fc.nat({ max: 20 }), fc.constantFrom('high', '7', 'p-7'));
  const change = fc.record({ ordinal: fc.nat({ max: 500 }), from: value, to: fc.nat({ max: 3 }) });
  fc.assert(
    fc.property(fc.uniqueArray(change, { selector: ({ ordinal }) => ordinal, maxLength: 60 }), (list) => {
      const changes = list.map(({ ordinal, ...values }) => ({ name: `duel-${ordinal}`, ...values }));
      expect(sorted(unpackPriorities(SET, packPriorities(changes)))).toEqual(sorted(changes));
    }),
  );
});

test('a server without an ordinal cannot be packed, and the error names it', () => {
  expect(() => packPriorities([{ name: 'duel-final', from: 0, to: 1 }])).toThrow('duel-final has no ordinal');
});

describe('a plan of 10,000 servers in 10 waves', () => {
  test.each([
    ['by priority order', '[10%, 10%, 10%, 10%, 10%, 10%, 10%, 10%, 10%, rest]'],
    ['with a priority for each server', `[${TEN_WAVES.join(', ')}]`],
  ])('%s takes less than 600 KB', (_, waves) => {
    const plan = aPlan(10_000, waves);
    const [before, after] = [JSON.stringify(plan), JSON.stringify(packPlan(plan))].map(({ length }) => length);
    console.log(`a plan of 10,000 servers in ${plan.waves.length} waves: ${before} bytes, packed ${after}`);
    expect(plan.waves).toHaveLength(10);
    expect(after).toBeLessThan(600_000);
  });
});
