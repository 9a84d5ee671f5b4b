import { describe, expect } from 'vitest';
import { FAILED_VERSIONS_ANNOTATION, readFailedVersions } from '../../release/record/failed-versions.ts';
import type { ReleaseState } from '../../release/progress/state.ts';
import { MAIN, NEW_IMAGE, SIDECAR } from '../support/builders.ts';
import type { FakeCluster, FakeClusterModel } from '../support/fake-cluster.ts';
import { reloads } from '../support/fake-log.ts';
import { aRelease, aTargetedRelease, test } from '../support/stage.ts';

const isPaused = ({ phase, pausedBecause }: ReleaseState): boolean => phase === 'paused' && pausedBecause !== undefined;
const isRetrying = ({ step }: ReleaseState): boolean => step.startsWith('retry ');
const retry = (kind: string, retries: number, backoff = '200ms'): object => ({
  [kind]: { then: 'retry', retries, backoff },
});

/** The first reloads of one server fail. */
function flaky(server: string, times: number): FakeClusterModel['exec'] {
  let left = times;
  return (request) => {
    if (request.server !== server || left === 0 || !request.command.includes('reload')) return undefined;
    left -= 1;
    return { kind: 'exited', code: 1, stdout: '', stderr: 'busy' };
  };
}

function failedImages(cluster: FakeCluster): string[] {
  return readFailedVersions(cluster.set().raw.metadata.annotations).versions.map(({ image }) => image);
}

describe('failed servers that the policy gives another try', () => {
  test('are tried again alone, after a while that doubles, and have not failed when they pass', async ({ stage }) => {
    const it = await stage({ exec: flaky('duel-7', 2)! });
    const release = await it.start(aRelease({ onFailure: { classes: retry('reload', 3, '1s') } }));
    const state = await release.until('a retry', isRetrying);
    expect(state.wait).toMatchObject({ for: 'retry 1 of 3 of 1 server in 1s', owner: 'a timer' });
    const later = await release.until('the next retry', ({ step }) => step.startsWith('retry 2'));
    expect(later.wait!.until - later.wait!.since).toBeGreaterThan(1_900);
    expect(await release.result()).toMatchObject({ outcome: 'done', reason: 'every server proves 2.0' });
    expect(reloads(it.cluster)).toMatchObject({ 'duel-8': 1, 'duel-7': 3, 'duel-6': 1 });
    const { failures, waves } = await release.state();
    expect([failures, waves[1]!.failed]).toEqual([[], 0]);
  });

  test('that fail to the last are treated as all others', async ({ stage }) => {
    const it = await stage({ failures: { 'duel-7': 'stale' } });
    const onFailure = { classes: retry('version', 2, '10ms'), then: 'pause' };
    const release = await it.start(aRelease({ onFailure, proof: soon('/version') }));
    const { waves, failures } = await release.until('the pause', isPaused);
    expect([waves[1]!.failed, failures.length]).toEqual([1, 1]);
    expect(reloads(it.cluster)).toMatchObject({ 'duel-8': 1, 'duel-7': 3 });
    await release.decide({ verb: 'rollback' });
    await release.result();
  });

  test('that are skipped while they wait are not tried again', async ({ stage }) => {
    const it = await stage({ failures: { 'duel-7': 'reloadfails' } });
    const release = await it.start(aRelease({ onFailure: { classes: retry('reload', 2, '60s') } }));
    await release.until('a retry', isRetrying);
    await release.decide({ verb: 'skip', server: 'duel-7', reason: 'it has players' });
    await release.decide({ verb: 'pause' });
    await release.until('the pause', isPaused);
    expect(reloads(it.cluster)['duel-7']).toBe(1);
    await release.decide({ verb: 'rollback' });
    expect(await release.result()).toMatchObject({ outcome: 'rolled-back' });
  });

  test('wait for their retry with the others ready, also when they do not come up at all', async ({ stage }) => {
    const it = await stage({ failures: { 'duel-7': 'neverready' } });
    const onFailure = { classes: retry('notReady', 1), tolerate: 1 };
    const release = await it.start(aRelease({ ready: { timeout: '4s' }, onFailure }));
    await release.until('a retry', isRetrying);
    expect(await release.result()).toMatchObject({ outcome: 'done', reason: /excluded: duel-7$/ });
  });
});

const soon = (path: string): object => ({ http: { port: 8080, path, within: '100ms' } });

test('a class of failures that pauses does so where others roll back', async ({ stage }) => {
  const it = await stage({ failures: { 'duel-7': 'reloadfails' } });
  const release = await it.start(aRelease({ onFailure: { then: 'rollback', classes: { reload: { then: 'pause' } } } }));
  expect((await release.until('the pause', isPaused)).pausedBecause).toMatch(/^duel-7: /);
  await release.decide({ verb: 'cancel', then: 'hold' });
  await release.result();
});

test('more failures than one wave stands are too many, however many the whole release stands', async ({ stage }) => {
  const it = await stage({ failures: { 'duel-9': 'reloadfails', 'duel-8': 'reloadfails', 'duel-7': 'reloadfails' } });
  const release = await it.start(aRelease({ onFailure: { tolerate: 9, perWave: 1, then: 'pause' } }));
  const { pausedBecause, wave } = await release.until('the pause', isPaused);
  expect(wave).toBe(2);
  expect(pausedBecause).toMatch(/, and 1 more \(more than the 1 tolerated in one wave\)$/);
  await release.decide({ verb: 'cancel', then: 'hold' });
  await release.result();
});

describe('a release that goes back by itself', () => {
  test('still says who failed and why when every server has the old version again', async ({ stage }) => {
    const it = await stage({ failures: { 'duel-9': 'stale' } });
    const release = await it.start(aRelease());
    expect(await release.result()).toMatchObject({ outcome: 'rolled-back' });
    const { failures, failedBefore, waves } = await release.state();
    expect(failures).toEqual([]);
    expect(failedBefore).toMatchObject([
      { server: 'duel-9', class: 'version', reason: expect.stringContaining('"1.0"') as string },
    ]);
    expect(waves[0]).toMatchObject({ status: 'rolled-back', proven: 1, failed: 0 });
  });

  test('leaves a failed server as it is, for debugging, when it may', async ({ stage }) => {
    const it = await stage({ failures: { 'duel-1': 'stale' } });
    const release = await it.start(aTargetedRelease({ onFailure: { keepSpecimens: 1 } }));
    expect(await release.result()).toMatchObject({
      outcome: 'rolled-back',
      reason: /the chosen servers prove 1\.0; kept as they are for debugging: duel-1$/,
    });
    expect((await release.state()).keptForDebugging).toEqual(['duel-1']);
    expect(it.cluster.server('duel-3').engine.loaded).toBe('1.0');
    expect(it.cluster.server('duel-1').container(SIDECAR)!.image).toBe(NEW_IMAGE);
    expect(it.cluster.set().gameServers.get('duel-3')!.spec.containers).toBeUndefined();
  });

  test('leaves nobody when a person asks for it', async ({ stage }) => {
    const it = await stage({ failures: { 'duel-1': 'stale' } });
    const release = await it.start(aTargetedRelease({ onFailure: { keepSpecimens: 1, then: 'pause' } }));
    await release.until('the pause', isPaused);
    await release.decide({ verb: 'rollback' });
    expect(await release.result()).toMatchObject({ outcome: 'rolled-back' });
    expect(it.cluster.server('duel-1').engine.loaded).toBe('1.0');
    expect(failedImages(it.cluster)).toEqual([]);
  });

  test.for(['rolling', 'targeted'] as const)(
    'is remembered on the set: %s refuses the image until somebody says why not, and forgets it once it is done',
    async (strategy, { stage }) => {
      let bad = true;
      const it = await stage({ failures: (server) => (bad && server === 'duel-3' ? 'stale' : undefined) });
      const file = strategy === 'rolling' ? aRelease : aTargetedRelease;
      expect(await (await it.start(file())).result()).toMatchObject({ outcome: 'rolled-back' });
      expect(failedImages(it.cluster)).toEqual([NEW_IMAGE]);
      bad = false;
      expect(await (await it.start(file({ name: 'again' }))).result()).toMatchObject({
        outcome: 'refused',
        reason:
          /^registry\.test\/scripts:2\.0 failed before: scripts-2-0 took it back on \d{4}-\d\d-\d\d, because duel-3: .*spec\.allowFailedVersion/s,
      });
      const allowed = await it.start(file({ name: 'again', allowFailedVersion: 'the node was broken' }));
      expect(await allowed.result()).toMatchObject({ outcome: 'done' });
      expect((await allowed.state()).warnings.join()).toMatch(/released again because: the node was broken/);
      expect(it.cluster.set().raw.metadata.annotations?.[FAILED_VERSIONS_ANNOTATION]).toBeUndefined();
    },
  );
});

test('where a wave bakes, a retry bakes all of it again', async ({ stage }) => {
  let sick = 0;
  const it = await stage({
    exec: ({ command, server }) => {
      if (!command.includes('ping')) return undefined;
      sick += server === 'duel-9' ? 1 : 0;
      return { kind: 'exited', code: server === 'duel-9' && sick === 2 ? 1 : 0, stdout: '', stderr: '' };
    },
  });
  const health = [{ exec: { container: MAIN, command: ['engine', 'ping'], within: '0s' } }];
  const release = await it.start(
    aRelease({ health, bake: '100ms', onFailure: { classes: retry('health', 1, '50ms') } }),
  );
  expect(await release.result()).toMatchObject({ outcome: 'done', reason: 'every server proves 2.0' });
  expect((await release.state()).failures).toEqual([]);
});
