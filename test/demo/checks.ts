import type { ImageChange } from '../lab/pod-observer.ts';
import type { EngineChange } from './engine-watch.ts';
import type { ServerFacts } from './evidence.ts';

/** A sentence about the evidence, and whether it is true. */
export interface Check {
  readonly holds: boolean;
  readonly what: string;
}

/** Everything that was seen of a set during one release, without hotwave. */
export interface Observation {
  readonly before: readonly ServerFacts[];
  readonly after: readonly ServerFacts[];
  /** As the API server told them, in its order. */
  readonly imageChanges: readonly ImageChange[];
  /** Names of pods that were deleted or recreated. */
  readonly lost: readonly string[];
  readonly engineChanges: readonly EngineChange[];
  /** How many times an engine was asked. */
  readonly asked: number;
  /** Why engines did not answer, once for each time. */
  readonly unanswered: readonly string[];
}

/** How many times something should have happened to each server; 0 for those that are not named. */
export type PerServer = Readonly<Record<string, number>>;

function check(holds: boolean, what: string, found: string): Check {
  return { holds, what: holds ? what : `${what}; found: ${found}` };
}

/** Pods of `before` that are gone or another pod now. */
export function recreatedPods({ before, after, lost }: Observation): readonly string[] {
  const kept = new Map(after.map(({ name, uid, createdAt }) => [name, `${uid} ${createdAt}`]));
  return before
    .filter(({ name, uid, createdAt }) => kept.get(name) !== `${uid} ${createdAt}` || lost.includes(name))
    .map(({ name }) => name);
}

/** Restarts of main containers during the observation, in all. */
export function mainRestarts(observation: Observation): number {
  return sum(Object.values(increases(observation, ({ mainRestarts: count }) => count)));
}

/** No pod was deleted or recreated. */
export function podsAreTheSame(observation: Observation): Check {
  const recreated = recreatedPods(observation);
  const count = observation.before.length;
  return check(
    recreated.length === 0,
    `all ${count} pods kept their uid and their age`,
    `new: ${recreated.join(', ')}`,
  );
}

/** No main container restarted. */
export function mainContainersKeptRunning(observation: Observation): Check {
  const restarts = mainRestarts(observation);
  return check(restarts === 0, 'no main container restarted', `${restarts} restarts`);
}

/** Each sidecar restarted as often as it should, and no other one did. */
export function sidecarsRestarted(observation: Observation, wanted: PerServer, what: string): Check {
  return counted(
    increases(observation, ({ sidecarRestarts }) => sidecarRestarts),
    wanted,
    what,
  );
}

/** Each engine was told to reload as often as it should, and no other one was. */
export function enginesReloaded(observation: Observation, wanted: PerServer, what: string): Check {
  return counted(
    increases(observation, ({ reloads }) => reloads),
    wanted,
    what,
  );
}

/** Every engine answers the version now. */
export function everyEngineAnswers({ after }: Observation, version: string, engine: string): Check {
  const others = after.filter(({ loaded }) => loaded !== version).map(({ name, loaded }) => `${name} ${loaded}`);
  return check(others.length === 0, `${engine} answers ${version} on all ${after.length} servers`, others.join(', '));
}

/** No engine ever answered the version. */
export function noEngineEverAnswered({ engineChanges }: Observation, version: string): Check {
  const servers = engineChanges.filter(({ loaded }) => loaded === version).map(({ server }) => server);
  return check(servers.length === 0, `no server ever answered ${version}`, [...new Set(servers)].join(', '));
}

/** Servers that were seen to answer the old version while the new files were in their folder. */
function seenWaiting(changes: readonly EngineChange[], version: string): readonly string[] {
  const waiting = changes.filter(({ files, loaded }) => files === version && loaded !== version);
  return [...new Set(waiting.map(({ server }) => server))];
}

/** The files alone change nothing: the engine goes on with the old version until it is told to reload. */
export function filesAloneChangeNothing({ engineChanges }: Observation, version: string, engine: string): Check {
  const servers = seenWaiting(engineChanges, version);
  const what = `the files of ${version} alone changed nothing: ${engine} still answered the old version`;
  return check(servers.length > 0, `${what} (seen on ${servers.toSorted().join(', ')})`, 'never seen');
}

/** The set's servers got the image wave by wave, once each, and nobody else did. */
export function changedInOrder(
  { imageChanges }: Observation,
  image: string,
  waves: readonly (readonly string[])[],
): Check {
  const changed = imageChanges.filter(({ where, to }) => where === 'spec' && to === image).map(({ pod }) => pod);
  let from = 0;
  const found = waves.map(({ length }) => changed.slice(from, (from += length)).toSorted());
  const holds =
    changed.length === waves.flat().length &&
    waves.every((wave, index) => wave.toSorted().join() === found[index]?.join());
  const plan = waves.map((wave) => wave.join(', ')).join(' | ');
  return check(holds, `the image changed wave by wave, once on each server: ${plan}`, changed.join(', '));
}

/** So far, only these servers have been told to change. `when` ends the sentence. */
export function nobodyElseMoved(changes: readonly ImageChange[], servers: readonly string[], when: string): Check {
  const moved = changes.filter(({ where }) => where === 'spec').map(({ pod }) => pod);
  const others = moved.filter((pod) => !servers.includes(pod));
  const what = `${when}, no server had been changed but ${servers.join(', ')}`;
  const found = others.length > 0 ? others.join(', ') : 'none changed at all';
  return check(moved.length > 0 && others.length === 0, what, found);
}

/**
 * No engine has loaded anything since a time of `performance.now()`. `when` begins the sentence. Engines are asked every
 * now and then, so a load before that time may be seen after it: it counts only when the engine was asked after that time
 * and still gave the old answer.
 */
export function nothingWasLoadedSince(changes: readonly EngineChange[], since: number, when: string): Check {
  const last = new Map<string, string>();
  const loads = changes.filter(({ server, loaded, notBefore }) => {
    const before = last.get(server);
    last.set(server, loaded);
    return before !== undefined && before !== loaded && notBefore > since;
  });
  return check(loads.length === 0, `${when}, no engine loaded anything`, loads.map(({ server }) => server).join(', '));
}

/** Players always got an answer. */
export function everyRequestWasAnswered({ asked, unanswered }: Observation): Check {
  const what = `the engines were asked ${asked.toLocaleString('en-US')} times and always answered`;
  return check(unanswered.length === 0, what, `${unanswered.length} times not, such as ${unanswered[0] ?? ''}`);
}

/** The counts of hotwave are the counts of the demo. */
export function hotwaveCountsTheSame(
  observation: Observation,
  claim: { readonly restartsOfMainContainers: number; readonly recreatedPods: number },
): Check {
  const own = [mainRestarts(observation), recreatedPods(observation).length];
  const hotwaves = [claim.restartsOfMainContainers, claim.recreatedPods];
  const what = 'hotwave counted the same restarts of main containers and recreated pods';
  return check(own.join() === hotwaves.join(), what, `${hotwaves.join(' and ')} instead of ${own.join(' and ')}`);
}

/** The release ended as it should. */
export function endedAs(outcome: string, wanted: string): Check {
  return check(outcome === wanted, `the release ended as ${wanted}`, outcome);
}

function counted(found: PerServer, wanted: PerServer, what: string): Check {
  const wrong = Object.entries(found).filter(([name, count]) => count !== (wanted[name] ?? 0));
  return check(wrong.length === 0, what, wrong.map(([name, count]) => `${name} ${count}`).join(', '));
}

function increases({ before, after }: Observation, pick: (server: ServerFacts) => number): PerServer {
  const old = new Map(before.map((server) => [server.name, pick(server)]));
  return Object.fromEntries(after.map((server) => [server.name, pick(server) - (old.get(server.name) ?? 0)]));
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}
