import { expect } from 'vitest';
import { until } from '../lab/until.ts';
import { OLD_IMAGE, SIDECAR, USER_STRATEGY } from '../support/builders.ts';
import type { CommandResult } from '../support/command.ts';
import { stageCommand } from '../support/stage-command.ts';
import { releaseText, test } from '../support/stage.ts';
import type { Stage } from '../support/stage.ts';

const plan = (stage: Stage, text: string, ...flags: readonly string[]): Promise<CommandResult> =>
  stageCommand(stage, ['plan', 'r.yaml', ...flags], { 'r.yaml': text });

test('a plan exits 0 when the release could start; only in detail 10 says that there are changes', async ({
  stage,
}) => {
  const it = await stage();
  const text = releaseText();
  expect(await plan(it, text)).toMatchObject({ code: 0, out: expect.stringContaining('10 of 10 servers') as string });
  expect((await plan(it, text, '--detailed-exitcode')).code).toBe(10);
  const asItRuns = releaseText({ image: OLD_IMAGE });
  expect((await plan(it, asItRuns)).out).toContain('nothing to do: 10 of 10 servers run 1.0 already');
  expect((await plan(it, asItRuns, '--detailed-exitcode')).code).toBe(0);
});

test('a plan that is refused names all reasons in one run, and what mends them, below its waves', async ({ stage }) => {
  const rollingUpdate = { ...USER_STRATEGY.rollingUpdate, paused: true };
  const overrides = { 'duel-1': { [SIDECAR]: 'registry.test/scripts:0.9' } };
  const it = await stage({ sets: [{ updateStrategy: { ...USER_STRATEGY, rollingUpdate }, overrides }] });
  const proof = { http: { port: 8080, path: '/nope', within: '1s' } };
  const { code, out } = await plan(it, releaseText({ proof }), '--detailed-exitcode');
  expect(code).toBe(6);
  expect(out.match(/FAIL/g)).toHaveLength(4);
  for (const part of [
    `-p '{ "spec": { "updateStrategy": { "rollingUpdate": { "paused": false } } } }'`,
    `kubectl patch gameserver duel-1 -n arena --type merge -p '{ "spec": { "containers": null } }'`,
    'it cannot start: see FAIL above (update strategy, overrides, proof before the release)',
  ])
    expect(out).toContain(part);
  expect(out.indexOf('WAVE')).toBeLessThan(out.indexOf('FAIL'));
  const started = await stageCommand(it, ['start', 'r.yaml'], { 'r.yaml': releaseText({ proof }) });
  expect(started.err).toContain('every check, and what mends it: hotwave plan r.yaml');
});

test('a plan says how long it takes by the last releases of the set, once one is done', async ({ stage }) => {
  const it = await stage();
  const next = releaseText({ name: 'next', image: 'registry.test/scripts:3.0' });
  expect((await plan(it, next)).out).toContain('no earlier release of this set to tell how long it takes');
  await (await it.start()).result();
  // Visibility is a second old.
  await until({ what: 'an estimate', deadlineMs: 30_000, everyMs: 200 }, async () =>
    /takes about \d+s: the earlier release of this set took \d+s a wave/.test((await plan(it, next)).out),
  );
  const { estimate } = JSON.parse((await plan(it, next, '-o', 'json')).out) as { readonly estimate: object };
  expect(estimate).toMatchObject({ releases: 1 });
});
