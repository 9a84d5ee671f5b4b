import { describe, expect, test } from 'vitest';
import { ServerWatch, targetOf } from '../../activities/servers/server-watch.ts';
import type { ContainerStatus, ServerView } from '../../release/fleet/fleet.ts';
import { plannedServer } from '../../release/plan/plan.ts';
import { MAIN, NEW_IMAGE, NEW_REVISION, OLD_IMAGE, SIDECAR, aServer, anUpdatedServer } from '../support/builders.ts';

const before = aServer({ ordinal: 1 });
const planned = plannedServer(before, [MAIN, SIDECAR]);
const updated = anUpdatedServer({ ordinal: 1 });

function aWatch(): ServerWatch {
  const input = {
    container: SIDECAR,
    image: NEW_IMAGE,
    revision: NEW_REVISION,
    direction: 'forward',
    before: {},
  } as const;
  return new ServerWatch({ servers: [planned], target: targetOf(input) });
}

/** The server, asked to run an image, with this status of its sidecar. */
function shown(image: string, status: Partial<ContainerStatus>): ServerView {
  const containers = updated.containers.map((container) =>
    container.name === SIDECAR ? { ...container, image, status: { ...container.status!, ...status } } : container,
  );
  return { ...updated, containers };
}

const pulling = (reason: string, message: string): ServerView =>
  shown(NEW_IMAGE, { state: 'waiting', reason, message, image: OLD_IMAGE });
const MINUTES = 60_000;

describe('an image that cannot be pulled', () => {
  test('fails at once for a cause that will not pass', () => {
    const watch = aWatch();
    watch.look([pulling('ErrImagePull', 'r.test/scripts: not found')], 0);
    expect(watch.failures).toMatchObject([{ server: 'duel-1', class: 'imagePull' }]);
  });

  test('is waited for while its registry is in trouble, also when the back-off does not repeat why', () => {
    const watch = aWatch();
    watch.look([pulling('ErrImagePull', 'unexpected status code: 502 Bad Gateway')], 0);
    watch.look([pulling('ImagePullBackOff', 'Back-off pulling image')], 5 * MINUTES);
    expect([watch.failures, watch.pending]).toEqual([[], [planned]]);
    watch.giveUp([], '5m');
    expect(watch.failures).toMatchObject([{ class: 'imagePull' }]);
  });

  test('fails after a moment when nobody says why', () => {
    const watch = aWatch();
    const late = pulling('ImagePullBackOff', 'Back-off pulling image');
    watch.look([late], 0);
    watch.look([late], 19_000);
    expect(watch.failures).toEqual([]);
    watch.look([late], 20_000);
    expect(watch.failures).toMatchObject([{ class: 'imagePull' }]);
  });
});

describe('a sidecar that restarts too often', () => {
  const restarted = (restartCount: number): ServerView =>
    shown(NEW_IMAGE, { restartCount, image: NEW_IMAGE, containerId: `containerd://${restartCount}` });

  test('is one of the new image: what the old one did before is not counted', () => {
    const watch = aWatch();
    watch.look([shown(OLD_IMAGE, { restartCount: 5, image: OLD_IMAGE })], 0);
    expect(watch.look([restarted(6)], 1)).toHaveLength(1);
    expect(watch.failures).toEqual([]);
  });

  test('is counted from the write also when that is seen before the new container', () => {
    const watch = aWatch();
    const written = shown(NEW_IMAGE, { restartCount: 5, image: OLD_IMAGE });
    watch.look([{ ...written, conditions: { ...written.conditions, InPlaceUpdateReady: 'False' } }], 0);
    watch.look([restarted(8)], 1);
    expect(watch.failures).toMatchObject([{ class: 'crashLoop', reason: `container ${SIDECAR} restarted 3 times` }]);
  });
});
