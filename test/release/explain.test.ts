import { describe, expect, test } from 'vitest';
import { explainRelease } from '../../release/narrate/explain.ts';
import { renderExplanation } from '../../client/render/explain.ts';
import { textWidth } from '../../client/render/text-width.ts';
import { plainView } from '../../client/render/view.ts';
import type { ReleaseState } from '../../release/progress/state.ts';
import { gateSchema } from '../../release/spec/gate-spec.ts';
import { NOW, PHASES, aReleaseState, waves } from '../client/support.ts';

function explained(changes: Partial<ReleaseState>): Record<string, readonly string[]> {
  return Object.fromEntries(explainRelease(aReleaseState(changes), NOW).map(({ title, lines }) => [title, lines]));
}

const GATE = {
  phase: 'waiting-approval',
  requester: 'ann',
  waves: waves(3),
  wait: { for: 'waits for 1 approvals before wave 2', owner: 'a person', since: NOW - 60_000, until: NOW + 3_600_000 },
  gate: {
    wave: 2,
    openedAt: NOW - 60_000,
    approvedBy: ['bob'],
    groups: [{ name: 'ops', members: ['bob', 'cleo'], needed: 2 }],
    spec: gateSchema.parse({ before: 2, notRequester: true, onTimeout: 'rollback', groups: { ops: 2 } }),
  },
} as const satisfies Partial<ReleaseState>;

describe('an explanation of a release', () => {
  test('at a gate says whose approval is missing, and what happens when nobody gives it', () => {
    expect(explained(GATE)).toMatchObject({
      gate: [
        'wave 2 needs 2 approvals: 2 of ops (bob, cleo)',
        'approved by bob',
        'missing: 1 more of ops',
        'ann started the release and may not approve it',
      ],
      deadline: ['2026-01-02 13:00:00 UTC (in 60m)', 'then the release rolls back'],
      rule: [
        'hotwave explain spec.gates',
        'hotwave explain spec.approvers',
        'the policy of the cluster may add gates and people: hotwave doctor -n arena says which',
      ],
    });
  });

  test('says of each command what it would do', () => {
    expect(explained(GATE)['you can']?.slice(0, 2)).toEqual([
      'hotwave approve arena/duel --wave 2',
      '  the vote counts; the wave starts with the last one that was missing',
    ]);
  });

  test('says that a paused release which nobody resumes ends as it is', () => {
    const { deadline, rule } = explained({ phase: 'paused', pausedBecause: 'duel-4: no proof' });
    expect(deadline?.[1]).toBe('then the release ends as failed, and every server stays on the version that it has');
    expect(rule).toEqual(['hotwave explain spec.paused.timeout']);
  });

  test('has the facts that it rests on: waves, failures, what is tried again', () => {
    const failures = [{ server: 'duel-4', class: 'version' as const, reason: 'it says 1.0' }];
    const retrying = [{ activity: 'openWave', attempt: 7, reason: 'forbidden' }];
    const parts = explainRelease({ ...aReleaseState({ waves: waves(3), failures }), retrying }, NOW);
    const facts = parts.find(({ title }) => title === 'facts')?.lines;
    expect(facts).toContain('duel-4 failed (version): it says 1.0');
    expect(facts).toContain('attempt 7 of openWave, after: forbidden');
    expect(facts).toContain('1 wave has not begun');
  });

  test('of a release that has ended offers nothing to decide', () => {
    const parts = explained({ phase: 'done', wait: undefined });
    expect(parts['phase']).toEqual(['done: it has ended, and nothing more happens']);
    expect(parts['deadline']).toBeUndefined();
    expect(parts['you can']).toBeUndefined();
  });

  test.each(PHASES)('fits in 40 and 80 columns while %s, but for commands, which are never cut', (phase) => {
    for (const columns of [40, 80]) {
      const lines = renderExplanation(explainRelease(aReleaseState({ ...GATE, phase }), NOW), plainView(columns)).split(
        '\n',
      );
      for (const line of lines.filter(
        (text) =>
          !text
            .trimStart()
            .replace(/^(you can|rule) +/, '')
            .startsWith('hotwave '),
      ))
        expect(textWidth(line)).toBeLessThanOrEqual(columns);
    }
  });
});
