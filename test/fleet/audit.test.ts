import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Audit } from '../../release/audit/audit-verdict.ts';
import type { AuditRow } from '../../release/audit/audit.ts';
import {
  createSet,
  fleetImage,
  ordinal,
  podsOf,
  serverPath,
  setImage,
  setPath,
  waitForServers,
} from '../lab/game-server-sets.ts';
import { containerStatus } from '../lab/kubernetes-objects.ts';
import type { GameServerSet } from '../lab/game-server-sets.ts';
import type { Pod } from '../lab/kubernetes-objects.ts';
import type { Lab } from '../lab/lab.ts';
import { until } from '../lab/until.ts';
import { hotwaveCommand } from '../support/command.ts';
import { FleetWorld } from '../support/fleet-world.ts';
import { asRead, readServers } from '../support/read-servers.ts';
import type { ReadServer } from '../support/read-servers.ts';

const SET = 'mixed';
const SERVERS = 8;

let world: FleetWorld;
let lab: Lab;

beforeAll(async () => {
  world = await FleetWorld.start();
  ({ lab } = world);
});

afterAll(() => world.stop());

/** The release file as a person has it on disk; JSON is YAML. */
function releaseFile(set: string, tag: string): string {
  const engine = (verb: string): string[] => ['fleet-engine', verb, '{{namespace}}/{{server}}'];
  return JSON.stringify({
    apiVersion: 'hotwave.dev/v1',
    kind: 'Release',
    metadata: { name: `${set}-next` },
    spec: {
      target: { gameServerSet: set },
      images: { sidecar: fleetImage(tag) },
      content: { exec: { container: 'app-2048', command: engine('files') } },
      reload: { exec: { container: 'app-2048', command: engine('reload') } },
      proof: { http: { port: lab.enginePort!, path: '/version' } },
    },
  });
}

async function released(set: string, tag: string, more = ''): Promise<void> {
  const started = await world.hotwave.start(world.release(set, tag, more));
  expect(await started.result()).toMatchObject({ outcome: 'done' });
}

const command = (argv: readonly string[], files?: Record<string, string>) => hotwaveCommand(lab, argv, files);

async function audit(...flags: string[]): Promise<Audit> {
  const files = { 'next.yaml': releaseFile(SET, 'v3.0') };
  const { code, out, err } = await command(['versions', SET, '-o', 'json', ...flags], files);
  expect({ code, err }).toEqual({ code: 0, err: '' });
  return JSON.parse(out) as Audit;
}

const readByHand = (): Promise<readonly ReadServer[]> => readServers(lab, SET);

const onTag = (tag: string) => (pod: Pod) => containerStatus(pod, 'sidecar')!.image === fleetImage(tag);

/** Gives a server an image of its own, or takes that away; the pod then keeps the image it has. */
async function override(server: string, tag: string | null): Promise<void> {
  const containers = tag === null ? null : [{ name: 'sidecar', image: fleetImage(tag) }];
  await lab.api.patch(serverPath(server), { spec: { containers } });
}

describe('before any release', () => {
  test('a set that says nothing is refused with the way out, and a release file shows it all the same', async () => {
    await createSet(lab.api, { name: SET, replicas: SERVERS, nodeName: lab.nodeName });
    expect(await command(['versions', SET])).toMatchObject({
      code: 6,
      out: '',
      err: expect.stringContaining('Give a release file: -f release.yaml') as string,
    });
    const { summary, rows } = await audit('-f', 'next.yaml');
    expect(summary).toMatch(/^0 of 8 servers on v3\.0; 8 not: mixed-0 \(v1\.0\)/);
    expect(rows.map(asRead)).toEqual(await readByHand());
  });
});

describe('after a release', () => {
  test('the set itself says how its servers are asked, and verify is met', async () => {
    await released(SET, 'v2.0', '  waves: [1, rest]');
    const { expectedVersion, verified, summary, rows, notes } = await audit();
    expect({ verified, summary, notes }).toEqual({ verified: true, summary: '8 of 8 servers on v2.0', notes: [] });
    expect(expectedVersion).toMatchObject({
      source: 'last release',
      release: 'mixed-v2-0',
      outcome: 'done',
      version: 'v2.0',
    });
    expect(rows.map(asRead)).toEqual(await readByHand());
    expect(await command(['verify', SET])).toEqual({ code: 0, out: '8 of 8 servers on v2.0\n', err: '' });
    expect(await command(['verify', SET, '--version', 'v1.0'])).toMatchObject({
      code: 1,
      out: expect.stringMatching(/^0 of 8 servers on v1\.0; 8 not: .*\n$/) as string,
    });
  });

  test('rows of a mixed set are what an independent reader finds, and each mismatch has its word', async () => {
    // Overridden, recreated, moved on by somebody's edit, scaled up: as fleets look after a week.
    await override(`${SET}-1`, 'v1.0');
    await until({ what: 'the override to run', deadlineMs: 60_000 }, async () =>
      onTag('v1.0')((await podsOf(lab.api, SET)).find((pod) => ordinal(pod) === 1)!),
    );
    const [before] = await podsOf(lab.api, SET);
    await lab.api.delete(`/api/v1/namespaces/default/pods/${SET}-0`);
    await waitForServers(lab.api, {
      name: SET,
      count: SERVERS,
      deadlineMs: 60_000,
      isAsWanted: ({ metadata }) => metadata.uid !== before!.metadata.uid,
    });
    await setImage(lab.api, SET, fleetImage('v3.0'), { partition: SERVERS - 1 });
    await waitForServers(lab.api, { name: SET, count: 1, deadlineMs: 60_000, isAsWanted: onTag('v3.0') });
    await lab.api.patch(setPath(SET), { spec: { replicas: SERVERS + 2 } });
    await waitForServers(lab.api, { name: SET, count: SERVERS + 2, deadlineMs: 60_000 });

    const found = await audit();
    expect(found.rows.map(asRead)).toEqual(await readByHand());
    const mismatches = Object.fromEntries(found.rows.map(({ server, mismatch }) => [server, mismatch]));
    expect(mismatches).toMatchObject({ 'mixed-0': '', 'mixed-1': 'override', 'mixed-2': '', 'mixed-7': 'ahead' });
    expect(found.rows[1]!.reason).toBe(
      `its GameServer asks for ${fleetImage('v1.0')}, which wins over the template; runs v2.0`,
    );
    expect(found.notes).toEqual([
      expect.stringContaining(`the template asks for ${fleetImage('v3.0')}, which mixed-v2-0 did not leave there`),
    ]);
  });

  test('a file on disk that the engine has not loaded is told from a version that is loaded', async () => {
    const found = await audit('-f', 'next.yaml');
    expect(found.rows.map(asRead)).toEqual(await readByHand());
    expect(found.rows[7]).toMatchObject({ mismatch: 'not loaded', reason: 'runs v2.0, files v3.0', proves: false });
  });

  test('lines are one server each, and a table fits a terminal', async () => {
    const { out } = await command(['versions', SET, '-o', 'jsonl']);
    const names = out
      .trim()
      .split('\n')
      .map((line) => (JSON.parse(line) as AuditRow).server);
    expect(names).toEqual(Array.from({ length: SERVERS + 2 }, (_, index) => `${SET}-${index}`));
    const table = await command(['versions', SET]);
    expect(table.out).toMatch(/^ +1 +v2\.0 +v1\.0 +v1\.0 +override +1$/m);
    expect(table.out).toMatch(/^mixed-1 +\d+ +override: its GameServer asks for/m);
  });
});

describe('several versions side by side', () => {
  const verify = async (set: string): Promise<string> => {
    const { code, out } = await command(['verify', set]);
    return `${code} ${out.trim()}`;
  };

  test('are what a release for new servers leaves, until a rolling one, which puts the strategy back', async () => {
    await world.aSet('fresh');
    const strategy = (await lab.api.get<GameServerSet>(setPath('fresh'))).spec.updateStrategy;
    const started = await world.hotwave.start(
      world.release('fresh', 'v2.0', '  strategy: newServersOnly\n  newServers: { count: 2, watch: 60s }'),
    );
    await started.until('it to follow new servers', ({ phase }) => phase === 'watching');
    expect(await verify('fresh')).toBe('0 3 of 3 servers on v1.0 (newServersOnly)');
    await lab.api.patch(setPath('fresh'), { spec: { replicas: 5 } });
    expect(await started.result()).toMatchObject({ outcome: 'done' });
    expect(await verify('fresh')).toBe('0 3 of 3 servers on v1.0, 2 of 2 on v2.0 (newServersOnly)');

    await released('fresh', 'v3.0');
    expect(await verify('fresh')).toBe('0 5 of 5 servers on v3.0');
    // A rolling release puts back what the release for new servers still owed the person.
    expect((await lab.api.get<GameServerSet>(setPath('fresh'))).spec.updateStrategy).toEqual(strategy);
  });

  test('are what a targeted release leaves, until a chosen server loses its override', async () => {
    await world.aSet('chosen');
    const target = `  target: { gameServerSet: chosen, servers: { servers: [1] }, allowCascade: true }`;
    await released('chosen', 'v2.0', `  strategy: targeted\n${target}`);
    expect(await verify('chosen')).toBe('0 2 of 2 servers on v1.0, 1 of 1 on v2.0 (targeted)');
    await override('chosen-1', 'v1.0');
    const pod = await until({ what: 'the old image to run', deadlineMs: 60_000 }, async () =>
      (await podsOf(lab.api, 'chosen')).find((found) => ordinal(found) === 1 && onTag('v1.0')(found)),
    );
    await fetch(`http://${pod.status!.podIP!}:${lab.enginePort!}/reload`, { method: 'POST' });
    // OpenKruiseGame v1.0.0 may write an override that was taken away once more.
    await until({ what: 'the override to stay away', deadlineMs: 60_000, everyMs: 500 }, async () => {
      if ((await readServers(lab, 'chosen'))[1]!.override === '') return true;
      await override('chosen-1', null);
      return false;
    });
    expect(await verify('chosen')).toMatch(
      /^1 2 of 2 servers on v1\.0, 0 of 1 on v2\.0 \(targeted\); 1 not: chosen-1 \((behind: )?v1\.0/,
    );
  });
});

test('what cannot be asked is one sentence and the right exit code', async () => {
  expect(await command(['verify', 'absent'])).toMatchObject({
    code: 6,
    out: '',
    err: expect.stringMatching(/there is no GameServerSet absent in namespace default/) as string,
  });
  const other = { 'r.yaml': releaseFile('other', 'v2.0') };
  expect(await command(['versions', SET, '-f', 'r.yaml'], other)).toMatchObject({
    code: 64,
    err: expect.stringMatching(/the release file is for default\/other, not for default\/mixed/) as string,
  });
  await lab.api.patch(setPath(SET), { metadata: { annotations: { 'hotwave.dev/last-release': '{"v":1' } } });
  expect(await command(['versions', SET])).toMatchObject({
    code: 6,
    err: expect.stringMatching(/annotation hotwave.dev\/last-release cannot be read/) as string,
  });
  await lab.stopProgram('kube-apiserver');
  try {
    expect(await command(['verify', SET])).toMatchObject({ code: 7, out: '' });
  } finally {
    await lab.startProgram('kube-apiserver');
  }
});
