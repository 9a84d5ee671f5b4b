import type { GameServerSetView, GameServerView, ServerView, SetRef } from '../fleet/fleet.ts';
import { isServing } from '../fleet/fleet.ts';
import { priorityValue } from '../fleet/order.ts';
import { readRecords } from '../record/record.ts';
import type { LastRelease, ReleaseRecord, Records } from '../record/record.ts';
import type { Ask } from '../spec/spec.ts';
import { readTemplate } from './read-template.ts';
import type { ContainerDescription } from './read-template.ts';

/** Everything about a live set that can be seen, to write a release file from it. */
export interface SetDescription {
  readonly set: SetRef;
  /** How many servers it is to have, how many have a pod, and how many of those serve. */
  readonly replicas: number;
  readonly servers: number;
  readonly serving: number;
  /** `spec.updateStrategy.type`, and how pods are updated; as the API server fills them in. */
  readonly updateType: 'RollingUpdate' | 'OnDelete';
  readonly podUpdatePolicy: string;
  readonly containers: readonly ContainerDescription[];
  /** Init containers are not updated in place. */
  readonly initContainers: readonly string[];
  /** The engine: as an annotation of the template says, else the only container with ports, else the first. */
  readonly main: string;
  /** Names of service qualities, each with what its script may print; nothing for one that says yes or no. */
  readonly serviceQualities: readonly { readonly name: string; readonly results: readonly string[] }[];
  /** How many GameServers are in each opsState, by name. */
  readonly opsStates: Readonly<Record<string, number>>;
  /** How many different updatePriorities people have given. */
  readonly priorities: number;
  /** The last release, as its record on the set says. */
  readonly earlier?: EarlierRelease | undefined;
}

/** A release that has left its record on the set. */
export interface EarlierRelease {
  readonly release: string;
  readonly container: string;
  /** How it asked servers; absent where its record does not say. */
  readonly ask?: Ask | undefined;
  /** By image, the versions that the records know. */
  readonly versions: Readonly<Record<string, string>>;
}

/** The live set as a description is made from it. */
export interface SeenSet {
  readonly set: GameServerSetView;
  readonly servers: readonly ServerView[];
  readonly gameServers: readonly GameServerView[];
}

/** The description of a set. */
export function describeSet({ set, servers, gameServers }: SeenSet): SetDescription {
  const { ref, replicas, updateStrategy, initContainers, serviceQualities = [], qualityResults = {} } = set;
  const { containers, defaultContainer } = readTemplate(set.template);
  const { type, rollingUpdate } = updateStrategy;
  const earlier = earlierRelease(readRecords(set.annotations));
  return {
    set: ref,
    replicas,
    servers: servers.length,
    serving: servers.filter(isServing).length,
    // OpenKruiseGame v1.0.0 takes a strategy for a rolling update as soon as there is a `rollingUpdate`.
    updateType: type === 'OnDelete' && !rollingUpdate ? 'OnDelete' : 'RollingUpdate',
    podUpdatePolicy: rollingUpdate?.podUpdatePolicy ?? 'ReCreate',
    containers,
    initContainers,
    main: mainOf(containers, defaultContainer),
    serviceQualities: serviceQualities.map((name) => ({ name, results: qualityResults[name] ?? [] })),
    opsStates: counted(gameServers.map(({ opsState }) => opsState || 'None')),
    priorities: new Set(gameServers.map(({ updatePriority }) => priorityValue(String(updatePriority)))).size,
    ...(earlier ? { earlier } : {}),
  };
}

function mainOf(containers: readonly ContainerDescription[], annotated: string | undefined): string {
  const named = containers.find(({ name }) => name === annotated);
  const listening = containers.filter(({ ports }) => ports.length > 0);
  return (named ?? (listening.length === 1 ? listening[0] : containers[0]))?.name ?? '';
}

function counted(names: readonly string[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const name of names) counts[name] = (counts[name] ?? 0) + 1;
  return counts;
}

function earlierRelease({ running, last, stable }: Records): EarlierRelease | undefined {
  const record = running ?? last;
  if (!record) return undefined;
  const { release, container, how } = record;
  const ofStable = stable?.container === container ? [[stable.image, stable.version] as const] : [];
  return {
    release,
    container,
    ...('ask' in how ? { ask: how.ask } : {}),
    versions: Object.fromEntries([...versionsOf(record), ...ofStable]),
  };
}

function versionsOf(record: ReleaseRecord | LastRelease): (readonly [image: string, version: string])[] {
  if ('outcome' in record)
    return [
      [record.previousImage, record.previousVersion],
      [record.image, record.version],
    ];
  return [
    [record.oldImage, record.oldVersion],
    [record.newImage, record.newVersion],
  ];
}
