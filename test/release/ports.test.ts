import { describe, expect, test } from 'vitest';
import { portOf, sharedAddress } from '../../release/fleet/ports.ts';
import type { ServerPorts } from '../../release/fleet/ports.ts';
import type { Port } from '../../release/spec/probe-spec.ts';

const server: ServerPorts = {
  name: 'duel-0',
  ports: { http: 8080, admin: 8081 },
  annotatedPorts: { 'acme.test/admin-port': 31_001 },
  networkPorts: { 'engine-8123': 8123, 'sidecar-9000': 9000, 'sidecar-9001': 9001, web: 80 },
};

describe('a port of a server', () => {
  test.each<[Port, number | string]>([
    [25_565, 25_565],
    ['admin', 8081],
    ['game', 'the pod of duel-0 has no port named game: it has http, admin'],
    ['constructor', 'the pod of duel-0 has no port named constructor: it has http, admin'],
    [{ annotation: 'acme.test/admin-port' }, 31_001],
    [{ annotation: 'acme.test/game' }, 'the pod of duel-0 has no port in its annotation acme.test/game'],
    [{ network: 'web' }, 80],
    [{ network: 'engine-8123' }, 8123],
    [{ network: 'engine' }, 8123],
    [
      { network: 'sidecar' },
      'the network status of duel-0 has several ports named sidecar: it has engine-8123, sidecar-9000, sidecar-9001, web',
    ],
    [
      { network: 'game' },
      'the network status of duel-0 has no port named game: it has engine-8123, sidecar-9000, sidecar-9001, web',
    ],
  ])('%j', (port, expected) => {
    expect(portOf(server, port)).toBe(expected);
  });

  test('of a pod that says nothing of ports is known only by its number', () => {
    const silent = { name: 'duel-1' };
    expect(portOf(silent, 80)).toBe(80);
    expect(portOf(silent, 'http')).toBe('the pod of duel-1 has no port named http: none has a name');
    expect(portOf(silent, { network: 'web' })).toBe(
      'the network status of duel-1 has no port named web: none has a name',
    );
  });
});

describe('two servers on the network of one node', () => {
  const on = (
    name: string,
    ip: string,
    more: Partial<ServerPorts> = {},
  ): ServerPorts & { ip: string; node: string } => ({
    name,
    ip,
    node: `node-of-${ip}`,
    ...more,
  });
  const sentence =
    'duel-0 and duel-2 both answer at 10.0.0.1:8080 (hostNetwork on node node-of-10.0.0.1), so that one would prove the other';

  test('share an address by one number, however it is said', () => {
    const servers = [on('duel-0', '10.0.0.1'), on('duel-1', '10.0.0.2'), on('duel-2', '10.0.0.1')];
    expect(sharedAddress(servers, [8080])).toBe(sentence);
    const named = servers.map((one) => ({ ...one, ports: { http: 8080 }, annotatedPorts: { p: 8080 } }));
    expect(sharedAddress(named, ['http'])).toBe(sentence);
    expect(sharedAddress(named, [{ annotation: 'p' }])).toBe(sentence);
  });

  test('share none by numbers of their own, and pods without an address share none', () => {
    const own = [
      on('duel-0', '10.0.0.1', { annotatedPorts: { p: 8080 } }),
      on('duel-2', '10.0.0.1', { annotatedPorts: { p: 8081 } }),
    ];
    expect(sharedAddress(own, [{ annotation: 'p' }])).toBeUndefined();
    expect(sharedAddress([on('duel-0', ''), on('duel-1', '')], [8080])).toBeUndefined();
    expect(sharedAddress([on('duel-0', '10.0.0.1'), on('duel-1', '10.0.0.1')], [])).toBeUndefined();
  });
});
