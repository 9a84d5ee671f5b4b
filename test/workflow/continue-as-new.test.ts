import { describe, expect } from 'vitest';
import type { ReleaseState } from '../../release/progress/state.ts';
import { EXIT } from '../../client/terminal/exit-codes.ts';
import type { Holder } from '../../release/record/record.ts';
import { RELEASE_ANNOTATION } from '../../release/record/record.ts';
import { temporalReleases } from '../../worker/temporal-releases.ts';
import type { ReleaseResult } from '../../workflows/messages.ts';
import { NEW_IMAGE } from '../support/builders.ts';
import { until } from '../lab/until.ts';
import type { FakeCluster } from '../support/fake-cluster.ts';
import { effectiveReloads } from '../support/fake-log.ts';
import type { StartedRelease } from '../support/hotwave.ts';
import { enginesTouched, imagesIn, loadedBy, overridesIn } from '../support/observer.ts';
import { stageCommand } from '../support/stage-command.ts';
import type { SpecWishes, Stage } from '../support/stage.ts';
import { TARGETED, aRelease, test } from '../support/stage.ts';

// A release may go on in a new run at every step. Nobody may be able to tell.

const inPhase =
  (phase: ReleaseState['phase']) =>
  (state: ReleaseState): boolean =>
    state.phase === phase;

/** The facts that must be the same however many runs it took. */
interface Outcome {
  readonly cluster: ReturnType<typeof pictureOf>;
  readonly result: Omit<ReleaseResult, 'seconds'>;
  /** Every decision that was taken, in order, and what was said to it. */
  readonly decisions: readonly string[];
  /** The answer to the person who asked. */
  readonly answers: readonly string[];
}

/** A release as it is played once in one run and once in a new run at every step. */
interface Play {
  readonly it: Stage;
  readonly release: StartedRelease;
  /** Decides, keeps the answer, and decides the same once more: that is one decision. */
  decide(decision: Parameters<StartedRelease['decide']>[0] & { readonly id: string }): Promise<void>;
}

function pictureOf(cluster: FakeCluster): Readonly<Record<string, unknown>> {
  const set = cluster.set();
  return {
    loaded: loadedBy(cluster),
    images: imagesIn(cluster),
    overrides: overridesIn(cluster),
    priorities: Object.fromEntries([...set.gameServers].map(([name, { spec }]) => [name, spec.updatePriority])),
    strategy: set.raw.spec.updateStrategy,
    template: set.raw.spec.gameServerTemplate.spec.containers.map(({ image }) => image),
    annotations: Object.keys(set.raw.metadata.annotations ?? {}).sort(),
    enginesTouched: enginesTouched(cluster),
    reloads: Object.fromEntries(
      [...set.servers.keys()].map((name) => [
        name,
        [effectiveReloads(cluster, name, '2.0'), effectiveReloads(cluster, name, '1.0')],
      ]),
    ),
  };
}

/** How many runs the workflow of a release took. */
async function runsOf({ client }: Stage, { handle }: StartedRelease): Promise<number> {
  const query = `WorkflowId = '${handle.workflowId}'`;
  let runs = 0;
  for await (const { workflowId } of client.workflow.list({ query })) runs += workflowId === handle.workflowId ? 1 : 0;
  return runs;
}

/** Durations and moments are never the same twice. */
const timeless = (text: string): string => text.replaceAll(/\d+(\.\d+)?(ms|s|m|h)\b/g, 'a while');

async function played(
  it: Stage,
  { wishes, continueEachStep }: { readonly wishes: SpecWishes; readonly continueEachStep: boolean },
  act: (play: Play) => Promise<void>,
): Promise<Outcome & { readonly runs: number }> {
  const release = await it.start(aRelease(wishes), 'ann', { continueEachStep });
  const answers: string[] = [];
  await act({
    it,
    release,
    async decide(decision) {
      const answer = await release.decide(decision);
      answers.push(`${decision.id}: ${String(answer.accepted)}: ${timeless(answer.message)}`);
      if (!answer.accepted) return;
      // The second may come to a later run than the first.
      expect(await release.decide(decision)).toEqual(answer);
    },
  });
  const { seconds: _seconds, ...result } = await release.result();
  const { decisions } = await release.state();
  return {
    cluster: pictureOf(it.cluster),
    result,
    decisions: decisions.map(
      ({ id, verb, accepted, answer }) => `${id} ${verb} ${String(accepted)}: ${timeless(answer)}`,
    ),
    answers,
    runs: await runsOf(it, release),
  };
}

/** Three waves with a gate, and a pause in the middle of the reloads of the second. */
async function gatePauseResume(play: Play): Promise<void> {
  const { it, release } = play;
  await release.until('the gate', inPhase('waiting-approval'));
  await play.decide({ id: 'early', verb: 'approve', wave: 3 });
  const held = it.calls.hold({ activity: 'reloadServers' });
  await release.signal({ id: 'vote', verb: 'approve', wave: 2, actor: 'bob' });
  await held.reached;
  const paused = play.decide({ id: 'pause', verb: 'pause' });
  await release.until(
    'the pause to be asked for',
    ({ requests, phase }) => requests.pause !== undefined || phase === 'paused',
  );
  held.release();
  await paused;
  await release.until('the pause', inPhase('paused'));
  await release.signal({ id: 'vote', verb: 'approve', wave: 2, actor: 'bob' });
  await play.decide({ id: 'resume', verb: 'resume' });
}

/** A rollback at a gate, asked for twice. */
async function rollBackAtTheGate(play: Play): Promise<void> {
  const { release } = play;
  await release.until('the gate', inPhase('waiting-approval'));
  await play.decide({ id: 'vote', verb: 'approve', wave: 2 });
  await release.until('the second gate', ({ phase, gate }) => phase === 'waiting-approval' && gate?.wave === 3);
  await play.decide({ id: 'back', verb: 'rollback', actor: 'bob', reason: 'matches are lost' });
}

const STORIES: readonly (readonly [name: string, wishes: SpecWishes, act: (play: Play) => Promise<void>])[] = [
  ['three waves with a gate, a pause and a resume', { gates: [{ before: 2 }] }, gatePauseResume],
  ['a rollback at the gate before the third wave', { gates: [{ before: 2 }, { before: 3 }] }, rollBackAtTheGate],
  ['chosen servers, with a gate and a pause', { ...TARGETED, gates: [{ before: 2 }] }, gatePauseResume],
  ['a bad version that goes back by itself', { image: `${NEW_IMAGE}-stale` }, () => Promise.resolve()],
];

describe('a release that goes on in a new run at every step', () => {
  test.for(STORIES)('%s: ends as in one run, with the same answers', async ([, wishes, act], { stage }) => {
    const [one, many] = await Promise.all([stage(), stage()]);
    const [whole, stepped] = await Promise.all([
      played(one, { wishes, continueEachStep: false }, act),
      played(many, { wishes, continueEachStep: true }, act),
    ]);
    const { runs, ...outcome } = stepped;
    const { runs: single, ...expected } = whole;
    expect(outcome).toEqual(expected);
    expect(single).toBe(1);
    expect(runs).toBeGreaterThan(10);
    for (const [server, [forward]] of Object.entries(outcome.cluster['reloads'] as Record<string, number[]>))
      expect([server, forward]).toEqual([server, forward === 0 ? 0 : 1]);
  });

  test('is found, asked, told and watched by the command, and holds its set, in whichever run it is', async ({
    stage,
    connections,
  }) => {
    const it = await stage();
    const wishes = { gates: [{ before: 2 }] };
    const release = await it.start(aRelease(wishes), 'ann', { continueEachStep: true });
    await release.until('the gate', inPhase('waiting-approval'));
    const { holder } = JSON.parse(it.cluster.set().raw.metadata.annotations![RELEASE_ANNOTATION]!) as {
      readonly holder: Holder;
    };
    expect(await temporalReleases({ connection: connections.native, namespace: 'default' }).isRunning(holder)).toBe(
      true,
    );
    // Visibility is a second behind: by its name a release is found a moment later.
    await until({ what: 'the release to be found', deadlineMs: 30_000, everyMs: 200 }, async () => {
      const { code } = await stageCommand(it, ['status', 'scripts-2-0']);
      return code === EXIT.waiting;
    });
    const approved = await stageCommand(it, ['approve', 'arena/duel', '--wave', '2', '--actor', 'bob']);
    expect(approved).toMatchObject({ code: 0, out: expect.stringContaining('approved: wave 2 starts') as string });
    expect(await stageCommand(it, ['watch', 'arena/duel'])).toMatchObject({ code: 0 });
    expect(await temporalReleases({ connection: connections.native, namespace: 'default' }).isRunning(holder)).toBe(
      false,
    );
    const listed = await stageCommand(it, ['list', '-o', 'json']);
    const { startedAt } = await release.state();
    expect(JSON.parse(listed.out)).toEqual([expect.objectContaining({ release: 'scripts-2-0', startedAt })]);
  });

  test('takes each decision of a stream once, whichever run it comes to', async ({ stage }) => {
    const it = await stage();
    const waves = [1, 1, 1, 1, 1, 'rest'];
    const release = await it.start(aRelease({ waves }), 'ann', { continueEachStep: true });
    const said = new Map<string, string>();
    const signalled: string[] = [];
    await release.until('the first wave', ({ wave }) => wave > 0);
    for (let index = 0; (await release.state()).wave < waves.length && index < 60; index += 1) {
      const signal = { id: `signal-${index}`, verb: 'approve', wave: 2 } as const;
      signalled.push(signal.id);
      await Promise.all([
        release.send(signal),
        release.send(signal),
        ...(['pause', 'resume'] as const).map(async (verb) => {
          const id = `${verb}-${index}`;
          const answer = await release.decide({ id, verb });
          if (answer.accepted) said.set(id, answer.message);
        }),
      ]);
      // Whether the resume came before the pause is for chance; it must not stand still here.
      if ((await release.state()).requests.pause ?? (await release.state()).pausedBecause) {
        const id = `on-${index}`;
        const answer = await release.decide({ id, verb: 'resume' });
        if (answer.accepted) said.set(id, answer.message);
      }
    }
    const { phase } = await release.until(
      'the end or a pause',
      (state) => state.phase === 'done' || state.phase === 'paused',
    );
    if (phase === 'paused') await release.decide({ id: 'last', verb: 'resume' });
    expect(await release.result()).toMatchObject({ outcome: 'done' });
    const { decisions } = await release.state();
    const counted = decisions.filter(({ id }) => id !== 'last').map(({ id }) => id);
    expect(counted.toSorted()).toEqual([...signalled, ...said.keys()].toSorted());
    for (const { id, answer } of decisions) if (said.has(id)) expect([id, answer]).toEqual([id, said.get(id)]);
    expect(Object.values(loadedBy(it.cluster))).toEqual(Array(10).fill('2.0'));
    for (const name of Object.keys(loadedBy(it.cluster))) expect(effectiveReloads(it.cluster, name, '2.0')).toBe(1);
    expect(await runsOf(it, release)).toBeGreaterThan(20);
  });
});
