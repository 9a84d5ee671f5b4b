import { describe, expect } from 'vitest';
import type { Activities } from '../../activities/index.ts';
import type { ReleaseState } from '../../release/progress/state.ts';
import { NEW_IMAGE, USER_STRATEGY } from '../support/builders.ts';
import { eachServer, reloads, setWrites } from '../support/fake-log.ts';
import { aRelease, test } from '../support/stage.ts';
import type { Stage } from '../support/stage.ts';
import { ClusterFailure } from '../../activities/ports/failure.ts';
import type { ExecOutcome } from '../../activities/ports/probes.ts';

const isPaused = ({ phase, pausedBecause }: ReleaseState): boolean => phase === 'paused' && pausedBecause !== undefined;

const serverError = new ClusterFailure('other', 'the API server answers with an error (500)', { retryable: true });
const conflict = new ClusterFailure('other', 'the API server answers with a conflict (409)', { retryable: true });
const tooMany = new ClusterFailure('overloaded', 'the API server asks to slow down (429)', {
  retryable: true,
  retryAfterMs: 200,
});
const invalid = new ClusterFailure('invalid', 'the API server does not take the request (422)', { retryable: false });
const forbidden = new ClusterFailure('forbidden', 'the worker may not patch gameserversets', { retryable: false });

const WRITES = ['stageTemplate', 'openWave', 'restoreSet', 'changePriorities'] as const;
const named = { waves: [{ name: 'first', servers: [3, 4] }, 'rest'] };

function loaded({ cluster }: Stage): string[] {
  return [...cluster.set().servers.values()].map(({ engine }) => engine.loaded);
}

describe('a release', () => {
  test.for(WRITES)('is done, and has written once, when the answer to %s gets lost', async (activity, { stage }) => {
    const it = await stage();
    it.calls.fail({ activity, operation: 'patch', when: 'after' });
    const release = await it.start(aRelease(named));
    expect(await release.result()).toMatchObject({ outcome: 'done', restartsOfMainContainers: 0 });
    expect(setWrites(it.cluster).filter(({ outcome }) => outcome === 'applied')).toHaveLength(4);
    expect(reloads(it.cluster)).toEqual(eachServer(it.cluster, 1));
    expect(it.cluster.set().raw.spec.updateStrategy).toEqual(USER_STRATEGY);
  });

  test.for([
    ['answers with 5xx', serverError],
    ['answers with conflicts', conflict],
    ['asks to slow down', tooMany],
    ['does not answer', undefined],
  ] as const)('waits for an API server that %s for a while, at whatever step', async ([, failure], { stage }) => {
    const it = await stage();
    const steps: (keyof Activities)[] = [
      'planRelease',
      ...WRITES,
      'awaitReady',
      'reloadServers',
      'lookAtFleet',
      'tally',
    ];
    for (const activity of steps) it.calls.fail({ activity }, { ...(failure && { failure }), times: 2 });
    const release = await it.start(aRelease(named));
    expect(await release.result()).toMatchObject({ outcome: 'done' });
    expect(reloads(it.cluster)).toEqual(eachServer(it.cluster, 1));
  });

  test.for([
    ['may not write', forbidden],
    ['sends what the API server does not take', invalid],
  ] as const)('that %s pauses with the reason, and goes on when that is mended', async ([, failure], { stage }) => {
    const it = await stage();
    it.calls.fail({ activity: 'openWave', operation: 'patch', skip: 1 }, { failure });
    const release = await it.start(aRelease());
    const paused = await release.until('the pause', isPaused);
    expect(paused).toMatchObject({ pausedBecause: failure.message, wave: 2 });
    await release.decide({ verb: 'resume' });
    expect(await release.result()).toMatchObject({ outcome: 'done' });
    expect(reloads(it.cluster)).toEqual(eachServer(it.cluster, 1));
  });

  test.for([
    ['its first write', [{ activity: 'stageTemplate' }]],
    ['a pause', [{ activity: 'openWave' }, { activity: 'changeControls' }]],
  ] as const)(
    'that may not see whether the controllers took over %s knows of its write, and takes it for nobody’s edit',
    async ([, calls], { stage }) => {
      const it = await stage();
      for (const call of calls) it.calls.fail({ ...call, operation: 'readWorkload' }, { failure: forbidden });
      const release = await it.start(aRelease());
      const paused = await release.idle('the pause', isPaused);
      expect(paused.pausedBecause).toContain(forbidden.message);
      expect(paused.foreignEdit).toBeUndefined();
      await release.decide({ verb: 'resume' });
      expect(await release.result()).toMatchObject({ outcome: 'done' });
      expect(reloads(it.cluster)).toEqual(eachServer(it.cluster, 1));
      expect(it.cluster.set().raw.spec.updateStrategy).toEqual(USER_STRATEGY);
    },
  );

  test('is refused when the cluster may not be read, and nothing is written', async ({ stage }) => {
    const it = await stage();
    it.calls.fail({ activity: 'planRelease' }, { failure: forbidden });
    const release = await it.start(aRelease());
    expect(await release.result()).toMatchObject({ outcome: 'refused', reason: forbidden.message });
    expect(setWrites(it.cluster)).toEqual([]);
  });

  test('asks the engine when it does not learn how a reload ended, and sends it again only where it must', async ({
    stage,
  }) => {
    const lost = new Set<string>();
    const unknown: ExecOutcome = { kind: 'unknown', message: 'the connection closed without an exit status' };
    const it = await stage({
      exec: ({ command }, server) => {
        if (!command.includes('reload') || lost.has(server.name)) return undefined;
        lost.add(server.name);
        // Of the even ones the answer is lost, of the odd ones the command.
        if (server.ordinal % 2 === 0) server.engine.loaded = server.engine.files;
        return unknown;
      },
    });
    expect(await (await it.start(aRelease())).result()).toMatchObject({ outcome: 'done' });
    const expected = Object.fromEntries(
      [...it.cluster.set().servers.values()].map(({ name, ordinal }) => [name, 1 + (ordinal % 2)]),
    );
    expect(reloads(it.cluster)).toEqual(expected);
  });
});

describe('a rollback', () => {
  test('goes through when the answer to its write gets lost', async ({ stage }) => {
    const it = await stage({ failures: { 'duel-9': 'stale' } });
    it.calls.fail({ activity: 'rollBackSet', operation: 'patch', when: 'after' });
    expect(await (await it.start(aRelease())).result()).toMatchObject({ outcome: 'rolled-back' });
    expect(loaded(it)).toEqual(Array(10).fill('1.0'));
    expect(it.cluster.set().raw.spec.updateStrategy).toEqual(USER_STRATEGY);
  });

  test.for(['resume', 'rollback'] as const)(
    'that fails says what is missing, and %s tries it again',
    async (verb, { stage }) => {
      let broken = true;
      const it = await stage({
        exec: ({ command }, { engine }) =>
          broken && command.includes('reload') && engine.files === '1.0'
            ? { kind: 'exited', code: 1, stdout: '', stderr: 'disk full' }
            : undefined,
        failures: { 'duel-9': 'stale' },
      });
      const release = await it.start(aRelease({ onFailure: { tolerate: 1, then: 'pause' }, gates: [{ before: 3 }] }));
      await release.until('the gate', ({ phase }) => phase === 'waiting-approval');
      await release.decide({ verb: 'rollback', actor: 'bob' });
      const { pausedBecause, failures } = await release.until('the incomplete rollback', isPaused);
      expect(pausedBecause).toMatch(
        /^the rollback is incomplete: 4 of 10 servers are not proved to be back: duel-\d: the reload ended with exit code 1: disk full/,
      );
      expect(failures).toEqual(expect.arrayContaining([expect.objectContaining({ class: 'reload' })]));
      broken = false;
      await release.decide({ verb });
      expect(await release.result()).toMatchObject({ outcome: 'rolled-back' });
      expect(loaded(it)).toEqual(Array(10).fill('1.0'));
      expect(it.cluster.set().raw.spec.updateStrategy).toEqual(USER_STRATEGY);
    },
  );

  test('that fails can be left as it is, and the release says so', async ({ stage }) => {
    const it = await stage({ failures: { 'duel-9': 'stale' } });
    it.calls.fail({ activity: 'rollBackSet', operation: 'patch' }, { failure: forbidden });
    const release = await it.start(aRelease());
    await release.until('the incomplete rollback', isPaused);
    await release.decide({ verb: 'cancel', then: 'hold', actor: 'bob', reason: 'later' });
    expect(await release.result()).toMatchObject({
      outcome: 'cancelled',
      reason: `by bob: later; the rollback is incomplete: ${forbidden.message}`,
    });
    expect(
      [...it.cluster.set().servers.values()].filter(({ engine }) => engine.files === NEW_IMAGE.split(':')[1]),
    ).toHaveLength(1);
  });
});
