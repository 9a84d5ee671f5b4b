import { Worker } from '@temporalio/worker';
import { inject } from 'vitest';
import type { History } from './histories.ts';

/** Replays histories, by workflow id, with today's workflow code; the reason of each that does not fit, by the same id. */
export async function replay(histories: readonly (readonly [string, History])[]): Promise<Record<string, string>> {
  const problems: Record<string, string> = {};
  const results = Worker.runReplayHistories(
    { workflowBundle: { codePath: inject('bundlePath') } },
    histories.map(([workflowId, history]) => ({ workflowId, history })),
  );
  for await (const { workflowId, error } of results) if (error) problems[workflowId] = error.message;
  return problems;
}
