import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Audit } from '../../release/audit/audit-verdict.ts';
import { isFinal } from '../../release/progress/state.ts';
import type { ReleaseResult } from '../../workflows/messages.ts';
import { fleetImage, podsOf, scale, serverPath, setPath } from '../lab/game-server-sets.ts';
import type { GameServerSet } from '../lab/game-server-sets.ts';
import { containerStatus, hasCondition } from '../lab/kubernetes-objects.ts';
import type { Pod } from '../lab/kubernetes-objects.ts';
import { until } from '../lab/until.ts';
import { hotwaveCommand } from '../support/command.ts';
import { FleetWorld } from '../support/fleet-world.ts';
import type { StartedRelease } from '../support/hotwave.ts';

const SET = 'walk';
const SERVERS = 20;
/** `HOTWAVE_WALK_RELEASES=100 HOTWAVE_WALK_SEED=7 npx vitest run --project fleet test/fleet/walk.test.ts` */
const releases = Number(process.env['HOTWAVE_WALK_RELEASES'] ?? 6);
// Continuous integration walks a way that is known; who looks for trouble takes another one each time.
const seed = Number(process.env['HOTWAVE_WALK_SEED'] ?? (process.env['CI'] === 'true' ? 7 : Date.now() % 1_000_000));

/** The events on the set while a release runs, and what a person does when the release stops for it. */
interface Turn {
  readonly event: 'nothing' | 'scale up' | 'scale down' | 'delete a pod' | 'edit the strategy' | 'edit a priority';
  readonly server: number;
  readonly afterMs: number;
  readonly person: 'resume' | 'rollback' | 'cancel';
}

const turns = fc.record<Turn>({
  event: fc.constantFrom(
    'nothing',
    'nothing',
    'scale up',
    'scale down',
    'delete a pod',
    'edit the strategy',
    'edit a priority',
  ),
  server: fc.integer({ min: 0, max: SERVERS - 4 }),
  afterMs: fc.integer({ min: 0, max: 1_500 }),
  person: fc.constantFrom('resume', 'rollback', 'rollback', 'cancel'),
});

let world: FleetWorld;

beforeAll(async () => {
  world = await FleetWorld.start();
});

afterAll(() => world.stop());

async function happen({ event, server }: Turn): Promise<void> {
  const { api } = world.lab;
  const { replicas } = (await api.get<GameServerSet>(setPath(SET))).spec;
  switch (event) {
    case 'nothing':
      return;
    case 'scale up':
      return scale(api, SET, Math.min(SERVERS + 4, replicas + 2));
    case 'scale down':
      return scale(api, SET, Math.max(SERVERS - 4, replicas - 1));
    case 'delete a pod':
      return api.delete(`/api/v1/namespaces/default/pods/${SET}-${server}`, {});
    case 'edit the strategy':
      return api.patch(setPath(SET), {
        spec: { updateStrategy: { rollingUpdate: { maxUnavailable: `${server + 1}%` } } },
      });
    case 'edit a priority':
      return api.patch(serverPath(`${SET}-${server}`), { spec: { updatePriority: server } });
  }
}

/** Plays the person until the release has ended: it must never stand still without saying that it waits for somebody. */
async function toItsEnd(started: StartedRelease, turn: Turn): Promise<ReleaseResult> {
  for (let stops = 0; ; stops += 1) {
    const state = await started.until(
      'the end, or a pause',
      ({ phase, requests }) => isFinal(phase) || (phase === 'paused' && Object.keys(requests).length === 0),
      120_000,
    );
    if (isFinal(state.phase)) return started.result();
    // A person who resumes in vain gives up at some time.
    const verb = stops < 2 ? turn.person : 'rollback';
    await started.decide({ verb: stops > 4 ? 'cancel' : verb, then: 'hold', reason: 'walk' });
  }
}

async function settled(): Promise<readonly Pod[]> {
  return until({ what: 'every server to be Ready', deadlineMs: 60_000, everyMs: 200 }, async () => {
    const { replicas } = (await world.lab.api.get<GameServerSet>(setPath(SET))).spec;
    const pods = await podsOf(world.lab.api, SET);
    const ready = pods.filter((pod) => hasCondition(pod, 'Ready') && pod.metadata.deletionTimestamp === undefined);
    return ready.length === replicas && pods.length === replicas && pods;
  });
}

async function audit(): Promise<Audit> {
  const { code, out, err } = await hotwaveCommand(world.lab, ['versions', SET, '-o', 'json']);
  if (code !== 0) throw new Error(err);
  return JSON.parse(out) as Audit;
}

test(
  `after each of ${releases} releases with trouble in between the audit says what the servers run, and done means done (seed ${seed})`,
  async () => {
    process.stderr.write(`walk: seed ${seed}, ${releases} releases\n`);
    await world.aSet(SET, { replicas: SERVERS });
    const outcomes: Record<string, number> = {};
    for (const [index, turn] of fc.sample(turns, { seed, numRuns: releases }).entries()) {
      const tag = index % 2 === 0 ? 'v2.0' : 'v3.0';
      const before = new Map((await settled()).map(({ metadata }) => [metadata.uid, metadata.name]));
      const started = await world.hotwave.start(world.release(SET, tag, '  waves: [1, 25%, rest]'));
      const trouble = new Promise((resolve) => setTimeout(resolve, turn.afterMs)).then(() => happen(turn));
      const result = await toItsEnd(started, turn);
      await trouble;
      const pods = await settled();
      const loaded = new Map(
        await Promise.all(pods.map(async (pod) => [pod.metadata.name, await world.loaded(pod)] as const)),
      );
      const label = `release ${index} (${JSON.stringify(turn)}) ended ${result.outcome}: ${result.reason}`;
      outcomes[result.outcome] = (outcomes[result.outcome] ?? 0) + 1;

      if (result.outcome === 'done') {
        // Every server that the release found and that is still there.
        const kept = pods.filter(({ metadata }) => before.has(metadata.uid));
        expect(
          kept.map((pod) => loaded.get(pod.metadata.name)),
          label,
        ).toEqual(kept.map(() => tag));
      }
      const { rows } = await audit();
      expect(
        rows.map(({ server, loaded: said }) => [server, said]),
        label,
      ).toEqual([...loaded]);
      expect(
        rows.map(({ runningImage }) => runningImage),
        label,
      ).toEqual(pods.map((pod) => containerStatus(pod, 'sidecar')!.image));
      expect(
        rows.every(({ image }) => image.startsWith(fleetImage(''))),
        label,
      ).toBe(true);
    }
    process.stderr.write(`walk: ${JSON.stringify(outcomes)}\n`);
  },
  releases * 60_000,
);
