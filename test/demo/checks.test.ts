import { expect, test } from 'vitest';
import type { ImageChange } from '../lab/pod-observer.ts';
import {
  changedInOrder,
  endedAs,
  enginesReloaded,
  everyEngineAnswers,
  everyRequestWasAnswered,
  filesAloneChangeNothing,
  hotwaveCountsTheSame,
  mainContainersKeptRunning,
  noEngineEverAnswered,
  nobodyElseMoved,
  nothingWasLoadedSince,
  podsAreTheSame,
  sidecarsRestarted,
} from './checks.ts';
import type { Check, Observation } from './checks.ts';
import type { EngineChange } from './engine-watch.ts';
import type { ServerFacts } from './evidence.ts';

function server(ordinal: number, change: Partial<ServerFacts> = {}): ServerFacts {
  const name = `set-${ordinal}`;
  const createdAt = '2026-01-02T03:04:05Z';
  const counts = { mainRestarts: 0, sidecarRestarts: 4, reloads: 4 };
  return { name, uid: `uid-${ordinal}`, createdAt, updatePriority: 0, files: 'v1', loaded: 'v1', ...counts, ...change };
}

const updated = { files: 'v2', loaded: 'v2', sidecarRestarts: 5, reloads: 5 };

function imageChange(ordinal: number, to = 'image:v2'): ImageChange {
  const pod = `set-${ordinal}`;
  return { at: 0, pod, uid: `uid-${ordinal}`, container: 'sidecar', where: 'spec', from: 'image:v1', to };
}

function engineChange(ordinal: number, at: number, files: string, loaded: string, notBefore = at - 1): EngineChange {
  return { server: `set-${ordinal}`, at, notBefore, files, loaded };
}

/** A release from v1 to v2 on two servers, the second one first, as it should be. */
function observation(change: Partial<Observation> = {}): Observation {
  return {
    before: [server(0), server(1)],
    after: [server(0, updated), server(1, updated)],
    imageChanges: [imageChange(1), imageChange(0)],
    lost: [],
    engineChanges: [
      engineChange(0, 0, 'v1', 'v1'),
      engineChange(1, 0, 'v1', 'v1'),
      engineChange(1, 10, 'v2', 'v1'),
      engineChange(1, 20, 'v2', 'v2'),
      engineChange(0, 30, 'v2', 'v1'),
      engineChange(0, 40, 'v2', 'v2'),
    ],
    asked: 1234,
    unanswered: [],
    ...change,
  };
}

const once = { 'set-0': 1, 'set-1': 1 };
const waves = [['set-1'], ['set-0']];

/** Each rule, what it makes of a good release, and an observation that must not pass. */
const rules: readonly (readonly [string, (found: Observation) => Check, Partial<Observation>])[] = [
  ['a pod is another one', podsAreTheSame, { after: [server(0, { ...updated, uid: 'other' }), server(1, updated)] }],
  ['a pod is younger', podsAreTheSame, { after: [server(0, { createdAt: '2026-01-02T03:09:00Z' }), server(1)] }],
  ['a pod is gone', podsAreTheSame, { after: [server(0, updated)] }],
  ['a pod was away for a while', podsAreTheSame, { lost: ['set-1'] }],
  ['a main container restarted', mainContainersKeptRunning, { after: [server(0, { mainRestarts: 1 }), server(1)] }],
  ['a main container has no status', mainContainersKeptRunning, { after: [server(0, { mainRestarts: Number.NaN })] }],
  [
    'a sidecar restarted twice',
    (found) => sidecarsRestarted(found, once, ''),
    { before: [server(0), server(1, { sidecarRestarts: 3 })] },
  ],
  [
    'a sidecar did not restart',
    (found) => sidecarsRestarted(found, once, ''),
    { after: [server(0), server(1, updated)] },
  ],
  [
    'an engine reloaded twice',
    (found) => enginesReloaded(found, once, ''),
    { before: [server(0), server(1, { reloads: 3 })] },
  ],
  [
    'an engine answers the old version',
    (found) => everyEngineAnswers(found, 'v2', 'nginx'),
    { after: [server(0), server(1, updated)] },
  ],
  [
    'the order is another one',
    (found) => changedInOrder(found, 'image:v2', waves),
    { imageChanges: [imageChange(0), imageChange(1)] },
  ],
  [
    'a server changed twice',
    (found) => changedInOrder(found, 'image:v2', waves),
    { imageChanges: [imageChange(1), imageChange(0), imageChange(0)] },
  ],
  ['a server did not change', (found) => changedInOrder(found, 'image:v2', waves), { imageChanges: [imageChange(1)] }],
  [
    'no engine was seen waiting',
    (found) => filesAloneChangeNothing(found, 'v2', 'nginx'),
    { engineChanges: [engineChange(0, 0, 'v1', 'v1'), engineChange(0, 9, 'v2', 'v2')] },
  ],
  ['a request was not answered', everyRequestWasAnswered, { unanswered: ['set-0: connection refused'] }],
  [
    'an outsider moved',
    ({ imageChanges }) => nobodyElseMoved(imageChanges, ['set-0', 'set-1'], ''),
    { imageChanges: [imageChange(1), imageChange(2)] },
  ],
  [
    'nobody moved at all',
    ({ imageChanges }) => nobodyElseMoved(imageChanges, ['set-0', 'set-1'], ''),
    { imageChanges: [] },
  ],
  [
    'an engine loaded in the meantime',
    ({ engineChanges }) => nothingWasLoadedSince(engineChanges, 40, ''),
    { engineChanges: [engineChange(0, 30, 'v2', 'v1'), engineChange(0, 45, 'v2', 'v2', 41)] },
  ],
  [
    'the bad version was answered',
    (found) => noEngineEverAnswered(found, 'v3'),
    { engineChanges: [engineChange(0, 1, 'v3', 'v3')] },
  ],
  [
    'hotwave missed a restart',
    (found) => hotwaveCountsTheSame(found, { restartsOfMainContainers: 0, recreatedPods: 0 }),
    { after: [server(0, { mainRestarts: 1 }), server(1)] },
  ],
  [
    'hotwave missed a pod',
    (found) => hotwaveCountsTheSame(found, { restartsOfMainContainers: 0, recreatedPods: 0 }),
    { lost: ['set-0'] },
  ],
];

test.each(rules)('evidence that %s is not overlooked, and a good release passes', (_, rule, change) => {
  expect(rule(observation()).holds).toBe(true);
  expect(rule(observation(change)).holds).toBe(false);
});

test('a check that fails says what was found instead', () => {
  const { what } = changedInOrder(observation({ imageChanges: [imageChange(0), imageChange(1)] }), 'image:v2', waves);
  expect(what).toBe('the image changed wave by wave, once on each server: set-1 | set-0; found: set-0, set-1');
  expect(endedAs('failed', 'done')).toEqual({ holds: false, what: 'the release ended as done; found: failed' });
});

test('a check names servers as kubectl does', () => {
  expect(nobodyElseMoved([imageChange(1)], ['set-1', 'set-0'], 'at the gate').what).toBe(
    'at the gate, no server had been changed but set-1, set-0',
  );
  expect(filesAloneChangeNothing(observation(), 'v2', 'nginx').what).toMatch(/\(seen on set-0, set-1\)$/);
});

test('a load from before the worker was killed is not held against it because it was seen a moment later', () => {
  const changes = [engineChange(0, 30, 'v2', 'v1'), engineChange(0, 45, 'v2', 'v2', 39)];
  expect(nothingWasLoadedSince(changes, 40, 'meanwhile').holds).toBe(true);
});
