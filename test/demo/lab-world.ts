import { homedir } from 'node:os';
import { createSet, ownerLabel, podsOf, setPriorities } from '../lab/game-server-sets.ts';
import type { Pod } from '../lab/kubernetes-objects.ts';
import type { Lab } from '../lab/lab.ts';
import { recordPods } from '../lab/pod-observer.ts';
import { readFacts } from './evidence.ts';
import { gameOn } from './game.ts';
import { setName } from './stage.ts';
import { startWorker, workerArguments } from './worker-process.ts';
import type { World } from './world.ts';

/** A world on a real control plane: what is read comes from its API server and from the engines over HTTP. */
export function labWorld(lab: Lab): World {
  const game = gameOn(lab);
  /** As they were when the servers were last looked up: their addresses do not change. */
  const pods = new Map<string, Pod>();
  return {
    kind: lab.kind,
    temporal: lab.temporal,
    game,
    directory: lab.directory,
    introduction: 'A worker runs under the rights of deploy/rbac.yaml.',
    environment: [
      `export TEMPORAL_ADDRESS=${lab.temporal.address}`,
      `export KUBECONFIG=${belowHome(lab.kubeconfigOf('hotwave'))}`,
    ],
    workerCommand: `hotwave ${workerArguments.join(' ')} &`,
    async createServers(priorities) {
      const replicas = Object.keys(priorities).length;
      await createSet(lab.api, { ...game.set, name: setName, replicas }, 90_000);
      await setPriorities(lab.api, { name: setName }, priorities);
    },
    async servers() {
      for (const pod of await podsOf(lab.api, setName)) pods.set(pod.metadata.name, pod);
      return [...pods.keys()];
    },
    readFacts: () => readFacts(lab.api, game, setName),
    async readEngine(server) {
      const pod = pods.get(server);
      if (!pod) throw new Error('there is no such pod');
      return await game.read(pod);
    },
    recordImages: () => recordPods(lab.api, 'default', `${ownerLabel}=${setName}`),
    startWorker: () => startWorker(lab),
    stop: () => lab.stop(),
  };
}

/** The path as a person would type it. */
function belowHome(path: string): string {
  return path.startsWith(`${homedir()}/`) ? path.replace(homedir(), '~') : path;
}
