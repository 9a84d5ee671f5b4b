import { describe, expect, test } from 'vitest';
import type { FleetSnapshot, Plan } from '../../release/plan/plan.ts';
import { isPlan } from '../../release/plan/plan.ts';
import { planRelease } from '../../release/plan/plan-release.ts';
import type { ReleaseSpec } from '../../release/spec/spec.ts';
import {
  MAIN,
  NEW_IMAGE,
  OLD_IMAGE,
  SIDECAR,
  aGameServer,
  aServer,
  aSet,
  anUpdatedServer,
} from '../support/builders.ts';
import { releaseFrom } from '../support/release-file.ts';

function specOf(more: string): ReleaseSpec {
  return releaseFrom(`
apiVersion: hotwave.dev/v1
kind: Release
metadata: { name: scripts-2-0 }
spec:
  ${more.includes('target:') ? '' : 'target: { namespace: arena, gameServerSet: duel }'}
  images: { ${SIDECAR}: '${NEW_IMAGE}' }
  reload: { exec: { container: ${MAIN}, command: [reload] } }
  proof: { http: { port: 80, path: /version } }
${more}`).spec;
}

const targeted = (servers: string, more = ''): ReleaseSpec =>
  specOf(
    `  strategy: targeted\n  target: { namespace: arena, gameServerSet: duel, servers: { servers: ${servers} } }\n${more}`,
  );

interface Live {
  readonly ordinal: number;
  readonly image?: string;
  readonly override?: string;
}

function snapshot(live: readonly Live[], templateImage = OLD_IMAGE): FleetSnapshot {
  const set = aSet({
    replicas: live.length,
    containers: [
      { name: MAIN, image: 'registry.test/engine:1.0' },
      { name: SIDECAR, image: templateImage },
    ],
  });
  return {
    set,
    servers: live.map(({ ordinal, image = OLD_IMAGE }) =>
      image === NEW_IMAGE ? anUpdatedServer({ ordinal }) : aServer({ ordinal, sidecarImage: image }),
    ),
    gameServers: live.map(({ ordinal, override }) =>
      aGameServer({ ordinal, ...(override === undefined ? {} : { imageOverrides: { [SIDECAR]: override } }) }),
    ),
  };
}

const names = (servers: readonly { readonly name: string }[]): string[] => servers.map(({ name }) => name);

function planOf(spec: ReleaseSpec, fleet: FleetSnapshot): Plan {
  const result = planRelease(spec, fleet);
  if (!isPlan(result)) throw new Error(result.refusals.join('; '));
  return result;
}

function refusalOf(spec: ReleaseSpec, fleet: FleetSnapshot): string {
  const result = planRelease(spec, fleet);
  return isPlan(result) ? '' : result.refusals.join('; ');
}

test('a share of a wave is of the servers that the release moves, not of the whole set', () => {
  const fleet = Array.from({ length: 100 }, (_, ordinal) =>
    ordinal < 80 ? { ordinal, image: NEW_IMAGE } : { ordinal },
  );
  const plan = planOf(specOf('  waves: [5%, 50%, rest]'), snapshot(fleet, NEW_IMAGE));
  expect(plan.waves.map(({ servers }) => servers.length)).toEqual([1, 10, 9]);
});

describe('a targeted release', () => {
  const fleet = snapshot([0, 1, 2, 3].map((ordinal) => ({ ordinal })));

  test('has only the chosen servers in its waves, and all others as bystanders', () => {
    const plan = planOf(targeted('[1, 3]', '  waves: [1, rest]'), fleet);
    expect(plan.waves.map(({ servers }) => names(servers))).toEqual([['duel-3'], ['duel-1']]);
    expect(names(plan.bystanders)).toEqual(['duel-0', 'duel-2']);
    expect(plan.priorities).toEqual([]);
  });

  test('leaves chosen servers alone that run the new image already', () => {
    const plan = planOf(
      targeted('[0-1]'),
      snapshot([{ ordinal: 0, image: NEW_IMAGE, override: NEW_IMAGE }, { ordinal: 1 }]),
    );
    expect(names(plan.alreadyUpdated)).toEqual(['duel-0']);
    expect(plan.waves.flatMap(({ servers }) => names(servers))).toEqual(['duel-1']);
  });

  test('goes back to the image that the chosen servers run, also where that is not the template’s', () => {
    const third = 'registry.test/scripts:1.5';
    const plan = planOf(targeted('[0]'), snapshot([{ ordinal: 0, image: third, override: third }, { ordinal: 1 }]));
    expect(plan.baseline).toMatchObject({ oldImage: third, templateImage: OLD_IMAGE });
    expect(plan.previousVersion).toBe('1.5');
    expect(plan.overridden).toEqual(['duel-0']);
  });

  test('counts maxUnavailable over the chosen servers', () => {
    const many = snapshot(Array.from({ length: 100 }, (_, ordinal) => ({ ordinal })));
    expect(planOf(targeted('[0-19]', '  maxUnavailable: 25%'), many).maxUnavailable).toBe(5);
  });

  test.each([
    ['names nobody answers to', '[0, 9]', fleet, /does not have: 9$/],
    [
      'servers with different images',
      '[0, 1]',
      snapshot([{ ordinal: 0 }, { ordinal: 1, image: 'registry.test/scripts:1.5' }]),
      /run 2 different images .* choose servers that run the same/,
    ],
  ])('is refused for %s', (_what, servers, live, expected) => {
    expect(refusalOf(targeted(servers), live)).toMatch(expected);
  });
});

describe('a rolling release after a targeted one', () => {
  const fleet = snapshot([{ ordinal: 0 }, { ordinal: 1, image: NEW_IMAGE, override: NEW_IMAGE }, { ordinal: 2 }]);

  test('moves the others in waves and adopts who runs the new image by an override, as the last in Kruise’s order', () => {
    const plan = planOf(specOf('  waves: [1, rest]'), fleet);
    expect(plan.waves.map(({ servers }) => names(servers))).toEqual([['duel-2'], ['duel-0']]);
    expect(names(plan.adopted)).toEqual(['duel-1']);
    expect(plan.priorities.map(({ name, to }) => [name, to])).toEqual([
      ['duel-0', 10],
      ['duel-2', 20],
    ]);
  });
});

describe('a gate', () => {
  const gate = '  waves: [1, 5%, rest]\n  gates: [{ before: 3 }]';
  const unreached = 'the gate before wave 3 is never reached: the plan has 2 waves';

  test('that no wave comes to is warned of', () => {
    expect(planOf(specOf(gate), snapshot([{ ordinal: 0 }, { ordinal: 1 }])).warnings).toEqual([unreached]);
  });

  test('is no matter for a warning where every server runs the new image already', () => {
    const done = snapshot([{ ordinal: 0, image: NEW_IMAGE }], NEW_IMAGE);
    expect(planOf(specOf(gate), done).warnings).toEqual([]);
  });
});

describe('a release of new servers only', () => {
  test('has no waves, and everybody who is there as a bystander', () => {
    const plan = planOf(specOf('  strategy: newServersOnly'), snapshot([{ ordinal: 0 }, { ordinal: 1 }]));
    expect(plan.waves).toEqual([]);
    expect(names(plan.bystanders)).toEqual(['duel-0', 'duel-1']);
  });
});

describe('a service quality that writes priorities', () => {
  const players = { name: 'players', priorities: [5, 10, '{{ .result }}'] };
  const warningsOf = (spec: ReleaseSpec, priorityWriters = [players]): readonly string[] => {
    const live = snapshot([0, 1, 2, 3].map((ordinal) => ({ ordinal })));
    return planOf(spec, { ...live, set: { ...live.set, priorityWriters } }).warnings;
  };

  test('is named by the plan, with what it may write, and what becomes of the release then', () => {
    expect(warningsOf(specOf('  waves: [1, rest]'))).toEqual([
      "service quality players may write updatePriority 5, 10 or {{ .result }} (by the result of its probe) while the release runs, and Kruise's order can change with it: the release then pauses before a server moves out of turn, and resume lets Kruise's order count from there on, each wave as large as planned",
    ]);
  });

  test('is named in a sentence of its own beside others', () => {
    const both = [players, { name: 'idle', priorities: [100] }];
    expect(warningsOf(specOf('  waves: [1, rest]'), both)).toEqual([
      expect.stringContaining('service quality players may write updatePriority 5,') as string,
      expect.stringContaining('service quality idle may write updatePriority 100 while') as string,
    ]);
  });

  test.each([
    ['where one wave holds every server', specOf('  waves: [rest]')],
    ['where servers are chosen', targeted('[1, 2]', '  waves: [1, rest]')],
    ['where only new servers get the version', specOf('  strategy: newServersOnly')],
  ])('goes without a word %s: no order counts there', (_, spec) => {
    expect(warningsOf(spec)).toEqual([]);
  });
});
