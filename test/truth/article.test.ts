import { afterEach, expect, test } from 'vitest';
import type { ReleaseFile } from '../../release/spec/spec.ts';
import { deleteSet, podsOf, scale, serverPath, setPath, waitForServers } from '../lab/game-server-sets.ts';
import type { GameServerSet } from '../lab/game-server-sets.ts';
import { articleImage } from '../lab/images/provide-images.ts';
import { containerStatus } from '../lab/kubernetes-objects.ts';
import type { GameServer, Pod } from '../lab/kubernetes-objects.ts';
import { until } from '../lab/until.ts';
import { versionsOf } from '../support/examples.ts';
import { releaseFrom } from '../support/release-file.ts';
import { truthWorld } from '../support/truth-world.ts';

// The manifests of the article on hot updates with OpenKruiseGame (Huawei Cloud community, December 2025) work as they
// stand: its image names, its sidecar that syncs by `bash -c "rsync ..."` without a readiness probe and ignores SIGTERM,
// its network section of a cloud whose plugin is not here. Nothing is made easier for hotwave; `inLab` adds what the lab
// needs.

const world = truthWorld();

let created = '';

afterEach(() => deleteSet(world.lab.api, created));

interface Manifest {
  readonly metadata: { readonly name: string; readonly namespace: string };
  readonly spec: {
    readonly replicas: number;
    readonly updateStrategy: object;
    readonly network?: object;
    readonly gameServerTemplate: {
      readonly reclaimPolicy?: string;
      readonly spec: { readonly containers: readonly object[]; readonly volumes?: readonly object[] };
    };
  };
}

/** The load balancer of each server. */
function network(port: string): object {
  return {
    networkType: 'HwCloud-CCE-ELB',
    networkConf: [
      { name: 'PortProtocols', value: port },
      { name: 'kubernetes.io/elb.class', value: 'performance' },
      { name: 'kubernetes.io/elb.id', value: '2f0f...1d78' },
    ],
  };
}

function game2048(flavour: 'v1.0' | 'v1.0-inotify'): Manifest {
  const sync = 'rsync -aP /app/js/* /app/scripts/ && while true; do echo 11;sleep 2; done';
  const volumeMounts = (mountPath: string): object => ({ volumeMounts: [{ name: 'shared-dir', mountPath }] });
  return {
    metadata: { name: 'gss-2048', namespace: 'default' },
    spec: {
      replicas: 1,
      updateStrategy: { rollingUpdate: { podUpdatePolicy: 'InPlaceIfPossible' } },
      network: network('80/TCP'),
      gameServerTemplate: {
        spec: {
          containers: [
            { image: articleImage(`2048:${flavour}`), name: 'app-2048', ...volumeMounts('/var/www/html/js') },
            {
              image: articleImage('2048-sidecar:v1.0'),
              name: 'sidecar',
              args: ['bash', '-c', sync],
              ...volumeMounts('/app/scripts'),
            },
          ],
          volumes: [{ name: 'shared-dir', emptyDir: {} }],
        },
      },
    },
  };
}

const minecraft = { image: articleImage('minecraft-demo:1.12.2'), name: 'minecraft' };

const minecraftTest: Manifest = {
  metadata: { name: 'minecraft-test', namespace: 'default' },
  spec: {
    replicas: 3,
    updateStrategy: { type: 'OnDelete' },
    gameServerTemplate: { spec: { containers: [minecraft] } },
  },
};

const minecraftDemo: Manifest = {
  metadata: { name: 'minecraft-demo', namespace: 'default' },
  spec: {
    replicas: 3,
    updateStrategy: { type: 'RollingUpdate', rollingUpdate: { podUpdatePolicy: 'InPlaceIfPossible' } },
    network: network('25565/TCP'),
    gameServerTemplate: { reclaimPolicy: 'Delete', spec: { containers: [minecraft] } },
  },
};

/**
 * The fields that only the lab needs: it has one node, no scheduler, no service accounts and no registry to pull from.
 */
function inLab({ metadata, spec }: Manifest): object {
  const { spec: pod, ...template } = spec.gameServerTemplate;
  const containers = pod.containers.map((container) => ({ ...container, imagePullPolicy: 'IfNotPresent' }));
  const podSpec = { ...pod, containers, nodeName: world.lab.nodeName, automountServiceAccountToken: false };
  return {
    apiVersion: 'game.kruise.io/v1alpha1',
    kind: 'GameServerSet',
    metadata,
    spec: { ...spec, gameServerTemplate: { ...template, spec: podSpec } },
  };
}

async function create(manifest: Manifest): Promise<readonly Pod[]> {
  const { name } = manifest.metadata;
  created = name;
  await world.lab.api.create(setPath('').replace(/\/$/, ''), inLab(manifest));
  const pods = await waitForServers(world.lab.api, { name, count: manifest.spec.replicas, deadlineMs: 90_000 });
  // Nothing of the article's says when an engine serves: Ready is before that.
  await until({ what: `${name} to serve`, deadlineMs: 30_000 }, () =>
    versionsOf(pods).then(
      (versions) => versions.every((version) => version !== '' && version !== 'none'),
      () => false,
    ),
  );
  return pods;
}

function release(set: string, image: string, more: string): ReleaseFile {
  const container = image.startsWith('2048') ? 'sidecar' : 'minecraft';
  return releaseFrom(`
apiVersion: hotwave.dev/v1
kind: Release
metadata: { name: ${set}-${image.replaceAll(/[^a-z0-9]/g, '-')} }
spec:
  target: { gameServerSet: ${set}${more.includes('targeted') ? ', servers: { servers: [1, 2] }' : ''} }
  images: { ${container}: "${articleImage(image)}" }
  ready: { timeout: 2m }
  proof: { http: { port: 80, path: /version, within: 10s } }
${more}`);
}

const uidsOf = (pods: readonly Pod[]): string[] => pods.map(({ metadata }) => metadata.uid);
const restartsOf = (pods: readonly Pod[], container: string): number[] =>
  pods.map((pod) => containerStatus(pod, container)!.restartCount);

/** The whole folder of hot files against what the image says of it: the sidecar has no probe to say "complete". */
const content = `  content:
    { checksums: { container: app-2048, manifest: /app/SHA256SUMS, manifestContainer: sidecar, directory: /var/www/html/js } }
`;
const byExec = '  reload: { exec: { container: app-2048, command: [/usr/sbin/nginx, -s, reload] } }\n';

test.each([
  ['v1.0', byExec],
  ['v1.0-inotify', '  reload: { self: {} }\n'],
] as const)(
  '2048 with engine %s: the sidecar goes from v1.0 to v2.0 in its pod, and nginx proves it',
  async (flavour, reload) => {
    const manifest = game2048(flavour);
    const before = await create(manifest);
    expect(await versionsOf(before)).toEqual(['v1.0']);
    const own = (await world.lab.api.get<GameServerSet>(setPath('gss-2048'))).spec;
    const started = await world.hotwave.start(release('gss-2048', '2048-sidecar:v2.0', `${content}${reload}`));
    expect(await started.result()).toMatchObject({
      outcome: 'done',
      servers: 1,
      restartsOfMainContainers: 0,
      recreatedPods: 0,
    });
    const after = await podsOf(world.lab.api, 'gss-2048');
    expect(await versionsOf(after)).toEqual(['v2.0']);
    expect(uidsOf(after)).toEqual(uidsOf(before));
    expect([restartsOf(after, 'app-2048'), restartsOf(after, 'sidecar')]).toEqual([[0], [1]]);
    // But for the image, the set is as its owner wrote it, the network section included.
    const now = (await world.lab.api.get<GameServerSet>(setPath('gss-2048'))).spec;
    const replaced = JSON.stringify(own).replace('2048-sidecar:v1.0', '2048-sidecar:v2.0');
    expect(now).toEqual(JSON.parse(replaced));
  },
);

test('minecraft-test: three old servers stay on 1.12.2, the fourth and the fifth come on 1.13.0', async () => {
  const before = await create(minecraftTest);
  const file = release(
    'minecraft-test',
    'minecraft-demo:1.13.0',
    '  strategy: newServersOnly\n  newServers: { watch: 2m, count: 2 }\n  reload: { self: {} }\n',
  );
  const started = await world.hotwave.start(file);
  await started.until('it follows new servers', ({ phase }) => phase === 'watching');
  await scale(world.lab.api, 'minecraft-test', 5);
  expect(await started.result()).toMatchObject({ outcome: 'done', recreatedPods: 0 });
  const after = await podsOf(world.lab.api, 'minecraft-test');
  expect(await versionsOf(after)).toEqual(['1.12.2', '1.12.2', '1.12.2', '1.13.0', '1.13.0']);
  expect(uidsOf(after.slice(0, 3))).toEqual(uidsOf(before));
  expect(restartsOf(after, 'minecraft')).toEqual([0, 0, 0, 0, 0]);
});

test('minecraft-demo: servers 1 and 2 move to 1.13.0 by their GameServers, and server 0 is not touched', async () => {
  const before = await create(minecraftDemo);
  const file = release('minecraft-demo', 'minecraft-demo:1.13.0', '  strategy: targeted\n  reload: { self: {} }\n');
  expect(await (await world.hotwave.start(file)).result()).toMatchObject({
    outcome: 'done',
    servers: 2,
    recreatedPods: 0,
  });
  const after = await podsOf(world.lab.api, 'minecraft-demo');
  expect(await versionsOf(after)).toEqual(['1.12.2', '1.13.0', '1.13.0']);
  expect(uidsOf(after)).toEqual(uidsOf(before));
  expect(restartsOf(after, 'minecraft')).toEqual([0, 1, 1]);
  const { spec } = await world.lab.api.get<GameServer>(serverPath('minecraft-demo-1'));
  expect(spec.containers).toMatchObject([{ name: 'minecraft', image: articleImage('minecraft-demo:1.13.0') }]);
});
