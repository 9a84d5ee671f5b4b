import { describe, expect, test } from 'vitest';
import { renderStatus } from '../../client/render/status.ts';
import { plainView } from '../../client/render/view.ts';
import { aRelease } from '../support/a-release.ts';
import { detailsMarkdown, nextCommands, standingGate, versionsText, why } from '../../release/narrate/narrate.ts';
import { NOW, aReleaseState, waves } from '../client/support.ts';

test('a text that is read at once says how long, one that is read later says when', () => {
  const state = aReleaseState();
  expect(why(state, NOW)).toBe('waits for 50 servers to be Ready (Kruise, for 12s, 4m48s left)');
  expect(why(state)).toBe(
    'waits for 50 servers to be Ready (Kruise, since 2026-01-02 11:59:48 UTC, until 2026-01-02 12:04:48 UTC)',
  );
});

test('what has gone on for less than a second is not told', () => {
  const { wait } = aReleaseState();
  const since = (ago: number): string => why(aReleaseState({ wait: { ...wait!, since: NOW - ago } }), NOW);
  expect(since(999)).toBe('waits for 50 servers to be Ready (Kruise, 4m48s left)');
  expect(since(1_000)).toBe('waits for 50 servers to be Ready (Kruise, for 1s, 4m48s left)');
});

test('a deadline that is over is not said to be one', () => {
  const { wait } = aReleaseState();
  const until = (ago: number): string => why(aReleaseState({ wait: { ...wait!, until: NOW - ago } }), NOW);
  expect(until(999)).toBe('waits for 50 servers to be Ready (Kruise, for 12s, 0ms left)');
  expect(until(90_000)).toBe('waits for 50 servers to be Ready (Kruise, for 12s, 90s longer than expected)');
});

test('a pause names who asked for it, or what is the matter', () => {
  const paused = (pausedBecause: string): string => why(aReleaseState({ pausedBecause, wait: undefined }), NOW);
  expect(paused('by ann: no reason given')).toBe('paused by ann: no reason given');
  expect(paused('duel-4: no proof')).toBe('paused: duel-4: no proof');
});

test('a wave that was never begun is not started once its release has ended', () => {
  const states = (phase: 'paused' | 'rolled-back'): unknown[] =>
    [...detailsMarkdown(aReleaseState({ phase, waves: waves(4) })).matchAll(/^\| \d\S*\s+\| \S+\s+\| ([\w ]+)/gm)].map(
      ([, state]) => state!.trim(),
    );
  expect(states('paused')).toEqual(['done', 'running', 'pending', 'pending']);
  expect(states('rolled-back')).toEqual(['done', 'running', 'not started', 'not started']);
});

test('a command to type names the cluster when it is not the usual one', () => {
  const atTheGate = { phase: 'waiting-approval' } as const;
  expect(nextCommands(aReleaseState(atTheGate))).toContain('hotwave approve arena/duel --wave 2');
  expect(nextCommands(aReleaseState({ ...atTheGate, cluster: 'eu' }))).toContain(
    'hotwave approve arena/duel --wave 2 --cluster eu',
  );
});

test('every command to type can be pasted into a shell as it stands: nothing in it is a choice, which would be a pipe', () => {
  expect(nextCommands(aReleaseState({ phase: 'paused' }))).toEqual([
    'hotwave resume arena/duel',
    'hotwave rollback arena/duel',
    'hotwave cancel arena/duel --then hold',
    'hotwave cancel arena/duel --then rollback',
  ]);
});

describe('a release that is paused at its gate', () => {
  const spec = aRelease({ gates: [{ before: 2 }] }).spec.gates[0]!;
  const gate = { wave: 2, spec, openedAt: NOW, approvedBy: [] };
  const paused = aReleaseState({ phase: 'paused', pausedBecause: 'by ann: lunch', wait: undefined, gate });

  test('says that it is paused and that a gate is open, in its first line', () => {
    expect(why(paused, NOW)).toBe('paused by ann: lunch; the gate before wave 2 is open, too (1 more approval)');
  });

  test('says in order what each command would do', () => {
    expect(nextCommands(paused).slice(0, 3)).toEqual([
      'hotwave approve arena/duel --wave 2',
      'hotwave reject arena/duel --wave 2 --reason "..."',
      'hotwave resume arena/duel',
    ]);
    expect(standingGate(paused)).toBe(
      'two things hold wave 2: approve counts a vote, and moves nothing while it is paused; resume ends the pause, and the wave starts once its votes are there',
    );
    expect(renderStatus(paused, NOW, plainView(80))).toContain('two things hold wave 2: approve counts a vote');
    expect(detailsMarkdown(paused)).toContain('two things hold wave 2: approve counts a vote');
  });

  test('says so of a gate that has its votes: only the resume is missing', () => {
    const approved = { ...paused, gate: { ...gate, approvedBy: ['bob'] } };
    expect(why(approved, NOW)).toBe('paused by ann: lunch; the gate before wave 2 has its votes');
    expect(nextCommands(approved)[0]).toBe('hotwave resume arena/duel');
    expect(standingGate(approved)).toBe('resume ends the pause and starts wave 2: its gate has its votes');
  });

  test('that is halted, too, says that unhalt comes first', () => {
    expect(standingGate({ ...paused, phase: 'halted', pausedBecause: undefined })).toBe(
      'two things hold wave 2: approve counts a vote, and moves nothing while it is halted; unhalt ends the halt, and the wave starts once its votes are there',
    );
    expect(standingGate({ ...paused, gate: undefined })).toBeUndefined();
    expect(standingGate({ ...paused, phase: 'waiting-approval' })).toBeUndefined();
  });
});

test('a rollback that still plans goes from the version of the release to the one before, and is named by that', () => {
  const planning = { phase: 'planning', wait: undefined } as const;
  expect(versionsText(aReleaseState(planning))).toBe('1.0 → 2.0');
  expect(versionsText(aReleaseState({ ...planning, goesBack: true }))).toBe('2.0 → 1.0');
  expect(versionsText(aReleaseState({ phase: 'rolling-back', goesBack: true }))).toBe('1.0 → 2.0');
  expect(versionsText(aReleaseState({ previousVersion: '' }))).toBe('2.0');
});

test('a cancelled release says so once', () => {
  const state = aReleaseState({ phase: 'cancelled', reason: 'by ann: too late at night' });
  expect(why(state, NOW)).toBe('cancelled: by ann: too late at night');
});

test('the current details say why, what to type, and where each wave is, in columns that stay apart', () => {
  const details = detailsMarkdown(aReleaseState({ phase: 'waiting-approval', waves: waves(2) }));
  const [status, set, commands, table] = details.split('\n\n');
  expect(status).toMatch(/^\*\*waiting-approval · wave 2 of 2\*\* — waits for 50 servers .* UTC\)$/);
  expect(set).toBe('arena/duel → registry.test/scripts:2.0 (1.0 → 2.0), started by ann');
  expect(commands!.split('\n')[0]).toBe('- `hotwave approve arena/duel --wave 2`');
  expect(table!.split('\n')).toEqual([
    '| wave\u2003 | name\u2003 | state\u2003 | ready\u2003 | proven\u2003 | failed |',
    '|:---|:---|:---|:---|:---|:---|',
    '| 1\u2003 | 1%\u2003 | done\u2003 | 50 of 50\u2003 | 50 of 50\u2003 | 0 |',
    '| 2\u2003 | rest\u2003 | running\u2003 | 12 of 50\u2003 | 10 of 50\u2003 | 0 |',
  ]);
});

test('the current details of an ended release begin with its outcome, once, and offer nothing to type', () => {
  const ended = aReleaseState({ phase: 'rolled-back', reason: 'duel-4: no proof', wait: undefined, waves: [] });
  expect(detailsMarkdown(ended).split('\n\n')).toEqual([
    '**rolled back** — duel-4: no proof',
    'arena/duel → registry.test/scripts:2.0 (1.0 → 2.0), started by ann',
  ]);
});

test('text of people and of servers cannot break out of its table or become markup', () => {
  const failures = [{ server: 'duel-4', class: 'reload' as const, reason: 'a | b\n<img src=x> `c` [d](e)' }];
  const details = detailsMarkdown(aReleaseState({ failures }));
  expect(details).toContain('| duel-4\u2003 | reload\u2003 | a \\| b &lt;img src=x\\> \\`c\\` \\[d\\](e) |');
});

test('the current details stay under 4 KB, whatever happens', () => {
  const reason = 'a very long reason '.repeat(50);
  const failures = Array.from({ length: 50 }, (_, index) => ({
    server: `s-${index}`,
    class: 'health' as const,
    reason,
  }));
  expect(detailsMarkdown(aReleaseState({ waves: waves(100), failures })).length).toBeLessThanOrEqual(4000);
});
