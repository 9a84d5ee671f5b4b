import { expect, test } from 'vitest';
import { ClusterFailure } from '../product.ts';
import { ClusterHost } from './cluster-host.ts';
import { residentMemoryIn } from './memory.ts';
import { remoteCluster } from './remote-cluster.ts';

type Operation = (...parameters: never[]) => unknown;

/** A cluster with these operations, and the same as a worker in another process has it; what passes is copied. */
function bothEnds(operations: Record<string, Operation>): {
  readonly far: Record<string, Operation>;
  readonly sizes: number[];
} {
  const sizes: number[] = [];
  const host = new ClusterHost(operations, (answer) => {
    sizes.push(JSON.stringify(answer).length);
    take(structuredClone(answer));
  });
  const { cluster, take } = remoteCluster((call) => host.take(structuredClone(call)));
  return { far: cluster as unknown as Record<string, Operation>, sizes };
}

/** Calls an operation as the worker would. */
function call(far: Record<string, Operation>, name: string, ...parameters: unknown[]): Promise<unknown> {
  return far[name]!(...(parameters as never[])) as Promise<unknown>;
}

test('a call gets its parameters there and its result back', async () => {
  const { far } = bothEnds({ add: (left: number, right: number) => Promise.resolve(left + right) });
  expect(await call(far, 'add', 2, 3)).toBe(5);
});

test('a failure of the cluster arrives as one', async () => {
  const failure = new ClusterFailure('unreachable', 'nobody answers', { retryable: true });
  const { far } = bothEnds({ list: () => Promise.reject(failure) });
  const error = await call(far, 'list').catch((reason: unknown) => reason);
  expect(error).toBeInstanceOf(ClusterFailure);
  expect(error).toMatchObject({ reason: 'unreachable', message: 'nobody answers', retryable: true });
});

test('a call that is given up ends there, too', async () => {
  const seen = Promise.withResolvers<undefined>();
  const wait = (_name: string, options: { signal: AbortSignal }): Promise<never> =>
    new Promise((_resolve, reject) => {
      options.signal.addEventListener('abort', () => {
        seen.resolve(undefined);
        reject(new Error('aborted'));
      });
    });
  const { far } = bothEnds({ wait });
  const abort = new AbortController();
  const waiting = call(far, 'wait', 'duel-1', { signal: abort.signal });
  abort.abort(new Error('no longer wanted'));
  await expect(waiting).rejects.toThrow('no longer wanted');
  await seen.promise;
});

test.each([
  ['an option', (permit: () => Promise<void>) => ({ permit })],
  ['a parameter', (permit: () => Promise<void>) => permit],
])('a permit that is %s is asked before the call leaves, and one that is refused keeps it here', async (_, given) => {
  const patched: string[] = [];
  const { far } = bothEnds({ patch: (name: string) => Promise.resolve(patched.push(name)) });
  const granted = given(() => Promise.resolve());
  const refused = given(() => Promise.reject(new Error('the lease is over')));
  expect(await call(far, 'patch', 'duel-1', granted)).toBe(1);
  await expect(call(far, 'patch', 'duel-2', refused)).rejects.toThrow('the lease is over');
  expect(patched).toEqual(['duel-1']);
});

test('a stream brings every list whole and sends only what has changed', async () => {
  const servers = Array.from({ length: 100 }, (_, index) => ({ name: `duel-${index}`, version: 1 }));
  const changed = servers.map((server, index) => (index === 7 ? { ...server, version: 2 } : server));
  const lists = [servers, changed, changed.slice(1)];
  // eslint-disable-next-line @typescript-eslint/require-await -- a stream that has all it brings
  const followServers = async function* (): AsyncGenerator {
    yield* lists;
  };
  const { far, sizes } = bothEnds({ followServers });
  const arrived: unknown[] = [];
  for await (const list of far['followServers']!() as AsyncIterable<unknown>) arrived.push(list);
  expect(arrived).toEqual(lists);
  const [, whole = 0, delta = 0] = sizes;
  expect(delta).toBeLessThan(whole / 10);
});

test('whoever stops reading a stream ends it on the other side', async () => {
  const ended = Promise.withResolvers<undefined>();
  const followSet = async function* (_ref: string, signal: AbortSignal): AsyncGenerator<number> {
    signal.addEventListener('abort', () => ended.resolve(undefined));
    for (let item = 0; ; item += 1) yield await Promise.resolve(item);
  };
  const { far } = bothEnds({ followSet });
  const stream = far['followSet']!(...(['duel', new AbortController().signal] as never[])) as AsyncIterable<unknown>;
  for await (const item of stream) if (item === 2) break;
  await ended.promise;
});

test('memory is what the kernel says, in bytes', () => {
  const text = 'Name:\tnode\nVmHWM:\t  400000 kB\nVmRSS:\t  300000 kB\n';
  expect(residentMemoryIn(text)).toEqual({ now: 300_000 * 1_024, peak: 400_000 * 1_024 });
});
