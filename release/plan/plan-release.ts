import { agreed, counted } from '../spec/counted.ts';
import { earlierVersions } from './earlier.ts';
import type { GameServerSetView, ServerView } from '../fleet/fleet.ts';
import { containerOf, isServing } from '../fleet/fleet.ts';
import { hashOf } from '../fleet/hash.ts';
import type { SetBaseline } from '../patches/patches.ts';
import { setBaseline } from '../patches/patches.ts';
import type { FleetSnapshot, Plan, PlannedServer, PlanRefusal } from './plan.ts';
import { isPlan, plannedServer } from './plan.ts';
import { planRefusals, sizeOfPlan } from './plan-limits.ts';
import { resolveCount } from '../spec/quantity.ts';
import { priorityWarnings } from './priority-writers.ts';
import type { Scope } from './scope.ts';
import { scopeOf } from './scope.ts';
import type { ReleaseSpec } from '../spec/spec.ts';
import { imageTag } from '../spec/image-reference.ts';
import { updatedContainer } from '../spec/spec.ts';
import { readRecords } from '../record/record.ts';
import { withOwnPriorities } from './own-priorities.ts';
import type { RollbackTarget } from './rollback-target.ts';
import { recordedVersion, rollbackTarget } from './rollback-target.ts';
import { NEW_SERVERS_WAVE } from '../progress/state.ts';
import { assignPriorities, groupIntoWaves } from './waves.ts';

/** Splits the servers to move into waves, or says why not. Pure: the same snapshot gives the same plan. */
export function planRelease(spec: ReleaseSpec, snapshot: FleetSnapshot): Plan | PlanRefusal {
  const plan = planOf(spec, snapshot);
  if (!isPlan(plan)) return plan;
  const refusals = planRefusals(plan, sizeOfPlan(plan));
  return refusals.length > 0 ? { refusals } : plan;
}

function planOf(spec: ReleaseSpec, found: FleetSnapshot): Plan | PlanRefusal {
  const { set } = found;
  const records = readRecords(set.annotations);
  const { snapshot, left } = withOwnPriorities(found, records.running);
  const { container, image } = updatedContainer(spec);
  const asFound = setBaseline(set, container, image);
  if (!asFound) return { refusals: [missingContainer(set, container)] };
  const scope = scopeOf(spec, snapshot, asFound);
  if ('refusals' in scope) return scope;
  const baseline: SetBaseline = { ...asFound, oldImage: scope.back.image };
  const rollbackTo = rollbackTarget(scope.back, baseline, { records, previousVersion: spec.previousVersion });
  const grouped = groupIntoWaves(spec, scope.toMove, snapshot);
  const refusals = [
    ...grouped.refusals,
    ...versionRefusals(spec, baseline, rollbackTo.version),
    ...sameImageRefusals(spec, baseline, records),
  ];
  if (refusals.length > 0) return { refusals };

  const containers = set.containers.map(({ name }) => name);
  const planned = (server: ServerView): PlannedServer => plannedServer(server, containers);
  const waves = grouped.groups.map((group, index) => ({
    number: index + 1,
    name: group.name,
    servers: group.servers.map(planned),
  }));
  // Adopted servers must be Kruise's last, whatever priority they have.
  const assigns = spec.strategy === 'rolling' && (grouped.assigns || scope.adopted.length > 0);
  const priorities = assigns ? assignPriorities(waves, snapshot.gameServers, left) : left;
  const mixed = spec.strategy === 'rolling' ? mixedServers(baseline, snapshot.servers) : [];
  const earlier = earlierVersions(spec, snapshot, baseline, scope);
  return {
    v: 1 as const,
    strategy: spec.strategy,
    set: set.ref,
    baseline,
    containers,
    version: spec.version ?? imageTag(image),
    previousVersion: rollbackTo.version,
    rollbackTo,
    waves,
    alreadyUpdated: scope.moved.filter((server) => !scope.adopted.includes(server)).map(planned),
    unproved: [],
    adopted: scope.adopted.map(planned),
    bystanders: scope.bystanders.map(planned),
    overridden: scope.overridden,
    ...leftovers({ mixed, earlier, leftOn: scope.leftOn }),
    priorities,
    youngestPod: youngestOf(snapshot.servers),
    youngestGameServer: youngestOf(snapshot.gameServers),
    maxUnavailable: mostUnavailable(spec, scope, snapshot),
    tolerate: resolveCount(spec.onFailure.tolerate, scope.toMove.length),
    warnings: [
      ...unreadyWarnings(snapshot.servers),
      ...targetWarnings(rollbackTo),
      ...mixedWarnings(mixed, baseline.oldImage),
      ...gateWarnings(spec, waves.length),
      ...priorityWarnings(spec, set, waves.length + (scope.adopted.length > 0 ? 1 : 0)),
    ],
    hash: hashOf({ uid: baseline.uid, images: spec.images, waves, priorities, spec }),
  };
}

/** When the youngest of them was made. */
function youngestOf(objects: readonly { readonly createdAt: number }[]): number {
  return objects.reduce((latest, { createdAt }) => Math.max(latest, createdAt), 0);
}

/** The sentences about earlier releases; nothing where there is none. */
function leftovers({
  mixed,
  earlier,
  leftOn,
}: Required<Pick<Plan, 'mixed' | 'earlier'>> & Pick<Scope, 'leftOn'>): Pick<Plan, 'mixed' | 'earlier' | 'leftOn'> {
  return {
    ...(mixed.length > 0 ? { mixed } : {}),
    ...(leftOn === undefined ? {} : { leftOn }),
    ...(earlier.length > 0 ? { earlier } : {}),
  };
}

/** Kruise counts servers that were unready before the release against its budget; hotwave's own pacing does not. */
function mostUnavailable(spec: ReleaseSpec, { toMove }: Scope, { servers }: FleetSnapshot): number {
  if (spec.strategy === 'targeted') return Math.max(1, resolveCount(spec.maxUnavailable, toMove.length));
  const unready = servers.filter((server) => !isServing(server)).length;
  return Math.max(1, resolveCount(spec.maxUnavailable, servers.length)) + unready;
}

function missingContainer(set: GameServerSetView, container: string): string {
  if (set.initContainers.includes(container)) {
    return `container ${container} of ${set.ref.name} is an init container: only ordinary containers are updated in place`;
  }
  const names = set.containers.map((entry) => entry.name).join(', ');
  return `${set.ref.name} has no container ${container}: its template has ${names}`;
}

function versionRefusals(spec: ReleaseSpec, { newImage, oldImage }: SetBaseline, previous: string): string[] {
  const version = spec.version ?? imageTag(newImage);
  if (newImage === oldImage || version !== previous) return [];
  return [
    `the new and the old version are both ${version}, so no proof could tell them apart: give spec.version and spec.previousVersion`,
  ];
}

/** Files that come otherwise than by the image cannot be given to one wave after the other, nor be taken back. */
function sameImageRefusals(
  spec: ReleaseSpec,
  { container, newImage, templateImage }: SetBaseline,
  records: ReturnType<typeof readRecords>,
): string[] {
  const released = recordedVersion(records, container, newImage);
  const version = spec.version ?? imageTag(newImage);
  if (newImage !== templateImage || released === undefined || released === version) return [];
  return [
    `${newImage} was released as ${released} already: a release of ${version} by the same image has no waves, no gates and no way back; give the new files an image of their own`,
  ];
}

/** Gates that nobody will be asked at; where nothing moves at all that is no surprise. */
function gateWarnings({ strategy, gates }: ReleaseSpec, waves: number): string[] {
  const last = strategy === 'newServersOnly' ? NEW_SERVERS_WAVE : waves;
  if (last === 0) return [];
  return gates
    .filter(({ before }) => before > last)
    .map(({ before }) => `the gate before wave ${before} is never reached: the plan has ${counted(last, 'wave')}`);
}

function unreadyWarnings(servers: readonly ServerView[]): string[] {
  const unready = servers.filter((server) => !isServing(server)).map((server) => server.name);
  if (unready.length === 0) return [];
  return [
    `${unready.length} of ${counted(servers.length, 'server')} ${agreed(unready.length, 'is', 'are')} not Ready before the release: ${unready.slice(0, 5).join(', ')}`,
  ];
}

/** The majority is a guess: nobody has said that what they run is right. */
function targetWarnings({ why, version, servers, of }: RollbackTarget): string[] {
  if (why !== 'what most servers run') return [];
  return [
    `the servers to move run several versions, and no stable version is recorded: a rollback brings them to ${version}, which ${servers} of ${of} run`,
  ];
}

/** Names of those that run neither the old nor the new image. */
function mixedServers({ container, oldImage, newImage }: SetBaseline, servers: readonly ServerView[]): string[] {
  const others = servers.filter((server) => {
    const image = containerOf(server.containers, container)?.image;
    return image !== oldImage && image !== newImage;
  });
  return others.map(({ name }) => name);
}

function mixedWarnings(names: readonly string[], oldImage: string): string[] {
  if (names.length === 0) return [];
  return [
    `${counted(names.length, 'server')} ${agreed(names.length, 'runs', 'run')} neither ${oldImage} nor the new image (${names.slice(0, 5).join(', ')}): a rollback brings them to ${oldImage}`,
  ];
}
