import { expect, test } from 'vitest';
import { apply } from '../../release/progress/apply.ts';
import type { Event } from '../../release/progress/events.ts';
import type { ReleaseState } from '../../release/progress/state.ts';
import { aPlannedRelease } from './a-planned-release.ts';
import type { Release } from '../../release/progress/table.ts';
import { MAIN, OLD_IMAGE, SIDECAR } from '../support/builders.ts';

// The judgement of a look at the whole fleet about servers whose wave has not come.

const NOW = 1_000;
const HOLD = { partition: 2, maxUnavailable: 3, paused: false };

/** A release of three servers, of which the first wave has duel-2. */
function atWaveOne(): Release {
  const planned = aPlannedRelease([1, 'rest'], NOW);
  const events: readonly Event[] = [
    { kind: 'staged', written: { kind: 'accepted', hold: HOLD, revision: 'new', fence: 1 } },
    { kind: 'opened', for: 'wave', wave: 1, servers: ['duel-2'], written: { kind: 'accepted', hold: HOLD } },
  ];
  return events.reduce((release, event) => apply(release, event, NOW), planned);
}

/** The failures after a look at duel-0, one of whose containers has another run and which is asked to run an image. */
function failuresAfter(container: string, image: string): ReleaseState['failures'] {
  const release = atWaveOne();
  const server = release.plan.waves.flatMap((wave) => wave.servers).find(({ name }) => name === 'duel-0')!;
  const changed = [
    {
      server: { ...server, containers: { ...server.containers, [container]: '1:0123456789ab' } },
      image,
      basis: 'other',
      deleting: false,
    },
  ];
  const look = { missing: [], changed, more: 0 };
  return apply(release, { kind: 'looked', purpose: 'wave', look }, NOW).state.failures;
}

test('a sidecar that restarted outside its wave is no main container that restarted', () => {
  expect(failuresAfter(SIDECAR, OLD_IMAGE)).toEqual([
    { server: 'duel-0', class: 'moved', reason: `sidecar ${SIDECAR} of duel-0 restarted outside its wave` },
  ]);
});

test('a main container that restarted outside its wave is one', () => {
  expect(failuresAfter(MAIN, OLD_IMAGE)).toEqual([
    {
      server: 'duel-0',
      class: 'mainContainerRestarted',
      reason: `container ${MAIN} of duel-0 restarted outside its wave`,
    },
  ]);
});
