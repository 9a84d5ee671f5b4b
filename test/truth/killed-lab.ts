import { game2048 } from '../lab/game-2048.ts';
import { createSet } from '../lab/game-server-sets.ts';
import { startLab } from '../lab/lab.ts';

// node test/truth/killed-lab.ts NAME: a run to be killed. Says its lab's folder when a server is up, then does nothing.

const lab = await startLab({ kind: 'truth', name: process.argv[2]! });
await createSet(lab.api, game2048({ name: 'doomed', replicas: 1, nodeName: lab.nodeName }));
process.stdout.write(`${lab.directory}\n`);
setInterval(() => undefined, 60_000);
