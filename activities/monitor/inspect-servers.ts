import type { ServerView, SetRef } from '../../release/fleet/fleet.ts';
import type { MonitorFinding } from '../../release/monitor/monitor.ts';
import { monitorEnd, overridesOf } from '../../release/monitor/monitor-watch.ts';
import type { AuditFrame, AuditRow } from '../../release/audit/audit.ts';
import { auditRow } from '../../release/audit/audit.ts';
import { containerOf } from '../../release/fleet/fleet.ts';
import { isSent } from '../../release/checks/reload.ts';
import type { Ask } from '../../release/spec/spec.ts';
import { measureOf } from '../../release/audit/expectation.ts';
import { askUntilRight } from '../probes/ask-server.ts';
import { onEachServer } from '../servers/for-each-server.ts';
import type { HeardServer } from '../probes/hear-server.ts';
import { hearBoth } from '../probes/hear-server.ts';
import { reloadServer } from '../probes/reload-servers.ts';
import { cancellation } from '../runtime.ts';
import type { Sets } from '../ports/set.ts';
import type { Servers } from '../ports/servers.ts';
import type { GameServers } from '../ports/game-servers.ts';
import type { Probes } from '../ports/probes.ts';
import type { LastRelease } from '../../release/record/record.ts';

/** Look at servers of a guarded set that may have lost their version, and make those reload that may. */
export interface InspectServersInput {
  readonly set: SetRef;
  readonly last: LastRelease;
  readonly servers: readonly { readonly server: string; readonly mayReload: boolean }[];
}

/** The findings, or why there is nothing more to watch. */
export interface Inspection {
  readonly ended?: string;
  readonly findings: readonly MonitorFinding[];
}

const VERSION = '{{version}}';
const ONE_AT_A_TIME = { total: 1, perNode: 1 };

/**
 * Looks at servers of a guarded set one by one: do they prove what they should? An engine that has the right files on
 * its disk and another version loaded is made to reload, which is all that is ever repaired. Safe to repeat: an engine
 * is asked before it is told anything.
 */
export function inspectServers(
  cluster: Sets & Servers & GameServers & Probes,
): (input: InspectServersInput) => Promise<Inspection> {
  return async ({ set: ref, last, servers: wanted }) => {
    const names = wanted.map(({ server }) => server);
    const set = await cluster.readSet(ref, cancellation());
    const ended = monitorEnd({ set }, last);
    const measure = measureOf({ last, unreadable: [] }, undefined, undefined);
    if (ended !== undefined || !set || !measure) return { ended: ended ?? 'there is nothing to watch', findings: [] };
    const [{ servers }, gameServers] = await Promise.all([
      cluster.listServers(ref, { names }, cancellation()),
      cluster.listGameServers(ref, names, cancellation()),
    ]);
    const templateImage = containerOf(set.containers, last.container)?.image ?? '';
    const containers = set.containers.map(({ name }) => name);
    const frame: AuditFrame = { set: ref, replicas: set.replicas, templateImage, containers, ...measure, notes: [] };
    const inspector = new Inspector(cluster, frame, overridesOf({ gameServers }, last.container));
    const mayReload = new Map(wanted.map((entry) => [entry.server, entry.mayReload]));
    const { ask } = 'ask' in last.how ? last.how : { ask: undefined };
    const found = await onEachServer(servers, { concurrency: ask?.concurrency ?? ONE_AT_A_TIME }, (server) =>
      inspector.inspect(server, ask, mayReload.get(server.name) ?? false),
    );
    return { findings: names.map((name) => found.get(name) ?? inspector.missing(name)) };
  };
}

class Inspector {
  readonly #cluster: Sets & Servers & GameServers & Probes;
  readonly #frame: AuditFrame;
  readonly #overrides: Readonly<Record<string, string>>;

  constructor(
    cluster: Sets & Servers & GameServers & Probes,
    frame: AuditFrame,
    overrides: Readonly<Record<string, string>>,
  ) {
    this.#cluster = cluster;
    this.#frame = frame;
    this.#overrides = overrides;
  }

  missing(name: string): MonitorFinding {
    return findingOf(auditRow(this.#frame, { name }), false);
  }

  async inspect(server: ServerView, ask: Ask | undefined, mayReload: boolean): Promise<MonitorFinding> {
    const first = await this.#look(server, ask);
    if (!ask || first.row.mismatch !== 'not loaded') return findingOf(first.row, false);
    const obstacle = obstacleTo(ask, first.heard);
    if (obstacle !== undefined) return findingOf(withReason(first.row, obstacle), false);
    if (!mayReload) return findingOf(first.row, false);
    const problem = await this.#reload(server, ask, first.row.wanted);
    const { row } = await this.#look((await this.#fresh(server)) ?? server, ask);
    return findingOf(problem === undefined || row.proves ? row : withReason(row, problem), true);
  }

  async #look(
    server: ServerView,
    ask: Ask | undefined,
  ): Promise<{ readonly row: AuditRow; readonly heard: HeardServer }> {
    const override = this.#overrides[server.name];
    const found = { name: server.name, pod: server, override };
    const { wanted: version } = auditRow(this.#frame, found);
    const { set } = this.#frame;
    const heard = ask ? await hearBoth({ cluster: this.#cluster, set, server, version }, ask) : {};
    return { row: auditRow(this.#frame, { ...found, ...heard }), heard };
  }

  /** Undefined when the reload was said to work and the engine proves the version. */
  async #reload(server: ServerView, { reload, proof }: Ask, version: string): Promise<string | undefined> {
    const { namespace } = this.#frame.set;
    const question = { cluster: this.#cluster, namespace, server, version, signal: cancellation() };
    const problem = await reloadServer(question, { reload, proof });
    return problem ?? (await askUntilRight(question, proof, VERSION))?.reason;
  }

  async #fresh({ name }: ServerView): Promise<ServerView | undefined> {
    const { servers } = await this.#cluster.listServers(this.#frame.set, { names: [name] }, cancellation());
    return servers[0];
  }
}

/** Why an engine with the wrong version is not made to reload, or undefined. */
function obstacleTo({ content, reload }: Ask, { files }: HeardServer): string | undefined {
  if (!isSent(reload)) return 'its engine reloads by itself, and hotwave cannot make it';
  if (!content) return 'without a content check in the release file hotwave does not make it reload';
  if (files?.kind !== 'right') return `its files are not known to be right: ${files?.reason ?? ''}`;
  return undefined;
}

function withReason(row: AuditRow, more: string): AuditRow {
  return { ...row, reason: `${row.reason}; ${more}` };
}

function findingOf(row: AuditRow, reloaded: boolean): MonitorFinding {
  const { server, proves, mismatch, reason, wanted, loaded } = row;
  return { server, proves, mismatch, reason, wanted, loaded, reloaded };
}
