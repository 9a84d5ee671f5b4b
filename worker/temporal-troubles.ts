import { Context } from '@temporalio/activity';
import type { Troubles } from '../activities/ports/troubles.ts';
import { MESSAGES } from '../workflows/messages.ts';

/** The next attempt waits for it, in milliseconds. */
const CALL_MS = 2_000;

/** Tells the workflow of an activity by a signal, with the worker's own client. */
export const temporalTroubles: Troubles = {
  async tell(trouble) {
    try {
      const { client, info } = Context.current();
      const { workflowId, runId } = info.workflowExecution ?? {};
      if (workflowId === undefined) return;
      const release = client.workflow.getHandle(workflowId, runId);
      await client.withDeadline(Date.now() + CALL_MS, () => release.signal(MESSAGES.callTrouble, trouble));
    } catch {
      // It is only told: the next attempt says it again, and the release may have ended.
    }
  },
};
