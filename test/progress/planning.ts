import { isPlan } from '../../release/plan/plan.ts';
import type { Plan, PlannedServer } from '../../release/plan/plan.ts';
import { planRelease } from '../../release/plan/plan-release.ts';
import { apply } from '../../release/progress/apply.ts';
import { initialState, withPlan } from '../../release/progress/state.ts';
import { initialProgress } from '../../release/progress/table.ts';
import type { Release } from '../../release/progress/table.ts';
import type { ReleaseSpec } from '../../release/spec/spec.ts';
import { imageTag } from '../../release/spec/image-reference.ts';
import { aRelease, aTargetedRelease } from '../support/a-release.ts';
import {
  MAIN,
  MAIN_IMAGE,
  NEW_IMAGE,
  OLD_IMAGE,
  SET,
  SIDECAR,
  USER_STRATEGY,
  aGameServer,
  aServer,
  aSet,
} from '../support/builders.ts';
import { SimulatedCluster, nameOf } from './simulated-cluster.ts';
import type { Found, Left } from './simulated-cluster.ts';
import type { Earlier, Story } from './story.ts';

/** An image that is neither the old nor the new one. */
export const OTHER_IMAGE = 'registry.test/scripts:9.9';
/** The numbers of the chosen servers of a targeted release. */
const CHOSEN = [1, 2, 4, 5, 7];

/** The cluster of a story as the release finds it. */
export function clusterOf(story: Story): SimulatedCluster {
  const faults = new Map(story.faults.map(([ordinal, fault]) => [nameOf(ordinal), fault]));
  return new SimulatedCluster(story.size, { ...foundBy(story), oldImage: OLD_IMAGE, newImage: NEW_IMAGE, faults });
}

/** The state that the earlier release has left. Chosen servers of several images are no start of a targeted release. */
function foundBy({ earlier, strategy, size }: Story): Pick<Found, 'image' | 'strategy' | 'left'> {
  const kind = strategy === 'targeted' && earlier.kind === 'another' ? 'nothing' : earlier.kind;
  const count = Math.min(size, earlier.servers.length);
  const highest = Array.from({ length: count }, (_, index) => size - 1 - index);
  switch (kind) {
    case 'nothing':
      return { image: OLD_IMAGE, strategy: USER_STRATEGY, left: new Map() };
    case 'overrides': {
      const of = { template: OLD_IMAGE, image: NEW_IMAGE, override: NEW_IMAGE };
      return { image: OLD_IMAGE, strategy: USER_STRATEGY, left: leftOn(earlier.servers, earlier, of) };
    }
    case 'halfWay': {
      const held = { ...USER_STRATEGY.rollingUpdate, partition: size - count };
      const of = { template: NEW_IMAGE, image: NEW_IMAGE, override: undefined };
      return {
        image: NEW_IMAGE,
        strategy: { type: 'RollingUpdate', rollingUpdate: held },
        left: leftOn(highest, earlier, of),
      };
    }
    case 'another': {
      const of = { template: OTHER_IMAGE, image: OTHER_IMAGE, override: undefined };
      return {
        image: OTHER_IMAGE,
        strategy: { type: 'OnDelete' },
        left: leftOn(highest, { notLoaded: [] }, of),
      };
    }
  }
}

function leftOn(
  ordinals: readonly number[],
  { notLoaded }: Pick<Earlier, 'notLoaded'>,
  of: Omit<Left, 'loaded'>,
): ReadonlyMap<number, Left> {
  return new Map(
    ordinals.map((ordinal) => [
      ordinal,
      { ...of, loaded: imageTag(notLoaded.includes(ordinal) ? OLD_IMAGE : of.image) },
    ]),
  );
}

const specs = new Map<string, ReleaseSpec>();
const RETRY = { then: 'retry', retries: 1, backoff: '10s' } as const;

/** The release file of a story; the same one for the same wishes. */
export function specOf(story: Story): ReleaseSpec {
  const wishes = wishesOf(story);
  const key = JSON.stringify([story.strategy, story.size, wishes]);
  const known = specs.get(key);
  if (known) return known;
  const { spec } = story.strategy === 'targeted' ? aTargetedRelease(wishes) : aRelease(wishes);
  if (specs.size > 10_000) specs.clear();
  specs.set(key, spec);
  return spec;
}

function wishesOf(story: Story): Readonly<Record<string, unknown>> {
  const { strategy } = story;
  const everywhere = {
    onFailure: { then: story.then, tolerate: story.tolerate },
    ...(story.health ? {} : { health: [] }),
    ...(story.content ? {} : { content: undefined }),
    bake: `${story.bakeMs}ms`,
    paused: { timeout: '30d' },
  };
  if (strategy === 'newServersOnly') return { ...everywhere, ...newServersWishes(story) };
  return {
    ...everywhere,
    waves: story.waves,
    // The file may not name a gate behind the last wave.
    gates: story.gates.filter((before) => before <= story.waves.length).map((before) => gateOf(story, before)),
    onFailure: {
      ...everywhere.onFailure,
      keepSpecimens: strategy === 'targeted' ? story.keepSpecimens : 0,
      ...(story.retries ? { classes: { reload: RETRY, version: RETRY, health: RETRY, notReady: RETRY } } : {}),
    },
    ...(story.maxMixedMs === undefined ? {} : { maxMixed: `${story.maxMixedMs}ms`, onMaxMixed: story.onMaxMixed }),
    ...(story.busy === 'nobody'
      ? {}
      : { admission: { busy: { opsState: ['Allocated'] }, wait: '1m', lastWait: '2m', then: story.busy } }),
    ...(strategy === 'targeted' ? chosenOf(story) : {}),
  };
}

function newServersWishes(story: Story): Readonly<Record<string, unknown>> {
  return {
    strategy: 'newServersOnly',
    newServers: { watch: '1h', ...(story.newServers === undefined ? {} : { count: story.newServers }) },
    gates: story.gates.length === 0 ? [] : [gateOf(story, 1)],
  };
}

function chosenOf({ size }: Story): Readonly<Record<string, unknown>> {
  const servers = { servers: CHOSEN.filter((ordinal) => ordinal < size) };
  return { target: { namespace: SET.namespace, gameServerSet: SET.name, servers, allowCascade: true } };
}

function gateOf({ approvals, gateMs, onTimeout }: Story, before: number): object {
  return { before, approvals, timeout: `${gateMs}ms`, onTimeout };
}

/** The release of a story, planned and not begun. */
export function planned(spec: ReleaseSpec, story: Story, cluster: SimulatedCluster, now: number): Release {
  const plan = planOf(spec, cluster);
  const identity = {
    release: 'scripts-2-0',
    cluster: 'c',
    set: SET,
    strategy: story.strategy,
    requester: 'ann',
    image: NEW_IMAGE,
    version: '2.0',
  };
  const release: Release = {
    plan,
    spec,
    state: withPlan(initialState(identity, now), plan),
    progress: initialProgress(plan),
    isOnRecord: false,
    ...(story.freezes > 0 ? { calendar: { reason: undefined } } : {}),
  };
  return hasWork(plan) ? release : apply(release, DONE, now);
}

const DONE = { kind: 'finished', outcome: 'done', reason: 'every server proves 2.0 already' } as const;

/** As the workflow decides it once the plan stands. */
function hasWork({ strategy, waves, adopted, unproved }: Plan): boolean {
  return strategy === 'newServersOnly' || waves.length + adopted.length + unproved.length > 0;
}

function planOf(spec: ReleaseSpec, cluster: SimulatedCluster): Plan {
  const live = [...cluster.servers.values()];
  const containers = [
    { name: MAIN, image: MAIN_IMAGE },
    { name: SIDECAR, image: cluster.image },
  ];
  const result = planRelease(spec, {
    set: aSet({ replicas: live.length, containers, updateStrategy: cluster.strategy }),
    servers: live.map(({ ordinal, image }) => aServer({ ordinal, createdAt: 1, sidecarImage: image })),
    gameServers: live.map(({ ordinal, override }) =>
      aGameServer({ ordinal, createdAt: 1, imageOverrides: override === undefined ? {} : { [SIDECAR]: override } }),
    ),
  });
  if (!isPlan(result)) throw new Error(result.refusals.join('; '));
  const real = (servers: readonly PlannedServer[]): readonly PlannedServer[] =>
    servers.map(({ name }) => cluster.planned(name)!);
  const [alreadyUpdated, adopted] = [real(result.alreadyUpdated), real(result.adopted)];
  const isUnproved = ({ name }: PlannedServer): boolean => cluster.servers.get(name)?.loaded !== result.version;
  return {
    ...result,
    waves: result.waves.map((wave) => ({ ...wave, servers: real(wave.servers) })),
    alreadyUpdated,
    adopted,
    bystanders: real(result.bystanders),
    // As the preflight asks them.
    unproved: [...alreadyUpdated, ...adopted].filter(isUnproved).map(({ name }) => name),
  };
}
