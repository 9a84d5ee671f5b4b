import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Decision, ReleaseState, Verb } from '../../release/progress/state.ts';
import { VERBS, isFinal } from '../../release/progress/state.ts';
import { VERB_TABLE } from '../../release/decisions/verbs.ts';
import type { OpenPhase } from '../../release/decisions/verbs.ts';
import { MESSAGES, WORKFLOWS, releaseWorkflowId, taskQueueOf } from '../../workflows/messages.ts';
import type { DecisionMessage, ReleaseInput } from '../../workflows/messages.ts';
import { FleetWorld } from '../support/fleet-world.ts';
import { CLUSTER, releaseOf, startRelease } from '../support/hotwave.ts';
import type { StartedRelease } from '../support/hotwave.ts';

// Every cell of the table of verbs and states that accepts, for real: each on a set of its own.

let world: FleetWorld;

beforeAll(async () => {
  world = await FleetWorld.start();
});

afterAll(() => world.stop());

/** Pausing lasts only until the last write has ended: test/workflow/pause.test.ts holds a release in it. */
type LastingPhase = Exclude<OpenPhase, 'pausing'>;

/** How a release comes into a phase and stays there for a while; the last servers of a set are the first to move. */
const RELEASES: Readonly<Record<LastingPhase, { readonly tag: string; readonly more: string }>> = {
  planning: { tag: 'v2.0', more: '  waves: [1, rest]' },
  updating: { tag: 'v2.0-neverready', more: '  waves: [1, rest]\n  onFailure: { then: pause }' },
  baking: { tag: 'v2.0', more: '  waves: [1, rest]\n  bake: 30s' },
  watching: { tag: 'v2.0', more: '  strategy: newServersOnly\n  newServers: { watch: 60s }' },
  'waiting-approval': { tag: 'v2.0-neverready', more: gated() },
  frozen: { tag: 'v2.0', more: `  waves: [1, rest]\n  freeze: [ ${JSON.stringify(aroundNow())} ]` },
  paused: { tag: 'v2.0-neverready', more: gated() },
  halted: { tag: 'v2.0', more: '  waves: [1, rest]\n  gates: [ { before: 2 } ]' },
  'rolling-back': { tag: 'v2.0', more: '' },
};

/** One server fails and is tolerated, so that at the gate there is something to retry. */
function gated(): string {
  return '  waves: [1, rest]\n  gates: [ { before: 2 } ]\n  onFailure: { then: pause, tolerate: 3 }\n  ready: { timeout: 5s }';
}

/** A window from yesterday until tomorrow. */
function aroundNow(): object {
  const day = (offset: number): string => new Date(Date.now() + offset * 86_400_000).toISOString().slice(0, 10);
  return { name: 'today', from: day(-1), to: day(2) };
}

const cells = VERBS.flatMap((verb) =>
  (Object.keys(RELEASES) as LastingPhase[])
    .filter((phase) => 'accepts' in VERB_TABLE[verb][phase])
    .map((phase) => ({ verb, phase })),
);

describe('every verb in every state that accepts it', () => {
  test.concurrent.for(cells)('$verb while it is $phase', { timeout: 180_000 }, async ({ verb, phase }) => {
    const name = `${verb}-${phase}`;
    await world.aSet(name, { replicas: 2 });
    const release = phase === 'planning' ? await whilePlanning(name, verb) : await inPhase(name, phase);
    if (phase !== 'planning') {
      const answer = await release.decide(decisionOf(verb, phase, name));
      expect(answer).toMatchObject({ accepted: true });
    }
    await release.until(`what ${verb} does`, (state) => EFFECTS[verb](state));
    await toTheEnd(release);
  });
});

function inputOf(name: string, phase: LastingPhase): Omit<ReleaseInput, 'v'> {
  const { tag, more } = RELEASES[phase];
  const file = world.release(name, tag, more);
  const inFreeze = phase === 'frozen' ? { duringFreeze: { reason: 'shown in a test' } } : {};
  return { cluster: CLUSTER, file, requester: 'ann', ...inFreeze };
}

async function inPhase(name: string, phase: LastingPhase): Promise<StartedRelease> {
  const release = await startRelease(world.hotwave.client, inputOf(name, phase));
  const reached = phase === 'paused' || phase === 'halted' ? 'waiting-approval' : phase;
  await release.until(phase, (state) => state.phase === reached);
  if (phase === 'paused') await release.decide({ verb: 'pause', actor: 'bob' });
  if (phase === 'halted') await release.decide(decisionOf('halt', phase, name));
  await release.until(phase, (state) => state.phase === phase);
  return release;
}

/** The decision is there before the first look at the cluster: it comes with the start. */
async function whilePlanning(name: string, verb: Verb): Promise<StartedRelease> {
  const input = { v: 1 as const, ...inputOf(name, 'planning') };
  const { namespace, gameServerSet } = input.file.spec.target;
  const decision: DecisionMessage = {
    id: 'with-the-start',
    release: input.file.metadata.name,
    actor: 'bob',
    channel: 'test',
    ...decisionOf(verb, 'planning', name),
  };
  const handle = await world.hotwave.client.workflow.signalWithStart(WORKFLOWS.hotUpdate, {
    workflowId: releaseWorkflowId(CLUSTER, { namespace, name: gameServerSet }),
    taskQueue: taskQueueOf(CLUSTER),
    args: [input],
    signal: MESSAGES.decideSignal,
    signalArgs: [decision],
  });
  const release = releaseOf(handle, input.file.metadata.name);
  const { decisions } = await release.until('the decision', (state) => state.decisions.length > 0);
  expect(decisions[0]).toMatchObject({ verb, accepted: true });
  return release;
}

/** All that the verb may ask for. */
function decisionOf(
  verb: Verb,
  phase: LastingPhase,
  set: string,
): Partial<DecisionMessage> & Pick<DecisionMessage, 'verb'> {
  const more: Partial<Record<Verb, Partial<Decision>>> = {
    approve: { wave: 2 },
    reject: { wave: 2 },
    // The server that has not moved yet.
    skip: { server: `${set}-0` },
    cancel: { then: 'hold' },
    supersede: { then: 'hold', by: 'newer' },
    halt: { until: Date.now() + 120_000 },
  };
  return { verb, actor: 'bob', reason: `shown while ${phase}`, ...more[verb] };
}

const isOver = ({ phase }: ReleaseState): boolean => isFinal(phase);

/** The state once a verb has had its effect; some effects wait until something else is over. */
const EFFECTS: Readonly<Record<Verb, (state: ReleaseState) => boolean>> = {
  approve: ({ gate, wave }) => (gate === undefined ? wave === 2 : gate.approvedBy.includes('bob')),
  reject: (state) => state.phase === 'paused' || state.gate?.rejected !== undefined || isOver(state),
  pause: ({ phase, requests }) => phase === 'paused' || (phase === 'halted' && requests.pause !== undefined),
  resume: ({ phase }) => phase !== 'paused',
  retry: ({ requests, failures }) => requests.retry === undefined && failures.length > 0,
  skip: ({ skipped }) => skipped?.length === 1,
  rollback: ({ phase }) => phase === 'rolled-back',
  cancel: ({ phase }) => phase === 'cancelled',
  supersede: ({ phase, supersededBy }) => phase === 'cancelled' && supersededBy === 'newer',
  'override-freeze': ({ phase }) => phase !== 'frozen',
  halt: ({ phase }) => phase === 'halted',
  unhalt: ({ phase, halt }) => phase !== 'halted' && halt === undefined,
};

async function toTheEnd(release: StartedRelease): Promise<void> {
  if (isOver(await release.state())) return;
  await release.decide({ verb: 'unhalt', actor: 'ops' });
  await release.until('the releases to go on', ({ phase }) => phase !== 'halted');
  await release.decide({ verb: 'cancel', then: 'hold', actor: 'bob' });
  await release.until('the end', isOver);
}
