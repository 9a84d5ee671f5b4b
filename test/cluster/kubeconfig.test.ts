import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Connection } from '../../cluster/connection.ts';
import { apiClient } from '../../cluster/request.ts';
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

/** A kubeconfig with one context, whose user has these fields. */
async function writeUser(name: string, user: object): Promise<string> {
  const path = join(folder, name);
  const config = {
    clusters: [{ name: 'c', cluster: { server: 'https://one.test' } }],
    users: [{ name: 'u', user }],
    contexts: [{ name: 'x', context: { cluster: 'c', user: 'u' } }],
    'current-context': 'x',
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

  test('is found by a path from the home folder, given or listed', async () => {
    const path = await write('at-home', 'east', { east: 'https://east.test' });
    const there = { ...nowhere, home: folder };
    const found = { context: 'east', source: `kubeconfig ${path}` };
    expect(loadKubeconfig({ path: '~/at-home' }, there).resolved).toMatchObject(found);
    const environment = { KUBECONFIG: ' ~/at-home' };
    expect(loadKubeconfig({}, { ...there, environment }).resolved).toMatchObject(found);
    expect(() => loadKubeconfig({ path: '~somebody/at-home' }, there)).toThrow('~somebody/at-home');
  });

  test('of several files, the first one decides the context, as with kubectl', async () => {
    const files = [await write('a', 'east', { east: 'https://e' }), await write('b', 'west', { west: 'https://w' })];
    const environment = { KUBECONFIG: files.join(':') };
    expect(loadKubeconfig({}, { ...nowhere, environment }).resolved.context).toBe('east');
    expect(loadKubeconfig({ context: 'west' }, { ...nowhere, environment }).resolved.server).toBe('https://w');
  });

  test('of a list, a file that is not there is left out, and of two entries of one name the first counts', async () => {
    const files = [
      join(folder, 'not-there'),
      await write('c', 'east', { east: 'https://first.test' }),
      await write('d', 'west', { east: 'https://second.test' }),
    ];
    const environment = { KUBECONFIG: files.join(':') };
    expect(loadKubeconfig({}, { ...nowhere, environment }).resolved).toMatchObject({
      context: 'east',
      server: 'https://first.test',
    });
    const none = { KUBECONFIG: `${folder}/no:${folder}/nope` };
    expect(() => loadKubeconfig({}, { ...nowhere, environment: none })).toThrow(/none of these files is there$/);
  });

  test('says by tokenFile where the token is, which is read for each request', async () => {
    const path = await writeUser('by-file', { tokenFile: 'token' });
    const connection = new Connection({ path });
    for (const token of ['one', 'two']) {
      await writeFile(join(folder, 'token'), `${token}\n`);
      expect((await connection.credentials()).headers['Authorization']).toBe(`Bearer ${token}`);
    }
  });

  test('keeps the token while its tokenFile is being written anew, and is nobody before there is one', async () => {
    const path = await writeUser('by-file-anew', { tokenFile: 'rotating' });
    const connection = new Connection({ path });
    await writeFile(join(folder, 'rotating'), '\n');
    await expect(connection.credentials()).rejects.toThrow(`tokenFile ${join(folder, 'rotating')} of user`);
    for (const [written, sent] of [
      ['one', 'one'],
      ['', 'one'],
      ['two', 'two'],
    ] as const) {
      await writeFile(join(folder, 'rotating'), written);
      expect((await connection.credentials()).headers['Authorization']).toBe(`Bearer ${sent}`);
    }
    await rm(join(folder, 'rotating'));
    expect((await connection.credentials()).headers['Authorization']).toBe('Bearer two');
  });

  test('names a tokenFile that is missing or a folder, the user entry, and what to do', async () => {
    const client = apiClient(new Connection({ path: await writeUser('no-token', { tokenFile: 'absent' }) }), 'test');
    const sentence = (file: string, why: string): string =>
      `cannot read the tokenFile ${join(folder, file)} of user "u" in the kubeconfig: ${why}. Put the token there, or correct the entry`;
    await expect(client.request('GET', '/version')).rejects.toMatchObject({
      reason: 'unauthorized',
      retryable: true,
      message: sentence('absent', 'there is no such file'),
    });
    await mkdir(join(folder, 'tokens'));
    const other = new Connection({ path: await writeUser('a-folder', { tokenFile: 'tokens' }) });
    await expect(other.credentials()).rejects.toThrow(sentence('tokens', 'it is a folder, not a file'));
    await writeFile(join(folder, 'blank'), '');
    const blank = new Connection({ path: await writeUser('blank-token', { tokenFile: 'blank' }) });
    await expect(blank.credentials()).rejects.toThrow(sentence('blank', 'it is empty'));
  });

  test('says as whom requests are made: user, groups, uid and extras', async () => {
    const path = await writeUser('as-another', {
      token: 't',
      as: 'release-bot',
      'as-groups': ['releasers', 'on-call'],
      'as-uid': '7',
      'as-user-extra': { 'acme.test/team': ['a', 'b'] },
    });
    const headers = {
      'Impersonate-User': 'release-bot',
      'Impersonate-Group': ['releasers', 'on-call'],
      'Impersonate-Uid': '7',
      'Impersonate-Extra-acme.test%2Fteam': ['a', 'b'],
    };
    const connection = new Connection({ path });
    expect((await connection.credentials()).headers).toMatchObject(headers);
    expect((await connection.websocketOptions()).headers).toMatchObject(headers);
  });

  test.for([
    [{ 'auth-provider': { name: 'oidc' } }, /has an auth-provider, which hotwave does not use: take an exec plugin/],
    [{ exec: { apiVersion: 'client.authentication.k8s.io/v1alpha1', command: 'aws' } }, /has an exec\.apiVersion that/],
    [
      { exec: { apiVersion: 'client.authentication.k8s.io/v1', command: 'gke', interactiveMode: 'Always' } },
      /has an exec\.interactiveMode of Always: nobody is there to answer gke$/,
    ],
    [{ exec: { apiVersion: 'client.authentication.k8s.io/v1' } }, /has an exec\.command that/],
  ] as const)(
    'with something that hotwave does not do as kubectl is refused by its name: %j',
    async ([user, words]) => {
      const path = await writeUser('refused', user);
      expect(() => loadKubeconfig({ path })).toThrow(words);
      // Only the user of the context counts.
      const other = await write('beside-it', 'east', { east: 'https://e' });
      const environment = { KUBECONFIG: `${other}:${path}` };
      expect(loadKubeconfig({}, { ...nowhere, environment }).resolved.context).toBe('east');
    },
  );

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

// D10: nobody but an exec plugin renews credentials, so nobody spends a refresh token twice.
describe('a user with an auth-provider', () => {
  test.each<[string, object]>([
    ['beside a token that kubectl would take', { token: 'secret', 'auth-provider': { name: 'oidc' } }],
    ['of a cloud, with nothing in it', { 'auth-provider': { name: 'azure', config: null } }],
    [
      'beside a plugin',
      {
        exec: { apiVersion: 'client.authentication.k8s.io/v1', command: 'kubelogin' },
        'auth-provider': { name: 'gcp', config: { 'access-token': 'spent', expiry: '2020-01-01T00:00:00Z' } },
      },
    ],
  ])('%s is refused by the name of the field, and none of it is quoted', async (_how, user) => {
    const path = await writeUser('provided', user);
    expect(() => loadKubeconfig({ path })).toThrow(
      `user u in kubeconfig ${path} has an auth-provider, which hotwave does not use: take an exec plugin instead, such as kubelogin for oidc`,
    );
  });

  test('that is empty has none', async () => {
    const path = await writeUser('unprovided', { token: 'secret', 'auth-provider': null });
    expect(loadKubeconfig({ path }).resolved.user).toBe('u');
  });
});

describe('a connection', () => {
  test('reads its kubeconfig again after ten minutes, and refuses another server under the same context', async () => {
    let now = 0;
    const path = await write('moving', 'east', { east: 'https://east.test' });
    const connection = new Connection({ path }, { now: () => now });
    await write('moving', 'other', { east: 'https://elsewhere.test', other: 'https://other.test' });
    await expect(connection.credentials()).resolves.toHaveProperty('headers.Authorization', 'Bearer secret');
    now = 11 * 60_000;
    await expect(connection.credentials()).rejects.toThrow(
      'context "east" now leads to https://elsewhere.test, it led to https://east.test',
    );
  });

  test.each<[string, object, object, string]>([
    [
      'by another proxy',
      { 'proxy-url': 'http://bastion-east.test:3128' },
      { 'proxy-url': 'http://me:secret@bastion-west.test:3128' },
      'leads to https://10.0.0.1 by the proxy bastion-west.test:3128, it led to https://10.0.0.1 by the proxy bastion-east.test:3128',
    ],
    [
      'by a proxy that was not there',
      {},
      { 'proxy-url': 'http://bastion.test:3128' },
      'leads to https://10.0.0.1 by the proxy bastion.test:3128, it led to https://10.0.0.1 when',
    ],
    [
      'under another name for TLS, by which gateways choose the cluster',
      { 'tls-server-name': 'east.test' },
      { 'tls-server-name': 'west.test' },
      'leads to https://10.0.0.1 as west.test, it led to https://10.0.0.1 as east.test when',
    ],
  ])('refuses the same address %s', async (_how, before, after, words) => {
    const path = join(folder, 'same-address');
    const config = (cluster: object): string =>
      JSON.stringify({
        clusters: [{ name: 'c', cluster: { server: 'https://10.0.0.1', ...cluster } }],
        users: [{ name: 'u', user: { token: 'secret' } }],
        contexts: [{ name: 'x', context: { cluster: 'c', user: 'u' } }],
        'current-context': 'x',
      });
    let now = 0;
    await writeFile(path, config(before));
    const connection = new Connection({ path }, { now: () => now });
    await writeFile(path, config(after));
    now = 11 * 60_000;
    await expect(connection.credentials()).rejects.toThrow(words);
    await writeFile(path, config(before));
    await expect(connection.credentials()).resolves.toHaveProperty('headers.Authorization', 'Bearer secret');
  });

  test('keeps what it has while its kubeconfig is being written anew, and then reads that', async () => {
    let now = 0;
    const path = await write('rewritten', 'east', { east: 'https://east.test' });
    const connection = new Connection({ path }, { now: () => now });
    const token = async (): Promise<unknown> => (await connection.credentials()).headers['Authorization'];
    for (const broken of ['', '{', 'users: []']) {
      now += 11 * 60_000;
      await writeFile(path, broken);
      expect(await token()).toBe('Bearer secret');
      expect(connection.unread).toMatch(/kubeconfig|context/);
    }
    await write('rewritten', 'east', { east: 'https://east.test' });
    await writeFile(path, (await readFile(path, 'utf8')).replaceAll('secret', 'renewed'));
    now += 6_000;
    expect(await token()).toBe('Bearer renewed');
    expect(connection.unread).toBeUndefined();
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
