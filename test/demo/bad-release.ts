import {
  enginesReloaded,
  everyEngineAnswers,
  everyRequestWasAnswered,
  filesAloneChangeNothing,
  mainContainersKeptRunning,
  noEngineEverAnswered,
  nobodyElseMoved,
  podsAreTheSame,
  sidecarsRestarted,
} from './checks.ts';
import { writeReleaseFile } from './release-files.ts';
import { reportRelease } from './release-report.ts';
import type { ReleaseReport } from './release-report.ts';
import { setName, waves } from './stage.ts';
import type { Stage, Watching } from './stage.ts';

const steering = `  waves: { by: updatePriority }
  onFailure: { then: rollback }`;

/** Release 2: a version that cannot be loaded is caught in wave 1 and taken back by itself. */
export async function badRelease(stage: Stage, watching: Watching): Promise<ReleaseReport> {
  const { hotwave, narrator, game } = stage;
  const [canary = ''] = waves[0] ?? [];
  narrator.heading('Release 2 of 3: a bad version is caught in wave 1 and rolls itself back');
  narrator.say(`${game.badVersion} ${game.badBecause}. Nobody steps in.`);
  const { file } = writeReleaseFile(stage, { name: 'scripts-2-1', version: game.badVersion, steering });
  await hotwave.run(['start', file, '--wait'], 2, 120_000);
  await hotwave.run(['status', setName], 2);
  const reloads = 1 + game.refusedReloads;
  const observation = await watching.end();
  return reportRelease(stage, {
    outcome: 'rolled-back',
    observation,
    checks: [
      everyEngineAnswers(observation, 'v2.0', game.engine),
      noEngineEverAnswered(observation, game.badVersion),
      nobodyElseMoved(observation.imageChanges, [canary], 'from beginning to end'),
      podsAreTheSame(observation),
      mainContainersKeptRunning(observation),
      sidecarsRestarted(observation, { [canary]: 2 }, `only the sidecar of ${canary} restarted: there and back`),
      enginesReloaded(observation, { [canary]: reloads }, `only ${canary} was told to load its old files again`),
      filesAloneChangeNothing(observation, game.badVersion, game.engine),
      everyRequestWasAnswered(observation),
    ],
  });
}
