import { describe, expect, test } from 'vitest';
import { plannedServer } from '../../release/plan/plan.ts';
import { judgeOutsider, judgeServer, timeoutFailure } from '../../release/checks/server.ts';
import type { Target } from '../../release/checks/server.ts';
import type { ContainerStatus, ServerView } from '../../release/fleet/fleet.ts';
import { MAIN, NEW_IMAGE, NEW_REVISION, SIDECAR, aServer, anUpdatedServer } from '../support/builders.ts';

const before = aServer({ ordinal: 1 });
const planned = plannedServer(before, [MAIN, SIDECAR]);
const target: Target = {
  planned,
  container: SIDECAR,
  image: NEW_IMAGE,
  revision: NEW_REVISION,
  direction: 'forward',
  before: planned.containers[SIDECAR]!,
};
const updated = anUpdatedServer({ ordinal: 1 });

function withStatus(server: ServerView, name: string, status: Partial<ContainerStatus>): ServerView {
  return {
    ...server,
    containers: server.containers.map((container) =>
      container.name === name ? { ...container, status: { ...container.status!, ...status } } : container,
    ),
  };
}

test('a server is done when it runs the image in place, on the revision, ready, with nothing else touched', () => {
  expect(judgeServer(updated, target)).toEqual({ kind: 'done' });
});

describe('a server is not done', () => {
  test.each<[string, ServerView | undefined, object]>([
    ['before Kruise has written the image', before, { kind: 'waiting' }],
    [
      'while the old container still runs',
      {
        ...updated,
        containers: before.containers.map((old) => ({ ...old, image: old.name === SIDECAR ? NEW_IMAGE : old.image })),
      },
      { kind: 'waiting' },
    ],
    ['in its grace period', { ...updated, inGrace: true }, { kind: 'waiting' }],
    ['on another revision', { ...updated, revision: 'other' }, { kind: 'waiting' }],
    [
      'while a readiness gate is closed',
      { ...updated, conditions: { ...updated.conditions, InPlaceUpdateReady: 'False' } },
      { kind: 'waiting' },
    ],
    ['when it has no pod', undefined, { kind: 'failed', class: 'missing' }],
    ['when its pod was recreated', { ...updated, uid: 'other' }, { kind: 'failed', class: 'recreated' }],
    [
      'when its main container restarted',
      withStatus(updated, MAIN, { restartCount: 1 }),
      { kind: 'failed', class: 'mainContainerRestarted' },
    ],
    [
      'when the new container crashes',
      withStatus(updated, SIDECAR, { state: 'waiting', reason: 'CrashLoopBackOff' }),
      { kind: 'failed', class: 'crashLoop' },
    ],
    [
      'when the image name is invalid',
      withStatus(updated, SIDECAR, { state: 'waiting', reason: 'InvalidImageName' }),
      { kind: 'failed', class: 'invalidImage' },
    ],
    [
      'when the image cannot be pulled, which may pass',
      withStatus(updated, SIDECAR, { state: 'waiting', reason: 'ImagePullBackOff' }),
      { kind: 'suspect', class: 'imagePull' },
    ],
  ])('%s', (_when, server, expected) => {
    expect(judgeServer(server, target)).toMatchObject(expected);
  });
});

test('of the long words of a kubelet the end is shown as well: the registry speaks last', () => {
  const image = 'registry.test/duel-scripts:2.0';
  const message = `Back-off pulling image "${image}": ErrImagePull: rpc error: code = NotFound desc = failed to pull and unpack image "${image}": failed to resolve reference "${image}": ${image}: not found`;
  const judged = judgeServer(
    withStatus(updated, SIDECAR, { state: 'waiting', reason: 'ImagePullBackOff', message: `${message}\nagain` }),
    target,
  );
  expect(judged).toMatchObject({ kind: 'suspect', class: 'imagePull' });
  const said = 'reason' in judged ? judged.reason : '';
  expect(said).toMatch(
    /cannot be pulled: ImagePullBackOff: Back-off pulling image "registry\.test\/duel-scripts:2\.0": ErrImagePull: .* \.\.\. .*: not found$/,
  );
  expect(said.length).toBeLessThan(400);
});

describe('a readiness gate that is not open', () => {
  const GATE = 'cloud.test/load-balancer-ready';
  const gated = (more: Partial<ServerView>): ServerView => ({
    ...updated,
    readinessGates: [...updated.readinessGates, GATE],
    ...more,
    conditions: { ...updated.conditions, Ready: 'False', ...more.conditions },
  });

  test.each<[string, ServerView, string]>([
    [
      'says why, in the words of its owner',
      gated({ conditions: { [GATE]: 'False' }, closedGates: { [GATE]: 'Draining: 12 players are connected' } }),
      `condition ${GATE} is not True (Draining: 12 players are connected)`,
    ],
    [
      'may say nothing',
      gated({ conditions: { [GATE]: 'Unknown' }, closedGates: { [GATE]: '' } }),
      `condition ${GATE} is not True`,
    ],
    [
      'may have no owner at all',
      gated({ conditions: {} }),
      `nobody has set condition ${GATE}, which is a readiness gate of its pod`,
    ],
    [
      'is said in harmless words',
      gated({ conditions: { [GATE]: 'False' }, closedGates: { [GATE]: 'a\u001B[2Jb\nc password=hunter2' } }),
      `condition ${GATE} is not True (ab c password=[redacted])`,
    ],
  ])('%s', (_what, server, reason) => {
    expect(judgeServer(server, target)).toEqual({ kind: 'waiting', reason });
  });
});

test('in a rollback what broke on the way out has until the deadline, and an untouched server is done', () => {
  const back: Target = {
    ...target,
    image: before.containers.find(({ name }) => name === SIDECAR)!.image,
    revision: before.revision,
    direction: 'rollback',
  };
  expect(judgeServer(before, back)).toEqual({ kind: 'done' });
  expect(
    judgeServer(withStatus(before, SIDECAR, { restartCount: 7, containerId: 'containerd://another' }), back),
  ).toEqual({ kind: 'done' });
  const broken = withStatus(before, SIDECAR, { state: 'waiting', reason: 'CrashLoopBackOff' });
  expect(judgeServer(broken, back)).toMatchObject({ kind: 'waiting' });
});

test('a back-off of the kubelet before the new container has run at all is no crash', () => {
  const backOff = withStatus(updated, SIDECAR, {
    state: 'waiting',
    reason: 'CrashLoopBackOff',
    restartCount: before.containers.find(({ name }) => name === SIDECAR)!.status!.restartCount,
    containerId: before.containers.find(({ name }) => name === SIDECAR)!.status!.containerId,
  });
  expect(judgeServer(backOff, target)).toMatchObject({ kind: 'waiting' });
});

test('a server whose gate stays closed is stuck only when the runtime calls its image by another name', () => {
  const closed = { ...updated, conditions: { ...updated.conditions, InPlaceUpdateReady: 'False', Ready: 'False' } };
  expect(timeoutFailure(closed, target, { reason: 'condition InPlaceUpdateReady is not True' }, '8s')).toMatchObject({
    class: 'notReady',
    reason: expect.stringMatching(
      /Kruise has not opened its readiness gate yet: give ready\.timeout more time/,
    ) as string,
  });
  const renamed = withStatus(closed, SIDECAR, { image: `docker.io/${NEW_IMAGE}` });
  expect(timeoutFailure(renamed, target, { reason: '' }, '8s')).toMatchObject({
    class: 'identityStuck',
    reason: expect.stringMatching(/the runtime says that it runs docker\.io\//) as string,
  });
});

test('a server that is late because its old container is slow to end has no strange image', () => {
  const closed = { ...updated, conditions: { ...updated.conditions, InPlaceUpdateReady: 'False', Ready: 'False' } };
  const late = withStatus(closed, SIDECAR, before.containers.find(({ name }) => name === SIDECAR)!.status!);
  const judgement = judgeServer(late, target);
  expect(judgement).toMatchObject({ kind: 'waiting' });
  const last = judgement as Extract<typeof judgement, { readonly kind: 'waiting' }>;
  expect(timeoutFailure(late, target, last, '8s')).toEqual({
    server: 'duel-1',
    class: 'notReady',
    reason: `not Ready within 8s: the old container ${SIDECAR} still runs`,
  });
});

describe('a server whose image is not written says why, as far as its pod shows it', () => {
  const closed: ServerView = {
    ...before,
    conditions: { ...before.conditions, InPlaceUpdateReady: 'False', Ready: 'False' },
  };
  const asked = (image: string): ServerView => ({
    ...updated,
    containers: updated.containers.map((container) =>
      container.name === SIDECAR ? { ...container, image } : container,
    ),
  });
  const withoutRevision: Target = {
    planned,
    container: SIDECAR,
    image: NEW_IMAGE,
    direction: 'forward',
    before: target.before,
  };

  test.each<[string, ServerView, Target, string]>([
    ['nothing was done yet', before, target, 'waits for Kruise to write the image'],
    [
      'an override is to move it',
      before,
      withoutRevision,
      'waits for OpenKruiseGame to write the image of its override; when that is refused, only its log says so',
    ],
    [
      'a hook holds it',
      { ...before, lifecycle: 'PreparingUpdate' },
      target,
      'a lifecycle hook of the set has not let it go (state PreparingUpdate)',
    ],
    [
      'Kruise has closed its gate and could not write it',
      closed,
      target,
      'Kruise took it out of service for the update and has not written its image: admission refuses the write, for which its log has the reason, or Kruise is away',
    ],
    [
      'the image was announced',
      { ...closed, revision: NEW_REVISION, inGrace: true },
      target,
      'Kruise has announced its image: it is in its grace period, or the write after it is refused',
    ],
    [
      'a webhook rewrote it',
      asked(`mirror.test/${NEW_IMAGE}`),
      target,
      `${NEW_IMAGE} was written, and its pod asks for mirror.test/${NEW_IMAGE}: an admission webhook rewrites it`,
    ],
    [
      'a webhook rewrote what an override has written',
      asked(`mirror.test/${NEW_IMAGE}`),
      withoutRevision,
      `${NEW_IMAGE} was written, and its pod asks for mirror.test/${NEW_IMAGE}: an admission webhook rewrites it`,
    ],
    [
      'somebody has put a third image in its place',
      asked('registry.test/scripts:0.7'),
      target,
      `Kruise wrote ${NEW_IMAGE}, and its pod asks for registry.test/scripts:0.7: an admission webhook rewrote it, or an override of its GameServer did`,
    ],
  ])('%s', (_what, server, of, reason) => {
    const judgement = judgeServer(server, of);
    expect(judgement).toMatchObject({ reason, isUnwritten: true });
  });

  test('and does not say that its new container runs when its time is over', () => {
    const last = judgeServer(closed, target) as { readonly reason: string; readonly isUnwritten: true };
    expect(timeoutFailure(closed, target, last, '8s')).toEqual({
      server: 'duel-1',
      class: 'notReady',
      reason: `not Ready within 8s: ${last.reason}`,
    });
  });
});

describe('a container that had not begun when the release was planned', () => {
  const starting = aServer({ ordinal: 1, containers: [{ name: MAIN, image: 'engine:1' }, before.containers[1]!] });
  const plannedStarting = plannedServer(starting, [MAIN, SIDECAR]);

  test('does not restart by its first start', () => {
    expect(judgeServer(updated, { ...target, planned: plannedStarting })).toEqual({ kind: 'done' });
    expect(judgeOutsider(before, plannedStarting, SIDECAR)).toEqual({ kind: 'done' });
  });

  test('has restarted when its first run is over', () => {
    const again = withStatus(before, MAIN, { restartCount: 1 });
    expect(judgeOutsider(again, plannedStarting, SIDECAR)).toMatchObject({ class: 'mainContainerRestarted' });
  });
});

test('a sidecar that has restarted outside its wave is called one, and no main container', () => {
  const planned = plannedServer(before, [MAIN, SIDECAR]);
  const again = withStatus(before, SIDECAR, { restartCount: 7, containerId: 'another' });
  expect(judgeOutsider(again, planned, SIDECAR)).toEqual({
    kind: 'failed',
    class: 'moved',
    reason: `sidecar ${SIDECAR} of duel-1 restarted outside its wave`,
  });
});

describe('what others inject into a pod', () => {
  const injected = {
    name: 'istio-proxy',
    image: 'proxy:1',
    status: { ...before.containers[0]!.status!, image: 'proxy:1', restartCount: 0 },
  };
  const withProxy = (server: ServerView, status: Partial<ContainerStatus> = {}): ServerView => ({
    ...server,
    containers: [{ ...injected, status: { ...injected.status, ...status } }, ...server.containers],
  });
  const plannedOne = plannedServer(withProxy(before), [MAIN, SIDECAR]);
  const one: Target = { ...target, planned: plannedOne };
  const restarts = { restartCount: 5, containerId: 'another' };

  test('is not measured: only the containers of the template are', () => {
    expect(judgeOutsider(withProxy(before, restarts), plannedOne, SIDECAR)).toEqual({ kind: 'done' });
    expect(judgeServer(withProxy(updated, restarts), one)).toEqual({ kind: 'done' });
  });

  test('may crash, or have no image, and is no failure of the version: the pod is waited for', () => {
    const unready = { ...updated, conditions: { ...updated.conditions, ContainersReady: 'False', Ready: 'False' } };
    for (const reason of ['CrashLoopBackOff', 'ImagePullBackOff'])
      expect(judgeServer(withProxy(unready, { ready: false, state: 'waiting', reason }), one)).toEqual({
        kind: 'waiting',
        reason: 'container istio-proxy is not ready',
      });
  });

  test('may come and go, and be of another image', () => {
    expect(judgeServer(updated, one)).toEqual({ kind: 'done' });
    expect(judgeServer(withProxy(updated, { image: 'proxy:2' }), target)).toEqual({ kind: 'done' });
  });

  test('may be called otherwise by the runtime: Kruise does not wait for it', () => {
    const closed = { ...updated, conditions: { ...updated.conditions, InPlaceUpdateReady: 'False', Ready: 'False' } };
    const renamed = withProxy(closed, { image: 'docker.io/library/proxy:1' });
    expect(timeoutFailure(renamed, one, { reason: 'condition InPlaceUpdateReady is not True' }, '8s')).toMatchObject({
      class: 'notReady',
    });
  });
});
