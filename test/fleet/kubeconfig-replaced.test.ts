import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { parse, stringify } from 'yaml';
import type { ReleaseState } from '../../release/progress/state.ts';
import { podsOf, setPath } from '../lab/game-server-sets.ts';
import type { GameServerSet } from '../lab/game-server-sets.ts';
import { until } from '../lab/until.ts';
import { apiDouble, status } from '../support/api-double.ts';
import { FleetWorld } from '../support/fleet-world.ts';
import { startHotwave } from '../support/hotwave.ts';
import type { Hotwave } from '../support/hotwave.ts';
import { selfSigned } from '../support/self-signed.ts';

// The kubeconfig of a worker is replaced in mid-release, and the credentials that it had end.

vi.setConfig({ testTimeout: 180_000 });

let world: FleetWorld;

beforeAll(async () => {
  world = await FleetWorld.start();
});

afterAll(() => world.stop());

const account = '/api/v1/namespaces/hotwave-system';
const GATED = '  waves: [1, rest]\n  gates: [ { before: 2 } ]';
const atGate = ({ phase }: ReleaseState): boolean => phase === 'waiting-approval';
const isPaused = ({ phase, pausedBecause }: ReleaseState): boolean => phase === 'paused' && pausedBecause !== undefined;

interface Kubeconfig {
  readonly clusters: readonly { readonly cluster: Record<string, string> }[];
  readonly users: readonly { readonly user: { token: string } }[];
  readonly contexts: readonly { readonly name: string }[];
}

/** A token of hotwave's account that ends with {@link Token.end}: it is bound to a Secret. */
interface Token {
  readonly token: string;
  /** Resolves when the API server takes it no more. */
  end(): Promise<void>;
}

async function aToken(name: string): Promise<Token> {
  const { api } = world.lab;
  const { metadata } = await api.create(`${account}/secrets`, { metadata: { name } });
  const bound = { kind: 'Secret', apiVersion: 'v1', name, uid: metadata.uid };
  const { status: given } = await api.create<{ readonly status: { readonly token: string } }>(
    `${account}/serviceaccounts/hotwave/token`,
    {
      apiVersion: 'authentication.k8s.io/v1',
      kind: 'TokenRequest',
      spec: { expirationSeconds: 3_600, boundObjectRef: bound },
    },
  );
  return {
    token: given.token,
    async end() {
      await api.delete(`${account}/secrets/${name}`);
      const review = { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenReview', spec: { token: given.token } };
      await until({ what: `the token ${name} to end`, deadlineMs: 60_000, everyMs: 500 }, async () => {
        const path = '/apis/authentication.k8s.io/v1/tokenreviews';
        const answer = await api.create<{ readonly status: { readonly authenticated?: boolean } }>(path, review);
        return answer.status.authenticated !== true;
      });
    },
  };
}

/** A kubeconfig of hotwave's, with another token and, where named, another way to the cluster. */
function write(file: string, { token }: Pick<Token, 'token'>, cluster: Record<string, string> = {}): void {
  const config = parse(readFileSync(world.lab.kubeconfigOf('hotwave'), 'utf8')) as Kubeconfig;
  Object.assign(config.clusters[0]!.cluster, cluster);
  config.users[0]!.user.token = token;
  writeFileSync(file, stringify(config), { mode: 0o600 });
}

/** A worker that reads this kubeconfig serves the lab alone. */
async function servedBy(file: string, run: (hotwave: Hotwave) => Promise<void>): Promise<void> {
  await world.withoutWorker(async () => {
    const hotwave = await startHotwave({ ...world.lab, kubeconfigOf: () => file });
    try {
      await run(hotwave);
    } finally {
      await hotwave.stop();
    }
  });
}

test('renewed credentials are taken up, and nobody is asked', async () => {
  const file = join(world.lab.directory, 'renewed.kubeconfig');
  const [old, renewed] = [await aToken('old'), await aToken('renewed')];
  await world.aSet('renewed');
  write(file, old);
  await servedBy(file, async (hotwave) => {
    const release = await hotwave.start(world.release('renewed', 'v2.0', GATED));
    await release.until('the gate', atGate);
    write(file, renewed);
    await old.end();
    await release.decide({ verb: 'approve', wave: 2 });
    const end = await release.until('the end or a pause', (state) => isPaused(state) || state.endedAt !== undefined);
    expect([end.phase, end.pausedBecause]).toEqual(['done', undefined]);
    expect(await release.result()).toMatchObject({ outcome: 'done', restartsOfMainContainers: 0, recreatedPods: 0 });
  });
  expect(await world.versions('renewed')).toEqual(['v2.0', 'v2.0', 'v2.0']);
});

test('one that leads to another cluster is refused in one sentence, and nothing is sent there', async () => {
  const file = join(world.lab.directory, 'moved.kubeconfig');
  const [old, renewed] = [await aToken('before'), await aToken('after')];
  await world.aSet('moved');
  const certificate = selfSigned();
  const other = await apiDouble(() => status(500, 'InternalError', 'the other cluster was asked'), certificate);
  const there = {
    server: other.server,
    'certificate-authority-data': Buffer.from(certificate.cert).toString('base64'),
  };
  const { server } = world.lab.api.credentials;
  write(file, old);
  await servedBy(file, async (hotwave) => {
    const release = await hotwave.start(world.release('moved', 'v2.0', GATED));
    await release.until('the gate', atGate);
    const { spec } = await world.lab.api.get<GameServerSet>(setPath('moved'));
    write(file, { token: 'of-the-other-cluster' }, there);
    await old.end();
    await release.decide({ verb: 'approve', wave: 2 });
    const { pausedBecause, failures } = await release.until('a pause', isPaused);
    process.stderr.write(`fleet: moved: ${pausedBecause} ${JSON.stringify(failures)}\n`);
    expect(pausedBecause).toContain(
      `context "hotwave-lab-hotwave" now leads to ${other.server}, it led to ${server} when this worker started; restart the worker if that is meant`,
    );
    expect(other.asked).toEqual([]);
    expect((await world.lab.api.get<GameServerSet>(setPath('moved'))).spec).toEqual(spec);
    const loaded = await Promise.all((await podsOf(world.lab.api, 'moved')).map((pod) => world.loaded(pod)));
    expect(loaded).toEqual(['v1.0', 'v1.0', 'v2.0']);
    // Somebody puts it right: the same worker goes on.
    write(file, renewed);
    await release.decide({ verb: 'resume' });
    expect(await release.result()).toMatchObject({ outcome: 'done', restartsOfMainContainers: 0, recreatedPods: 0 });
    expect(other.asked).toEqual([]);
  });
  await other.stop();
  expect(await world.versions('moved')).toEqual(['v2.0', 'v2.0', 'v2.0']);
});

test('one that leads to the same address by another proxy is refused, too: another cluster may be behind it', async () => {
  const file = join(world.lab.directory, 'proxied.kubeconfig');
  const [old, renewed] = [await aToken('direct'), await aToken('through')];
  await world.aSet('proxied');
  const other = await apiDouble(() => status(500, 'InternalError', 'the other cluster was asked'));
  write(file, old);
  await servedBy(file, async (hotwave) => {
    const release = await hotwave.start(world.release('proxied', 'v2.0', GATED));
    await release.until('the gate', atGate);
    write(file, { token: 'of-the-other-cluster' }, { 'proxy-url': other.server });
    await old.end();
    await release.decide({ verb: 'approve', wave: 2 });
    const { pausedBecause } = await release.until('a pause', isPaused);
    process.stderr.write(`fleet: proxied: ${pausedBecause} ${other.asked.length}\n`);
    expect(pausedBecause).toContain('restart the worker if that is meant');
    expect(other.asked).toEqual([]);
    write(file, renewed);
    await release.decide({ verb: 'resume' });
    expect(await release.result()).toMatchObject({ outcome: 'done' });
  });
  await other.stop();
  expect(await world.versions('proxied')).toEqual(['v2.0', 'v2.0', 'v2.0']);
});
