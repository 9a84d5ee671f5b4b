import { fleetImage, setImage, sidecarContainer, waitForServers } from '../../lab/game-server-sets.ts';
import { containerStatus } from '../../lab/kubernetes-objects.ts';
import type { Mode, Stage } from '../mode.ts';

const DEADLINE_MS = 15 * 60_000;

/** OpenKruiseGame's own way: one patch of the template, everything at once. */
export const native: Mode = {
  name: 'native',
  title: 'one patch of the template, maxUnavailable 100 %',
  writes: 'set',
  reloads: false,
  comparisons: [],
  open: (stage) =>
    Promise.resolve({
      async run(tag) {
        await updateAtOnce(stage, tag);
        return {};
      },
      close: () => Promise.resolve(),
    }),
};

/** Resolves when every server is Ready on the image with this tag. */
export async function updateAtOnce({ lab, set, waves }: Stage, tag: string): Promise<void> {
  const image = fleetImage(tag);
  await setImage(lab.api, set, image, { partition: 0, maxUnavailable: '100%' });
  await waitForServers(lab.api, {
    name: set,
    count: waves.flat().length,
    deadlineMs: DEADLINE_MS,
    isAsWanted: (pod) => containerStatus(pod, sidecarContainer)?.image === image,
  });
}
