import { mkdtemp, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { execa } from 'execa';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { fleetImage, podsOf } from '../lab/game-server-sets.ts';
import { containerStatus } from '../lab/kubernetes-objects.ts';
import { until } from '../lab/until.ts';
import { CommandWorld } from '../support/command-world.ts';

// A release lives longer than the worker that began it. The version before is the commit that recorded the histories of
// test/replay last: from there on, the workflow has promised to survive.

const root = fileURLToPath(new URL('../..', import.meta.url));
let folder: string;
let oldProgram: string;
let world: CommandWorld;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'hotwave-old-'));
  const git = execa({ cwd: root });
  const { stdout: commit } = await git`git log -1 --format=%H -- test/replay/histories`;
  const archive = join(folder, 'old.tar');
  await git`git archive --output ${archive} ${commit}`;
  await execa('tar', ['-xf', archive, '-C', folder]);
  // Its dependencies may have changed since then, but not by much: installing takes a minute and a registry.
  await symlink(join(root, 'node_modules'), join(folder, 'node_modules'));
  oldProgram = join(folder, 'bin', 'hotwave.ts');
  process.stdout.write(`the worker before is of commit ${commit}\n`);
  world = await CommandWorld.start();
}, 180_000);

afterAll(async () => {
  await world.stop();
  await rm(folder, { recursive: true });
});

const GATED = '  waves: [1, rest]\n  gates: [ { before: 2 } ]';

async function versions(set: string): Promise<string[]> {
  const pods = await podsOf(world.lab.api, set);
  return pods.map((pod) => containerStatus(pod, 'sidecar')!.image.replace(fleetImage(''), ''));
}

/** Temporal gives the tasks of a killed worker to another one after 10 s: until then the command says to repeat it. */
function decide(...argv: readonly string[]): Promise<unknown> {
  return until({ what: 'the decision to be answered', deadlineMs: 60_000 }, async () => {
    const { code } = await world.hotwave(...argv);
    expect([0, 7]).toContain(code);
    return code === 0;
  });
}

test('a release that the worker before has begun is finished by the worker of today', async () => {
  await world.aSet('finished', 4);
  const before = await world.startWorker({ program: oldProgram });
  const file = await world.releaseFile('finished', 'v2.0', GATED);
  expect(await world.hotwave('start', file, '--wait', '--until', 'gate')).toMatchObject({ code: 3 });
  await before.kill();
  const today = await world.startWorker();
  await decide('approve', 'finished', '--wave', '2');
  expect(await world.hotwave('watch', 'finished')).toMatchObject({ code: 0 });
  expect(await versions('finished')).toEqual(['v2.0', 'v2.0', 'v2.0', 'v2.0']);
  await today.kill();
}, 180_000);

test('a release that the worker before has begun is rolled back by the worker of today', async () => {
  await world.aSet('taken-back', 4);
  const before = await world.startWorker({ program: oldProgram });
  const file = await world.releaseFile('taken-back', 'v2.0', GATED);
  expect(await world.hotwave('start', file, '--wait', '--until', 'gate')).toMatchObject({ code: 3 });
  await before.kill();
  const today = await world.startWorker();
  await decide('rollback', 'taken-back', '--reason', 'the worker is new');
  expect(await world.hotwave('watch', 'taken-back')).toMatchObject({ code: 2 });
  expect(await versions('taken-back')).toEqual(['v1.0', 'v1.0', 'v1.0', 'v1.0']);
  await today.kill();
}, 180_000);

test('a release that the worker of today has begun is finished by the worker before, as after a roll-back of the worker', async () => {
  await world.aSet('handed-back', 4);
  const today = await world.startWorker();
  const file = await world.releaseFile('handed-back', 'v2.0', GATED);
  expect(await world.hotwave('start', file, '--wait', '--until', 'gate')).toMatchObject({ code: 3 });
  await today.kill();
  const before = await world.startWorker({ program: oldProgram });
  await decide('approve', 'handed-back', '--wave', '2');
  expect(await world.hotwave('watch', 'handed-back')).toMatchObject({ code: 0 });
  expect(await versions('handed-back')).toEqual(['v2.0', 'v2.0', 'v2.0', 'v2.0']);
  await before.kill();
}, 180_000);
