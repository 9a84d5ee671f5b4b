import { TO_FILL_IN, commandLine, setWords } from '../../release/narrate/shell.ts';
import { haltSentence, holdsSet, pointInTime, unhaltOnlyCommand } from '../../release/decisions/halt.ts';
import type { Holder, ReleaseRecord } from '../../release/record/record.ts';
import { readRecords } from '../../release/record/record.ts';
import type { Finding, Preflight } from './preflight-check.ts';
import { ok, refused, warning } from './preflight-check.ts';

/** While the releases are halted nothing starts. A release that starts at the same moment is stopped by the halt itself. */
export async function checkHalt({ releases, clusterName, ref }: Preflight): Promise<Finding> {
  if (clusterName === undefined) return ok('not asked');
  const halts = await releases.haltsOn({ cluster: clusterName, namespace: ref.namespace });
  const subject = { cluster: clusterName, set: ref };
  const halt = halts.find((one) => holdsSet(one, subject));
  if (halt) return refused(`${haltSentence(halt)}, ${unhaltOnlyCommand(subject)} only this set`);
  return ok(halts.length === 0 ? 'no halt holds it' : 'a halt holds others, but not this set');
}

/**
 * Temporal lets one release run on a set only where all agree on its name and on the Temporal. The holder of the set,
 * by another name, or from another Temporal, has left its record on the set.
 */
export async function checkHolder({ releases, set, ref, clusterName, takeover }: Preflight): Promise<Finding> {
  const { running } = readRecords(set?.annotations);
  if (!running) return ok('no release is under way');
  const { release, leftAt, holder } = running;
  if (leftAt !== undefined)
    return ok(`${release} was left half-way ${pointInTime(leftAt)}; this release goes on from there`);
  if (!holder) return ok(`${release} is under way or was left half-way; this release goes on from there`);
  const runs = await releases.isRunning(holder);
  if (runs === false) return ok(`${release} was ended from outside; this release goes on from what it left`);
  if (runs === true) {
    const cluster = clusterOf(holder);
    // By its own name a start is kept off by Temporal itself: then this is only a plan.
    if (cluster === clusterName) return warning(`${release} runs on it now: a start has to wait for its end`);
    return refused(
      `${describeRunning(running)} under the cluster name ${cluster}: see ${commandLine('status', ...setWords({ set: ref, cluster }))}, and give the workers of one cluster one name`,
    );
  }
  if (takeover) return warning(`${takeover.actor} takes over from ${release}: ${takeover.reason}`);
  return refused(
    `${describeRunning(running)}, by another Temporal (${describeHolder(holder)}), which cannot be asked from here. End it there; or, if it is known to be dead, ${commandLine('rollback', '--from-cluster', ...setWords({ set: ref, cluster: clusterName ?? 'default' }), '--reason', TO_FILL_IN)} brings the old version back, and hotwave start --takeover "how you know" goes on from what it left`,
  );
}

function describeRunning({ release, startedAt }: ReleaseRecord): string {
  return `the set says that release ${release} runs on it since ${pointInTime(startedAt)}`;
}

function describeHolder({ namespace, temporal, workflowId }: Holder): string {
  const id = temporal === '' ? '' : ` with id ${temporal}`;
  return `namespace ${namespace}${id}, workflow ${workflowId}`;
}

/** `hotwave/eu/arena/duel` -> `eu`. */
function clusterOf({ workflowId }: Holder): string {
  return workflowId.split('/')[1] ?? '';
}
