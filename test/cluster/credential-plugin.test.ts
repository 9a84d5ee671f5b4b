import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Connection } from '../../cluster/connection.ts';
import { CredentialPlugin } from '../../cluster/credential-plugin.ts';
import type { ExecConfig } from '../../cluster/credential-plugin.ts';
import { kubernetesCluster } from '../../cluster/kubernetes.ts';
import type { KubernetesCluster } from '../../cluster/kubernetes.ts';
import { apiClient } from '../../cluster/request.ts';
import type { ApiClient } from '../../cluster/request.ts';
import { identityOf } from '../lab/process-identity.ts';
import { apiDouble } from '../support/api-double.ts';
import type { Asked } from '../support/api-double.ts';
import { selfSigned } from '../support/self-signed.ts';
import type { SelfSigned } from '../support/self-signed.ts';

const V1 = 'client.authentication.k8s.io/v1';
let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'hotwave-plugin-'));
});

afterAll(() => rm(folder, { recursive: true }));

interface Script {
  readonly config: ExecConfig;
  /** How often it was run. */
  readonly runs: () => Promise<number>;
}

/** A plugin that counts its runs, and then does this. */
async function aPlugin(name: string, body: string, wishes: Partial<ExecConfig> = {}): Promise<Script> {
  const [command, count] = [join(folder, name), join(folder, `${name}.count`)];
  await writeFile(command, `#!/bin/sh\necho run >> ${count}\n${body}\n`);
  await chmod(command, 0o755);
  const runs = async (): Promise<number> => (await readFile(count, 'utf8')).trim().split('\n').length;
  return { config: { apiVersion: V1, command, ...wishes }, runs };
}

function answer(status: object): string {
  return `echo '${JSON.stringify({ apiVersion: V1, kind: 'ExecCredential', status })}'`;
}

describe('a credential plugin', () => {
  test('is run once for fifty requests at the same time, and not again while what it gave holds', async () => {
    const plugin = await aPlugin(
      'slow',
      `sleep 0.3\n${answer({ token: 'secret', expirationTimestamp: '2100-01-01T00:00:00Z' })}`,
    );
    const it = new CredentialPlugin(plugin.config, undefined);
    const all = await Promise.all(Array.from({ length: 50 }, () => it.credentials()));
    expect(new Set(all.map(({ token }) => token))).toEqual(new Set(['secret']));
    await it.credentials();
    expect(await plugin.runs()).toBe(1);
  });

  test('is run again a minute before what it gave ends, and when the API server accepts that no more', async () => {
    const ends = '2026-01-01T01:00:00Z';
    const plugin = await aPlugin('ending', answer({ token: 'secret', expirationTimestamp: ends }));
    let now = Date.parse(ends) - 3_600_000;
    const it = new CredentialPlugin(plugin.config, undefined, { now: () => now });
    await it.credentials();
    now = Date.parse(ends) - 61_000;
    await it.credentials();
    expect(await plugin.runs()).toBe(1);
    now += 2_000;
    await it.credentials();
    expect(await plugin.runs()).toBe(2);
    now = 0;
    it.forget();
    await it.credentials();
    expect(await plugin.runs()).toBe(3);
  });

  test('whose tokens live 20 s is run once for fifty requests at the same time and thirty after each other', async () => {
    const body = `ends=$(date -u -d '+20 seconds' +%Y-%m-%dT%H:%M:%SZ)\n${answer({ token: 'short', expirationTimestamp: 'ENDS' }).replace('"ENDS"', '"\'"$ends"\'"')}`;
    const plugin = await aPlugin('short-lived', body);
    const it = new CredentialPlugin(plugin.config, undefined);
    await Promise.all(Array.from({ length: 50 }, () => it.credentials()));
    for (let request = 1; request <= 30; request += 1) await it.credentials();
    expect(await plugin.runs()).toBe(1);
  });

  test.for([
    ['an hour', 3_600_000, 60_000],
    ['a minute', 60_000, 6_000],
    ['20 s', 20_000, 2_000],
    ['ten seconds', 10_000, 1_000],
  ] as const)(
    'whose tokens live %s is run again a tenth of that before they end, or a minute',
    async ([, life, early]) => {
      const ends = Date.parse('2026-01-01T01:00:00Z');
      const given = answer({ token: 'secret', expirationTimestamp: new Date(ends).toISOString() });
      const plugin = await aPlugin(`life-${life}`, given);
      let now = ends - life;
      const it = new CredentialPlugin(plugin.config, undefined, { now: () => now });
      await it.credentials();
      now = ends - early - 1;
      await it.credentials();
      expect(await plugin.runs()).toBe(1);
      now += 1;
      await it.credentials();
      expect(await plugin.runs()).toBe(2);
    },
  );

  test('whose clock is behind gives what seems to be over: it is taken for a second, and the API server judges it', async () => {
    const plugin = await aPlugin('behind', answer({ token: 'secret', expirationTimestamp: '2026-01-01T00:00:00Z' }));
    let now = Date.parse('2026-01-01T00:05:00Z');
    const it = new CredentialPlugin(plugin.config, undefined, { now: () => now });
    for (let request = 1; request <= 30; request += 1) await it.credentials();
    expect(await plugin.runs()).toBe(1);
    now += 1_000;
    await it.credentials();
    expect(await plugin.runs()).toBe(2);
  });

  test('finds its standard input closed, and the cluster only where it wants to know it', async () => {
    const body = `read line && exit 9\n${answer({ token: 'T' }).replace('"T"', '"\'"$(echo "$KUBERNETES_EXEC_INFO" | base64 -w0)"\'"')}`;
    const told = async (wishes: Partial<ExecConfig>): Promise<unknown> => {
      const plugin = await aPlugin('asking', body, wishes);
      const { token = '' } = await new CredentialPlugin(plugin.config, { server: 'https://a' }).credentials();
      return JSON.parse(Buffer.from(token, 'base64').toString('utf8'));
    };
    expect(await told({})).toEqual({ apiVersion: V1, kind: 'ExecCredential', spec: { interactive: false } });
    expect(await told({ provideClusterInfo: true })).toMatchObject({ spec: { cluster: { server: 'https://a' } } });
  });

  test.for([
    [
      'ends badly',
      'echo "token: abcdefgh is over" >&2; exit 3',
      /ended with exit code 3: token: \[redacted\] is over$/,
    ],
    ['is killed', 'kill -9 $$', /ended with SIGKILL$/],
    ['prints nothing', 'true', /does not print an ExecCredential of client\.authentication\.k8s\.io\/v1$/],
    ['prints something else', `echo '{"kind":"Pod"}'`, /does not print an ExecCredential/],
    ['gives nothing', answer({}), /gives neither a token nor a certificate with its key$/],
    ['gives an empty token', answer({ token: ' ' }), /gives neither a token nor a certificate with its key$/],
    [
      'gives a time that is none',
      answer({ token: 't', expirationTimestamp: 'soon' }),
      /expirationTimestamp that is no time$/,
    ],
    [
      'answers in another version',
      answer({ token: 't' }).replace('/v1', '/v1beta1'),
      /answers in client\.authentication\.k8s\.io\/v1beta1$/,
    ],
  ] as const)('that %s is named, with what was wrong', async ([name, body, words]) => {
    const plugin = await aPlugin(name.replaceAll(' ', '-'), body);
    const failing = new CredentialPlugin(plugin.config, undefined).credentials();
    await expect(failing).rejects.toThrow(words);
    await expect(failing).rejects.toThrow(`the credential plugin ${plugin.config.command} `);
  });

  test.for([
    ['a child', 'sleep 600 &'],
    ['a child in a session of its own', 'setsid sleep 600 &'],
    ['a child without an output', 'sleep 600 > /dev/null &'],
  ] as const)('has answered when it ends, although %s keeps its output open', async ([name, begun]) => {
    const pid = join(folder, `${name.replaceAll(' ', '-')}.pid`);
    const body = `${answer({ token: 'secret' })}\n${begun}\necho $! > ${pid}`;
    const plugin = await aPlugin(name.replaceAll(' ', '-'), body);
    const began = performance.now();
    const given = new CredentialPlugin(plugin.config, undefined, { limitMs: 20_000 }).credentials();
    expect(await given).toMatchObject({ token: 'secret' });
    expect(performance.now() - began).toBeLessThan(10_000);
    const child = Number(await readFile(pid, 'utf8'));
    // A process that leaves the group, as an agent does that serves others, too, is left alone.
    if (name.endsWith('own')) process.kill(child, 'SIGKILL');
    else await expect.poll(() => identityOf(child)).toBeUndefined();
  });

  test('that ends badly says so at once, although a child keeps its output open', async () => {
    const plugin = await aPlugin('bad-parent', 'sleep 600 &\necho "no session" >&2\nexit 3');
    const failing = new CredentialPlugin(plugin.config, undefined, { limitMs: 20_000 }).credentials();
    await expect(failing).rejects.toThrow(/ended with exit code 3: no session$/);
  });

  test('has all of its answer read, however long, when a child keeps its output open', async () => {
    const long = 'x'.repeat(60_000);
    const body = `${answer({ token: 'TOKEN' }).replace('TOKEN', "'$(head -c 60000 /dev/zero | tr '\\0' x)'")}\nsetsid sleep 2 &`;
    const plugin = await aPlugin('long-answer', body);
    const { token } = await new CredentialPlugin(plugin.config, undefined).credentials();
    expect(token).toBe(long);
  });

  test('that hangs with a child in a session of its own ends at its limit', async () => {
    const plugin = await aPlugin('hangs-apart', 'setsid sleep 3 &\nsleep 600');
    const hanging = new CredentialPlugin(plugin.config, undefined, { limitMs: 300 }).credentials();
    await expect(hanging).rejects.toThrow(
      `the credential plugin ${plugin.config.command} has not answered within 0.3 s`,
    );
  });

  test('may end its token with a line break, which no header can carry', async () => {
    const plugin = await aPlugin('line-break', answer({ token: 'secret\\n' }));
    expect((await new CredentialPlugin(plugin.config, undefined).credentials()).token).toBe('secret');
  });

  test('that is not there is named, with the hint of the kubeconfig', async () => {
    const config = {
      apiVersion: V1,
      command: join(folder, 'nobody'),
      installHint: '\nget it from https://get.test\nmore',
    } as const;
    await expect(new CredentialPlugin(config, undefined).credentials()).rejects.toThrow(
      `the credential plugin ${config.command} cannot be run: there is no such program; get it from https://get.test`,
    );
  });
});

describe('fifty requests at once through a credential plugin', () => {
  /** Half of them requests, half of them commands; how each ended, and how long all of them took. */
  async function fifty(
    name: string,
    body: string,
    pluginLimitMs?: number,
  ): Promise<{ ends: Record<string, number>; seconds: number; started: number; asked: readonly Asked[] }> {
    const plugin = await aPlugin(name, body);
    const double = await apiDouble(() => ({ status: 404, body: { kind: 'Status', reason: 'NotFound' } }));
    const kubeconfig = JSON.parse(await readFile(double.kubeconfig, 'utf8')) as { users: unknown };
    kubeconfig.users = [{ name: 'tester', user: { exec: plugin.config } }];
    await writeFile(double.kubeconfig, JSON.stringify(kubeconfig));
    const cluster = kubernetesCluster({
      path: double.kubeconfig,
      parallelExecs: 25,
      ...(pluginLimitMs === undefined ? {} : { pluginLimitMs }),
    });
    const began = performance.now();
    const ends = await Promise.all(
      Array.from({ length: 50 }, (_, index) =>
        (index % 2 === 0 ? read(cluster) : run(cluster)).catch((error: unknown) => (error as Error).message),
      ),
    );
    const seconds = (performance.now() - began) / 1_000;
    await cluster.close();
    await double.stop();
    return { ends: counted(ends), seconds, started: await plugin.runs(), asked: double.asked };
  }

  const read = async (cluster: KubernetesCluster): Promise<string> =>
    (await cluster.readSet({ namespace: 'arena', name: 'duel' })) === undefined ? 'no set' : 'a set';

  const run = async (cluster: KubernetesCluster): Promise<string> => {
    const command = { namespace: 'arena', server: 'duel-0', container: 'game', command: ['true'], timeoutMs: 20_000 };
    return (await cluster.exec(command)).kind;
  };

  function counted(ends: readonly string[]): Record<string, number> {
    return Object.fromEntries([...new Set(ends)].map((end) => [end, ends.filter((other) => other === end).length]));
  }

  test('that takes 2 s start one, and take 2 s together', async () => {
    const { ends, seconds, started, asked } = await fifty('two-seconds', `sleep 2\n${answer({ token: 'slow-one' })}`);
    expect({ ends, started }).toEqual({ ends: { 'no set': 25, failed: 25 }, started: 1 });
    expect(new Set(asked.map(({ headers }) => headers.authorization))).toEqual(new Set(['Bearer slow-one']));
    expect(asked).toHaveLength(50);
    expect(seconds).toBeGreaterThanOrEqual(2);
    // One after the other they would take 100 s.
    expect(seconds).toBeLessThan(30);
  });

  test('that hangs start one, all end at its limit with its name, and nothing of it is left', async () => {
    const pid = join(folder, 'hanging.pid');
    const { ends, seconds, started, asked } = await fifty('hanging', `sleep 600 &\necho $! > ${pid}\nwait`, 1_000);
    const sentence = `the credential plugin ${join(folder, 'hanging')} has not answered within 1 s`;
    expect({ ends, started, asked: asked.length }).toEqual({ ends: { [sentence]: 50 }, started: 1, asked: 0 });
    // One after the other they would take 50 s.
    expect(seconds).toBeLessThan(30);
    await expect.poll(async () => identityOf(Number(await readFile(pid, 'utf8')))).toBeUndefined();
  });

  test('that waits for an answer on its standard input start one, which finds the input closed', async () => {
    const body = `printf 'Password: ' >&2\nread password || exit 4\n${answer({ token: 'never' })}`;
    const { ends, seconds, started } = await fifty('asking-people', body);
    const sentence = `the credential plugin ${join(folder, 'asking-people')} ended with exit code 4: Password:`;
    expect({ ends, started }).toEqual({ ends: { [sentence]: 50 }, started: 1 });
    expect(seconds).toBeLessThan(30);
  });

  test('that takes longer than a request may end at their own limits, and the plugin is not started anew', async () => {
    const plugin = await aPlugin('patient', `sleep 2\n${answer({ token: 'late' })}`);
    const it = new CredentialPlugin(plugin.config, undefined);
    const impatient = Array.from({ length: 50 }, () => it.credentials(AbortSignal.timeout(500)));
    const ends = await Promise.allSettled(impatient);
    const reasons = ends.map((end) => (end.status === 'rejected' ? (end.reason as Error).message : 'given'));
    expect(reasons.every((reason) => / has not answered within (?!0\.[0-4] )[\d.]+ s$/.test(reason))).toBe(true);
    expect((await it.credentials(AbortSignal.timeout(10_000))).token).toBe('late');
    expect(await plugin.runs()).toBe(1);
  });
});

describe('a call that waits for credentials names the plugin and the seconds', () => {
  /** A client of an API server that never answers, with this plugin. */
  async function silentServer(
    name: string,
    body: string,
  ): Promise<{ client: ApiClient; command: string; stop: () => Promise<void> }> {
    const plugin = await aPlugin(name, body);
    const double = await apiDouble(() => 'silence');
    const kubeconfig = JSON.parse(await readFile(double.kubeconfig, 'utf8')) as { users: unknown };
    kubeconfig.users = [{ name: 'tester', user: { exec: plugin.config } }];
    await writeFile(double.kubeconfig, JSON.stringify(kubeconfig));
    const connection = new Connection({ path: double.kubeconfig });
    const stop = async (): Promise<void> => {
      void connection.close().catch(() => undefined);
      await double.stop();
    };
    return { client: apiClient(connection, 'test'), command: plugin.config.command, stop };
  }

  test.for([
    ['its own limit', 700],
    ["the caller's limit", 5_000],
  ] as const)('when it is over by %s', async ([name, timeoutMs]) => {
    const { client, command, stop } = await silentServer(name.replaceAll(/\W/g, '-'), 'sleep 3');
    const signal = AbortSignal.timeout(timeoutMs === 700 ? 5_000 : 700);
    await expect(client.request('GET', '/version', { timeoutMs, signal })).rejects.toThrow(
      new RegExp(`^the credential plugin ${command} has not answered within 0\\.[5-9] s$`),
    );
    await stop();
  });

  test('when the API server has what the plugin has left of the time', async () => {
    const { client, command, stop } = await silentServer('eats-time', `sleep 1.2\n${answer({ token: 'late' })}`);
    await expect(client.request('GET', '/version', { timeoutMs: 2_000 })).rejects.toThrow(
      new RegExp(
        `^the API server at \\S+ did not answer within 2 s, of which the credential plugin ${command} took 1\\.\\d s$`,
      ),
    );
    await stop();
  });
});

test('a kubeconfig with a plugin beside it authenticates all requests of a connection with one run', async () => {
  const plugin = await aPlugin('beside', `sleep 0.2\n${answer({ token: 'of-the-plugin' })}`);
  const path = join(folder, 'config');
  const exec = { apiVersion: V1, command: './beside', interactiveMode: 'Never' };
  await writeFile(
    path,
    JSON.stringify({
      clusters: [{ name: 'c', cluster: { server: 'https://east.test' } }],
      users: [{ name: 'u', user: { exec } }],
      contexts: [{ name: 'x', context: { cluster: 'c', user: 'u' } }],
      'current-context': 'x',
    }),
  );
  const connection = new Connection({ path });
  const all = await Promise.all([
    ...Array.from({ length: 25 }, async () => (await connection.credentials()).headers['Authorization']),
    ...Array.from({ length: 25 }, async () => ((await connection.websocketOptions()).headers ?? {})['Authorization']),
  ]);
  expect(new Set(all)).toEqual(new Set(['Bearer of-the-plugin']));
  expect(await plugin.runs()).toBe(1);
});

test('another certificate of a plugin counts for commands as for requests, without anybody being refused first', async () => {
  const [first, second] = [selfSigned(), selfSigned()];
  const gives = ({ cert, key }: SelfSigned, ends: string): string =>
    answer({ clientCertificateData: cert, clientKeyData: key, expirationTimestamp: ends }).replaceAll('\\n', '\\\\n');
  const once = join(folder, 'rotating.once');
  const body = `if mkdir ${once} 2>/dev/null; then ${gives(first, '2026-01-01T00:05:00Z')}; else ${gives(second, '2026-01-01T01:00:00Z')}; fi`;
  const plugin = await aPlugin('rotating', body);
  const path = join(folder, 'rotating-config');
  await writeFile(
    path,
    JSON.stringify({
      clusters: [{ name: 'c', cluster: { server: 'https://east.test' } }],
      users: [{ name: 'u', user: { exec: plugin.config } }],
      contexts: [{ name: 'x', context: { cluster: 'c', user: 'u' } }],
      'current-context': 'x',
    }),
  );
  let now = Date.parse('2026-01-01T00:00:00Z');
  const connection = new Connection({ path }, { now: () => now });
  const shown = async (): Promise<string> => {
    const { agent } = await connection.websocketOptions();
    return String((agent as unknown as { options: { cert: Buffer } }).options.cert);
  };
  expect(await shown()).toBe(first.cert);
  now += 4.5 * 60_000;
  expect(await shown()).toBe(second.cert);
});
