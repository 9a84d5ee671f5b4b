import { setTimeout as pause } from 'node:timers/promises';
import pLimit from 'p-limit';
import { fleetImage, podsOf, serverPath, sidecarContainer } from '../../lab/game-server-sets.ts';
import { containerStatus, hasCondition } from '../../lab/kubernetes-objects.ts';
import type { Mode, ModeRun, Stage } from '../mode.ts';

/** Servers on their way at once, as in mode `targeted`. */
export const PARALLELISM = 50;
const LOOK_MS = 300;
/** A patch that OpenKruiseGame v1.0.0 has undone is sent again, or the loop would never end. */
const AGAIN_MS = 5_000;
const DEADLINE_MS = 10 * 60_000;

/**
 * People's way with chosen servers by hand: patch one GameServer after the other, so many at once, and look until each
 * is Ready. It reloads nothing and proves nothing.
 */
export const patchLoop: Mode = {
  name: 'patch-loop',
  title: `a bare loop of patches of GameServers, ${PARALLELISM} at once`,
  writes: 'game-servers',
  reloads: false,
  comparisons: [],
  open: (stage) =>
    Promise.resolve({
      run: (tag) => patchAll(stage, fleetImage(tag)),
      close: () => Promise.resolve(),
    }),
};

async function patchAll(stage: Stage, image: string): Promise<ModeRun> {
  const { lab, set, waves } = stage;
  const requests = { 'GET pods': 0, 'PATCH gameservers': 0 };
  const ready = new Set<string>();
  const deadline = Date.now() + DEADLINE_MS;
  const patch = async (name: string): Promise<void> => {
    requests['PATCH gameservers'] += 1;
    await lab.api.patch(serverPath(name), { spec: { containers: [{ name: sidecarContainer, image }] } });
  };
  const move = async (name: string): Promise<void> => {
    let sent = 0;
    while (!ready.has(name)) {
      if (Date.now() > deadline) throw new Error(`${name} was not Ready on ${image} in time`);
      if (Date.now() - sent >= AGAIN_MS) {
        sent = Date.now();
        await patch(name);
      }
      await pause(LOOK_MS);
    }
  };
  const servers = waves.flat();
  const looking = (async () => {
    while (ready.size < servers.length && Date.now() < deadline) {
      requests['GET pods'] += 1;
      for (const pod of await podsOf(lab.api, set)) {
        if (containerStatus(pod, sidecarContainer)?.image === image && hasCondition(pod, 'Ready'))
          ready.add(pod.metadata.name);
      }
      await pause(LOOK_MS);
    }
  })();
  await Promise.all([looking, pLimit(PARALLELISM).map(servers, move)]);
  return { requests };
}
