import {
  changedInOrder,
  enginesReloaded,
  everyEngineAnswers,
  everyRequestWasAnswered,
  filesAloneChangeNothing,
  mainContainersKeptRunning,
  podsAreTheSame,
  sidecarsRestarted,
} from './checks.ts';
import type { Check, Observation } from './checks.ts';
import { allServers, waves } from './stage.ts';
import type { Stage } from './stage.ts';

/** The facts that must be true of a release that brought every server to a version, wave by wave. */
export function goodReleaseChecks({ game }: Stage, observation: Observation, version: string): readonly Check[] {
  const once = Object.fromEntries(allServers.map((name) => [name, 1]));
  return [
    everyEngineAnswers(observation, version, game.engine),
    podsAreTheSame(observation),
    mainContainersKeptRunning(observation),
    sidecarsRestarted(observation, once, 'every sidecar restarted exactly once'),
    enginesReloaded(observation, once, 'every engine was told to reload exactly once, by its own account'),
    changedInOrder(observation, game.image(version), waves),
    filesAloneChangeNothing(observation, version, game.engine),
    everyRequestWasAnswered(observation),
  ];
}
