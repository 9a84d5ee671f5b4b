import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import type { Audit } from '../../release/audit/audit-verdict.ts';
import type { GameServerSet } from '../lab/game-server-sets.ts';
import { fleetImage, podsOf, scale, serverPath, setImage, setPath, waitForServers } from '../lab/game-server-sets.ts';
import { containerStatus, hasCondition } from '../lab/kubernetes-objects.ts';
import type { Pod } from '../lab/kubernetes-objects.ts';
import { until } from '../lab/until.ts';
import { hotwaveCommand } from '../support/command.ts';
import { FleetWorld } from '../support/fleet-world.ts';
import { asRead, readServers } from '../support/read-servers.ts';

// A walk of releases through a fleet that others disturb in between. HOTWAVE_WALK says how many releases, HOTWAVE_SEED
// repeats a walk.

const RELEASES = Number(process.env['HOTWAVE_WALK'] ?? 4);
const SEED = Number(process.env['HOTWAVE_SEED'] ?? (process.env['CI'] === 'true' ? 7 : Date.now() % 1_000_000));
const SET = 'walk';
const SERVERS = 20;

vi.setConfig({ testTimeout: 60_000 + RELEASES * 30_000 });

let world: FleetWorld;

beforeAll(async () => {
  world = await FleetWorld.start();
  await world.aSet(SET, { replicas: SERVERS });
});

afterAll(() => world.stop());

/** Numbers from 0 to `below`, always the same ones for the same seed (a linear congruential generator). */
function dice(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

const roll = dice(SEED);
const tagOf = (pod: Pod): string => containerStatus(pod, 'sidecar')!.image.replace(fleetImage(''), '');

async function audit(): Promise<Audit> {
  const { code, out, err } = await hotwaveCommand(world.lab, ['versions', SET, '-o', 'json']);
  expect({ code, err }).toEqual({ code: 0, err: '' });
  return JSON.parse(out) as Audit;
}

/** Every pod that should be there is Ready and runs what it is asked to. */
function settled(): Promise<readonly Pod[]> {
  return until({ what: 'the fleet to settle', deadlineMs: 40_000, everyMs: 200 }, async () => {
    const { replicas } = (await world.lab.api.get<GameServerSet>(setPath(SET))).spec;
    const pods = await podsOf(world.lab.api, SET);
    const runs = (pod: Pod): boolean =>
      hasCondition(pod, 'Ready') &&
      pod.metadata.deletionTimestamp === undefined &&
      pod.spec.containers.find(({ name }) => name === 'sidecar')!.image === containerStatus(pod, 'sidecar')!.image;
    return pods.length === replicas && pods.every(runs) && pods;
  });
}

async function override(server: string, tag: string | null): Promise<void> {
  const containers = tag === null ? null : [{ name: 'sidecar', image: fleetImage(tag) }];
  await world.lab.api.patch(serverPath(server), { spec: { containers } });
}

/** The acts of others between two releases; `tag` is the version that the last one left. Each says what it did. */
const DISTURBANCES: readonly ((tag: string) => Promise<string>)[] = [
  async () => {
    const replicas = SERVERS - 5 + roll(11);
    await scale(world.lab.api, SET, replicas);
    return `scaled to ${replicas}`;
  },
  async () => {
    const pods = await podsOf(world.lab.api, SET);
    const { name } = pods[roll(pods.length)]!.metadata;
    await world.lab.api.delete(`/api/v1/namespaces/default/pods/${name}`);
    await until({ what: 'another pod', deadlineMs: 60_000 }, async () =>
      (await podsOf(world.lab.api, SET)).some(
        (pod) => pod.metadata.name === name && !pods.some(({ metadata }) => metadata.uid === pod.metadata.uid),
      ),
    );
    return `deleted ${name}`;
  },
  async () => {
    const pods = await podsOf(world.lab.api, SET);
    const { name } = pods[roll(pods.length)]!.metadata;
    await override(name, 'v0.9');
    await untilTag(name, 'v0.9');
    return `overrode ${name}`;
  },
  async () => {
    const pods = await podsOf(world.lab.api, SET);
    await setImage(world.lab.api, SET, fleetImage('v0.8'), { partition: pods.length - 1 });
    await waitForServers(world.lab.api, {
      name: SET,
      count: 1,
      deadlineMs: 60_000,
      isAsWanted: (pod) => tagOf(pod) === 'v0.8',
    });
    return 'edited the template';
  },
];

function untilTag(server: string, tag: string): Promise<unknown> {
  return until({ what: `${server} to run ${tag}`, deadlineMs: 60_000 }, async () =>
    (await podsOf(world.lab.api, SET)).some((pod) => pod.metadata.name === server && tagOf(pod) === tag),
  );
}

/** The act of the person whose edits made a release refuse: everything back to the version before. */
async function mend(tag: string): Promise<void> {
  await setImage(world.lab.api, SET, fleetImage(tag), { partition: 0 });
  await settled();
  for (const { server } of (await readServers(world.lab, SET)).filter((read) => read.override !== '')) {
    await override(server, tag);
    await untilTag(server, tag);
    await until({ what: `the override of ${server} to stay away`, deadlineMs: 60_000, everyMs: 300 }, async () => {
      await override(server, null);
      return (await readServers(world.lab, SET)).every((read) => read.server !== server || read.override === '');
    });
  }
  await waitForServers(world.lab.api, {
    name: SET,
    count: (await podsOf(world.lab.api, SET)).length,
    deadlineMs: 60_000,
    isAsWanted: (pod) => tagOf(pod) === tag,
  });
}

/**
 * A release may be refused, or roll back when the machine is slow. It is never done with a server that has not loaded
 * the version, and never rolled back with one that has not loaded the version before.
 */
async function release(tag: string, before: string): Promise<string> {
  const started = await world.hotwave.start(world.release(SET, tag, PATIENT));
  const { outcome, reason } = await started.result();
  const read = await readServers(world.lab, SET);
  const claimed = { done: tag, 'rolled-back': before }[outcome as string];
  if (claimed !== undefined) expect(read.map(({ loaded }) => loaded)).toEqual(read.map(() => claimed));
  return outcome === 'done' ? 'done' : `${outcome}: ${reason}`;
}

async function expectAuditToBeRight(): Promise<Audit> {
  const found = await audit();
  expect(found.rows.map(asRead)).toEqual(await readServers(world.lab, SET));
  return found;
}

/** Kruise goes from server to server, which takes a busy machine long; nothing here is about the limit. */
const PATIENT = '  waves: [1, rest]\n  ready: { timeout: 40s }';

const TRIES = 4;

test(`${RELEASES} releases with disturbances between them: the audit is what the servers run, and done means done (seed ${SEED})`, async () => {
  const outcomes: string[] = [];
  let current = 'v1.0';
  for (let number = 1; number <= RELEASES; number++) {
    const next = current === 'v2.0' ? 'v3.0' : 'v2.0';
    const disturbed = number === 1 ? 'nothing' : await DISTURBANCES[roll(DISTURBANCES.length)]!(current);
    await settled();
    if (number > 1) await expectAuditToBeRight();
    let outcome = await release(next, current);
    for (let tries = 1; outcome !== 'done' && tries < TRIES; tries++) {
      outcomes.push(outcome);
      await mend(current);
      await expectAuditToBeRight();
      outcome = await release(next, current);
    }
    expect(`after ${disturbed}: ${outcome}`).toBe(`after ${disturbed}: done`);
    const after = await expectAuditToBeRight();
    expect(after).toMatchObject({ verified: true, expectedVersion: { outcome: 'done', version: next } });
    outcomes.push(outcome);
    current = next;
  }
  process.stderr.write(`walk with seed ${SEED}: ${JSON.stringify(tally(outcomes))}\n`);
});

function tally(outcomes: readonly string[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const outcome of outcomes) {
    const kind = outcome.slice(0, 60).replaceAll(/\d+/g, 'N');
    counts[kind] = (counts[kind] ?? 0) + 1;
  }
  return counts;
}
