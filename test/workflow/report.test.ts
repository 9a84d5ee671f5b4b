import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect } from 'vitest';
import { aRelease } from '../support/a-release.ts';
import { stageCommand } from '../support/stage-command.ts';
import { test } from '../support/stage.ts';

describe('the report of a release', () => {
  test('tells its waves, servers, failures and decisions in one file that needs nothing else', async ({ stage }) => {
    const folder = await mkdtemp(join(tmpdir(), 'hotwave-report-'));
    const it = await stage({ failures: { 'duel-9': 'stale' } });
    const release = await it.start(
      aRelease({ waves: [1, 3, 'rest'], onFailure: { then: 'rollback' }, gates: [{ before: 1 }] }),
      'ann <b>',
    );
    await release.until('the gate', ({ phase }) => phase === 'waiting-approval');
    await release.decide({ verb: 'approve', wave: 1, actor: 'bob', reason: '</td><script>alert(1)</script>' });
    await release.result();
    const path = join(folder, 'story.html');
    const written = await stageCommand(it, ['report', 'arena/duel', '--file', path]);
    expect(written).toMatchObject({ code: 0, out: '', err: `written to ${path} ` });
    const page = await readFile(path, 'utf8');
    expect(page).not.toMatch(/<script|src=|href=|url\(/);
    expect(page).toContain('ann &#60;b&#62;');
    expect(page).toContain('&#60;/td&#62;&#60;script&#62;');
    for (const text of ['duel-9', 'wave 1', 'reload', 'proof and health', 'approve', 'claimed'])
      expect(page).toContain(text);
    expect(page.match(/<rect /g)?.length).toBeGreaterThan(5);
    await rm(folder, { recursive: true });
  });

  test('is Markdown and JSON, too, and tells of a release that runs', async ({ stage }) => {
    const it = await stage();
    const release = await it.start(aRelease({ gates: [{ before: 2 }] }), 'ann');
    await release.until('the gate', ({ phase }) => phase === 'waiting-approval');
    const markdown = await stageCommand(it, ['report', 'arena/duel', '-o', 'markdown', '--file', '-']);
    expect(markdown.out).toMatch(/^# scripts-2-0: 1\.0 → 2\.0 on arena\/duel waits for 1 approval before wave 2/);
    const json = await stageCommand(it, ['report', 'arena/duel', '-o', 'json', '--file', '-']);
    const { rows, waves } = JSON.parse(json.out) as {
      rows: { kind: string; name: string; segments: { stage: string }[] }[];
      waves: { status: string; stages: [string, string][] }[];
    };
    expect(waves.map(({ status }) => status)).toEqual(['done', 'pending', 'pending']);
    const stages = rows.find(({ name }) => name === 'duel-9')?.segments.map(({ stage }) => stage);
    expect(stages).toEqual(expect.arrayContaining(['Ready', 'reload', 'proof and health']));
    await release.decide({ verb: 'approve', wave: 2 });
    await release.result();
  });

  test('tells of a release whose workflow was ended from outside, as it was then', async ({ stage }) => {
    const it = await stage();
    const release = await it.start(aRelease({ gates: [{ before: 2 }] }), 'ann');
    await release.until('the gate', ({ phase }) => phase === 'waiting-approval');
    await release.handle.terminate('a test');
    const { code, out } = await stageCommand(it, ['report', 'arena/duel', '-o', 'markdown', '--file', '-']);
    expect(code).toBe(0);
    expect(out).toContain(
      'terminated from outside, without hotwave: every server stays as it was. Before that: waits for',
    );
    expect(out).toContain('**Outcome**: terminated from outside, while waiting-approval');
  });

  test('of a release that was refused says why', async ({ stage }) => {
    const it = await stage();
    const target = { namespace: 'arena', gameServerSet: 'nobody' };
    await (await it.start(aRelease({ target }), 'ann')).result().catch(() => undefined);
    const { code, out } = await stageCommand(it, ['report', 'arena/nobody', '-o', 'markdown', '--file', '-']);
    expect(code).toBe(0);
    expect(out).toContain('refused, nothing was changed: there is no GameServerSet nobody in namespace arena');
  });

  test('blames the missing worker, and not the release, where none answers', async ({ stage }) => {
    const it = await stage();
    await (await it.start(aRelease(), 'ann')).result();
    await it.shutDown();
    const { code, err } = await stageCommand(it, ['report', 'arena/duel', '--file', '-']);
    expect(code).toBe(7);
    expect(err).toContain('no worker answered in time');
  });

  test('writes over no file unless it is told to', async ({ stage }) => {
    const folder = await mkdtemp(join(tmpdir(), 'hotwave-report-'));
    const path = join(folder, 'mine.html');
    await writeFile(path, 'mine');
    const it = await stage();
    await (await it.start(aRelease(), 'ann')).result();
    const refused = await stageCommand(it, ['report', 'arena/duel', '--file', path]);
    expect(refused).toMatchObject({ code: 64 });
    expect(refused.err).toContain('is there already: name another one with --file, or add --force');
    expect(await readFile(path, 'utf8')).toBe('mine');
    expect(await stageCommand(it, ['report', 'arena/duel', '--file', path, '--force'])).toMatchObject({ code: 0 });
    expect(await readFile(path, 'utf8')).toMatch(/^<!doctype html>/);
    expect(await stageCommand(it, ['report', 'arena/nobody'])).toMatchObject({ code: 8 });
    expect(await stageCommand(it, ['report', 'arena/duel', '--file', '/nowhere/x.html'])).toMatchObject({ code: 64 });
    await rm(folder, { recursive: true });
  });
});
