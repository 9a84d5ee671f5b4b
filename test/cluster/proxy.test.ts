import { readFile, writeFile } from 'node:fs/promises';
import { once } from 'node:events';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, test } from 'vitest';
import { WebSocketServer } from 'ws';
import { loadKubeconfig } from '../../cluster/kubeconfig.ts';
import { kubernetesCluster } from '../../cluster/kubernetes.ts';
import { proxyFromEnvironment } from '../../cluster/proxy.ts';
import { apiDouble } from '../support/api-double.ts';
import { littleProxy } from '../support/little-proxy.ts';
import type { LittleProxy } from '../support/little-proxy.ts';
import { selfSigned } from '../support/self-signed.ts';

const cleanUp: (() => unknown)[] = [];

afterEach(async () => {
  for (const clean of cleanUp.splice(0).reverse()) await clean();
});

describe('the proxy of the environment is the one that kubectl takes', () => {
  const HTTPS_PROXY = 'http://p.test:3128';

  test.each([
    [{ HTTPS_PROXY }, HTTPS_PROXY],
    [{ https_proxy: 'p.test:3128' }, HTTPS_PROXY],
    [{ HTTPS_PROXY: ' ' }, undefined],
    [{ HTTP_PROXY: HTTPS_PROXY, ALL_PROXY: HTTPS_PROXY }, undefined],
    [{ HTTPS_PROXY, NO_PROXY: '*' }, undefined],
    [{ HTTPS_PROXY, NO_PROXY: 'api.east.test' }, undefined],
    [{ HTTPS_PROXY, no_proxy: ' other.test , EAST.test' }, undefined],
    [{ HTTPS_PROXY, NO_PROXY: '.east.test' }, undefined],
    [{ HTTPS_PROXY, NO_PROXY: '*.east.test' }, undefined],
    [{ HTTPS_PROXY, NO_PROXY: 'east.test:6443' }, undefined],
    [{ HTTPS_PROXY, NO_PROXY: 'east.test:443' }, HTTPS_PROXY],
    [{ HTTPS_PROXY, NO_PROXY: 'st.test' }, HTTPS_PROXY],
    [{ HTTPS_PROXY, NO_PROXY: '.api.east.test' }, HTTPS_PROXY],
  ])('for https://api.east.test:6443 with %j', (environment, proxy) => {
    expect(proxyFromEnvironment('https://api.east.test:6443', environment)).toBe(proxy);
  });

  test.each([
    ['https://10.96.0.1:443', { HTTPS_PROXY, NO_PROXY: '10.96.0.0/12' }, undefined],
    ['https://10.112.0.1', { HTTPS_PROXY, NO_PROXY: '10.96.0.0/12' }, HTTPS_PROXY],
    ['https://10.96.0.1', { HTTPS_PROXY, NO_PROXY: '10.96.0.1:443' }, undefined],
    ['https://[fd00::1]:6443', { HTTPS_PROXY, NO_PROXY: 'fd00::/8' }, undefined],
    ['https://[fd00::1]:6443', { HTTPS_PROXY, NO_PROXY: '10.0.0.0/8,garbage/99,' }, HTTPS_PROXY],
    ['https://[fd00::1]:6443', { HTTPS_PROXY, NO_PROXY: 'FD00:0:0::0001' }, undefined],
    ['https://[fd00::1]:6443', { HTTPS_PROXY, NO_PROXY: '[fd00:0::1]:6443' }, undefined],
    ['https://[fd00::1]:6443', { HTTPS_PROXY, NO_PROXY: '[fd00:0::1]:443' }, HTTPS_PROXY],
    ['https://[fd00::1]:6443', { HTTPS_PROXY, NO_PROXY: 'fd00::2' }, HTTPS_PROXY],
    ['https://10.96.0.1', { HTTPS_PROXY, NO_PROXY: 'fd00::1' }, HTTPS_PROXY],
    ['https://127.0.0.1:6443', { HTTPS_PROXY }, undefined],
    ['https://localhost', { HTTPS_PROXY }, undefined],
    ['https://[::1]:6443', { HTTPS_PROXY }, undefined],
    ['http://api.test', { HTTPS_PROXY, HTTP_PROXY: 'http://plain.test' }, 'http://plain.test'],
  ])('for %s with %j', (address, environment, proxy) => {
    expect(proxyFromEnvironment(address, environment)).toBe(proxy);
  });
});

/** Gives the cluster of a kubeconfig a field more. */
async function withField(path: string, field: object): Promise<void> {
  const config = JSON.parse(await readFile(path, 'utf8')) as { clusters: { cluster: object }[] };
  Object.assign(config.clusters[0]!.cluster, field);
  await writeFile(path, JSON.stringify(config));
}

async function proxy(refusal?: number): Promise<LittleProxy> {
  const little = await littleProxy(refusal);
  cleanUp.push(() => little.stop());
  return little;
}

describe('an API server behind the proxy-url of its kubeconfig', () => {
  test('is asked through it, with the certificate and the token of the kubeconfig, over few tunnels', async () => {
    const little = await proxy();
    const double = await apiDouble(() => ({ status: 404, body: { kind: 'Status', reason: 'NotFound' } }), selfSigned());
    await withField(double.kubeconfig, { 'proxy-url': `http://me:p%40ss@${little.host}` });
    const cluster = kubernetesCluster({ path: double.kubeconfig });
    cleanUp.push(
      () => double.stop(),
      () => cluster.close(),
    );
    const read = (): Promise<unknown> => cluster.readSet({ namespace: 'arena', name: 'duel' });
    await Promise.all(Array.from({ length: 50 }, read));
    await read();
    expect(double.asked.map(({ headers }) => headers.authorization)).toEqual(Array(51).fill('Bearer secret-token'));
    const tunnel = { target: double.server.replace('https://', ''), authorization: `Basic ${btoa('me:p@ss')}` };
    expect(little.tunnels).toEqual(little.tunnels.map(() => tunnel));
    expect(little.tunnels.length).toBeGreaterThan(0);
    expect(little.tunnels.length).toBeLessThanOrEqual(32);
  });

  test('runs commands through it, too', async () => {
    const little = await proxy();
    const tls = selfSigned();
    const https = createServer(tls);
    const sockets = new WebSocketServer({ server: https, handleProtocols: () => 'v5.channel.k8s.io' });
    sockets.on('connection', (socket) => socket.send(Buffer.from(`\u0003${JSON.stringify({ status: 'Success' })}`)));
    https.listen(0, '127.0.0.1');
    await once(https, 'listening');
    cleanUp.push(() => https.close());
    const double = await apiDouble(() => 'silence', tls);
    cleanUp.push(() => double.stop());
    const server = `https://127.0.0.1:${(https.address() as AddressInfo).port}`;
    await withField(double.kubeconfig, { server, 'proxy-url': `http://${little.host}` });
    const cluster = kubernetesCluster({ path: double.kubeconfig });
    cleanUp.push(() => cluster.close());
    const command = { namespace: 'arena', server: 'duel-0', container: 'game', command: ['true'], timeoutMs: 5_000 };
    expect(await cluster.exec(command)).toMatchObject({ kind: 'exited', code: 0 });
    expect(little.tunnels).toEqual([{ target: server.replace('https://', ''), authorization: undefined }]);
  });

  test.each([403, 407])(
    'says that it is the proxy that refuses with %i, for requests and commands alike',
    async (status) => {
      const little = await proxy(status);
      const double = await apiDouble(() => 'silence', selfSigned());
      await withField(double.kubeconfig, { 'proxy-url': `http://${little.host}` });
      const cluster = kubernetesCluster({ path: double.kubeconfig });
      cleanUp.push(
        () => double.stop(),
        () => cluster.close(),
      );
      const sentence = `the proxy ${little.host} does not let hotwave through to ${double.server}: it answered ${status}`;
      await expect(cluster.readSet({ namespace: 'arena', name: 'duel' })).rejects.toThrow(sentence);
      const command = { namespace: 'arena', server: 'duel-0', container: 'game', command: ['true'], timeoutMs: 5_000 };
      await expect(cluster.exec(command)).rejects.toThrow(sentence);
    },
  );

  test('says through which proxy nobody answers', async () => {
    const double = await apiDouble(() => 'silence', selfSigned());
    await withField(double.kubeconfig, { 'proxy-url': 'http://me:hunter2@127.0.0.1:9' });
    const cluster = kubernetesCluster({ path: double.kubeconfig });
    cleanUp.push(
      () => double.stop(),
      () => cluster.close(),
    );
    await expect(cluster.readSet({ namespace: 'arena', name: 'duel' })).rejects.toThrow(
      `the API server at ${double.server} does not answer through the proxy 127.0.0.1:9: connection refused`,
    );
  });

  test.each(['proxy.test:3128', 'ftp://proxy.test', 'http://me:hunter2@pro xy', 'socks4://proxy.test'])(
    'is refused with one that cannot be used, which is not shown: %s',
    async (url) => {
      const double = await apiDouble(() => 'silence', selfSigned());
      cleanUp.push(() => double.stop());
      await withField(double.kubeconfig, { 'proxy-url': url });
      const load = (): unknown => loadKubeconfig({ path: double.kubeconfig });
      expect(load).toThrow(
        /^the proxy-url of context "double" in kubeconfig .+ must be an http, https or socks5 address/,
      );
      expect(load).not.toThrow(/hunter2/);
    },
  );

  test('wins over the environment, whose proxy counts without it', async () => {
    const double = await apiDouble(() => 'silence', selfSigned());
    cleanUp.push(() => double.stop());
    const load = (environment: Record<string, string>): string | undefined =>
      loadKubeconfig({ path: double.kubeconfig }, { environment, home: '/nowhere', exists: () => false }).resolved
        .proxy;
    await withField(double.kubeconfig, { server: 'https://east.test' });
    expect(load({ HTTPS_PROXY: 'http://me:x@env.test:3128' })).toBe('env.test:3128');
    expect(load({ HTTPS_PROXY: 'http://env.test:3128', NO_PROXY: 'east.test' })).toBeUndefined();
    expect(() => load({ HTTPS_PROXY: 'gopher://env.test' })).toThrow(
      'the proxy in the environment (HTTPS_PROXY, HTTP_PROXY) must',
    );
    await withField(double.kubeconfig, { 'proxy-url': 'socks5://own.test:1080' });
    expect(load({ HTTPS_PROXY: 'http://env.test:3128', NO_PROXY: '*' })).toBe('own.test:1080');
  });
});
