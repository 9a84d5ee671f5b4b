import { counted } from '../../release/spec/counted.ts';
import { WorkflowExecutionAlreadyStartedError } from '@temporalio/client';
import { hashOf } from '../../release/fleet/hash.ts';
import { escapeMarkdown, why } from '../../release/narrate/narrate.ts';
import { formatDuration } from '../../release/spec/quantity.ts';
import { updatedContainer } from '../../release/spec/spec.ts';
import type { ReleaseInput } from '../../workflows/messages.ts';
import { releaseWorkflowId, taskQueueOf, WORKFLOWS } from '../../workflows/messages.ts';
import type { Temporal } from '../temporal/connect.ts';
import { EXIT } from '../terminal/exit-codes.ts';
import { ExitError } from '../terminal/exit-error.ts';
import type { FoundRelease } from '../temporal/find-release.ts';
import { findRelease } from '../temporal/find-release.ts';
import { readStateIfAnswered } from '../temporal/read-state.ts';
import { attributesOf, readAttributes } from '../temporal/search-attributes.ts';
import { plainText } from '../terminal/untrusted.ts';

/** A release that runs now, and whether this call started it. */
export interface StartedRelease extends FoundRelease {
  readonly alreadyRunning: boolean;
}

/**
 * Starts the workflow of a release. Its id is the lock of the set: at most one runs. The same release again is no
 * error, because CI repeats a step whose answer was lost.
 */
export async function startRelease(temporal: Temporal, input: ReleaseInput): Promise<StartedRelease> {
  const target = targetOf(input);
  try {
    await temporal.call(() =>
      temporal.client.workflow.start(WORKFLOWS.hotUpdate, {
        args: [input],
        taskQueue: taskQueueOf(input.cluster),
        workflowId: releaseWorkflowId(input.cluster, target),
        workflowIdConflictPolicy: 'FAIL',
        workflowIdReusePolicy: 'ALLOW_DUPLICATE',
        typedSearchAttributes: attributesOf(input),
        memo: memoOf(input),
        staticSummary: summaryOf(input),
        staticDetails: detailsOf(input),
      }),
    );
  } catch (error) {
    if (!(error instanceof WorkflowExecutionAlreadyStartedError)) throw error;
    const running = await findRelease(temporal, target);
    await demandSameRelease(temporal, running, input);
    return { ...running, alreadyRunning: true };
  }
  return { ...(await findRelease(temporal, target)), alreadyRunning: false };
}

/** Refuses unless what holds the lock is the very release that was to be started. */
async function demandSameRelease(temporal: Temporal, running: FoundRelease, input: ReleaseInput): Promise<void> {
  const { description, set, reference } = running;
  const { release, phase, requester } = readAttributes(description);
  const isSame = release === input.file.metadata.name;
  if (isSame && description.memo?.['fileHash'] === memoOf(input).fileHash) return;
  const state = await readStateIfAnswered(temporal, running.handle);
  const doing = state ? why(state) : 'no worker answers for it';
  const who = plainText(`release ${release}, started by ${requester}, phase ${phase}: ${doing}`);
  if (isSame) {
    throw new ExitError(EXIT.refused, `${set} is locked by ${who}; it was started from another release file`, [
      `see hotwave status ${reference}; give a changed release another metadata.name`,
    ]);
  }
  throw new ExitError(EXIT.refused, `${set} is locked by ${who}`, [
    `see hotwave status ${reference}`,
    'start this one with --supersede adopt to take its servers over as they are, or --supersede rollback to roll it back first',
  ]);
}

function targetOf({ file, cluster }: ReleaseInput): Parameters<typeof findRelease>[1] {
  const { namespace, gameServerSet } = file.spec.target;
  return { cluster, namespace, name: gameServerSet, qualified: true };
}

function memoOf({ file, requester }: ReleaseInput): { release: string; requester: string; fileHash: string } {
  return { release: file.metadata.name, requester, fileHash: hashOf(file) };
}

/** The limit that Temporal documents for summaries. */
const SUMMARY_LIMIT = 400;

function summaryOf({ file }: ReleaseInput): string {
  const { target } = file.spec;
  const { image } = updatedContainer(file.spec);
  return `${file.metadata.name}: ${target.namespace}/${target.gameServerSet} → ${image}`.slice(0, SUMMARY_LIMIT);
}

function detailsOf({ file: { spec }, requester }: ReleaseInput): string {
  const { container, image } = updatedContainer(spec);
  const gates = spec.gates.map(
    ({ before, approvals, timeout, onTimeout }) =>
      `- gate before wave ${before}: ${counted(approvals, 'approval')} within ${formatDuration(timeout)}, else ${onTimeout}`,
  );
  const list = gates.length === 0 ? [] : ['', ...gates, ''];
  return [
    `Container \`${container}\` gets \`${image}\`, strategy ${spec.strategy}, requested by ${escapeMarkdown(requester)}.`,
    ...list,
    `On failure: ${spec.onFailure.then} (tolerates ${spec.onFailure.tolerate}).`,
  ].join('\n');
}
