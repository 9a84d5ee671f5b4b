import pLimit from 'p-limit';
import { haltSentence } from '../../release/decisions/halt.ts';
import type { FleetSnapshot, Plan } from '../../release/plan/plan.ts';
import type { ReleaseRecord } from '../../release/record/record.ts';
import { readRecords } from '../../release/record/record.ts';
import { maybeNotReloaded, planRollback, rollbackSpec, withoutRecord } from '../../release/plan/rollback-plan.ts';
import type { Ask, ReleaseFile, ReleaseSpec } from '../../release/spec/spec.ts';
import { updatedContainer } from '../../release/spec/spec.ts';
import { askServer } from '../probes/ask-server.ts';
import { cancellation, keepAlive } from '../runtime.ts';
import type { Cluster } from '../ports/cluster.ts';
import type { Releases } from '../ports/releases.ts';
import type { SetRef } from '../../release/fleet/fleet.ts';
import { packPlan } from '../../release/plan/packed-plan.ts';
import type { PackedPlan } from '../../release/plan/packed-plan.ts';

/** Work out the way back from what is written on a set. */
export interface PlanRollbackInput {
  readonly set: SetRef;
  /** The cluster by the name that its workers have. */
  readonly clusterName: string;
  /** How to ask the servers, when the set does not say it. */
  readonly file?: ReleaseFile | undefined;
}

/** The way back, or why there is nothing to do, or why it cannot be done. */
export type PlannedRollback =
  | {
      readonly kind: 'found';
      readonly record: ReleaseRecord;
      readonly plan: PackedPlan;
      /** How to ask, and how long to wait; nothing else of it counts. */
      readonly spec: ReleaseSpec;
    }
  | { readonly kind: 'nothing' | 'refused'; readonly reason: string };

const ASKED_AT_ONCE = 20;

/** Works out the way back from what is written on the set, without Temporal knowing of the release. Writes nothing. */
export function planRollbackActivity(
  cluster: Cluster,
  releases: Releases,
): (input: PlanRollbackInput) => Promise<PlannedRollback> {
  return async ({ set: ref, clusterName, file }) => {
    const [halt] = await releases.haltsOn({ cluster: clusterName, namespace: ref.namespace });
    if (halt) return refused(haltSentence(halt));
    const set = await cluster.readSet(ref, cancellation());
    if (!set)
      return refused(`there is no GameServerSet ${ref.name} in namespace ${ref.namespace} of ${cluster.describe()}`);
    const records = readRecords(set.annotations);
    const { running } = records;
    const without = withoutRecord(records, ref.name);
    if (without || !running) return without ?? refused(`there is no record on ${ref.name}`);
    const alive = await refusalOfHolder(releases, running, `${ref.namespace}/${ref.name}`);
    const asking = askOf(running, file, ref.name);
    if (alive !== undefined) return refused(alive);
    if ('refusal' in asking) return refused(asking.refusal);
    const [{ servers }, gameServers] = await Promise.all([
      cluster.listServers(ref, {}, cancellation()),
      cluster.listGameServers(ref, undefined, cancellation()),
    ]);
    const snapshot = { set, servers, gameServers };
    const plan = planRollback(running, snapshot);
    if ('refusals' in plan) return refused(plan.refusals.join('; '));
    const unproved = await keepAlive(() => notProving(cluster, plan, { snapshot, ask: asking.ask }));
    const patience = file ? { ready: file.spec.ready, paused: file.spec.paused } : {};
    return {
      kind: 'found',
      record: running,
      plan: packPlan({ ...plan, unproved }),
      spec: rollbackSpec(plan, asking.ask, patience),
    };
  };
}

const refused = (reason: string): PlannedRollback => ({ kind: 'refused', reason });

async function refusalOfHolder(
  releases: Releases,
  { holder, release, heldAt }: ReleaseRecord,
  set: string,
): Promise<string | undefined> {
  if (!holder || heldAt !== undefined || (await releases.isRunning(holder)) !== true) return undefined;
  return `Temporal has not lost ${release}: workflow ${holder.workflowId} runs. hotwave rollback ${set} --cluster ${holder.workflowId.split('/')[1] ?? ''} rolls it back`;
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

/** Who is on the old image and does not prove the old version is made to load it again, like those that move. */
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
