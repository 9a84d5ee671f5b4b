import { expect, test } from 'vitest';
import { FleetEngine } from '../lab/fleet-engine.ts';
import type { Pod } from '../lab/kubernetes-objects.ts';

/** A pod that runs these images, by container; a new run of a container has another id. */
function pod(images: Readonly<Record<string, string>>, runs: Readonly<Record<string, number>> = {}): Pod {
  const containers = Object.entries(images).map(([name, image]) => ({ name, image }));
  return {
    metadata: { name: 'duel-0', namespace: 'arena', uid: 'u', resourceVersion: '1', creationTimestamp: '' },
    spec: { containers },
    status: {
      podIP: '127.64.0.1',
      containerStatuses: containers.map(({ name, image }) => ({
        name,
        image,
        imageID: '',
        containerID: `${name}-${runs[name] ?? 0}`,
        ready: true,
        restartCount: 0,
        state: { running: { startedAt: '' } },
      })),
    },
  };
}

const ask = (engine: FleetEngine, path: string): string => engine.answerAt('127.64.0.1', 'GET', path).body;

test.each([
  [{ engine: 'registry.test/duel:1', scripts: 'registry.test/scripts:v1.0' }, 'scripts'],
  [{ sidecar: 'registry.test/scripts:v1.0', engine: 'registry.test/duel:1' }, 'sidecar'],
  [{ engine: 'registry.test/duel:1', log: 'registry.test/log:3', assets: 'registry.test/scripts:v1.0' }, 'assets'],
])('the hot files of %j come from %s, and the engine loads new ones when it is told', (images, sidecar) => {
  const engine = new FleetEngine(() => 0);
  engine.observe(pod(images));
  expect([ask(engine, '/files'), ask(engine, '/version')]).toEqual(['v1.0', 'v1.0']);
  engine.observe(pod({ ...images, [sidecar]: 'registry.test/scripts:v2.0' }, { [sidecar]: 1 }));
  expect([ask(engine, '/files'), ask(engine, '/version')]).toEqual(['v2.0', 'v1.0']);
  engine.answerAt('127.64.0.1', 'POST', '/reload');
  expect(ask(engine, '/version')).toBe('v2.0');
});

test('an engine in a pod of one container has loaded the version of its image when it starts', () => {
  const engine = new FleetEngine(() => 0);
  engine.observe(pod({ minecraft: 'registry.test/minecraft:1.12.2' }));
  expect(ask(engine, '/version')).toBe('1.12.2');
  engine.observe(pod({ minecraft: 'registry.test/minecraft:1.13.0' }, { minecraft: 1 }));
  expect(ask(engine, '/version')).toBe('1.13.0');
});
