import type { ServerView } from '../../release/fleet/fleet.ts';
import { containerOf } from '../../release/fleet/fleet.ts';
import { basisOf, packBases } from '../../release/fleet/basis.ts';
import type { Basis } from '../../release/fleet/basis.ts';
import { plannedServer } from '../../release/plan/plan.ts';
import type { PlannedServer } from '../../release/plan/plan.ts';
import type { Objection } from '../../release/checks/probe.ts';
import type { ServerFailure } from '../../release/checks/server.ts';
import type { Probe } from '../../release/spec/spec.ts';
import type { StepReport } from '../../release/checks/verdict.ts';
import { mergeReports, stepReport } from '../../release/checks/verdict.ts';
import { askUntilRight } from './ask-server.ts';
import { AnswersSoFar } from '../servers/answers-so-far.ts';
import type { ServerStep } from '../servers/for-each-server.ts';
import { forEachServer } from '../servers/for-each-server.ts';
import { FreshServers } from '../servers/fresh-servers.ts';
import type { Question } from './question.ts';
import { cancellation, heartbeat, keepAlive, pause } from '../runtime.ts';
import { sampleUntilRight } from './sample-metrics.ts';
import type { Cluster } from '../ports/cluster.ts';
import type { Metrics } from '../ports/metrics.ts';
import type { ServersInput } from '../servers/servers-input.ts';
import { unpackServers } from '../../release/fleet/server-rows.ts';

/** Ask servers by probes until they answer right. */
export interface CheckServersInput extends ServersInput {
  readonly kind: 'content' | 'version' | 'health';
  readonly probes: readonly Probe[];
  readonly version: string;
  /** The container whose image the release changes: then the answer says what each proof holds for. */
  readonly container?: string | undefined;
  /** Servers that have not been updated: a metric of the batch is shown beside theirs. At most 250. Default none. */
  readonly control?: readonly string[];
}

/** The answers of servers. */
export interface CheckReport extends StepReport {
  /** The basis of each server's right answer, see `packBases`. */
  readonly bases?: string;
}

/** Sample health until the bake is over. */
export interface BakeWaveInput extends CheckServersInput {
  /** Milliseconds since the epoch. */
  readonly until: number;
}

/** The expected answer of a probe when the release file names none: versions echo, health only succeeds. */
const EXPECTED = { content: '{{version}}', version: '{{version}}', health: undefined } as const;

/** Asks every server of a batch until it answers right or its patience is over, and about the batch as a whole. */
export function checkServers(
  cluster: Cluster,
  metrics: Metrics | undefined,
): (input: CheckServersInput) => Promise<CheckReport> {
  return async (input) => {
    const [servers, group] = await Promise.all([checkEach(cluster, input), checkGroup(metrics, input)]);
    return { ...mergeReports([servers, group]), ...(servers.bases === undefined ? {} : { bases: servers.bases }) };
  };
}

async function checkEach(cluster: Cluster, input: CheckServersInput): Promise<CheckReport> {
  const probes = input.probes.filter(({ prometheus }) => prometheus === undefined);
  const { set, version } = input;
  const signal = cancellation();
  const fresh = new FreshServers(cluster, set, signal);
  const observed: string[] = [];
  const bases: Basis[] = [];
  const soFar = new AnswersSoFar(unpackServers(set, input.servers).length);
  const step: ServerStep = async (server, planned) => {
    const lookAgain = (): Promise<ServerView | undefined> => fresh.read(server.name);
    const objected = (reason: string): void => soFar.object(server.name, reason);
    const question = { cluster, namespace: set.namespace, server, planned, version, signal, lookAgain, objected };
    for (const probe of probes) {
      const objection = await askUntilRight(question, probe, EXPECTED[input.kind]);
      if (objection === undefined) continue;
      if (probe.mode !== 'observe') return failureOf(input.kind, objection);
      observed.push(`${server.name}: ${objection.reason}`);
    }
    // As the server was listed before it was asked: a container that has restarted since shows at the next look.
    if (input.container !== undefined) bases.push(basisFor(server, planned, input.container));
    soFar.accept(server.name);
    return undefined;
  };
  const report = await forEachServer(cluster, input, step, soFar.cursor);
  const checked = stepReport(report.passed, report.failures, observed);
  return {
    ...checked,
    moreFailed: [...checked.moreFailed, ...report.moreFailed],
    ...(report.moreClasses ? { moreClasses: report.moreClasses } : {}),
    ...(input.container === undefined ? {} : { bases: packBases(bases) }),
  };
}

function basisFor(server: ServerView, planned: PlannedServer, container: string): Basis {
  const image = containerOf(server.containers, container)?.image ?? '';
  const basis = basisOf(plannedServer(server, Object.keys(planned.containers)), image);
  return { ordinal: server.ordinal, basis };
}

/** Asks one server about its files until the answer is right or the probe's patience is over. */
export async function checkContent(
  question: Question,
  probe: Probe,
): Promise<Omit<ServerFailure, 'server'> | undefined> {
  const objection = await askUntilRight(question, probe, EXPECTED.content);
  return objection && failureOf('content', objection);
}

/** Only a health check may end in "not known": files and versions that nobody shows are not there. */
function failureOf(kind: CheckServersInput['kind'], { reason, unknown }: Objection): Omit<ServerFailure, 'server'> {
  return { class: kind === 'health' && unknown ? 'healthUnknown' : kind, reason };
}

/** A value that is measured over the batch as a whole: no server of its own is to blame. */
async function checkGroup(metrics: Metrics | undefined, input: CheckServersInput): Promise<StepReport> {
  const servers = unpackServers(input.set, input.servers).map(({ name }) => name);
  const { set, version, control = [] } = input;
  const question = { metrics, set, version, servers, control, signal: cancellation() };
  const check = async ({ prometheus, mode }: Probe): Promise<StepReport> => {
    const objection = prometheus && (await sampleUntilRight(question, prometheus));
    if (objection === undefined) return mergeReports([]);
    if (mode === 'observe') return stepReport(0, [], [objection.reason]);
    const failureClass = objection.unknown ? 'healthUnknown' : 'metric';
    return stepReport(0, [{ server: nameOf(servers), class: failureClass, reason: objection.reason }]);
  };
  return mergeReports(await keepAlive(() => Promise.all(input.probes.map(check))));
}

/** `duel-3 and 11 more`: a group of servers in a table of servers. */
function nameOf([first = '', ...others]: readonly string[]): string {
  return others.length === 0 ? first : `${first} and ${others.length} more`;
}

/** How often health is sampled during a bake. */
const SAMPLE_MS = 5_000;

/** Samples health until the bake is over; ends early when a server fails. */
export function bakeWave(
  cluster: Cluster,
  metrics: Metrics | undefined,
): (input: BakeWaveInput) => Promise<StepReport> {
  const check = checkServers(cluster, metrics);
  return async (input) => {
    for (;;) {
      const report = input.probes.length > 0 ? await check(input) : mergeReports([]);
      const left = input.until - Date.now();
      if (report.failures.length > 0 || left <= 0) return report;
      heartbeat();
      await pause(Math.min(SAMPLE_MS, left));
    }
  };
}
