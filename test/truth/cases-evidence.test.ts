import { expect, test } from 'vitest';
import type { ReleaseFile } from '../../release/spec/spec.ts';
import { game2048 } from '../lab/game-2048.ts';
import { createSet, mainContainer, podsOf } from '../lab/game-server-sets.ts';
import { sidecarImage } from '../lab/images/provide-images.ts';
import { containerStatus } from '../lab/kubernetes-objects.ts';
import type { Pod } from '../lab/kubernetes-objects.ts';
import { recordPods } from '../lab/pod-observer.ts';
import { carriedToItsEnd, asks, isOver } from '../support/carry.ts';
import { releaseFrom } from '../support/release-file.ts';
import { truthWorld } from '../support/truth-world.ts';
import { until } from '../lab/until.ts';

// Cases A5 and A6 on real containers, seen by a test that asks nginx and the API server itself.

const world = truthWorld();

function release(set: string, tag: string, reload: string, more = ''): ReleaseFile {
  return releaseFrom(`
apiVersion: hotwave.dev/v1
kind: Release
metadata: { name: ${set}-${tag.replaceAll('.', '-')} }
spec:
  target: { gameServerSet: ${set} }
  images: { sidecar: "${sidecarImage(tag)}" }
  maxUnavailable: 100%
  content: { file: { container: app-2048, path: /var/www/html/js/VERSION, within: 5s } }
  reload: { exec: { container: app-2048, command: ${reload} } }
  proof: { http: { port: 80, path: /version, within: 15s } }
${more}`);
}

const NGINX_RELOAD = '[/usr/sbin/nginx, -s, reload]';

async function loaded(pod: Pod): Promise<string> {
  return (await (await fetch(`http://${pod.status!.podIP!}/version`)).text()).trim();
}

const pods = (set: string): Promise<readonly Pod[]> => podsOf(world.lab.api, set);

/** Follows what an engine answers until it is stopped; returns every version that it has served. */
function served(pod: Pod): { stop(): Promise<ReadonlySet<string>> } {
  const seen = new Set<string>();
  const over = new AbortController();
  const looking = (async () => {
    while (!over.signal.aborted) {
      await loaded(pod).then(
        (version) => seen.add(version),
        () => undefined,
      );
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    return seen;
  })();
  return {
    stop() {
      over.abort();
      return looking;
    },
  };
}

// A5
test('a reload that ends the engine is seen, although the kubelet tells it late, and a person is asked', async () => {
  const set = 'killed';
  await createSet(world.lab.api, game2048({ name: set, replicas: 2, nodeName: world.lab.nodeName }), 90_000);
  const file = release(set, 'v2.0', '[/usr/sbin/nginx, -s, stop]', '  waves: [rest]\n  ready: { timeout: 60s }');
  const started = await world.hotwave.start(file);
  const state = await started.until('a question or the end', (now) => asks(now) || isOver(now));
  await until({ what: 'the engines to have restarted', deadlineMs: 60_000 }, async () =>
    (await pods(set)).every((pod) => containerStatus(pod, mainContainer)!.restartCount > 0),
  );
  // They have restarted, and the release knows it: not done without a word.
  expect(state.phase).toBe('paused');
  expect(state.pausedBecause).toMatch(/killed-\d/);
  await carriedToItsEnd(started);
  expect(await started.result()).toMatchObject({ outcome: 'done', restartsOfMainContainers: 2 });
  expect(await Promise.all((await pods(set)).map(loaded))).toEqual(['v2.0', 'v2.0']);
});

// A6
test(
  'a wave that is late because its sidecar ignores TERM goes back without any engine having loaded the new version',
  { timeout: 240_000 },
  async () => {
    const set = 'deaf';
    const options = game2048({ name: set, replicas: 1, nodeName: world.lab.nodeName });
    await createSet(
      world.lab.api,
      {
        ...options,
        podSpec: { ...options.podSpec, terminationGracePeriodSeconds: 25, containers: deafened(options.podSpec) },
      },
      90_000,
    );
    const recorder = await recordPods(world.lab.api, 'default', `game.kruise.io/owner-gss=${set}`);
    const [pod] = await pods(set);
    const witness = served(pod!);
    const started = await world.hotwave.start(
      release(set, 'v2.0', NGINX_RELOAD, '  waves: [rest]\n  ready: { timeout: 12s }'),
    );
    await carriedToItsEnd(started);
    expect(await started.result()).toMatchObject({ outcome: 'rolled-back' });
    expect([...(await witness.stop())]).toEqual(['v1.0']);
    await recorder.stop();
    const state = await started.state();
    expect(`${state.reason} ${JSON.stringify(state.failedBefore)}`).not.toMatch(/digest/);
    expect((await pods(set)).map((one) => containerStatus(one, mainContainer)!.restartCount)).toEqual([0]);
  },
);

/** The same containers; the sidecar's shell does not hear TERM. */
function deafened(podSpec: object | undefined): object[] {
  const { containers } = podSpec as { readonly containers: readonly { readonly name: string }[] };
  return containers.map((container) =>
    container.name === mainContainer
      ? container
      : { ...container, lifecycle: { preStop: { exec: { command: ['sleep', '20'] } } } },
  );
}
