import { parseArgs } from 'node:util';
import { apiFromKubeconfig } from './api.ts';
import type { Api } from './api.ts';
import type { Pod } from './kubernetes-objects.ts';
import { followPods } from './pod-observer.ts';
import { until } from './until.ts';

// The scheduler of a lab with one node: started by scheduler.ts, ended by the lab.

const { values } = parseArgs({ options: { kubeconfig: { type: 'string' }, node: { type: 'string' } } });
const api = apiFromKubeconfig(values.kubeconfig ?? '');
const pending = '/api/v1/pods?fieldSelector=spec.nodeName%3D';
for await (const event of followPods(api, pending, new AbortController().signal)) {
  if (event.type !== 'ADDED') continue;
  bind(api, event.pod).catch((error: unknown) => process.stderr.write(`${String(error)}\n`));
}

async function bind(client: Api, { metadata: { namespace = 'default', name, uid } }: Pod): Promise<void> {
  const path = `/api/v1/namespaces/${namespace}/pods/${name}`;
  await until({ what: `pod ${namespace}/${name} to get a node`, deadlineMs: 60_000, everyMs: 1_000 }, async () => {
    const pod = await client.find<Pod>(path);
    if (pod?.metadata.uid !== uid || pod.spec.nodeName !== undefined) return true;
    const target = { apiVersion: 'v1', kind: 'Node', name: values.node };
    await client.create(`${path}/binding`, { apiVersion: 'v1', kind: 'Binding', metadata: { name, uid }, target });
    return true;
  });
}
