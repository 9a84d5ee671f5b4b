import { fleetImage, setImage, sidecarContainer, waitForServers } from '../../lab/game-server-sets.ts';
import { containerStatus } from '../../lab/kubernetes-objects.ts';
import type { Mode } from '../mode.ts';

const DEADLINE_MS = 15 * 60_000;

/** What OpenKruiseGame does by itself: one patch of the template, everything at once. */
export const native: Mode = {
  name: 'native',
  title: 'one patch of the template, maxUnavailable 100 %',
  budgets: [],
  open: ({ lab, set, waves }) =>
    Promise.resolve({
      async run(tag) {
        const image = fleetImage(tag);
        await setImage(lab.api, set, image, { partition: 0, maxUnavailable: '100%' });
        await waitForServers(lab.api, {
          name: set,
          count: waves.flat().length,
          deadlineMs: DEADLINE_MS,
          isAsWanted: (pod) => containerStatus(pod, sidecarContainer)?.image === image,
        });
        return {};
      },
      close: () => Promise.resolve(),
    }),
};
