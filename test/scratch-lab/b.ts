import { startLab } from '../lab/lab.ts';
import { createSet, setImage, fleetImage, waitForServers, podsOf, deleteSet } from '../lab/game-server-sets.ts';
import { containerStatus } from '../lab/kubernetes-objects.ts';
import { recordPods } from '../lab/pod-observer.ts';
const t0 = performance.now();
const log = (...line: unknown[]) => console.log(((performance.now()-t0)/1000).toFixed(1), process.cpuUsage().user/1e6, ...line);
const lab = await startLab({ kind: 'fleet', name: 'b', log });
log('up');
const { api } = lab;
try {
await createSet(api, { name: 'ten', replicas: 10, nodeName: 'fleet-0' });
log('ready');
const r = await recordPods(api, 'default', 'game.kruise.io/owner-gss=ten');
log('recording');
await setImage(api, 'ten', fleetImage('v2.0'));
await waitForServers(api, { name: 'ten', count: 10, deadlineMs: 60000, isAsWanted: p => containerStatus(p,'sidecar')?.image === fleetImage('v2.0') });
log('swapped');
await r.stop();
log('stopped', r.changes.length, r.lost.length, r.changes.slice(0,3));
await deleteSet(api, 'ten');
log('deleted');
} catch (e) { log(e); }
await lab.stop();
log('end');
