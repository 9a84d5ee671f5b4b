import { readFileSync } from 'node:fs';
import { Agent, request as send } from 'undici';
const ca = readFileSync('/tmp/cluster-lab/certs/apiserver.crt');
const url = 'https://127.0.0.1:46443/apis/game.kruise.io/v1alpha1/namespaces/default/gameserversets/a';
const headers = { authorization: 'Bearer admin-token' };
for (let r = 0; r < 2; r++)
for (const [label, dispatcher] of Object.entries({
  h2: new Agent({ connect: { ca }, allowH2: true }), h2many: new Agent({ connect: { ca }, allowH2: true, connections: 4, pipelining: 100 }), 
  unlimited: new Agent({ connect: { ca, allowH2: false } as any }),
  c32: new Agent({ connections: 32, connect: { ca, allowH2: false } as any }),
  c16: new Agent({ connections: 16, connect: { ca, allowH2: false } as any }),
  c8: new Agent({ connections: 8, connect: { ca, allowH2: false } as any }) })) {
  const get = async () => (await send(url, { headers, dispatcher })).body.text();
  await get();
  const burst = async () => { const t = performance.now(); const u = process.cpuUsage(); await Promise.all(Array.from({ length: 200 }, get)); const d = process.cpuUsage(u); return (performance.now() - t).toFixed(0) + '/' + ((d.user + d.system) / 1000).toFixed(0); };
  console.log(label, 'cold', await burst(), 'warm', await burst(), await burst());
  await dispatcher.close();
}
