import { afterEach, describe, expect, test, vi } from 'vitest';
import { CancelledFailure } from '@temporalio/common';
import { reloadServer, reloadServers } from '../../activities/probes/reload-servers.ts';
import type { ReloadReport } from '../../activities/probes/reload-servers.ts';
import type { Probe, Reload } from '../../release/spec/spec.ts';
import { MAIN, NEW_IMAGE, OLD_IMAGE, SET, SIDECAR } from '../support/builders.ts';
import { fakeCluster } from '../support/fake-cluster.ts';
import type { FakeCluster } from '../support/fake-cluster.ts';
import type { FakeServer } from '../support/fake-server.ts';
import { inActivity } from '../support/activity-context.ts';
import { aQuestion, planned } from '../support/questions.ts';
import type { ExecOutcome, HttpSendOutcome } from '../../activities/ports/probes.ts';
import { packServers } from '../../release/fleet/server-rows.ts';

const times = { timeout: 1_000, within: 0 };
const proof: Probe = { http: { port: 80, path: '/version', ...times } };
const exec: Reload = { exec: { container: MAIN, command: ['engine', 'reload'], timeout: 1_000 } };
const http = (wishes: object = {}): Reload => ({
  http: { port: 80, path: '/reload', method: 'POST', timeout: 1_000, ...wishes },
});
/** The checks of the pods of these tests: their files came by hand. */
const ITS_IMAGE = { container: SIDECAR, image: OLD_IMAGE } as const;
const lost = { kind: 'unknown', message: 'the connection closed without an answer' } as const;

interface Engine {
  /** The effect of the first, second … reload; the rest is done and answered. */
  readonly reloads?: readonly ((server: FakeServer) => ExecOutcome & HttpSendOutcome)[];
}

/** An engine with the files of 2.0 that has loaded 1.0, and how it takes reloads. */
function world({ reloads = [] }: Engine = {}): { cluster: FakeCluster; sent: () => number } {
  let count = 0;
  const strange = (server: FakeServer): (ExecOutcome & HttpSendOutcome) | undefined => {
    const happens = reloads[count];
    count += 1;
    return happens?.(server);
  };
  const cluster = fakeCluster({
    sets: [{ replicas: 1 }],
    exec: (request, server) => (request.command.includes('reload') ? strange(server) : undefined),
    send: (_request, server) => strange(server),
  });
  cluster.server('duel-0').engine.files = '2.0';
  return { cluster, sent: () => count };
}

const arrivesAndIsLost = (server: FakeServer): typeof lost => {
  server.load();
  return lost;
};
const isLost = (): typeof lost => lost;
/** A tunnel that is being built anew, an engine that does not listen yet. */
const neverStarted = { kind: 'failed', message: 'error dialing backend: EOF', again: true } as const;
const didNotStart = (): typeof neverStarted => neverStarted;

describe.each<[string, Reload]>([
  ['exec', exec],
  ['http', http()],
])('a reload by %s', (_kind, reload) => {
  test('that is answered is sent once', async () => {
    const { cluster, sent } = world();
    expect(await reloadServer(await aQuestion(cluster), { reload, proof })).toBeUndefined();
    expect(sent()).toBe(1);
    expect(cluster.server('duel-0').engine.loaded).toBe('2.0');
  });

  test('whose answer is lost is not sent again when the engine proves the version', async () => {
    const { cluster, sent } = world({ reloads: [arrivesAndIsLost] });
    expect(await reloadServer(await aQuestion(cluster), { reload, proof })).toBeUndefined();
    expect(sent()).toBe(1);
  });

  test('whose answer is lost waits for an engine that still loads, as long as its proof may take', async () => {
    const { cluster, sent } = world({
      reloads: [
        (server) => {
          setTimeout(() => server.load(), 150);
          return lost;
        },
      ],
    });
    const patient: Probe = { http: { ...proof.http!, within: 5_000 } };
    expect(await reloadServer(await aQuestion(cluster), { reload, proof: patient })).toBeUndefined();
    expect(sent()).toBe(1);
  });

  test('that never arrived is sent once more', async () => {
    const { cluster, sent } = world({ reloads: [isLost] });
    expect(await reloadServer(await aQuestion(cluster), { reload, proof })).toBeUndefined();
    expect(sent()).toBe(2);
    expect(cluster.server('duel-0').engine.loaded).toBe('2.0');
  });

  test('that certainly never arrived is sent until it does, and loaded once', async () => {
    const { cluster, sent } = world({ reloads: [didNotStart, didNotStart] });
    expect(await reloadServer(await aQuestion(cluster), { reload, proof })).toBeUndefined();
    expect(sent()).toBe(3);
    expect(cluster.log.filter(({ kind }) => kind === 'loaded')).toHaveLength(1);
  });

  test('that stays unknown is left to the proof, and not sent a third time', async () => {
    const { cluster, sent } = world({ reloads: [isLost, isLost] });
    expect(await reloadServer(await aQuestion(cluster), { reload, proof })).toBeUndefined();
    expect(sent()).toBe(2);
  });
});

test('nothing is sent to an engine that reloads itself', async () => {
  const { cluster } = world();
  expect(await reloadServer(await aQuestion(cluster), { reload: { self: {} }, proof })).toBeUndefined();
  expect(cluster.log).toEqual([]);
});

test('a request is filled in for its server', async () => {
  const { cluster } = world();
  const reload = http({
    path: '/reload',
    headers: { 'x-server': '{{namespace}}/{{server}}' },
    body: '{"version":"{{version}}","ordinal":{{ordinal}}}',
    expect: 'reloaded {{version}}',
  });
  expect(await reloadServer(await aQuestion(cluster), { reload, proof })).toBeUndefined();
  expect(cluster.log.filter(({ kind }) => kind === 'send')).toMatchObject([
    {
      kind: 'send',
      request: { headers: { 'x-server': 'arena/duel-0' }, body: '{"version":"2.0","ordinal":0}', method: 'POST' },
    },
  ]);
});

test.each<[string, Reload, string]>([
  ['a status', http({ path: '/nothing' }), 'the reload answered status 404: no /nothing'],
  [
    'another status than wanted',
    http({ expectStatus: 202 }),
    'the reload answered status 200, expected 202: reloaded 2.0',
  ],
  ['another body than wanted', http({ expect: 'ok' }), 'the reload answered "reloaded 2.0", expected "ok"'],
  [
    'an exit code',
    { exec: { container: MAIN, command: ['false'], timeout: 1_000 } },
    'the reload ended with exit code 1',
  ],
  [
    'a program that is not there',
    { exec: { container: MAIN, command: ['nope'], timeout: 1_000 } },
    'the reload could not be run: exec: "nope": executable file not found in $PATH',
  ],
])('a reload that fails says why: %s', async (_how, reload, reason) => {
  const { cluster } = world();
  expect(await reloadServer(await aQuestion(cluster), { reload, proof })).toBe(reason);
});

test('a pod without an address, or one that nobody reaches, was sent nothing', async () => {
  const { cluster } = world();
  const question = await aQuestion(cluster);
  const at = (ip: string): Promise<string | undefined> =>
    reloadServer({ ...question, server: { ...question.server, ip } }, { reload: http(), proof });
  expect(await at('')).toBe('the reload could not be sent: the pod has no address');
  expect(await at('10.0.0.99')).toBe('the reload could not be sent: connection refused');
});

describe('an attempt after a crash of the worker', () => {
  afterEach(() => {
    vi.useRealTimers();
  });

  test('knows from any heartbeat who has been reloaded, and reloads nobody twice', async () => {
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
    const reloaded: string[] = [];
    const cluster = fakeCluster({
      sets: [{ replicas: 3 }],
      exec: ({ server }) => {
        reloaded.push(server);
        // Time for the heartbeats that only say "alive".
        vi.advanceTimersByTime(2_000);
        return undefined;
      },
    });
    const { servers } = await cluster.listServers(SET);
    const input = {
      set: SET,
      servers: packServers(servers.map(planned)),
      concurrency: { total: 1, perNode: 1 },
      direction: 'forward',
      repeated: false,
      told: [],
      reload: exec,
      proof: { http: { ...proof.http!, expect: 'nobody proves anything' } },
      version: '2.0',
      ...ITS_IMAGE,
    } as const;
    const first = await inActivity(() => reloadServers(cluster)(input));
    expect(first.result).toMatchObject({ passed: 3, failures: [] });
    const known = first.heartbeats.map((details) => (details as { reloaded: string[] }).reloaded.length);
    // Each is known as told, then answers while time passes, then is known as done.
    expect(known).toEqual([0, 0, 1, 1, 1, 2, 2, 2, 3]);

    await inActivity(() => reloadServers(cluster)(input), { attempt: 2, heartbeatDetails: first.heartbeats[5] });
    expect(reloaded).toEqual(['duel-0', 'duel-1', 'duel-2', 'duel-2']);
  });
});

describe('an engine that was told before', () => {
  const batch = { set: SET, concurrency: { total: 5, perNode: 5 }, direction: 'forward', version: '2.0' } as const;
  const patient: Probe = { http: { ...proof.http!, within: 3_000 } };

  async function tell(
    cluster: FakeCluster,
    told: readonly string[],
    attempt: Parameters<typeof inActivity>[1] = {},
    more: object = {},
  ): Promise<Awaited<ReturnType<typeof inActivity<ReloadReport>>>> {
    const { servers } = await cluster.listServers(SET);
    const rows = packServers(servers.map(planned));
    const input = {
      ...batch,
      ...ITS_IMAGE,
      ...more,
      servers: rows,
      repeated: false,
      told,
      reload: exec,
      proof: patient,
    };
    return await inActivity(() => reloadServers(cluster)(input), attempt);
  }

  test('is asked for its proof as long as that may take, and not told again when it loads meanwhile', async () => {
    const { cluster, sent } = world();
    setTimeout(() => cluster.server('duel-0').load(), 400);
    const { result } = await tell(cluster, ['duel-0']);
    expect(result).toMatchObject({ passed: 1, failures: [], told: [] });
    expect(sent()).toBe(0);
  });

  test('by an attempt that ended without a word of how it went is asked, too', async () => {
    const { cluster, sent } = world();
    setTimeout(() => cluster.server('duel-0').load(), 400);
    const { result } = await tell(cluster, [], {
      attempt: 2,
      heartbeatDetails: { v: 1, told: ['duel-0'], reloaded: [] },
    });
    expect(result).toMatchObject({ passed: 1, told: [] });
    expect(sent()).toBe(0);
  });

  test('is told again when its proof does not come, and stays among those that were told', async () => {
    const { cluster, sent } = world();
    const { result } = await tell(cluster, ['duel-0']);
    expect(result).toMatchObject({ passed: 1, failures: [], told: ['duel-0'] });
    expect(sent()).toBe(1);
  });

  test('is not told again when somebody has given it another image since', async () => {
    const { cluster, sent } = world();
    const { result } = await tell(cluster, [], {}, { image: NEW_IMAGE });
    expect(result.failures).toEqual([
      {
        server: 'duel-0',
        class: 'content',
        reason: `it is asked to run ${OLD_IMAGE}, not ${NEW_IMAGE}, so it is not told to load its files`,
      },
    ]);
    expect(sent()).toBe(0);
  });

  test('is known to Temporal as told before the command leaves', async () => {
    const order: string[] = [];
    const cluster = fakeCluster({
      sets: [{ replicas: 2 }],
      exec: ({ server }) => {
        order.push(server);
        return undefined;
      },
    });
    const { heartbeats } = await tell(cluster, []);
    const told = heartbeats.map((details) => (details as { told: string[] }).told);
    expect(told[0]).toEqual(['duel-0']);
    expect(order).toHaveLength(2);
  });
});

describe('a batch that is interrupted', () => {
  const reason = (what: string): CancelledFailure => new CancelledFailure(what);

  /** Interrupts a batch of three, one at a time, while the second is told. */
  async function interrupted(why: CancelledFailure): Promise<ReloadReport> {
    const interrupt = new AbortController();
    const cluster = fakeCluster({
      sets: [{ replicas: 3 }],
      exec: ({ server }) => {
        if (server === 'duel-1') interrupt.abort(why);
        return undefined;
      },
    });
    const { servers } = await cluster.listServers(SET);
    const input = {
      set: SET,
      servers: packServers(servers.map(planned)),
      concurrency: { total: 1, perNode: 1 },
      direction: 'forward',
      repeated: false,
      told: ['duel-9'],
      reload: exec,
      proof,
      version: '2.0',
      ...ITS_IMAGE,
    } as const;
    return (await inActivity(() => reloadServers(cluster)(input), { signal: interrupt.signal })).result;
  }

  test('by the workflow says who was told', async () => {
    expect(await interrupted(reason('CANCELLED'))).toMatchObject({
      interrupted: true,
      told: ['duel-9', 'duel-0', 'duel-1'],
    });
  });

  test('because its worker stops leaves that to the next attempt', async () => {
    await expect(interrupted(reason('WORKER_SHUTDOWN'))).rejects.toThrow('WORKER_SHUTDOWN');
  });
});
