import type { Client } from '@temporalio/client';

/** How large the history of one run is. */
export interface HistorySize {
  readonly events: number;
  readonly bytes: number;
}

/** One run of a workflow after the other, as far as continue-as-new goes, each with its size. */
export async function historySizes(client: Client, workflowId: string, firstRunId: string): Promise<HistorySize[]> {
  const sizes: HistorySize[] = [];
  for (
    let runId: string | undefined = firstRunId;
    runId !== undefined;
    runId = await nextRun(client, workflowId, runId)
  ) {
    const { historyLength, historySize } = await client.workflow.getHandle(workflowId, runId).describe();
    sizes.push({ events: historyLength, bytes: historySize ?? 0 });
  }
  return sizes;
}

/** Only the last event is asked for: a whole history may be larger than an answer may be. */
async function nextRun(client: Client, workflowId: string, runId: string): Promise<string | undefined> {
  const { history } = await client.workflowService.getWorkflowExecutionHistory({
    namespace: client.options.namespace,
    execution: { workflowId, runId },
    // HISTORY_EVENT_FILTER_TYPE_CLOSE_EVENT: the package with its name is none of those that hotwave depends on.
    // eslint-disable-next-line @typescript-eslint/no-unsafe-enum-assignment
    historyEventFilterType: 2,
  });
  const next = history?.events?.at(-1)?.workflowExecutionContinuedAsNewEventAttributes?.newExecutionRunId;
  return next === '' || next === null ? undefined : next;
}
