import { describe, expect } from 'vitest';
import { until } from '../lab/until.ts';
import { aRelease } from '../support/a-release.ts';
import { stageCommand } from '../support/stage-command.ts';
import { test } from '../support/stage.ts';
import type { Stage } from '../support/stage.ts';

describe('a script', () => {
  const wait = (it: Stage, ...flags: string[]): ReturnType<typeof stageCommand> =>
    stageCommand(it, ['wait', 'arena/duel', ...flags]);

  test('waits for a gate, for a wave and for the end, and is told when what it waits for does not come', async ({
    stage,
  }) => {
    const it = await stage();
    const release = await it.start(aRelease({ gates: [{ before: 2 }] }), 'ann');
    expect(await wait(it, '--for', 'gate', '--timeout', '60s')).toMatchObject({ code: 0, err: '' });
    expect(await wait(it, '--for', 'wave=1')).toMatchObject({ code: 0 });
    const late = await wait(it, '--for', 'wave=2', '--timeout', '1s');
    expect(late).toMatchObject({ code: 4 });
    expect(late.err).toContain('not wave=2 within 1s: it is waiting-approval · wave 2 of 3; the release goes on');
    const approved = await stageCommand(it, ['approve', 'arena/duel', '--wave', '2', '--wait', '--actor', 'bob']);
    expect(approved).toMatchObject({
      code: 0,
      out: expect.stringContaining('done: every server proves 2.0') as string,
    });
    expect(await wait(it, '--for', 'wave=2')).toMatchObject({ code: 0 });
    expect(await wait(it)).toMatchObject({ code: 0 });
    const gone = await wait(it, '--for', 'gate');
    expect(gone).toMatchObject({ code: 6 });
    expect(gone.err).toContain('scripts-2-0 is done, and was not gate when it was looked at');
    await release.result();
  });

  test('is told what it may wait for before anything is asked', async ({ stage }) => {
    const it = await stage();
    const wrong = await wait(it, '--for', 'phase=sleeping');
    expect(wrong).toMatchObject({ code: 64 });
    expect(wrong.err).toContain('--for "phase=sleeping": expected phase=planning, updating,');
    expect(await wait(it, '--for', 'wave=0')).toMatchObject({ code: 64 });
    expect(await stageCommand(it, ['approve', 'arena/duel', '--wave', '2', '--timeout', '5m'])).toMatchObject({
      code: 64,
    });
  });
});

describe('a set on which a start was refused', () => {
  test('shows the release that counts, and the refused one beside it', async ({ stage }) => {
    const it = await stage();
    const done = await it.start(aRelease(), 'ann');
    await done.result();
    const refused = await it.start(
      aRelease({
        name: 'wrong',
        target: { namespace: 'arena', gameServerSet: 'duel' },
        images: { nobody: 'registry.test/x:3.0' },
      }),
    );
    await refused.result();
    await until({ what: 'visibility to know both', deadlineMs: 30_000, everyMs: 100 }, async () => {
      const { out } = await stageCommand(it, ['list', 'arena/duel', '-o', 'json']);
      return (JSON.parse(out) as unknown[]).length === 2 && out.includes('"refused"') && out.includes('"done"');
    });
    const status = await stageCommand(it, ['status', 'arena/duel']);
    expect(status).toMatchObject({ code: 0, out: expect.stringContaining('done: every server proves 2.0') as string });
    expect(status.err).toMatch(/^wrong was refused \S+ ago and changed nothing: /);
    expect(await stageCommand(it, ['status', 'wrong'])).toMatchObject({
      code: 6,
      out: expect.stringContaining('refused, nothing was changed') as string,
    });
  });
});

describe('a release whose workflow was ended from outside', () => {
  test('is told with the command that goes back, which does', async ({ stage }) => {
    const it = await stage();
    const release = await it.start(aRelease({ gates: [{ before: 2 }] }), 'ann');
    await release.until('the gate', ({ phase }) => phase === 'waiting-approval');
    await release.handle.terminate('the history is gone');
    const status = await stageCommand(it, ['status', 'arena/duel']);
    expect(status).toMatchObject({ code: 1, out: '' });
    expect(status.err).toContain('the workflow of the release was ended from outside, without hotwave');
    const [, reference = ''] = /hotwave rollback (\S+)/.exec(status.err) ?? [];
    expect(await stageCommand(it, ['rollback', reference])).toMatchObject({ code: 0 });
    for (const { engine } of it.cluster.set().servers.values()) expect(engine.loaded).toBe('1.0');
  });
});

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
