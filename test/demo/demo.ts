import { NameInUse, requireFreeName, startLab } from '../lab/lab.ts';
import type { LabKind } from '../lab/lab.ts';
import { truthLabObstacle } from '../lab/truth-obstacle.ts';
import { badRelease } from './bad-release.ts';
import { chooseLab } from './choose-lab.ts';
import type { DemoOptions } from './flags.ts';
import { gatedRelease } from './gated-release.ts';
import { CommandFailure } from './hotwave-command.ts';
import { killedRelease } from './killed-release.ts';
import { labWorld } from './lab-world.ts';
import { memoryWorld } from './memory-world.ts';
import type { Narrator } from './narrator.ts';
import type { ReleaseReport } from './release-report.ts';
import { setName, setStage, showFacts, watch } from './stage.ts';
import type { Stage, Watching } from './stage.ts';
import type { World } from './world.ts';

/** Where the demo is played, and how it is told. */
export interface Venue {
  readonly labName: string;
  readonly narrator: Narrator;
  /** Ends hotwave's commands. */
  readonly signal: AbortSignal;
}

/** How many releases the demo has. */
export const releaseCount = 3;

/** The result of the demo. */
export interface Played {
  /** For each release that ended; one that went wrong is the last. */
  readonly reports: readonly ReleaseReport[];
  /** Tells how to look around and how to end what goes on; says nothing when everything has ended. */
  readonly tellWhatGoesOn: () => void;
}

/**
 * Plays the demo and ends what it started, unless that was to be kept.
 * @throws Error when something could not be carried out; what goes on has been told then
 */
export async function playDemo(options: DemoOptions, venue: Venue): Promise<Played> {
  const { narrator, signal } = venue;
  requireFreeName(venue.labName);
  narrator.heading('hotwave: three hot updates through six game servers');
  const world = await openWorld(options, venue);
  const ending: (() => Promise<void>)[] = [() => world.stop()];
  const tellWhatGoesOn = (): void => {
    if (options.keep) tellHowToLookAround(world, venue);
  };
  try {
    narrator.progress('creating six game servers and starting a hotwave worker');
    const stage = await setStage(world, narrator, signal);
    ending.unshift(() => stage.worker.stop());
    await introduce(stage);
    return { reports: await playReleases(stage, options, signal), tellWhatGoesOn };
  } catch (error) {
    if (!signal.aborted) tellWhatGoesOn();
    throw error;
  } finally {
    if (!options.keep) for (const end of ending) await end();
  }
}

/** Starts the most real world that this machine can run, unless a person said which. */
async function openWorld({ lab: asked, keep }: DemoOptions, { narrator, labName, signal }: Venue): Promise<World> {
  const log = (line: string): void => narrator.progress(line);
  if (asked === 'memory') {
    narrator.say('This is simulated: a cluster in memory. Temporal and all code of hotwave are real.');
    return await memoryWorld(labName, log);
  }
  const { kind, reason } = chooseLab(asked, truthLabObstacle());
  narrator.say(reason);
  const start = async (chosen: LabKind): Promise<World> =>
    labWorld(await startLab({ kind: chosen, name: labName, outlivesOwner: keep, log }));
  log('starting Kubernetes, OpenKruise, OpenKruiseGame and Temporal');
  try {
    return await start(kind);
  } catch (error) {
    if (asked !== undefined || kind === 'fleet' || signal.aborted || error instanceof NameInUse) throw error;
    const problem = (error instanceof Error ? error.message : String(error)).split('\n')[0] ?? '';
    narrator.say(`The truth lab did not start: ${problem}`);
    narrator.say('The demo goes on with the fleet lab: simulated nodes, no containers.');
    return await start('fleet');
  }
}

async function introduce(stage: Stage): Promise<void> {
  const { game, world, narrator } = stage;
  narrator.say(
    `Six game servers run version v1.0. Each has a main container with the engine, which must never restart, and a sidecar with the hot files, whose image is changed in place. Temporal's web UI: ${world.temporal.uiUrl}`,
  );
  narrator.say(`${world.introduction} \`hotwave\` is \`bin/hotwave\` of this checkout:`);
  narrator.command(...world.environment, ...(world.workerCommand === undefined ? [] : [world.workerCommand]));
  await showFacts(stage);
  narrator.say(
    `FILES is what is in the folder of the hot files; ANSWERS is what the engine says that it has loaded (${game.askedBy}).`,
  );
}

async function playReleases(
  stage: Stage,
  { interactive }: DemoOptions,
  signal: AbortSignal,
): Promise<readonly ReleaseReport[]> {
  const { hotwave, narrator } = stage;
  const reports: ReleaseReport[] = [];
  const releases: readonly ((watching: Watching) => Promise<ReleaseReport>)[] = [
    (watching) => gatedRelease(stage, watching, interactive),
    (watching) => badRelease(stage, watching),
    (watching) => killedRelease(stage, watching),
  ];
  for (const release of releases) {
    const watching = await watch(stage);
    try {
      reports.push(await release(watching));
    } catch (error) {
      if (!(error instanceof CommandFailure) || signal.aborted) throw error;
      narrator.check({ holds: false, what: error.message });
      await hotwave.run(['status', setName], undefined);
      break;
    } finally {
      await watching.stop();
    }
    if (reports.at(-1)?.good !== true) break;
  }
  return reports;
}

function tellHowToLookAround({ temporal, environment }: World, { narrator, labName }: Venue): void {
  narrator.say('Lab and worker go on. To look around:');
  narrator.command(...environment, 'bin/hotwave status gss-2048');
  narrator.say(`Temporal's web UI: ${temporal.uiUrl}. To end everything:`);
  narrator.command(`npm run lab -- down --name ${labName}`);
}
