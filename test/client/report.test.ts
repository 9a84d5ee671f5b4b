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
  test('has a row for the set, for each wave and for each server that was worked on', () => {
    const { rows } = storyOf(6);
    expect(rows.map(({ name }) => name)).toEqual([
      'duel',
      'wave 1 first',
      'wave 2 half',
      'wave 3 rest',
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
        ['Ready', '16s'],
        ['reload', '2s'],
        ['proof and health', '6s'],
      ]),
    );
  });

  test('folds 10,000 servers with the same story into one row', () => {
    const report = storyOf(10_000);
    expect(report.rows.length).toBeLessThan(100);
    expect(report.rows.filter(({ kind }) => kind === 'folded')[0]?.name).toMatch(/^250 servers: \d+-\d+$/);
    expect(reportPage(report).length).toBeLessThan(200_000);
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
    const failure = { server: hostile, class: 'version' as const, reason: hostile };
    const told = works.map((work) => ({ ...work, servers: work.servers?.map(() => hostile), failure: hostile }));
    const everywhere = {
      ...state,
      release: hostile,
      requester: hostile,
      image: hostile,
      reason: hostile,
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
