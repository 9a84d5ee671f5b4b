import { Connection } from '../../cluster/connection.ts';
import { apiClient } from '../../cluster/request.ts';
import { request as send, fetch } from 'undici';
const connection = new Connection({ path: '/tmp/cluster-lab/admin.yaml' });
const c = apiClient(connection, 'try');
const path = '/apis/game.kruise.io/v1alpha1/namespaces/default/gameserversets/a';
const cred = await connection.credentials();
const cpu = async (label: string, n: number, f: () => Promise<unknown>) => { await f(); const u = process.cpuUsage(); const t = performance.now(); for (let i = 0; i < n; i++) await f(); const d = process.cpuUsage(u); console.log(label, ((performance.now() - t) / n).toFixed(2), 'ms each, cpu', ((d.user + d.system) / 1000 / n).toFixed(2)); };
for (let r = 0; r < 2; r++) {
await cpu('credentials', 300, () => connection.credentials());
await cpu('client.request', 300, () => c.request('GET', path));
await cpu('fetch', 300, async () => (await fetch('https://127.0.0.1:46443' + path, { headers: cred.headers, dispatcher: cred.dispatcher! })).text());
await cpu('undici.request', 300, async () => (await send('https://127.0.0.1:46443' + path, { headers: cred.headers, dispatcher: cred.dispatcher! })).body.text());
}
await connection.close();
