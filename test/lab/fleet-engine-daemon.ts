import { appendFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { IncomingMessage } from 'node:http';
import { parseArgs } from 'node:util';
import { apiFromKubeconfig } from './api.ts';
import { FleetEngine } from './fleet-engine.ts';
import type { Answer } from './fleet-engine.ts';
import { followPods } from './pod-observer.ts';

// The process behind the IP addresses of all pods of a fleet lab: started by fleet.ts, ended by the lab.

const { values } = parseArgs({
  options: { kubeconfig: { type: 'string' }, port: { type: 'string' }, log: { type: 'string' } },
});
// One log of all engines, in the form of the container runtimes, which is what KWOK serves as the log of every pod.
const engine = new FleetEngine(
  () => Date.now(),
  (line) => appendFileSync(values.log ?? '', `${new Date().toISOString()} stdout F ${line}\n`),
);
let isReady = false;

const server = createServer((request, response) => {
  // No request has a body that matters, but an unread one would keep the connection from being used again.
  request.resume();
  const { status, body } = answer(request);
  response.writeHead(status, { 'content-type': body.startsWith('{') ? 'application/json' : 'text/plain' }).end(body);
});

// Pod addresses are loopback addresses: whoever comes from elsewhere is not part of the lab.
server.on('connection', (socket) => {
  if (socket.localAddress?.startsWith('127.') !== true) socket.destroy();
});
server.on('clientError', (_error, socket) => socket.destroy());
server.listen(Number(values.port), '0.0.0.0');

const api = apiFromKubeconfig(values.kubeconfig ?? '');
for await (const event of followPods(api, '/api/v1/pods', new AbortController().signal)) {
  if (event.type === 'SYNCED') isReady = true;
  else if (event.type === 'DELETED') engine.forget(event.pod);
  else engine.observe(event.pod);
}

function answer(request: IncomingMessage): Answer {
  const path = new URL(request.url ?? '/', 'http://engine').pathname;
  const method = request.method ?? 'GET';
  const byName = /^\/servers\/([^/]+\/[^/]+)(\/.*)$/.exec(path);
  if (byName) return engine.answer(byName[1]!, method, byName[2]!);
  const address = request.socket.localAddress ?? '';
  if (address !== '127.0.0.1') return engine.answerAt(address, method, path);
  if (path === '/ready') return { status: isReady ? 200 : 503, body: isReady ? 'ready' : 'listing the pods' };
  if (path === '/metrics') return { status: 200, body: engine.metrics() };
  if (path === '/stats') return { status: 200, body: JSON.stringify(engine.allStats()) };
  return { status: 404, body: `no ${path} here: use a pod's address or /servers/NAMESPACE/NAME` };
}
