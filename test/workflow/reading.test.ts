import { describe, expect } from 'vitest';
import { aRelease } from '../support/a-release.ts';
import { stageCommand } from '../support/stage-command.ts';
import { test } from '../support/stage.ts';

describe('a set on which more than one release was started', () => {
  test('has a history of versions, outcomes and decisions, newest first', async ({ stage }) => {
    const it = await stage();
    const done = await it.start(aRelease({ gates: [{ before: 2 }] }), 'ann');
    await done.until('the gate', ({ phase }) => phase === 'waiting-approval');
    const explained = await stageCommand(it, ['explain', 'arena/duel']);
    expect(explained).toMatchObject({ code: 3, out: expect.stringContaining('wave 2 needs 1 approval') as string });
    await done.decide({ verb: 'approve', wave: 2, actor: 'bob' });
    await done.result();
    const table = await stageCommand(it, ['history', 'arena/duel']);
    expect(table).toMatchObject({ code: 0, err: '' });
    expect(table.out).toMatch(/ scripts-2-0 1\.0 → 2\.0 done ann bob approve \d/);
    const { out } = await stageCommand(it, ['history', 'arena/duel', '-o', 'json']);
    expect(JSON.parse(out)).toMatchObject([
      {
        release: 'scripts-2-0',
        outcome: 'done',
        previousVersion: '1.0',
        version: '2.0',
        startedAtTime: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/) as string,
        decisions: [{ verb: 'approve', actor: 'bob', accepted: true }],
      },
    ]);
  });
});
