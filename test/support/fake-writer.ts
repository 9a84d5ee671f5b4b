import { AsyncLocalStorage } from 'node:async_hooks';
import { Context } from '@temporalio/activity';

/** The attempt of an activity that writes. */
export interface Writer {
  readonly workflowId: string;
  readonly runId: string;
  readonly activity: string;
  readonly activityId: string;
  readonly attempt: number;
}

const remote = new AsyncLocalStorage<Writer | undefined>();

/** Runs what a worker in another process has asked for, under that worker's name. */
export function asWriter<Result>(writer: Writer | undefined, run: () => Result): Result {
  return remote.run(writer, run);
}

/** The caller; undefined outside of activities. */
export function currentWriter(): Writer | undefined {
  return remote.getStore() ?? writerOfActivity();
}

/** The attempt of the activity that runs here; undefined outside of activities. */
function writerOfActivity(): Writer | undefined {
  try {
    const { activityType, activityId, attempt, workflowExecution } = Context.current().info;
    const { workflowId = '', runId = '' } = workflowExecution ?? {};
    return { workflowId, runId, activity: activityType, activityId, attempt };
  } catch {
    // The SDK has no other way to say that there is no activity.
    return undefined;
  }
}
