import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Connection } from '../../cluster/connection.ts';
import { loadKubeconfig } from '../../cluster/kubeconfig.ts';
import type { KubeconfigSurroundings } from '../../cluster/kubeconfig.ts';

let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'hotwave-kubeconfig-'));
});

afterAll(() => rm(folder, { recursive: true }));

const nowhere: KubeconfigSurroundings = { environment: {}, home: '/nowhere', exists: () => false };

async function write(name: string, current: string | undefined, contexts: Record<string, string>): Promise<string> {
  const path = join(folder, name);
  const entries = Object.entries(contexts);
  const config = {
    clusters: entries.map(([context, server]) => ({ name: `${context}-cluster`, cluster: { server } })),
    users: entries.map(([context]) => ({ name: `${context}-user`, user: { token: 'secret' } })),
    contexts: entries.map(([context]) => ({
      name: context,
      context: { cluster: `${context}-cluster`, user: `${context}-user` },
    })),
    'current-context': current,
  };
  await writeFile(path, JSON.stringify(config));
  return path;
}

describe('a kubeconfig', () => {
  test('says which context, server and user it came down to', async () => {
    const path = await write('one', 'east', { east: 'https://east.test:6443/', west: 'https://west.test' });
    expect(loadKubeconfig({ path }).resolved).toEqual({
      context: 'east',
      server: 'https://east.test:6443',
      user: 'east-user',
      source: `kubeconfig ${path}`,
    });
    expect(loadKubeconfig({ path, context: 'west' }).resolved.server).toBe('https://west.test');
  });

  test('of several files, the first one decides the context, as with kubectl', async () => {
    const files = [await write('a', 'east', { east: 'https://e' }), await write('b', 'west', { west: 'https://w' })];
    const environment = { KUBECONFIG: files.join(':') };
    expect(loadKubeconfig({}, { ...nowhere, environment }).resolved.context).toBe('east');
    expect(loadKubeconfig({ context: 'west' }, { ...nowhere, environment }).resolved.server).toBe('https://w');
  });

  test('with an unknown context is refused, with the ones it has', async () => {
    const path = await write('two', 'east', { east: 'https://e', west: 'https://w' });
    expect(() => loadKubeconfig({ path, context: 'north' })).toThrow(
      `kubeconfig ${path} has no context "north"; it has: east, west`,
    );
  });

  test('without a current context asks for one', async () => {
    const path = await write('three', undefined, { east: 'https://e' });
    expect(() => loadKubeconfig({ path })).toThrow('has no current context; name one of: east');
  });

  test('is never replaced by http://localhost:8080', () => {
    expect(() => loadKubeconfig({}, nowhere)).toThrow(/^no kubeconfig: there is no \/nowhere\/\.kube\/config/);
  });

  test('without TLS is refused, unless that is said', async () => {
    const path = await write('plain', 'east', { east: 'http://east.test' });
    expect(() => loadKubeconfig({ path })).toThrow('http://east.test is not encrypted');
  });

  test('that cannot be read says why, and quotes nothing of it', async () => {
    const path = join(folder, 'broken');
    await writeFile(path, 'users: [{ name: a, user: { token: secret-token ]');
    expect(() => loadKubeconfig({ path })).toThrow(`cannot read kubeconfig ${path}: it is not a valid kubeconfig`);
    expect(() => loadKubeconfig({ path: `${path}-not` })).toThrow('there is no such file');
  });
});

describe('a connection', () => {
  test('reads its kubeconfig again after ten minutes, and refuses another server under the same context', async () => {
    let now = 0;
    const path = await write('moving', 'east', { east: 'https://east.test' });
    const connection = new Connection({ path }, () => now);
    await write('moving', 'other', { east: 'https://elsewhere.test', other: 'https://other.test' });
    await expect(connection.credentials()).resolves.toHaveProperty('headers.Authorization', 'Bearer secret');
    now = 11 * 60_000;
    await expect(connection.credentials()).rejects.toThrow(
      'context "east" now leads to https://elsewhere.test, it led to https://east.test',
    );
  });

  test('keeps its pool of connections from request to request, until it is renewed', async () => {
    const path = await write('steady', 'east', { east: 'https://east.test' });
    const connection = new Connection({ path });
    const config = await connection.credentials();
    expect((await connection.credentials()).dispatcher).toBe(config.dispatcher);
    connection.renew();
    expect(await connection.credentials()).toHaveProperty('headers.Authorization', 'Bearer secret');
  });
});
