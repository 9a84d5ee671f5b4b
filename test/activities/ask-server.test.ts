import { createHash } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { askServer, askUntilRight } from '../../activities/probes/ask-server.ts';
import { FreshServers } from '../../activities/servers/fresh-servers.ts';
import type { Probe } from '../../release/spec/spec.ts';
import { MAIN, SET, SIDECAR } from '../support/builders.ts';
import { fakeCluster } from '../support/fake-cluster.ts';
import type { FakeClusterModel } from '../support/fake-cluster.ts';
import { aQuestion, planned } from '../support/questions.ts';
import type { ExecRequest, Probes, TlsChoice } from '../../activities/ports/probes.ts';

const times = { timeout: 1_000, within: 0 };
const VERSION = '{{version}}';

describe('a port by its name', () => {
  test('is the one that the pod of each server gives that name', async () => {
    const cluster = fakeCluster({ sets: [{ replicas: 1 }] });
    const question = await aQuestion(cluster, { version: '1.0' });
    const named = { ...question, server: { ...question.server, ports: { web: 8080 } } };
    const http = { port: 'web', path: '/version', ...times };
    expect(await askServer(named, { http }, VERSION)).toBeUndefined();
    expect(await askServer(question, { http }, VERSION)).toBe(
      'http :web/version: the pod of duel-0 has no port named web: none has a name',
    );
    expect(await askServer(named, { tcp: { port: 'game', ...times } }, undefined)).toBe(
      'tcp :game: the pod of duel-0 has no port named game: it has web',
    );
  });
});

describe('https', () => {
  test('asks for the certificate that the release file names, for each server its own', async () => {
    const cluster = fakeCluster({ sets: [{ replicas: 1 }] });
    const asked: (TlsChoice | undefined)[] = [];
    const question = await aQuestion(cluster, { version: '1.0' });
    const probes: Probes = {
      ...question.cluster,
      httpGet: ({ tls }) => {
        asked.push(tls);
        return Promise.resolve({ kind: 'failed', message: 'its certificate has ended' });
      },
    };
    const http = { port: 8443, path: '/version', https: { ca: 'PEM', serverName: '{{server}}.arena' }, ...times };
    expect(await askServer({ ...question, cluster: probes }, { http }, VERSION)).toBe(
      'https :8443/version: its certificate has ended',
    );
    expect(asked).toEqual([{ ca: 'PEM', serverName: 'duel-0.arena' }]);
  });
});

describe('a proof', () => {
  test('by a file that the engine writes is its content, or what the release file expects', async () => {
    const cluster = fakeCluster({ sets: [{ replicas: 1 }] });
    const file = { container: MAIN, path: '/run/loaded', ...times };
    const question = await aQuestion(cluster, { version: '1.0' });
    expect(await askServer(question, { file }, VERSION)).toBeUndefined();
    expect(await askServer(question, { file: { ...file, expect: 'v{{version}}' } }, VERSION)).toBe(
      'file /run/loaded in engine answered "1.0", expected "v1.0"',
    );
  });

  test('by a line in the log counts only since the change of the server began', async () => {
    const cluster = fakeCluster({ sets: [{ replicas: 1 }] });
    const line = '{{server}} hot-reload loaded={{version}}';
    const probe: Probe = { log: { container: MAIN, line, ...times } };
    const before = await aQuestion(cluster, { version: '1.0' });
    expect(await askServer(before, probe, VERSION)).toBeUndefined();

    const server = cluster.server('duel-0');
    server.log.splice(0, 1, { ...server.log[0]!, at: Date.now() - 60_000 });
    server.restart(server.container(SIDECAR)!);
    const after = await aQuestion(cluster, { version: '1.0', planned: planned(before.server) });
    expect(await askServer(after, probe, VERSION)).toBe(
      'log of engine: no line with "duel-0 hot-reload loaded=1.0" since the change began',
    );
    server.load();
    expect(await askServer(after, probe, VERSION)).toBeUndefined();
  });

  test('by a service quality is asked again on a pod that is read anew', async () => {
    const cluster = fakeCluster({ sets: [{ replicas: 1, serviceQualities: ['loaded'] }] });
    const server = cluster.server('duel-0');
    const report = (message: string): void => {
      server.serviceQualities['loaded'] = { status: 'True', message };
      server.touch();
    };
    report('1.0');
    setTimeout(() => report('2.0'), 150);
    const fresh = new FreshServers(cluster, SET, new AbortController().signal);
    const question = await aQuestion(cluster, { lookAgain: () => fresh.read('duel-0') });
    const probe = (within: number): Probe => ({ serviceQuality: { name: 'loaded', within } });
    expect(await askServer(question, probe(0), VERSION)).toMatch(/answered "1.0", expected "2.0"/);
    expect(await askUntilRight(question, probe(5_000), VERSION)).toBeUndefined();
  });
});

describe('health', () => {
  test('by tcp is a connection', async () => {
    const cluster = fakeCluster({ sets: [{ replicas: 1 }] });
    const question = await aQuestion(cluster);
    const tcp: Probe = { tcp: { port: 25_565, ...times } };
    expect(await askServer(question, tcp, undefined)).toBeUndefined();
    const lost = { ...question, server: { ...question.server, ip: '10.0.0.99' } };
    expect(await askServer(lost, tcp, undefined)).toBe('tcp :25565: connection refused');
  });

  test('that nobody has reported is unknown, and a caller who gives up is told why', async () => {
    const cluster = fakeCluster({ sets: [{ replicas: 1 }] });
    const probe: Probe = { serviceQuality: { name: 'healthy', within: 0 } };
    expect(await askUntilRight(await aQuestion(cluster), probe, undefined)).toEqual({
      unknown: true,
      reason: 'service quality healthy: OpenKruise has not reported it for duel-0',
    });
    const caller = new AbortController();
    setTimeout(() => caller.abort(new Error('the release was paused')), 50);
    const patient: Probe = { serviceQuality: { name: 'healthy', within: 60_000 } };
    const asked = askUntilRight(await aQuestion(cluster, { signal: caller.signal }), patient, undefined);
    await expect(asked).rejects.toThrow('the release was paused');
  });
});

test('servers that are looked at again at the same time share a request', async () => {
  const cluster = fakeCluster({ sets: [{ replicas: 20 }] });
  const fresh = new FreshServers(cluster, SET, new AbortController().signal);
  const names = Array.from({ length: 20 }, (_, index) => `duel-${index}`);
  const servers = await Promise.all([...names, 'duel-99'].map((name) => fresh.read(name)));
  expect(servers.map((server) => server?.name)).toEqual([...names, undefined]);
  expect(cluster.calls.listServers).toBe(1);
  await fresh.read('duel-1');
  expect(cluster.calls.listServers).toBe(2);
});

describe('a checksum manifest', () => {
  const sumOf = (text: string): string => createHash('sha256').update(text).digest('hex');
  const manifestOf = (files: Readonly<Record<string, string>>): string =>
    Object.entries(files)
      .map(([name, text]) => `${sumOf(text)}  ${name}\n`)
      .join('');
  const checksums = {
    container: MAIN,
    manifest: '/app/SHA256SUMS',
    manifestContainer: SIDECAR,
    directory: '/hot/',
    ...times,
  };

  /** Containers that have these files, and commands that read them. */
  function containers(files: Readonly<Record<string, string>>, manifest: string): FakeClusterModel['exec'] {
    const exited = (code: number, stdout: string) => ({ kind: 'exited', code, stdout, stderr: '' }) as const;
    return ({ command: [program, ...paths], container }: ExecRequest) => {
      if (program === 'cat') return exited(container === SIDECAR && paths[0] === '/app/SHA256SUMS' ? 0 : 1, manifest);
      const found = paths.filter((path) => files[path] !== undefined);
      const lines = found.map((path) => `${sumOf(files[path]!)}  ${path}\n`).join('');
      return exited(found.length === paths.length ? 0 : 1, lines);
    };
  }

  const ask = async (exec: FakeClusterModel['exec']): Promise<[string | undefined, number]> => {
    const cluster = fakeCluster({ sets: [{ replicas: 1 }], ...(exec ? { exec } : {}) });
    const reason = await askServer(await aQuestion(cluster), { checksums }, VERSION);
    return [reason, cluster.calls.exec];
  };

  test('is right when every file that it names has its content, wherever else files are', async () => {
    const files = Object.fromEntries(Array.from({ length: 250 }, (_, index) => [`js/${index}.js`, `text ${index}`]));
    const there = Object.fromEntries(Object.entries(files).map(([name, text]) => [`/hot/${name}`, text]));
    expect(await ask(containers({ ...there, '/hot/more': 'x' }, manifestOf(files)))).toEqual([undefined, 4]);
  });

  test('names what differs and what is missing', async () => {
    const exec = containers({ '/hot/a': 'old' }, manifestOf({ a: 'new', b: 'new' }));
    const [reason] = await ask(exec);
    const [old, wanted] = [sumOf('old'), sumOf('new')].map((sum) => sum.slice(0, 12));
    expect(reason).toBe(
      `files of /app/SHA256SUMS in engine: 2 of 2 files are not as listed: /hot/a has ${old}, expected ${wanted}, /hot/b is missing`,
    );
  });

  test.each<[string, FakeClusterModel['exec'], RegExp, number]>([
    [
      'leads out of its directory',
      containers({}, `${sumOf('x')}  ../etc/shadow\n`),
      /line 1 leads out of the directory/,
      1,
    ],
    ['is empty', containers({}, ''), /the manifest is of no use: it names no file$/, 1],
    [
      'is not there',
      () => ({ kind: 'exited', code: 1, stdout: '', stderr: 'cat: no such file' }),
      /cannot be read: exit code 1: cat: no such file$/,
      1,
    ],
    [
      'is too large',
      () => ({ kind: 'exited', code: 0, stdout: '', stderr: '', truncated: true }),
      /is larger than 512 KiB$/,
      1,
    ],
    [
      'is in an image without cat',
      () => ({ kind: 'failed', message: 'executable file not found' }),
      /: executable file not found$/,
      1,
    ],
    [
      'is of an image without sha256sum',
      ({ command: [program] }) =>
        program === 'cat'
          ? { kind: 'exited', code: 0, stdout: manifestOf({ a: 'x' }), stderr: '' }
          : { kind: 'exited', code: 127, stdout: '', stderr: 'not found' },
      /sha256sum ended with exit code 127: not found$/,
      2,
    ],
  ])('that %s is a reason, and nothing else is read', async (_what, exec, expected, execs) => {
    const [reason, calls] = await ask(exec);
    expect(reason).toMatch(expected);
    expect(calls).toBe(execs);
  });
});
