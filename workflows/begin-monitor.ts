import type { ChildWorkflowOptions } from '@temporalio/workflow';
import { ParentClosePolicy, getExternalWorkflowHandle, isCancellation, startChild } from '@temporalio/workflow';
import { WorkflowExecutionAlreadyStartedError, defineSearchAttributeKey } from '@temporalio/common';
import type { MonitorInput, MonitorResult } from './messages.ts';
import { GUARD_MESSAGES, WORKFLOWS, monitorWorkflowId } from './messages.ts';
import { describeFailure } from './call-failures.ts';
import type { Release } from '../release/progress/table.ts';
import { lastRecord } from './steps/records.ts';

const KEYS = {
  set: defineSearchAttributeKey('HotwaveSet', 'KEYWORD'),
  cluster: defineSearchAttributeKey('HotwaveCluster', 'KEYWORD'),
  release: defineSearchAttributeKey('HotwaveRelease', 'KEYWORD'),
  phase: defineSearchAttributeKey('HotwavePhase', 'KEYWORD'),
  requester: defineSearchAttributeKey('HotwaveRequester', 'KEYWORD'),
};

/** The old monitor may end between the two steps; then a new one can be started. */
const TRIES = 3;

/** Every server costs the API server a little at each look, so thousands are looked at less often. */
const INTERVAL_MS = 10_000;
const INTERVAL_MS_PER_SERVER = 10;

/**
 * Lets the monitor watch the servers after a release that ended well. The release is done whether that works or not; what
 * did not work is a warning, as a sentence.
 */
export async function monitorAfter(release: Release, interval?: number): Promise<string | undefined> {
  const { state, spec, plan, progress } = release;
  if (spec.guard === undefined) return undefined;
  const { cluster, requester } = state;
  const now = Date.now();
  const last = lastRecord(release, 'done', { at: progress.endedAt ?? now });
  return await beginMonitor({
    v: 1,
    cluster,
    requester,
    set: plan.set,
    last,
    ...(release.sinks ? { sinks: release.sinks } : {}),
    ...(release.underPolicy ? { underPolicy: release.underPolicy } : {}),
    until: now + spec.guard,
    interval: interval ?? monitorInterval(plan.baseline.replicas),
  });
}

/** Time between two looks at a set of this size, in milliseconds. */
function monitorInterval(servers: number): number {
  return Math.max(INTERVAL_MS, INTERVAL_MS_PER_SERVER * servers);
}

/**
 * Starts the monitor of a set, or hands the set over to the monitor of the release before, which may not have noticed yet
 * that it is over. The monitor outlives the release. A sentence when that did not work.
 */
async function beginMonitor(input: MonitorInput): Promise<string | undefined> {
  let problem = '';
  for (let attempt = 0; attempt < TRIES; attempt++) {
    try {
      await startChild<(input: MonitorInput) => Promise<MonitorResult>>(WORKFLOWS.guard, {
        args: [input],
        ...optionsOf(input),
      });
      return undefined;
    } catch (error) {
      if (isCancellation(error)) throw error;
      problem = describeFailure(error);
      if (error instanceof WorkflowExecutionAlreadyStartedError && (await handOver(input))) return undefined;
    }
  }
  return `the monitor could not be started: ${problem}`;
}

function optionsOf(input: MonitorInput): ChildWorkflowOptions {
  const { cluster, set, last, requester } = input;
  return {
    workflowId: monitorWorkflowId(cluster, set),
    parentClosePolicy: ParentClosePolicy.ABANDON,
    staticSummary: `monitor of ${set.namespace}/${set.name} after ${last.release} (${last.version})`,
    typedSearchAttributes: [
      { key: KEYS.set, value: `${set.namespace}/${set.name}` },
      { key: KEYS.cluster, value: cluster },
      { key: KEYS.release, value: last.release },
      { key: KEYS.phase, value: 'guarding' },
      { key: KEYS.requester, value: requester },
    ],
  };
}

async function handOver(input: MonitorInput): Promise<boolean> {
  const running = getExternalWorkflowHandle(monitorWorkflowId(input.cluster, input.set));
  try {
    await running.signal(GUARD_MESSAGES.takeOver, input);
    return true;
  } catch (error) {
    if (isCancellation(error)) throw error;
    return false;
  }
}
