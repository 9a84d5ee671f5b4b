import type { SearchAttributePair } from '@temporalio/common';
import { defineSearchAttributeKey } from '@temporalio/common';
import { WorkflowExecutionAlreadyStartedError, WorkflowNotFoundError } from '@temporalio/client';
import type { WorkflowHandle } from '@temporalio/client';
import type { HaltOfScope, HaltScope, HaltState } from '../../release/decisions/halt.ts';
import { haltSentence, scopeOfHalt } from '../../release/decisions/halt.ts';
import { readHaltOfScope } from '../../release/decisions/message.ts';
import type { HaltInput } from '../../workflows/messages.ts';
import { MESSAGES, WORKFLOWS, haltWorkflowId, taskQueueOf } from '../../workflows/messages.ts';
import type { Temporal } from '../temporal/connect.ts';
import { EXIT } from '../terminal/exit-codes.ts';
import { ExitError } from '../terminal/exit-error.ts';
import { plainText } from '../terminal/untrusted.ts';

/** A halt that runs, with what it last said about the releases, if it answers. */
export type FoundHalt = HaltOfScope & Pick<HaltState, 'releases' | 'trouble' | 'exceptions' | 'unreadable'>;

/** Starts a halt. @throws ExitError when the releases are halted already */
export async function startHalt(
  temporal: Temporal,
  halt: HaltOfScope,
  vouch: Pick<HaltInput, 'vouch'> = {},
): Promise<WorkflowHandle> {
  const input: HaltInput = { v: 1, ...halt, ...vouch };
  const workflowId = haltWorkflowId(halt);
  try {
    return await temporal.call(() =>
      temporal.client.workflow.start(WORKFLOWS.halt, {
        args: [input],
        taskQueue: taskQueueOf(halt.cluster),
        workflowId,
        workflowIdConflictPolicy: 'FAIL',
        workflowIdReusePolicy: 'ALLOW_DUPLICATE',
        typedSearchAttributes: attributesOf(halt),
        memo: { ...halt },
        staticSummary: `halt: ${halt.actor}: ${halt.reason}`.slice(0, 200),
      }),
    );
  } catch (error) {
    if (!(error instanceof WorkflowExecutionAlreadyStartedError)) throw error;
    const { memo } = await temporal.call(() => temporal.client.workflow.getHandle(workflowId).describe());
    throw new ExitError(EXIT.refused, plainText(`it is stopped already: ${haltSentence(readHaltOfScope(memo, halt))}`));
  }
}

function attributesOf({ cluster, actor }: HaltOfScope): SearchAttributePair[] {
  return [
    { key: defineSearchAttributeKey('HotwaveCluster', 'KEYWORD'), value: cluster },
    { key: defineSearchAttributeKey('HotwavePhase', 'KEYWORD'), value: 'halt' },
    { key: defineSearchAttributeKey('HotwaveRequester', 'KEYWORD'), value: actor },
  ];
}

/** The running halt of exactly this scope; undefined when there is none. */
export async function findHalt(temporal: Temporal, scope: HaltScope): Promise<WorkflowHandle | undefined> {
  const handle = temporal.client.workflow.getHandle(haltWorkflowId(scope));
  try {
    const { status, runId } = await temporal.call(() => handle.describe());
    return status.name === 'RUNNING' ? temporal.client.workflow.getHandle(haltWorkflowId(scope), runId) : undefined;
  } catch (error) {
    if (error instanceof WorkflowNotFoundError) return undefined;
    throw error;
  }
}

/** A halt's word about itself; undefined when no worker answers. */
export async function askHalt(temporal: Temporal, handle: WorkflowHandle): Promise<HaltState | undefined> {
  return await temporal.call(() => handle.query<HaltState>(MESSAGES.state)).catch(() => undefined);
}

const MOST = 100;

/** Every running halt, of one cluster or of all, as Temporal's visibility knows them: about a second old. */
export async function listHalts(temporal: Temporal, cluster: string | undefined): Promise<readonly FoundHalt[]> {
  const query = `WorkflowType = '${WORKFLOWS.halt}' AND ExecutionStatus = 'Running'`;
  const found: { readonly workflowId: string; readonly halt: HaltOfScope }[] = [];
  await temporal.call(async () => {
    for await (const { workflowId, memo } of temporal.client.workflow.list({ query, pageSize: MOST })) {
      const halt = readHaltOfScope(memo, scopeOfHalt(workflowId));
      if (cluster === undefined || halt.cluster === cluster) found.push({ workflowId, halt });
      if (found.length >= MOST) break;
    }
  });
  const answers = await Promise.all(
    found.map(({ workflowId }) => askHalt(temporal, temporal.client.workflow.getHandle(workflowId))),
  );
  return found.flatMap(({ halt }, index) => {
    const answer = answers[index];
    if (!answer) return [halt];
    const { phase, releases, trouble, exceptions, unreadable } = answer;
    return phase === 'halted' ? [{ ...halt, releases, trouble, exceptions, unreadable }] : [];
  });
}
