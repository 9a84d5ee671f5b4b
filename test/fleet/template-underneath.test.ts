import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Audit } from '../../release/audit/audit-verdict.ts';
import { fleetImage, podsOf, setImage } from '../lab/game-server-sets.ts';
import { containerStatus, hasCondition } from '../lab/kubernetes-objects.ts';
import type { Pod } from '../lab/kubernetes-objects.ts';
import { until } from '../lab/until.ts';
import { hotwaveCommand } from '../support/command.ts';
import { FleetWorld } from '../support/fleet-world.ts';
import { readServers } from '../support/read-servers.ts';

let world: FleetWorld;

beforeAll(async () => {
  world = await FleetWorld.start();
});

afterAll(() => world.stop());

const SERVERS = 5;

const choosing = (set: string, servers: string, more = ''): string =>
  `  strategy: targeted\n  target: { gameServerSet: ${set}, servers: { servers: ${servers} } }\n${more}`;

async function released(set: string, tag: string, more: string): Promise<void> {
  expect(await (await world.hotwave.start(world.release(set, tag, more))).result()).toMatchObject({ outcome: 'done' });
}

const short = (image: string): string => image.replace(fleetImage(''), '');

async function overrides(set: string): Promise<string[]> {
  return (await readServers(world.lab, set)).map(({ override }) => short(override));
}

async function mainRestarts(set: string): Promise<number[]> {
  return (await podsOf(world.lab.api, set)).map((pod) => containerStatus(pod, 'app-2048')!.restartCount);
}

/**
 * The columns of `hotwave versions` about each server: its override, the version that it has loaded and its foreign
 * edit.
 */
async function audit(set: string): Promise<{ readonly found: Audit; readonly lines: string[] }> {
  const { code, out, err } = await hotwaveCommand(world.lab, ['versions', set, '-o', 'json']);
  expect({ code, err }).toEqual({ code: 0, err: '' });
  const found = JSON.parse(out) as Audit;
  const lines = found.rows.map(({ override, loaded, mismatch }) =>
    [loaded, override === '' ? '' : `override ${short(override)}`, mismatch].filter((part) => part !== '').join(', '),
  );
  return { found, lines };
}

const revisionOf = ({ metadata }: Pod): string | undefined => metadata.labels?.['controller-revision-hash'];

/**
 * Somebody changes the template by hand, and the engines of the servers that it moves are made to reload by hand. Kruise
 * writes the new image into every pod; where there is an override, OpenKruiseGame then puts that one back.
 */
async function editTemplate(set: string, tag: string, moving: readonly number[]): Promise<void> {
  const before = new Set((await podsOf(world.lab.api, set)).map(revisionOf));
  await setImage(world.lab.api, set, fleetImage(tag));
  const isSettled = (pod: Pod, ordinal: number): boolean => {
    const isOnIt = containerStatus(pod, 'sidecar')!.image === fleetImage(tag);
    return !before.has(revisionOf(pod)) && isOnIt === moving.includes(ordinal) && hasCondition(pod, 'Ready');
  };
  await until({ what: 'the template and the overrides to have their way', deadlineMs: 60_000 }, async () =>
    (await podsOf(world.lab.api, set)).every(isSettled),
  );
  const pods = await podsOf(world.lab.api, set);
  for (const { metadata, status } of moving.map((ordinal) => pods[ordinal]!)) {
    const engine = `http://${status!.podIP!}:${world.lab.enginePort!}`;
    await until({ what: `${metadata.name} to have the files of ${tag}`, deadlineMs: 60_000 }, async () => {
      return (await (await fetch(`${engine}/files`)).text()) === tag;
    });
    await fetch(`${engine}/reload`, { method: 'POST' });
  }
}

test('promote after the template was changed by hand leaves nobody on another version, whatever overrides were there', async () => {
  const set = 'edited';
  await world.aSet(set, { replicas: SERVERS, reclaimPolicy: 'Delete' });
  await released(set, 'v2.0', choosing(set, '[1, 2]'));
  await editTemplate(set, 'v3.0', [0, 3, 4]);
  const { found, lines } = await audit(set);
  expect(lines).toEqual(['v3.0, ahead', 'v2.0, override v2.0', 'v2.0, override v2.0', 'v3.0, ahead', 'v3.0, ahead']);
  expect(found.notes).toEqual([
    expect.stringMatching(/the template asks for .*v3\.0, which edited-v2-0 did not leave there/),
  ]);

  await released(set, 'v2.0', '  waves: [1, rest]');
  expect(await world.versions(set)).toEqual(['v2.0', 'v2.0', 'v2.0', 'v2.0', 'v2.0']);
  expect(await overrides(set)).toEqual(['', '', '', '', '']);
  expect(await mainRestarts(set)).toEqual([0, 0, 0, 0, 0]);
  expect((await audit(set)).found).toMatchObject({ verified: true, mismatches: {}, notes: [] });
});

test('a targeted release whose template changes at its gate goes back by overrides that stay, and says so', async () => {
  const set = 'moved';
  await world.aSet(set, { replicas: SERVERS, reclaimPolicy: 'Delete' });
  const gated = '  waves: [2, rest]\n  gates: [ { before: 2 } ]';
  const started = await world.hotwave.start(world.release(set, 'v2.0', choosing(set, '[1-3]', gated)));
  await started.until('the gate', ({ phase }) => phase === 'waiting-approval');
  await editTemplate(set, 'v3.0', [0, 1, 4]);
  await started.decide({ verb: 'rollback', reason: 'somebody moved the template' });
  const result = await started.result();
  expect(result).toMatchObject({ outcome: 'rolled-back', restartsOfMainContainers: 0, recreatedPods: 0 });
  expect(result.reason).toMatch(
    /the chosen servers of the waves that had begun prove v1\.0; they keep an override of .*v1\.0, because the template has another image$/,
  );
  expect(await world.versions(set)).toEqual(['v3.0', 'v3.0', 'v1.0', 'v1.0', 'v3.0']);
  expect((await audit(set)).lines).toEqual([
    'v3.0, ahead',
    'v3.0, ahead',
    'v1.0, override v1.0, override',
    'v1.0, override v1.0, override',
    'v3.0, ahead',
  ]);
});

test('a promote that is rolled back while it takes the overridden servers over leaves them as it found them', async () => {
  const set = 'halfway';
  await world.aSet(set, { replicas: SERVERS, reclaimPolicy: 'Delete' });
  await released(set, 'v2.0', choosing(set, '[1, 2]'));
  const started = await world.hotwave.start(world.release(set, 'v2.0', '  waves: [rest]\n  bake: 5s'));
  await started.until('its last bake', ({ phase }) => phase === 'baking');
  await world.lab.stopProgram('kruise');
  await started.until('the adoption', ({ step }) => step.startsWith('takes 2 servers into the template'), 60_000);
  await started.decide({ verb: 'rollback', reason: 'changed our mind' });
  await world.lab.startProgram('kruise');
  const result = await started.result();
  expect(result).toMatchObject({ outcome: 'rolled-back', restartsOfMainContainers: 0, recreatedPods: 0 });
  expect(result.reason).toMatch(
    /the others prove v1\.0; 2 servers keep v2\.0 by their overrides, as before the release/,
  );
  expect(await world.versions(set)).toEqual(['v1.0', 'v2.0', 'v2.0', 'v1.0', 'v1.0']);
  expect(await overrides(set)).toEqual(['', 'v2.0', 'v2.0', '', '']);
  expect((await audit(set)).found).toMatchObject({ verified: true, mismatches: {} });
});

test('two targeted releases in a row leave each server on what its own release proved, and the audit knows', async () => {
  const set = 'series';
  await world.aSet(set, { replicas: SERVERS, reclaimPolicy: 'Delete' });
  await released(set, 'v2.0', choosing(set, '[1, 2]'));
  await released(set, 'v3.0', choosing(set, '[4]'));
  const { found, lines } = await audit(set);
  expect(lines).toEqual(['v1.0', 'v2.0, override v2.0', 'v2.0, override v2.0', 'v1.0', 'v3.0, override v3.0']);
  expect(found).toMatchObject({ verified: true, mismatches: {}, notes: [] });
  expect(found.summary).toBe('2 of 2 servers on v1.0, 2 of 2 on v2.0, 1 of 1 on v3.0 (targeted)');
});
