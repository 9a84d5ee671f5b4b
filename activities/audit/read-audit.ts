import type { GameServerSetView, SetRef } from '../../release/fleet/fleet.ts';
import { containerOf } from '../../release/fleet/fleet.ts';
import type { AuditRow, AuditFrame } from '../../release/audit/audit.ts';
import { auditRow } from '../../release/audit/audit.ts';
import type { AuditPage } from '../../release/audit/pages.ts';
import { readRecords } from '../../release/record/record.ts';
import type { Measure } from '../../release/audit/expectation.ts';
import { measureOf, templateLeftBy, wantedOf } from '../../release/audit/expectation.ts';
import { onEachServer } from '../servers/for-each-server.ts';
import { readNamedSet } from '../preflight/named-set.ts';
import { hearBoth } from '../probes/hear-server.ts';
import { cancellation } from '../runtime.ts';
import type { Cluster } from '../ports/cluster.ts';
import type { ReleaseFile } from '../../release/spec/spec.ts';

/** The input of an audit. */
export interface AuditHeadInput {
  readonly set: SetRef;
  /** Measure with this instead of what the set says. */
  readonly file?: ReleaseFile | undefined;
  /** Every server is to prove this instead. */
  readonly version?: string | undefined;
}

/** The common part of the rows of an audit and the list of rows, or why there is no audit. */
export type AuditHead =
  | {
      readonly kind: 'found';
      readonly frame: AuditFrame;
      readonly names: readonly string[];
      /** Images of GameServers that win over the template, by server. */
      readonly overrides: Readonly<Record<string, string>>;
    }
  | { readonly kind: 'refused'; readonly reason: string };

/** Reads what a set says about its last release and which servers it has. Asks no server. */
export function readAuditHead(cluster: Cluster): (input: AuditHeadInput) => Promise<AuditHead> {
  return async ({ set: ref, file, version }) => {
    const set = await readNamedSet(cluster, ref);
    if (typeof set === 'string') return refused(set);
    const records = readRecords(set.annotations);
    const measure = measureOf(records, file, version);
    if (!measure) return refused(nothingRecorded(ref.name, records.unreadable));
    const [{ servers }, gameServers] = await Promise.all([
      cluster.listServers(ref, {}, cancellation()),
      cluster.listGameServers(ref, undefined, cancellation()),
    ]);
    const { container } = measure.expectedVersion;
    const overrides = gameServers.flatMap(({ name, imageOverrides }) => {
      const image = imageOverrides[container];
      return image === undefined ? [] : [[name, image] as const];
    });
    return {
      kind: 'found',
      frame: {
        set: ref,
        replicas: set.replicas,
        templateImage: containerOf(set.containers, container)?.image ?? '',
        containers: set.containers.map(({ name }) => name),
        ...measure,
        notes: [...records.unreadable, ...notesOf(set, measure)],
      },
      names: serversOf(set.replicas, servers, gameServers),
      overrides: Object.fromEntries(overrides),
    };
  };
}

const refused = (reason: string): AuditHead => ({ kind: 'refused', reason });

function nothingRecorded(name: string, unreadable: readonly string[]): string {
  const why = unreadable.length > 0 ? unreadable.join('; ') : `no release of hotwave has ended on ${name} yet`;
  return `${name} does not say how to ask its servers: ${why}. Give a release file: -f release.yaml`;
}

/**
 * The servers that exist, and those that should. A GameServer without a pod is a server that is missing, unless there are as
 * many pods as there should be: then it is left over from a set that was made smaller, and goes by itself.
 */
function serversOf(replicas: number, pods: readonly Named[], gameServers: readonly Named[]): string[] {
  const existing = pods.map(({ name }) => name);
  const others = inOrder(gameServers.map(({ name }) => name)).filter((name) => !existing.includes(name));
  return inOrder([...existing, ...others.slice(0, Math.max(0, replicas - existing.length))]);
}

interface Named {
  readonly name: string;
}

/** A server has the same number at its end as its pod, and numbers sort as numbers. */
function inOrder(names: readonly string[]): string[] {
  return [...new Set(names)].sort((left, right) => left.localeCompare(right, 'en', { numeric: true }));
}

function notesOf(set: GameServerSetView, { expectedVersion, how }: Measure): string[] {
  const { source, release, container, outcome } = expectedVersion;
  const left = templateLeftBy(expectedVersion);
  const index = set.containers.findIndex(({ name }) => name === container);
  const template = set.containers[index]?.image;
  const by = set.lastWriters[`/spec/gameServerTemplate/spec/containers/${index}/image`];
  return [
    ...(outcome === 'running' ? [`release ${release} is under way, or was left half-way`] : []),
    ...(template === undefined ? [`the template has no container ${container}`] : []),
    ...(source === 'last release' && template !== undefined && left !== '' && template !== left
      ? [
          `the template asks for ${template}, which ${release} did not leave there${by === undefined ? '' : ` (by ${by})`}`,
        ]
      : []),
    ...('noAsk' in how ? [`the set does not say how to ask its servers (${how.noAsk}): give -f release.yaml`] : []),
  ];
}

/** Asks a batch of servers, all of them anew, and makes their rows. */
export function readAuditPage(cluster: Cluster): (input: AuditPage) => Promise<readonly AuditRow[]> {
  return async ({ frame, names, overrides }) => {
    const { set, how, expectedVersion } = frame;
    const { servers } = await cluster.listServers(set, { names }, cancellation());
    const ask = 'ask' in how ? how.ask : undefined;
    const heard = await onEachServer(servers, { concurrency: ask?.concurrency ?? ONE_AT_A_TIME }, async (server) => {
      const { version } = wantedOf(expectedVersion, server);
      return ask ? await hearBoth({ cluster, set, server, version }, ask) : {};
    });
    const pods = new Map(servers.map((server) => [server.name, server]));
    return names.map((name) =>
      auditRow(frame, { name, pod: pods.get(name), override: overrides[name], ...heard.get(name) }),
    );
  };
}

const ONE_AT_A_TIME = { total: 1, perNode: 1 };
