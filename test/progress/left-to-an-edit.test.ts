import { expect, test } from 'vitest';
import { templateFields } from '../../release/patches/template.ts';
import { apply } from '../../release/progress/apply.ts';
import type { Event } from '../../release/progress/events.ts';
import { nextStep } from '../../release/progress/next-step.ts';
import { aPlannedRelease } from './a-planned-release.ts';
import type { Release } from '../../release/progress/table.ts';
import { failureEvents } from '../../workflows/failure-events.ts';
import { MAIN, NEW_IMAGE, aSet } from '../support/builders.ts';

// A set that is left to somebody's edit of another container: whose engines that has restarted.

const NOW = 1_000;
const HOLD = { partition: 1, maxUnavailable: 3, paused: false };
const IMAGE = '/spec/containers/0/image';
const WHAT = `helm changed /spec/gameServerTemplate${IMAGE} of duel`;

/** A release whose first wave of two servers was opened, left to an edit of the template. */
function left(template: Readonly<Record<string, string>>): Release {
  const planned = aPlannedRelease([2, 'rest'], NOW);
  expect(Object.keys(templateFields(aSet().template, planned.plan.baseline.container))).toContain(IMAGE);
  const events: readonly Event[] = [
    { kind: 'staged', written: { kind: 'accepted', hold: HOLD, revision: 'new', fence: 1 } },
    { kind: 'opened', for: 'wave', wave: 1, servers: ['duel-2', 'duel-1'], written: { kind: 'accepted', hold: HOLD } },
    {
      kind: 'foreignSeen',
      facts: { image: NEW_IMAGE, replicas: 3, ...(Object.keys(template).length > 0 ? { template } : {}) },
      strays: [],
      what: WHAT,
      ofOthers: true,
      replicas: 3,
    },
    { kind: 'leaving', to: 'leave', outcome: 'cancelled', reason: `${WHAT}; the edit stays` },
  ];
  return events.reduce((release, event) => apply(release, event, NOW), planned);
}

const LOOK = { kind: 'look', purpose: 'left', notBefore: 0 } as const;

/** The reason after a look that finds these engines restarted. */
function reasonAfter(release: Release, restarted: readonly string[], more = 0): string | undefined {
  const changed = release.plan.waves
    .flatMap((wave) => wave.servers)
    .filter(({ name }) => restarted.includes(name))
    .map((server) => ({
      server: { ...server, containers: { ...server.containers, [MAIN]: '1:0123456789ab' } },
      image: NEW_IMAGE,
      basis: 'other',
      deleting: false,
    }));
  const after = apply(release, { kind: 'looked', purpose: 'left', look: { missing: [], changed, more } }, NOW);
  expect(nextStep(after, NOW)).toEqual({ kind: 'recordLeft' });
  return after.progress.leaving?.reason;
}

test('names the servers whose engine has restarted, and those that may follow', () => {
  const release = left({ [IMAGE]: 'engine:1.1' });
  expect(nextStep(release, NOW)).toEqual(LOOK);
  expect(reasonAfter(release, ['duel-2'])).toBe(
    `${WHAT}; the edit stays; container engine has restarted on 1 server: duel-2; 1 server that the set lets move may follow: duel-1`,
  );
  expect(reasonAfter(release, ['duel-2', 'duel-1'])).toBe(
    `${WHAT}; the edit stays; container engine has restarted on 2 servers: duel-2, duel-1`,
  );
  expect(reasonAfter(release, ['duel-2', 'duel-1'], 7)).toContain(
    '; 7 more servers have changed and were not looked at',
  );
});

test('looks at nobody when another field than those of the template was edited', () => {
  expect(nextStep(left({}), NOW)).toEqual({ kind: 'recordLeft' });
});

test('leaves the set all the same when nobody can look', () => {
  const release = left({ [IMAGE]: 'engine:1.1' });
  const after = failureEvents(LOOK, 'the API server is away').reduce((one, event) => apply(one, event, NOW), release);
  expect(nextStep(after, NOW)).toEqual({ kind: 'recordLeft' });
  expect(after.progress.leaving?.reason).toContain(
    'nobody could look whose containers that has restarted: the API server is away',
  );
});
