import { expect, test } from 'vitest';
import { MOST_BYTES, MOST_WAVES, planRefusals } from '../../release/plan/plan-limits.ts';
import { isPlan } from '../../release/plan/plan.ts';
import { planRelease } from '../../release/plan/plan-release.ts';
import { aSet, servers } from '../support/builders.ts';
import { releaseFrom } from '../support/release-file.ts';

const spec = releaseFrom(`
apiVersion: hotwave.dev/v1
kind: Release
metadata: { name: r1 }
spec:
  target: { namespace: arena, gameServerSet: duel }
  images: { scripts: "registry.test/scripts:2.0" }
  waves: { by: updatePriority }
  reload: { self: {} }
  proof: { http: { port: 80, path: /version } }`).spec;

/** The answers of planning to so many servers, each of a priority of its own. */
function planned(count: number): readonly string[] | number {
  const result = planRelease(spec, {
    set: aSet({ replicas: count }),
    servers: servers(count, (ordinal) => ({ priority: ordinal })),
    gameServers: [],
  });
  return isPlan(result) ? result.waves.length : result.refusals;
}

test('a plan of a thousand waves fits, and one more is refused with what to change', () => {
  expect(planned(MOST_WAVES)).toBe(MOST_WAVES);
  expect(planned(MOST_WAVES + 1)).toEqual([
    'the plan has 1001 waves, and 1000 are the most: give spec.waves as a list of sizes, such as [1, 5%, 25%, rest], or give more servers the same updatePriority',
  ]);
});

const nothing = { waves: [], priorities: [], strategy: 'rolling' } as const;

test('a plan that Temporal would not take is refused with what to change', () => {
  expect(planRefusals(nothing, MOST_BYTES)).toEqual([]);
  expect(planRefusals(nothing, 2_340_000)).toEqual([
    'the plan has 2.3 MB, and Temporal takes 1.9 MB: release a part of the set at a time, with strategy targeted',
  ]);
  expect(planRefusals({ ...nothing, strategy: 'targeted' }, 2_340_000)[0]).toContain(
    'choose fewer servers in spec.target.servers',
  );
  const priorities = [{ name: 'duel-1', uid: 'u', from: 0, to: 10 }];
  expect(planRefusals({ ...nothing, priorities }, 2_340_000)[0]).toContain(
    'sizes in place of named waves need no priorities',
  );
});
