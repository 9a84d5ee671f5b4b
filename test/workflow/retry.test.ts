import { describe, expect } from 'vitest';
import type { ReleaseState } from '../../release/progress/state.ts';
import { MAIN } from '../support/builders.ts';
import type { FakeCluster } from '../support/fake-cluster.ts';
import type { Failure } from '../support/fake-server.ts';
import { reloads } from '../support/fake-log.ts';
import { aRelease, test } from '../support/stage.ts';
import type { ExecOutcome } from '../../activities/ports/probes.ts';

const isPaused = ({ phase, pausedBecause }: ReleaseState): boolean => phase === 'paused' && pausedBecause !== undefined;
const atGate = ({ phase }: ReleaseState): boolean => phase === 'waiting-approval';

/** Failures that somebody mends in the middle of a release. */
function mendable(failures: Record<string, Failure>): {
  readonly failures: (server: string) => Failure | undefined;
  mend(): void;
} {
  let left: Record<string, Failure> = failures;
  return {
    failures: (server) => left[server],
    mend() {
      left = {};
    },
  };
}

const loaded = (cluster: FakeCluster): string[] =>
  [...cluster.set().servers.values()].map(({ engine }) => engine.loaded);

describe('retry', () => {
  test('after a pause goes on with the wave and its failed servers, which have then not failed', async ({ stage }) => {
    const trouble = mendable({ 'duel-7': 'reloadfails' });
    const it = await stage({ failures: trouble.failures });
    const release = await it.start(aRelease({ onFailure: { then: 'pause' } }));
    await release.until('the pause', isPaused);
    trouble.mend();
    expect(await release.decide({ verb: 'retry' })).toEqual({ accepted: true, message: 'trying again: duel-7' });
    expect(await release.result()).toMatchObject({ outcome: 'done', reason: 'every server proves 2.0' });
    const { failures, waves, requests } = await release.state();
    expect([failures, requests]).toEqual([[], {}]);
    expect(waves.map(({ failed, proven }) => [failed, proven])).toEqual([
      [0, 1],
      [0, 3],
      [0, 6],
    ]);
  });

  test('at a gate tries those that were excluded, and waits at the gate again', async ({ stage }) => {
    const trouble = mendable({ 'duel-7': 'reloadfails', 'duel-8': 'stale' });
    const it = await stage({ failures: trouble.failures });
    const release = await it.start(aRelease({ onFailure: { tolerate: 2 }, gates: [{ before: 3 }] }));
    const { failures } = await release.until('the gate', atGate);
    expect(failures.map(({ server, class: kind }) => [server, kind])).toEqual([
      ['duel-7', 'reload'],
      ['duel-8', 'version'],
    ]);
    trouble.mend();
    expect(await release.decide({ verb: 'retry' })).toMatchObject({ accepted: true });
    const { waves } = await release.until('the gate again', (state) => atGate(state) && state.failures.length === 0);
    expect(waves[1]).toMatchObject({ status: 'done', failed: 0, proven: 3 });
    expect(await release.decide({ verb: 'retry' })).toMatchObject({ accepted: false });
    await release.decide({ verb: 'approve', wave: 3 });
    expect(await release.result()).toMatchObject({ outcome: 'done', reason: 'every server proves 2.0' });
    expect(loaded(it.cluster)).toEqual(Array(10).fill('2.0'));
  });

  test('does not tell an engine to reload that proves the version already', async ({ stage }) => {
    let sick = true;
    const failed: ExecOutcome = { kind: 'exited', code: 1, stdout: '', stderr: 'sick' };
    const well: ExecOutcome = { ...failed, code: 0 };
    const it = await stage({
      exec: ({ command, server }) => {
        if (!command.includes('ping')) return undefined;
        return sick && server === 'duel-8' ? failed : well;
      },
    });
    const health = [{ exec: { container: MAIN, command: ['engine', 'ping'], within: '100ms' } }];
    const release = await it.start(aRelease({ onFailure: { tolerate: 1 }, gates: [{ before: 3 }], health }));
    expect((await release.until('the gate', atGate)).failures).toMatchObject([{ server: 'duel-8', class: 'health' }]);
    sick = false;
    await release.decide({ verb: 'retry' });
    await release.until('the gate again', (state) => atGate(state) && state.failures.length === 0);
    expect(reloads(it.cluster)['duel-8']).toBe(1);
    await release.decide({ verb: 'cancel', then: 'hold' });
    await release.result();
  });

  test('excludes who fails again, and says so', async ({ stage }) => {
    const it = await stage({ failures: { 'duel-7': 'reloadfails' } });
    const release = await it.start(aRelease({ onFailure: { tolerate: 1 }, gates: [{ before: 3 }] }));
    await release.until('the gate', atGate);
    await release.decide({ verb: 'retry' });
    await release.until('the end of the retry', (state) => atGate(state) && state.requests.retry === undefined);
    expect((await release.state()).failures.map(({ server }) => server)).toEqual(['duel-7']);
    await release.decide({ verb: 'approve', wave: 3 });
    expect(await release.result()).toMatchObject({
      outcome: 'done',
      reason: '9 of 10 servers prove 2.0; excluded: duel-7',
    });
  });

  test('leaves those alone that people have skipped', async ({ stage }) => {
    const trouble = mendable({ 'duel-7': 'reloadfails', 'duel-8': 'reloadfails' });
    const it = await stage({ failures: trouble.failures });
    const release = await it.start(aRelease({ onFailure: { then: 'pause' } }));
    await release.until('the pause', isPaused);
    await release.decide({ verb: 'skip', server: 'duel-7', reason: 'its players stay' });
    trouble.mend();
    expect(await release.decide({ verb: 'retry' })).toEqual({ accepted: true, message: 'trying again: duel-8' });
    expect(await release.result()).toMatchObject({
      outcome: 'done',
      reason: '9 of 10 servers prove 2.0; excluded: duel-7',
    });
  });
});
