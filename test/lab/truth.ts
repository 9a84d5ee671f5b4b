import { mkdirSync } from 'node:fs';
import { provideDebianPackages } from './debian-packages.ts';
import { provideImages } from './images/provide-images.ts';
import type { TruthNode, TruthNodeOptions } from './lab-contract.ts';
import { MissingPrerequisite } from './prerequisites.ts';
import { startContainerd } from './truth-node/containerd.ts';
import { rememberTunables } from './truth-node/kernel-tunables.ts';
import { startKubelet, truthNodeName } from './truth-node/kubelet.ts';
import { clearTruthLeftovers } from './truth-node/leftovers.ts';
import { createPodNetwork } from './truth-node/network.ts';
import { placesOf } from './truth-node/places.ts';
import { truthLabObstacle } from './truth-obstacle.ts';

export { clearTruthLeftovers } from './truth-node/leftovers.ts';
export { truthLabObstacle } from './truth-obstacle.ts';

/**
 * Joins one real node to a lab's control plane: a kubelet on a containerd of its own, with the images of the truth lab
 * and pods that this machine can reach. The first run fetches packages and builds the images (about ten seconds).
 * @throws MissingPrerequisite when the machine cannot run containers; Error when a part does not get ready, with the
 *   end of its log. The parts that had started are ended again.
 */
export async function startTruthNode(options: TruthNodeOptions): Promise<TruthNode> {
  const { directory, supervisor, log } = options;
  const obstacle = truthLabObstacle();
  if (obstacle !== undefined) throw new MissingPrerequisite(`the truth lab cannot run here: ${obstacle}`);
  const places = placesOf(directory);
  const packages = await provideDebianPackages(log);
  const archive = await provideImages(packages, log);
  const stop = (): Promise<void> => clearTruthLeftovers(directory);
  try {
    mkdirSync(places.folder, { recursive: true });
    rememberTunables(places);
    const network = await createPodNetwork(places);
    const containerd = await startContainerd({ places, supervisor, network, packages });
    await containerd.importImages(archive);
    await startKubelet({ ...options, places, network });
  } catch (error) {
    await stop();
    throw error;
  }
  return { nodeName: truthNodeName, stop };
}
