import { describe, expect, test } from 'vitest';
import { judgeLook } from '../../release/checks/fleet-look.ts';
import type { KnownServer, LookChange, SeenServer } from '../../release/checks/fleet-look.ts';
import { basisOf } from '../../release/fleet/basis.ts';
import type { ServerView } from '../../release/fleet/fleet.ts';
import { containerOf } from '../../release/fleet/fleet.ts';
import { plannedServer } from '../../release/plan/plan.ts';
import {
  MAIN,
  NEW_IMAGE,
  NEW_REVISION,
  OLD_IMAGE,
  SIDECAR,
  aServer,
  anUpdatedServer,
  uidOf,
} from '../support/builders.ts';

const TEMPLATE = [MAIN, SIDECAR];
const before = aServer({ ordinal: 3 });
const planned = plannedServer(before, TEMPLATE);
const outsider: KnownServer = { container: SIDECAR, image: OLD_IMAGE, hasMoved: false };
const moved: KnownServer = { container: SIDECAR, image: NEW_IMAGE, hasMoved: true };

function seen(view: ServerView): SeenServer {
  const server = plannedServer(view, TEMPLATE);
  const image = containerOf(view.containers, SIDECAR)?.image ?? '';
  return { server, image, basis: basisOf(server, image), deleting: view.deleting };
}

const written: ServerView = {
  ...before,
  revision: NEW_REVISION,
  containers: before.containers.map((entry) => (entry.name === SIDECAR ? { ...entry, image: NEW_IMAGE } : entry)),
};
const starting = plannedServer(
  { ...before, containers: before.containers.map(({ name, image }) => ({ name, image })) },
  TEMPLATE,
);

describe('an outsider', () => {
  test.each<[string, ServerView | undefined, readonly LookChange[]]>([
    ['that has no pod is missing', undefined, [{ kind: 'missing' }]],
    ['with another pod was recreated', aServer({ ordinal: 3, uid: uidOf('other') }), [{ kind: 'recreated' }]],
    ['whose pod is being deleted is leaving', aServer({ ordinal: 3, deleting: true }), [{ kind: 'leaving' }]],
    [
      'whose main container restarted is named with it and how often it has',
      aServer({ ordinal: 3, mainStatus: { restartCount: 2 } }),
      [{ kind: 'mainContainerRestarted', container: MAIN, restarts: 2 }],
    ],
    [
      'whose sidecar restarted is told apart from that',
      aServer({ ordinal: 3, sidecarStatus: { restartCount: 1 } }),
      [{ kind: 'sidecarRestarted', restarts: 1 }],
    ],
    [
      'into which another image was just written has changed, although its container still runs',
      written,
      [{ kind: 'imageChanged', image: NEW_IMAGE }],
    ],
    [
      'that has moved completely has another image and another sidecar',
      anUpdatedServer({ ordinal: 3 }),
      [
        { kind: 'imageChanged', image: NEW_IMAGE },
        { kind: 'sidecarRestarted', restarts: 1 },
      ],
    ],
    ['of which only the revision is another one has lost nothing', aServer({ ordinal: 3, revision: 'duel-x' }), []],
    ['that is as it was has not changed', before, []],
  ])('%s', (_, now, changes) => {
    expect(judgeLook(planned, now && seen(now), outsider)).toEqual(changes);
  });

  test('whose containers had not begun has not changed by their first start', () => {
    expect(judgeLook(starting, seen(before), outsider)).toEqual([]);
  });
});

describe('a server that has moved and proved', () => {
  test.each<[string, ServerView, readonly LookChange[]]>([
    [
      'whose main container restarted has lost what it loaded',
      anUpdatedServer({ ordinal: 3, mainStatus: { restartCount: 1 } }),
      [{ kind: 'mainContainerRestarted', container: MAIN, restarts: 1 }],
    ],
    [
      'into which somebody has written another image has changed',
      anUpdatedServer({ ordinal: 3, sidecarImage: 'registry.test/scripts:3.0' }),
      [{ kind: 'imageChanged', image: 'registry.test/scripts:3.0' }],
    ],
    [
      'that differs by nothing that is known differs by its sidecar',
      anUpdatedServer({ ordinal: 3, sidecarStatus: { restartCount: 2 } }),
      [{ kind: 'sidecarRestarted', restarts: 2 }],
    ],
  ])('%s', (_, now, changes) => {
    expect(judgeLook(planned, seen(now), moved)).toEqual(changes);
  });
});

test('a server that is in no plan has joined, and one that is nowhere is nothing', () => {
  expect(judgeLook(undefined, seen(before), outsider)).toEqual([{ kind: 'joined' }]);
  expect(judgeLook(undefined, undefined, outsider)).toEqual([]);
});
