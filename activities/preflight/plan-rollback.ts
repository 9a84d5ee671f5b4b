import { commandLine } from '../../release/narrate/shell.ts';
import pLimit from 'p-limit';
import { haltSentence, holdsSet } from '../../release/decisions/halt.ts';
import type { FleetSnapshot, Plan } from '../../release/plan/plan.ts';
import { asServersRun, pendingImages } from '../../release/plan/pending-template.ts';
import type { SetBaseline } from '../../release/patches/patches.ts';
import type { ReleaseRecord } from '../../release/record/record.ts';
import { failedBefore, readFailedVersions } from '../../release/record/failed-versions.ts';
import { maybeNotReloaded, planRollback, rollbackSpec } from '../../release/plan/rollback-plan.ts';
import type { BackWish } from '../../release/plan/way-back.ts';
import { wayBack } from '../../release/plan/way-back.ts';
import type { Ask, ReleaseFile, ReleaseSpec } from '../../release/spec/spec.ts';
import { updatedContainer } from '../../release/spec/spec.ts';
import { readNamedSet } from './named-set.ts';
import { askServer } from '../probes/ask-server.ts';
import { cancellation, keepAlive } from '../runtime.ts';
import { beginningOfRollback } from '../../release/decisions/canonical.ts';
import type { Vouch } from '../../release/decisions/message.ts';
import type { Weighed } from '../../release/decisions/person.ts';
import { weighedByPolicy } from '../policy/weigh-beginning.ts';
import type { PolicySource } from '../ports/policy.ts';
import type { Cluster } from '../ports/cluster.ts';
import { toldOf } from '../notices/deliver-notice.ts';
import type { Releases } from '../ports/releases.ts';
import type { GameServerSetView, SetRef } from '../../release/fleet/fleet.ts';
import { packPlan } from '../../release/plan/packed-plan.ts';
import type { PackedPlan } from '../../release/plan/packed-plan.ts';

/** Work out the way back from what is written on a set. */
export interface PlanRollbackInput {
  readonly set: SetRef;
  /** The cluster by the name that its workers have. */
  readonly clusterName: string;
  /** How to ask the servers, when the set does not say it. */
  readonly file?: ReleaseFile | undefined;
  /** To another version than the one before. */
  readonly to?: BackWish | undefined;
  /** A person says that the release that holds the set by another Temporal is dead. */
  readonly holderIsDead?: boolean | undefined;
  /** The requester, the reason, and what vouches for that name. */
  readonly requester?: string | undefined;
  readonly reason?: string | undefined;
  readonly vouch?: Vouch | undefined;
}

/** The way back, or why there is nothing to do, or why it cannot be done. */
export type PlannedRollback =
  | {
      readonly kind: 'found';
      /** Somebody is told what people must know of it. */
      readonly sinks?: true;
      readonly record: ReleaseRecord;
      /** This very record is on the set already; else it is to be written before anything moves. */
      readonly isRecorded: boolean;
      readonly plan: PackedPlan;
      /** How to ask, and how long to wait; nothing else of it counts. */
      readonly spec: ReleaseSpec;
      /** The policy of the cluster let it begin, and knows who wants it. */
      readonly weighed?: Extract<Weighed, { readonly person: string }>;
    }
  | { readonly kind: 'nothing' | 'refused'; readonly reason: string };

const ASKED_AT_ONCE = 20;

/** Works out the way back from what is written on the set, without Temporal knowing of the release. Writes nothing. */
export function planRollbackActivity(
  cluster: Cluster,
  releases: Releases,
  policy?: PolicySource,
): (input: PlanRollbackInput) => Promise<PlannedRollback> {
  return async (input) => {
    const { clusterName, requester = 'somebody', vouch } = input;
    const weighed = await weighedByPolicy(policy, {
      beginning: beginningOfRollback({ ...input, cluster: clusterName, requester }),
      vouch,
    });
    if (weighed && 'refusal' in weighed) return refused(weighed.refusal);
    const planned = await plannedRollback(cluster, releases, input);
    if (planned.kind !== 'found') return planned;
    return { ...planned, ...(await toldOf(policy, input.set.namespace)), ...(weighed ? { weighed } : {}) };
  };
}

async function plannedRollback(
  cluster: Cluster,
  releases: Releases,
  { set: ref, clusterName, file, to, holderIsDead = false }: PlanRollbackInput,
): Promise<PlannedRollback> {
  const set = await readNamedSet(cluster, ref);
  if (typeof set === 'string') return refused(set);
  const way = wayBack(set, to);
  if (way.kind !== 'found') return way;
  const { record, isRecorded } = way;
  const alive = await refusalOfHolder(releases, record, { ref, holderIsDead });
  const asking = askOf(record, file, ref.name);
  if (alive !== undefined) return refused(alive);
  if ('refusal' in asking) return refused(asking.refusal);
  const [{ servers }, gameServers] = await Promise.all([
    cluster.listServers(ref, {}, cancellation()),
    cluster.listGameServers(ref, undefined, cancellation()),
  ]);
  const snapshot = { set, servers, gameServers };
  const found = planRollback(way, snapshot);
  if ('refusals' in found) return refused(found.refusals.join('; '));
  const plan = { ...found, baseline: await baselineOfServers(cluster, found, snapshot) };
  const unproved = await keepAlive(() => notProving(cluster, plan, { snapshot, ask: asking.ask }));
  const patience = file ? { ready: file.spec.ready, paused: file.spec.paused } : {};
  return {
    kind: 'found',
    record,
    isRecorded,
    plan: packPlan({
      ...plan,
      unproved,
      warnings: [...plan.warnings, ...(await warningsOf(releases, { set, clusterName, plan }))],
    }),
    spec: rollbackSpec(plan, asking.ask, patience),
  };
}

const refused = (reason: string): PlannedRollback => ({ kind: 'refused', reason });

/**
 * A change that is staged in the template meanwhile comes to no server by a rollback: it goes round the template then.
 */
async function baselineOfServers(cluster: Cluster, plan: Plan, snapshot: FleetSnapshot): Promise<SetBaseline> {
  const { baseline, set, strategy } = plan;
  if (strategy !== 'rolling') return baseline;
  const workload = await cluster.readWorkload(set, cancellation());
  return asServersRun(baseline, pendingImages(snapshot, baseline.container, workload));
}

/** A halt does not hold a rollback that a person asks for: what is taken back may be its cause. */
async function warningsOf(
  releases: Releases,
  { set, clusterName, plan }: { readonly set: GameServerSetView; readonly clusterName: string; readonly plan: Plan },
): Promise<string[]> {
  const halts = (await releases.haltsOn({ cluster: clusterName, namespace: set.ref.namespace })).filter((halt) =>
    holdsSet(halt, { cluster: clusterName, set: set.ref }),
  );
  const failed = failedBefore(readFailedVersions(set.annotations), plan.baseline.oldImage);
  return [
    ...halts.map((halt) => `it goes back in spite of a halt: ${haltSentence(halt)}`),
    ...(failed === undefined ? [] : [failed]),
  ];
}

async function refusalOfHolder(
  releases: Releases,
  { holder, release, leftAt }: ReleaseRecord,
  { ref, holderIsDead }: { readonly ref: SetRef; readonly holderIsDead: boolean },
): Promise<string | undefined> {
  if (!holder || leftAt !== undefined) return undefined;
  const runs = await releases.isRunning(holder);
  const set = `${ref.namespace}/${ref.name}`;
  if (runs === true)
    return `Temporal has not lost ${release}: workflow ${holder.workflowId} runs. ${commandLine('rollback', set, '--cluster', holder.workflowId.split('/')[1] ?? '')} rolls it back`;
  if (runs === false || holderIsDead) return undefined;
  return `${set} says that ${release} runs on it by another Temporal (namespace ${holder.namespace}), which cannot be asked from here. Roll it back there; or, if it is known to be dead, ${commandLine('rollback', set, '--from-cluster')} --reason "how you know"`;
}

/** The release file that a person gives wins over the record. */
function askOf(
  { how, container, release }: ReleaseRecord,
  file: ReleaseFile | undefined,
  name: string,
): { readonly ask: Ask } | { readonly refusal: string } {
  if (file) {
    const { content, reload, proof, concurrency } = file.spec;
    const given = updatedContainer(file.spec).container;
    if (given === container) return { ask: { content, reload, proof, concurrency } };
    return { refusal: `the release file is about container ${given}, ${release} changed ${container}` };
  }
  if ('ask' in how) return how;
  return {
    refusal: `${name} does not say how to ask its servers (${how.noAsk}): give the release file, -f release.yaml`,
  };
}

/** A server on the old image that does not prove its version is made to load it again, like those that move. */
async function notProving(
  cluster: Cluster,
  plan: Plan,
  { snapshot, ask }: { readonly snapshot: FleetSnapshot; readonly ask: Ask },
): Promise<string[]> {
  const { set, previousVersion: version } = plan;
  const signal = cancellation();
  const found = await pLimit(ASKED_AT_ONCE).map(maybeNotReloaded(plan, snapshot.servers), async (server) => {
    const question = { cluster, namespace: set.namespace, server, version, signal };
    return (await askServer(question, ask.proof, '{{version}}')) === undefined ? [] : [server.name];
  });
  return found.flat();
}
