import { until } from '../lab/until.ts';
import { nobodyElseMoved, nothingWasLoadedSince } from './checks.ts';
import type { Check } from './checks.ts';
import { goodReleaseChecks } from './good-release.ts';
import { writeReleaseFile } from './release-files.ts';
import { reportRelease } from './release-report.ts';
import type { ReleaseReport } from './release-report.ts';
import { setName, waves } from './stage.ts';
import type { Stage, Watching } from './stage.ts';

const steering = '  waves: { by: updatePriority }';
const version = 'v3.0';

/** Release 3: the worker is killed in the middle of wave 2 and started again. */
export async function killedRelease(stage: Stage, watching: Watching): Promise<ReleaseReport> {
  const { hotwave, narrator } = stage;
  narrator.heading('Release 3 of 3: the worker is killed in the middle of a wave');
  const { file } = writeReleaseFile(stage, { name: 'scripts-3-0', version, steering });
  const [killedAt] = await Promise.all([killInWaveTwo(stage, watching), hotwave.run(['start', file], 0)]);
  const checks = await doWithoutWorker(stage, watching, killedAt);
  await hotwave.run(['watch', setName], 0, 120_000);
  const observation = await watching.end();
  const all = [...checks, ...goodReleaseChecks(stage, observation, version)];
  return reportRelease(stage, { outcome: 'done', observation, checks: all });
}

/** Kills the worker when the first server of wave 2 changes; returns when that was, by `performance.now()`. */
async function killInWaveTwo({ game, narrator, worker }: Stage, watching: Watching): Promise<number> {
  const [, second = []] = waves;
  const image = game.image(version);
  await until({ what: 'wave 2 to begin', deadlineMs: 60_000, everyMs: 10 }, () =>
    watching.imageChanges.some(({ pod, to }) => second.includes(pod) && to === image),
  );
  narrator.say('Wave 2 has just begun. No warning, no chance to tidy up:');
  narrator.command(`kill -KILL ${worker.pid}`);
  await worker.kill();
  return performance.now();
}

/** Looks around while there is no worker, and starts one. */
async function doWithoutWorker(stage: Stage, watching: Watching, killedAt: number): Promise<readonly Check[]> {
  const { hotwave, narrator, world } = stage;
  const [first = [], second = []] = waves;
  await hotwave.run(['status', setName], 7);
  narrator.say('The servers play on. Kruise has changed the sidecars that it was told to change; nothing else moves.');
  if (world.workerCommand !== undefined) narrator.command(world.workerCommand);
  const checks = [
    nobodyElseMoved(watching.imageChanges, [...first, ...second], 'while no worker ran'),
    nothingWasLoadedSince(watching.engineChanges, killedAt, 'while no worker ran'),
  ];
  stage.worker = await world.startWorker();
  narrator.say(
    'Temporal takes the killed worker for dead when it has not heard of it for 20 s, and gives its work to the new one.',
  );
  return checks;
}
