import { Client, Connection } from '@temporalio/client';
import type { ReleaseState } from '../../release/progress/state.ts';
import { releaseWorkflowId } from '../../workflows/messages.ts';
import type { ReleaseResult } from '../../workflows/messages.ts';
import type { Check, Observation } from './checks.ts';
import { endedAs, hotwaveCountsTheSame, mainRestarts, recreatedPods } from './checks.ts';
import { setName, showFacts } from './stage.ts';
import type { Stage } from './stage.ts';
import type { World } from './world.ts';

/** One JSON line of the demo. */
export interface ReleaseLine {
  readonly release: string;
  readonly outcome: string;
  readonly strategy: string;
  readonly servers: number;
  readonly waves: number;
  readonly seconds: number;
  /** Counted by the demo, not by hotwave. */
  readonly restartsOfMainContainers: number;
  /** Counted by the demo, not by hotwave. */
  readonly recreatedPods: number;
  readonly lab: string;
}

/** How one release of the demo went. */
export interface ReleaseReport {
  readonly line: ReleaseLine;
  /** It ended as it should and the evidence agrees. */
  readonly good: boolean;
}

/** The expected result of a release. */
export interface Expectation {
  readonly outcome: string;
  readonly observation: Observation;
  readonly checks: readonly Check[];
}

/** Shows the evidence about a release that has ended, and judges it. */
export async function reportRelease(stage: Stage, expectation: Expectation): Promise<ReleaseReport> {
  const { hotwave, world, narrator } = stage;
  const { outcome, observation } = expectation;
  const state = await hotwave.read<ReleaseState>(['status', setName]);
  await showFacts(stage);
  const checks = [
    endedAs(state.phase, outcome),
    ...expectation.checks,
    hotwaveCountsTheSame(observation, await resultOf(world)),
  ];
  narrator.say('Findings of the demo itself:');
  for (const check of checks) narrator.check(check);
  return { line: lineOf(state, observation, world.kind), good: checks.every(({ holds }) => holds) };
}

function lineOf(state: ReleaseState, observation: Observation, lab: string): ReleaseLine {
  return {
    release: state.release,
    outcome: state.phase,
    strategy: state.strategy,
    servers: state.waves.reduce((sum, { size }) => sum + size, 0),
    waves: state.waves.length,
    seconds: Math.round(((state.endedAt ?? Date.now()) - state.startedAt) / 100) / 10,
    restartsOfMainContainers: mainRestarts(observation),
    recreatedPods: recreatedPods(observation).length,
    lab,
  };
}

/** The result of the latest release in Temporal: hotwave's own count. */
async function resultOf({ temporal }: World): Promise<ReleaseResult> {
  const connection = await Connection.connect({ address: temporal.address });
  try {
    const id = releaseWorkflowId('default', { namespace: 'default', name: setName });
    const { client, deadline } = { client: new Client({ connection }), deadline: Date.now() + 20_000 };
    return await connection.withDeadline(
      deadline,
      () => client.workflow.getHandle(id).result() as Promise<ReleaseResult>,
    );
  } finally {
    await connection.close();
  }
}
