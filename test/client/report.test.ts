import { describe, expect, test } from 'vitest';
import { reportMarkdown } from '../../client/report/markdown.ts';
import { reportPage } from '../../client/report/page.ts';
import { reportOf } from '../../client/report/report.ts';
import { aStory } from '../support/a-story.ts';

const storyOf = (servers: number): ReturnType<typeof reportOf> => {
  const { state, works, now } = aStory(servers);
  return reportOf(state, works, now);
};

describe('a report', () => {
  test('has a row for the set, for each wave, for the way back and for each server that was worked on', () => {
    const { rows } = storyOf(6);
    expect(rows.map(({ name }) => name)).toEqual([
      'duel',
      'wave 1 (first)',
      'wave 2 (half)',
      'wave 3 (rest)',
      'rollback',
      'duel-2',
      'duel-3',
      'duel-4',
      'duel-5',
    ]);
  });

  test('counts work that goes on beside other work once', () => {
    const [, second] = storyOf(6).waves;
    expect(second).toMatchObject({ took: '33s', waited: '2m11s', failed: 1 });
    expect(second?.stages).toEqual(
      expect.arrayContaining([
        ['Ready', '8s'],
        ['reload', '1s'],
        ['proof and health', '3s'],
      ]),
    );
  });

  test('folds 10,000 servers with the same story into one row', () => {
    const report = storyOf(10_000);
    expect(report.rows.length).toBeLessThan(100);
    expect(report.rows.filter(({ kind }) => kind === 'folded')[0]?.name).toMatch(/^250 servers: \d+-\d+$/);
    expect(report.rows.filter(({ kind }) => kind === 'server')).toMatchObject([{ name: 'duel-8333', hasFailed: true }]);
    expect(reportPage(report).length).toBeLessThan(200_000);
  });

  test('counts the servers whose story has no place in the picture', () => {
    const { state, now } = aStory(10_000);
    const works = Array.from({ length: 1_000 }, (_, ordinal) => {
      const from = state.startedAt + ordinal;
      return { activity: 'awaitReady', from, to: from + 1_000, servers: [`duel-${ordinal}`] };
    });
    const { rows } = reportOf(state, works, now);
    expect(rows.length).toBeLessThan(150);
    expect(rows.at(-1)?.name).toBe('not drawn: 900 servers: 100-999');
  });

  test('leaves the way back out of the time of a wave', () => {
    const { state, works, now } = aStory(6);
    const { waves, facts } = reportOf(state, works, now);
    expect(waves[1]?.stages).toContainEqual(['Ready', '8s']);
    expect(waves[1]?.stages.map(([stage]) => stage)).not.toContain('rollback');
    expect(facts).toContainEqual(['Rollback', '13s: Ready 8s, reload 1s, proof and health 3s, rollback 1s']);
  });

  test('draws the wait before a wave, also while a release still waits', () => {
    const waits = (report: ReturnType<typeof reportOf>): number[] =>
      report.rows.flatMap(({ kind, segments }) =>
        kind === 'wave' ? segments.filter(({ stage }) => stage === 'wait').map(({ from, to }) => to - from) : [],
      );
    expect(waits(storyOf(6))).toEqual([3_000, 131_000]);
    const { state, works } = aStory(6);
    const [first, second, third] = state.waves.map(({ endedAt: _ended, startedAt: _started, ...wave }) => wave);
    if (!first || !second || !third) throw new Error('three waves');
    const began = state.startedAt;
    const waiting = { ...state, phase: 'waiting-approval' as const, endedAt: undefined };
    const waves = [{ ...first, startedAt: began + 3_000, endedAt: began + 48_000 }, second, third];
    expect(waits(reportOf({ ...waiting, waves }, works, began + 60_000))).toEqual([3_000, 12_000]);
  });

  test('says that a workflow was ended from outside, and when', () => {
    const { state, works, now } = aStory(6);
    const lost = { ...state, phase: 'updating' as const, endedAt: undefined, reason: '' };
    const { why, facts, to } = reportOf(lost, works, now, { how: 'terminated', at: state.startedAt + 60_000 });
    expect(why).toMatch(/^terminated from outside, without hotwave: every server stays as it was\. Before that: /);
    expect(to).toBe(state.startedAt + 60_000);
    expect(facts).toContainEqual(['Outcome', 'terminated from outside, while updating']);
    expect(facts).toContainEqual(['Ended', '2026-11-28 22:05:10 UTC, after 60s']);
  });

  test('names the servers that people have skipped, and why', () => {
    const { state, works, now } = aStory(6);
    const skipped = [{ server: 'duel-1', actor: 'ann', reason: 'its disk is broken' }];
    expect(reportOf({ ...state, skipped }, works, now).facts).toContainEqual([
      'Skipped',
      'duel-1 by ann: its disk is broken',
    ]);
  });

  test('says what vouches for a name, and when, in the time of no place', () => {
    const markdown = reportMarkdown(storyOf(6));
    expect(markdown).toContain(
      '| 2026-11-28 22:07:08 UTC | approve | bob | slack | vouched for by the key of slack | approved: wave 2 starts |',
    );
    expect(markdown).toContain('- **Started**: 2026-11-28 22:04:10 UTC by ann (claimed)');
  });

  test('lets no foreign text be markup, in any place', () => {
    const hostile = '"><img src=x onerror=alert(1)>|`';
    const { state, works, now } = aStory(6);
    const skipped = [{ server: hostile, actor: hostile, reason: hostile }];
    const failure = { server: hostile, class: 'version' as const, reason: hostile };
    const told = works.map((work) => ({ ...work, servers: work.servers?.map(() => hostile), failure: hostile }));
    const everywhere = {
      ...state,
      release: hostile,
      requester: hostile,
      image: hostile,
      reason: hostile,
      skipped,
      failures: [failure],
      failedBefore: [failure],
      warnings: [hostile],
      waves: state.waves.map((wave) => ({ ...wave, name: hostile })),
      decisions: state.decisions.map((one) => ({ ...one, actor: hostile, reason: hostile, answer: hostile })),
    };
    const report = reportOf(everywhere, told, now);
    expect(reportPage(report)).not.toContain('<img');
    expect(reportMarkdown(report)).not.toContain('<img');
  });
});
