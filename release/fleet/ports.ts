import type { Port } from '../spec/probe-spec.ts';
import type { ServerView } from './fleet.ts';

/** The known ports of a server. */
export type ServerPorts = Pick<ServerView, 'name' | 'ports' | 'annotatedPorts' | 'networkPorts'>;

/** The number of a port of the server; why there is none, in words. */
export function portOf(server: ServerPorts, port: Port): number | string {
  if (typeof port === 'number') return port;
  const { name, ports = {}, annotatedPorts = {}, networkPorts = {} } = server;
  if (typeof port === 'string')
    return found(ports, port) ?? `the pod of ${name} has no port named ${port}: ${has(ports)}`;
  if ('annotation' in port)
    return (
      found(annotatedPorts, port.annotation) ?? `the pod of ${name} has no port in its annotation ${port.annotation}`
    );
  return networkPort(name, networkPorts, port.network);
}

/** Plugins name a port `CONTAINER-NUMBER`, with a number that each server may have for itself: the container is enough. */
function networkPort(server: string, ports: Readonly<Record<string, number>>, wanted: string): number | string {
  const exact = found(ports, wanted);
  if (exact !== undefined) return exact;
  const [first, ...more] = Object.keys(ports).filter((name) => name.replace(/-\d+$/, '') === wanted);
  if (first !== undefined && more.length === 0) return ports[first] ?? 0;
  const count = first === undefined ? 'no port' : 'several ports';
  return `the network status of ${server} has ${count} named ${wanted}: ${has(ports)}`;
}

function found(ports: Readonly<Record<string, number>>, name: string): number | undefined {
  return Object.hasOwn(ports, name) ? ports[name] : undefined;
}

function has(ports: Readonly<Record<string, number>>): string {
  const names = Object.keys(ports);
  return names.length === 0 ? 'none has a name' : `it has ${names.join(', ')}`;
}

/**
 * Two servers that answer at one address, as pods with hostNetwork on one node would: whoever asks the one may hear the
 * other. Undefined when every server has an address of its own for each of the ports.
 */
export function sharedAddress(
  servers: readonly (ServerPorts & Pick<ServerView, 'ip' | 'node'>)[],
  ports: readonly Port[],
): string | undefined {
  for (const port of ports) {
    const seen = new Map<string, string>();
    for (const server of servers) {
      const number = portOf(server, port);
      if (server.ip === '' || typeof number === 'string') continue;
      const address = `${server.ip}:${number}`;
      const other = seen.get(address);
      if (other !== undefined)
        return `${other} and ${server.name} both answer at ${address} (hostNetwork on node ${server.node}), so that one would prove the other`;
      seen.set(address, server.name);
    }
  }
  return undefined;
}
