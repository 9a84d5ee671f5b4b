import type { GameServerSetView, GameServerView, ServerView } from '../fleet/fleet.ts';
import { containerOf } from '../fleet/fleet.ts';
import { hashOf } from '../fleet/hash.ts';
import type { LastRelease } from '../record/record.ts';
import { readRecords } from '../record/record.ts';

/** One look at everything that a monitor keeps an eye on. `set` is undefined when it does not exist any more. */
export interface MonitorLook {
  readonly set: GameServerSetView | undefined;
  readonly servers: readonly ServerView[];
  readonly gameServers: readonly GameServerView[];
}

/**
 * A monitor's memory of its last look, small enough to be passed on for thousands of servers. A server is
 * `uid restarts:container restarts:container ...`, shortened, its containers in the order of `containers`.
 */
export interface MonitorMemory {
  readonly containers: readonly string[];
  readonly servers: Readonly<Record<string, string>>;
  /** Servers that have lost their pod of late, and when that was seen, in milliseconds since the epoch. */
  readonly gone?: Readonly<Record<string, number>>;
  readonly template: string;
  readonly strategy: string;
  readonly overrides: Readonly<Record<string, string>>;
}

/** Something that has changed between two looks. */
export interface MonitorChange {
  readonly kind: 'crashed' | 'restarted' | 'recreated' | 'appeared' | 'gone' | 'notProved' | 'edited';
  /** Absent when it is about the set. */
  readonly server?: string;
  /** For people, without the server's name. */
  readonly text: string;
}

/** Most changes of one report; what is beyond is not remembered either, so that the next look reports it. */
const MOST_CHANGES = 1_000;

/**
 * Between the pod that is deleted and the one that takes its name a look may find none, for as long as a node takes to be
 * found. A server that is back within this time was recreated; one that comes later is new.
 */
const RECREATED_WITHIN_MS = 5 * 60_000;

/** Why there is nothing more to watch, or undefined: the set is gone, or another release has begun or ended on it. */
export function monitorEnd({ set }: Pick<MonitorLook, 'set'>, guarded: LastRelease): string | undefined {
  if (!set || set.deleting) return 'the GameServerSet is deleted';
  const { running, last } = readRecords(set.annotations);
  if (running) return `release ${running.release} has begun`;
  if (!last || last.finishedAt <= guarded.finishedAt) return undefined;
  return `release ${last.release} has ended meanwhile (${last.outcome})`;
}

/** The memory of a look. */
export function memoryOf(look: MonitorLook, container: string): MonitorMemory {
  // Those of the template: what others put into pods comes and goes as they like.
  const containers = (look.set?.containers ?? []).map(({ name }) => name).sort();
  return {
    containers,
    servers: Object.fromEntries(look.servers.map((server) => [server.name, markOf(server, containers)])),
    template: templateOf(look, container),
    strategy: hashOf(look.set?.updateStrategy ?? {}),
    overrides: overridesOf(look, container),
  };
}

function templateOf({ set }: MonitorLook, container: string): string {
  return containerOf(set?.containers ?? [], container)?.image ?? '';
}

/** Images of GameServers that win over the template, by server. */
export function overridesOf(
  { gameServers }: Pick<MonitorLook, 'gameServers'>,
  container: string,
): Record<string, string> {
  const found = gameServers.flatMap(({ name, imageOverrides }) => {
    const image = imageOverrides[container];
    return image === undefined ? [] : [[name, image] as const];
  });
  return Object.fromEntries(found);
}

const UID_LENGTH = 8;
const ID_LENGTH = 6;

/** Changes when the pod or one of its containers is another one than before. */
function markOf({ uid, containers }: ServerView, names: readonly string[]): string {
  const runs = names.map((name) => {
    const status = containerOf(containers, name)?.status;
    return status ? `${status.restartCount}:${status.containerId.slice(-ID_LENGTH)}` : '-';
  });
  return [uid.slice(0, UID_LENGTH), ...runs].join(' ');
}

/** The changes since the memory, and what to remember from now on; `at` is the time of the look. */
export function changesSince(
  memory: MonitorMemory,
  look: MonitorLook,
  container: string,
  at: number,
): { readonly changes: readonly MonitorChange[]; readonly memory: MonitorMemory } {
  const now = memoryOf(look, container);
  const pods = new Map(look.servers.map((server) => [server.name, server]));
  const changed = [...new Set([...Object.keys(now.servers), ...Object.keys(memory.servers)])].filter(
    (name) => now.servers[name] !== memory.servers[name],
  );
  const reported = changed.flatMap((name) => serverChange({ name, memory, now, pod: pods.get(name), container, at }));
  const shown = reported.slice(0, MOST_CHANGES);
  return {
    changes: [...editsOf(memory, now, look, container), ...shown],
    memory: {
      ...now,
      servers: { ...now.servers, ...remembered(memory, reported.slice(MOST_CHANGES)) },
      ...goneOfLate(memory, now, shown, at),
    },
  };
}

function goneOfLate(
  before: MonitorMemory,
  { servers }: MonitorMemory,
  shown: readonly MonitorChange[],
  at: number,
): Pick<MonitorMemory, 'gone'> {
  const known = Object.entries(before.gone ?? {}).filter(([name]) => servers[name] === undefined);
  const newly = shown.flatMap(({ kind, server = '' }) => (kind === 'gone' ? [[server, at] as const] : []));
  const late = [...known, ...newly].filter(([, since]) => at - since < RECREATED_WITHIN_MS);
  return late.length === 0 ? {} : { gone: Object.fromEntries(late) };
}

/** Servers whose change was not reported stay as they were remembered. */
function remembered({ servers }: MonitorMemory, unreported: readonly MonitorChange[]): Record<string, string> {
  return Object.fromEntries(unreported.map(({ server = '' }) => [server, servers[server] ?? '']));
}

interface Comparison {
  readonly name: string;
  readonly memory: MonitorMemory;
  readonly now: MonitorMemory;
  readonly pod: ServerView | undefined;
  readonly container: string;
  readonly at: number;
}

function serverChange({ name, memory, now, pod, container, at }: Comparison): MonitorChange[] {
  const before = memory.servers[name] ?? '';
  const after = now.servers[name] ?? '';
  if (!pod || after === '') return [{ kind: 'gone', server: name, text: 'it has no pod any more' }];
  const recreated = { kind: 'recreated', server: name, text: 'its pod was recreated' } as const;
  if (before === '')
    return at - (memory.gone?.[name] ?? -Infinity) < RECREATED_WITHIN_MS
      ? [recreated]
      : [{ kind: 'appeared', server: name, text: 'it is new' }];
  const [uidBefore, ...runsBefore] = before.split(' ');
  const [uidNow, ...runsNow] = after.split(' ');
  if (uidBefore !== uidNow) return [recreated];
  const restarted = now.containers.filter((entry, index) =>
    isAnotherRun(runsBefore[memory.containers.indexOf(entry)], runsNow[index]),
  );
  if (restarted.length === 0) return [];
  const kind = restarted.some((entry) => entry !== container) ? 'restarted' : 'crashed';
  return [{ kind, server: name, text: restarted.map((entry) => describeRun(pod, entry)).join(', ') }];
}

/** The first start of a container that had not started at the last look is no restart. */
function isAnotherRun(before: string | undefined, now: string | undefined): boolean {
  const hadRun = before !== undefined && before !== '-' && before !== '0:';
  return hadRun && before !== now;
}

function describeRun({ containers }: ServerView, name: string): string {
  const status = containerOf(containers, name)?.status;
  const state = status?.state === 'running' ? '' : `, now ${status?.reason ?? status?.state ?? 'unknown'}`;
  return `container ${name} was started again (restart count ${status?.restartCount ?? 0}${state})`;
}

const CONTAINERS = '/spec/gameServerTemplate/spec/containers';

function editsOf(before: MonitorMemory, now: MonitorMemory, look: MonitorLook, container: string): MonitorChange[] {
  const { set, gameServers } = look;
  if (!set) return [];
  const index = set.containers.findIndex(({ name }) => name === container);
  const by = (manager: string | undefined): string => (manager === undefined ? '' : ` by ${manager}`);
  const edited = (text: string, server?: string): MonitorChange => ({
    kind: 'edited',
    text,
    ...(server === undefined ? {} : { server }),
  });
  const ofSet = [
    ...(before.template === now.template
      ? []
      : [
          edited(
            `the template's image of ${container} was changed to ${now.template || 'nothing'}${by(set.lastWriters[`${CONTAINERS}/${index}/image`])}`,
          ),
        ]),
    ...(before.strategy === now.strategy
      ? []
      : [edited(`updateStrategy was changed${by(set.lastWriters['/spec/updateStrategy'])}`)]),
  ];
  const names = [...new Set([...Object.keys(before.overrides), ...Object.keys(now.overrides)])];
  const ofServers = names
    .filter((name) => before.overrides[name] !== now.overrides[name])
    .map((name) => {
      const manager = gameServers.find((gameServer) => gameServer.name === name)?.overriddenBy;
      const image = now.overrides[name];
      return image === undefined
        ? edited('its image override was taken away', name)
        : edited(`its GameServer was given image ${image}${by(manager)}`, name);
    });
  return [...ofSet, ...ofServers];
}
