import { afterEach, describe, expect, test } from 'vitest';
import { kubernetesCluster } from '../../cluster/kubernetes.ts';
import { LineSearch } from '../../cluster/log.ts';
import { apiDouble, status } from '../support/api-double.ts';
import type { ApiDouble, Reply } from '../support/api-double.ts';

const cleanUp: (() => Promise<void>)[] = [];

afterEach(async () => {
  for (const clean of cleanUp.splice(0)) await clean();
});

function searched(text: string, ...pieces: string[]): LineSearch {
  const search = new LineSearch(text);
  for (const piece of pieces) if (!search.take(Buffer.from(piece))) return search;
  search.end();
  return search;
}

describe('a line is found', () => {
  test.each([
    ['in one piece', ['a\nit loaded v2 now\nb\n'], 'it loaded v2 now'],
    ['cut in two', ['a\nit load', 'ed v2\nb\n'], 'it loaded v2'],
    ['without an end', ['a\n', 'loaded v2'], 'loaded v2'],
    ['not across two lines', ['loaded\n v2\n'], undefined],
    ['not at all', ['loaded v1\n'], undefined],
  ])('%s', (_how, pieces, expected) => {
    expect(searched('loaded v2', ...pieces).found).toBe(expected);
  });

  test('also where a character is cut in two', () => {
    const bytes = Buffer.from('geladen: größe v2\n');
    const search = new LineSearch('größe v2');
    search.take(bytes.subarray(0, 12));
    search.take(bytes.subarray(12));
    expect(search.found).toBe('geladen: größe v2');
  });

  test('however an accent is written, in the log as in the release file', () => {
    const [one, two] = ['caf\u00E9 v2', 'cafe\u0301 v2'];
    expect([searched(one, `${two}\n`).found, searched(two, one).found]).toEqual([two, one]);
  });

  test('also after a line that never ends, of which little is kept', () => {
    const endless = 'x'.repeat(50_000);
    expect(searched('loaded v2', endless, endless, `${endless}loaded`, ' v2\n').found).toMatch(/loaded v2$/);
  });

  test('and nothing is read after it', () => {
    const search = searched('v2', 'v2\n', 'more\n');
    expect(search.bytes).toBe(3);
  });
});

describe('the log of a container', () => {
  async function askFor(reply: Reply): Promise<{ double: ApiDouble; ask: (since?: number) => Promise<unknown> }> {
    const double = await apiDouble(() => reply);
    const cluster = kubernetesCluster({ path: double.kubeconfig });
    cleanUp.push(
      () => cluster.close(),
      () => double.stop(),
    );
    const request = { namespace: 'arena', server: 'duel-1', container: 'engine', text: 'loaded v2', timeoutMs: 2_000 };
    return { double, ask: (since) => cluster.findInLog({ ...request, since }) };
  }

  test('is asked for since a time, at most 4 MiB of it', async () => {
    const { double, ask } = await askFor({ body: 'loaded v2\n' });
    expect(await ask(Date.UTC(2026, 0, 2, 3, 4, 5))).toEqual({ kind: 'found', line: 'loaded v2' });
    expect(double.asked[0]).toMatchObject({ method: 'GET', path: '/api/v1/namespaces/arena/pods/duel-1/log' });
    expect(Object.fromEntries(double.asked[0]!.query)).toEqual({
      container: 'engine',
      limitBytes: '4194304',
      sinceTime: '2026-01-02T03:04:05.000Z',
    });
  });

  test('that is longer than that is said to be', async () => {
    const { ask } = await askFor({ body: 'x'.repeat(4 * 1024 * 1024) });
    expect(await ask()).toEqual({ kind: 'absent', bytes: 4_194_304, truncated: true });
  });

  test.each([
    [status(400, 'BadRequest', 'container "engine" in pod "duel-1" is waiting to start'), /is waiting to start/],
    [status(404, 'NotFound', 'pods "duel-1" not found'), /^there is no server duel-1$/],
    [status(500, 'InternalError', 'dial tcp 10.0.0.1:10250: connection refused'), /connection refused/],
  ])('that cannot be had is a fact about the server', async (reply, message) => {
    const { ask } = await askFor(reply);
    expect(await ask()).toEqual({ kind: 'failed', message: expect.stringMatching(message) as string });
  });
});
