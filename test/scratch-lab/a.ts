import { apiFromKubeconfig } from '../lab/api.ts';
import { createSet, setImage, fleetImage, waitForServers, podsOf, deleteSet } from '../lab/game-server-sets.ts';
import { containerStatus } from '../lab/kubernetes-objects.ts';
const api = apiFromKubeconfig('/root/.cache/hotwave/labs/try/admin.kubeconfig');
const t0 = performance.now();
const log = (...line: unknown[]) => console.log(((performance.now()-t0)/1000).toFixed(1), ...line);
const show = async () => { for (const p of await podsOf(api, 'ten')) log(p.metadata.name, p.status?.phase, p.status?.podIP, JSON.stringify(p.status?.conditions?.map(c=>c.type+'='+c.status)), p.status?.containerStatuses?.map(c => `${c.name} ${c.image.split(':').at(-1)} ${c.imageID.slice(-6)} ${c.containerID?.slice(-6)} r${c.restartCount} ${c.ready} ${JSON.stringify(c.state).slice(0,60)}`).join(' | ')); };
try {
await deleteSet(api, 'ten'); log('deleted');
await createSet(api, { name: 'ten', replicas: 10, nodeName: 'fleet-0' });
log('ready');
await show();
await setImage(api, 'ten', fleetImage('v2.0'));
await waitForServers(api, { name: 'ten', count: 10, deadlineMs: 60000, isAsWanted: p => containerStatus(p,'sidecar')?.image === fleetImage('v2.0') });
log('swapped');
await show();
} catch (e) { log(e); await show(); }
await api.close();
