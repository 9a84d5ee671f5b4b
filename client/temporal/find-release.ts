import { clusterFlag, shellWord } from '../../release/narrate/shell.ts';
import type { WorkflowExecutionDescription, WorkflowHandle } from '@temporalio/client';
import { WorkflowNotFoundError } from '@temporalio/client';
import { releaseWorkflowId, WORKFLOWS } from '../../workflows/messages.ts';
import type { Temporal } from './connect.ts';
import { EXIT } from '../terminal/exit-codes.ts';
import { ExitError } from '../terminal/exit-error.ts';
import type { Target } from '../decisions/target.ts';
import { readAttributes } from './search-attributes.ts';

/** A release that Temporal knows: one chain of runs of the workflow of a set. */
export interface FoundRelease {
  /** Follows a release that runs from run to run; bound to its last run when it has ended. */
  readonly handle: WorkflowHandle;
  readonly description: WorkflowExecutionDescription;
  readonly cluster: string;
  /** `namespace/name` of the set. */
  readonly set: string;
  /** How the proposed commands name it, ready to be pasted: the set, and the cluster where it is not the usual one. */
  readonly reference: string;
}

/** The latest release on exactly this set; undefined when there never was one. */
export function latestOnSet(
  temporal: Temporal,
  { cluster, namespace, name }: Pick<Target, 'cluster' | 'namespace' | 'name'>,
): Promise<FoundRelease | undefined> {
  return describe(temporal, releaseWorkflowId(cluster, { namespace, name }));
}

/** True while the workflow of a release has not been closed. */
export function isOpen({ description: { status } }: Pick<FoundRelease, 'description'>): boolean {
  return status.name === 'RUNNING' || status.name === 'PAUSED';
}

/** The latest release on a set, or, when the name is of no set, the release of that name; undefined without either. */
export async function findReleaseIfAny(temporal: Temporal, target: Target): Promise<FoundRelease | undefined> {
  return (await latestOnSet(temporal, target)) ?? (target.qualified ? undefined : await findByName(temporal, target));
}

/** The same. @throws ExitError when there is none */
export async function findRelease(temporal: Temporal, target: Target): Promise<FoundRelease> {
  const { cluster, namespace, name } = target;
  const found = await findReleaseIfAny(temporal, target);
  if (found) return found;
  const orRelease = target.qualified ? '' : `, and no release is called ${name}`;
  throw new ExitError(EXIT.unknown, `there is no release on ${namespace}/${name} in cluster ${cluster}${orRelease}`, [
    'hotwave list shows the releases that there are; -n and --cluster say where to look',
  ]);
}

/** A release that says where a set is, and a later start that was refused and changed nothing. */
export interface CountingRelease {
  readonly found: FoundRelease;
  readonly refused?: FoundRelease | undefined;
}

/**
 * The latest release that was not refused: a refused start says nothing about a set. Where there is no other, the refused
 * one is what there is. @throws ExitError when there is none at all
 */
export async function findCountingRelease(temporal: Temporal, target: Target): Promise<CountingRelease> {
  const found = await findRelease(temporal, target);
  const { runId: refusedRun, workflowId } = found.description;
  const isOfSet = found.set === `${target.namespace}/${target.name}`;
  if (!isOfSet || isOpen(found) || readAttributes(found.description).phase !== 'refused') return { found };
  // Visibility is a second old: of the refused one it may not know yet how it ended.
  const query = `WorkflowId = '${workflowId}' AND RunId != '${refusedRun}' AND HotwavePhase != 'refused' AND ${LAST_RUNS}`;
  const runId = await temporal.call(async () => {
    for await (const info of temporal.client.workflow.list({ query, pageSize: 1 })) return info.runId;
    return undefined;
  });
  const before = runId === undefined ? undefined : await describe(temporal, workflowId, runId);
  return before ? { found: before, refused: found } : { found };
}

async function findByName(temporal: Temporal, { cluster, name }: Target): Promise<FoundRelease | undefined> {
  const query = `WorkflowType = '${WORKFLOWS.hotUpdate}' AND HotwaveRelease = '${name}' AND HotwaveCluster = '${cluster}' AND ${LAST_RUNS}`;
  const newest = new Map<string, string>();
  await temporal.call(async () => {
    for await (const { workflowId, runId } of temporal.client.workflow.list({ query, pageSize: 50 })) {
      if (!newest.has(workflowId)) newest.set(workflowId, runId);
      if (newest.size > 5) break;
    }
  });
  const [first, ...others] = newest;
  if (first === undefined) return undefined;
  if (others.length === 0) return describe(temporal, ...first);
  const sets = [...newest.keys()].map((workflowId) => setOf(workflowId));
  throw new ExitError(EXIT.usage, `release ${name} is on more than one set: ${sets.join(', ')}`, [
    'name the set instead, as NAMESPACE/NAME',
  ]);
}

/** A run that went on in the next one is no release of its own. */
export const LAST_RUNS = "ExecutionStatus != 'ContinuedAsNew'";

/** Names the chain of runs that a run belongs to: the first of them. */
export function firstRunOf({ raw, runId }: Pick<WorkflowExecutionDescription, 'raw' | 'runId'>): string {
  const known = raw.workflowExecutionInfo?.firstRunId ?? '';
  return known === '' ? runId : known;
}

/**
 * A client that holds a run of a release that goes on in a next one can neither ask nor tell it anything: of a release
 * that runs no run is held, but an update is taken by its own chain only, so that a later release on the set is not
 * meant by accident.
 */
function handleOf({ client }: Temporal, description: WorkflowExecutionDescription): WorkflowHandle {
  const { workflowId, runId } = description;
  if (!isOpen({ description })) return client.workflow.getHandle(workflowId, runId);
  return client.workflow.getHandle(workflowId, undefined, { firstExecutionRunId: firstRunOf(description) });
}

async function describe(temporal: Temporal, workflowId: string, runId?: string): Promise<FoundRelease | undefined> {
  const cluster = workflowId.split('/')[1] ?? '';
  const set = setOf(workflowId);
  try {
    const description = await temporal.call(() => temporal.client.workflow.getHandle(workflowId, runId).describe());
    // Visibility is a second old: the run that it names may have gone on in another one since.
    if (description.status.name === 'CONTINUED_AS_NEW') return await describe(temporal, workflowId);
    return {
      description,
      handle: handleOf(temporal, description),
      cluster,
      set,
      reference: [set, ...clusterFlag(cluster)].map(shellWord).join(' '),
    };
  } catch (error) {
    if (error instanceof WorkflowNotFoundError) return undefined;
    throw error;
  }
}

/** `hotwave/eu/arena/duel` -> `arena/duel`. */
function setOf(workflowId: string): string {
  return workflowId.split('/').slice(2).join('/');
}
