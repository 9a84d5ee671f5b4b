import type { SearchAttributePair } from '@temporalio/common';
import { defineSearchAttributeKey } from '@temporalio/common';
import { WorkflowExecutionAlreadyStartedError } from '@temporalio/client';
import { isFinal } from '../../release/progress/state.ts';
import type { ReleaseState } from '../../release/progress/state.ts';
import type { FromClusterInput } from '../../workflows/messages.ts';
import { WORKFLOWS, releaseWorkflowId, taskQueueOf } from '../../workflows/messages.ts';
import type { Temporal } from '../temporal/connect.ts';
import { withTemporal } from '../temporal/connect.ts';
import type { ExitCode } from '../terminal/exit-codes.ts';
import { EXIT } from '../terminal/exit-codes.ts';
import { ExitError } from '../terminal/exit-error.ts';
import { findRelease } from '../temporal/find-release.ts';
import type { FoundRelease } from '../temporal/find-release.ts';
import { actorOf } from '../terminal/flags.ts';
import type { Io } from '../terminal/io.ts';
import { say } from '../terminal/io.ts';
import { readStateIfAnswered } from '../temporal/read-state.ts';
import { loadReleaseFile } from '../decisions/release-file.ts';
import { readAttributes } from '../temporal/search-attributes.ts';
import type { Target } from '../decisions/target.ts';
import type { BackWish } from '../../release/plan/way-back.ts';
import { demandWorker } from '../temporal/task-queue.ts';
import { plainText } from '../terminal/untrusted.ts';
import { watchRelease } from '../terminal/watch-release.ts';
import { beginningOfRollback } from '../../release/decisions/canonical.ts';
import { vouchIfWanted } from '../decisions/sign.ts';
import type { DecideFlags } from '../decisions/decision-choices.ts';

/** Flags of `rollback` that only a rollback without the release has. */
export interface FromClusterFlags {
  readonly fromCluster?: boolean | undefined;
}

/**
 * Rolls a set back by what is written on it, to another version when one is wished, and follows that to its end. Back on
 * that version is what was asked for: exit 0.
 */
export async function runFromCluster(
  io: Io,
  target: Target,
  flags: DecideFlags & FromClusterFlags,
  to: BackWish | undefined,
): Promise<ExitCode> {
  if (flags.scope !== undefined || flags.order !== undefined) {
    const sentence = 'without a running release every server goes back at once: leave --scope and --order out';
    throw new ExitError(EXIT.usage, sentence);
  }
  const { cluster, namespace, name } = target;
  const set = { namespace, name };
  const input: FromClusterInput = {
    v: 1,
    cluster,
    set,
    requester: actorOf(io, flags.actor),
    reason: reasonOf(flags),
    ...(to === undefined ? {} : { to }),
    ...(flags.fromCluster === true ? { holderIsDead: true } : {}),
    ...(flags.file === undefined ? {} : { file: await fileFor(io, flags.file, set) }),
  };
  return withTemporal(io, flags, async (temporal) => {
    await demandWorker(temporal, cluster, io.now());
    await start(temporal, { ...input, ...(await vouchIfWanted(io, flags, beginningOfRollback(input))) });
    const found = await findRelease(temporal, { ...target, qualified: true });
    const code = await watchRelease(io, temporal, found, { output: flags.output, until: 'gate' });
    if (code === EXIT.waiting) say(io, plainText(`it waits for a person: hotwave status ${found.reference}`));
    return code === EXIT.rolledBack ? EXIT.ok : code;
  });
}

/** A person who says that the release is lost says how they know: it may still run by another Temporal. */
function reasonOf({ reason, fromCluster }: DecideFlags & FromClusterFlags): string {
  if (reason !== undefined && reason.trim() !== '') return plainText(reason, 1_000);
  if (fromCluster !== true) return 'no reason given';
  throw new ExitError(EXIT.usage, 'say why: rollback --from-cluster --reason "...", it goes past the release itself');
}

/** A release file of another set would ask the right servers the wrong questions. */
async function fileFor(
  io: Io,
  path: string,
  { namespace, name }: FromClusterInput['set'],
): Promise<NonNullable<FromClusterInput['file']>> {
  const file = await loadReleaseFile(io, path);
  const { target } = file.spec;
  if (target.namespace === namespace && target.gameServerSet === name) return file;
  throw new ExitError(
    EXIT.usage,
    `the release file is for ${target.namespace}/${target.gameServerSet}, not for ${namespace}/${name}`,
  );
}

/** Long enough for a release that has ended to count its restarts and give its last answers. */
const CLOSING_MS = 15_000;

/** Its workflow id is the lock of the set, as for a release. @throws ExitError when a release runs */
async function start(temporal: Temporal, input: FromClusterInput): Promise<void> {
  if (await isStarted(temporal, input)) return;
  const running = await findRelease(temporal, { cluster: input.cluster, ...input.set, qualified: true });
  const state = await readStateIfAnswered(temporal, running.handle);
  if (state && isFinal(state.phase)) {
    await temporal.call(() => running.handle.result(), CLOSING_MS).catch(() => undefined);
    if (await isStarted(temporal, input)) return;
  }
  throw inTheWay(running, input, state);
}

/** The holder of the set, in the words of what the person asked for. */
function inTheWay(
  { description, set, reference }: FoundRelease,
  { holderIsDead }: FromClusterInput,
  state: ReleaseState | undefined,
): ExitError {
  const { release, phase, requester } = readAttributes(description);
  if (state?.goesBack === true)
    return new ExitError(EXIT.refused, plainText(`a rollback of ${set} runs already, started by ${requester}`), [
      `hotwave watch ${reference} follows it`,
    ]);
  const what =
    holderIsDead === true
      ? `Temporal has not lost the release: ${release} runs on ${set} (phase ${phase})`
      : `${release} has begun on ${set} meanwhile (phase ${phase})`;
  return new ExitError(EXIT.refused, plainText(what), [
    `hotwave rollback ${reference} rolls it back; hotwave status ${reference} shows it`,
  ]);
}

/** False when a workflow with this id runs. */
async function isStarted(temporal: Temporal, input: FromClusterInput): Promise<boolean> {
  const { cluster, set, requester, reason } = input;
  try {
    await temporal.call(() =>
      temporal.client.workflow.start(WORKFLOWS.rollBackFromCluster, {
        args: [input],
        taskQueue: taskQueueOf(cluster),
        workflowId: releaseWorkflowId(cluster, set),
        workflowIdConflictPolicy: 'FAIL',
        workflowIdReusePolicy: 'ALLOW_DUPLICATE',
        typedSearchAttributes: attributesOf(input),
        memo: { requester },
        staticSummary: `rollback by what is on the set: ${set.namespace}/${set.name}: ${reason}`.slice(0, 200),
      }),
    );
    return true;
  } catch (error) {
    if (error instanceof WorkflowExecutionAlreadyStartedError) return false;
    throw error;
  }
}

function attributesOf({ cluster, set, requester, to }: FromClusterInput): SearchAttributePair[] {
  const version = to?.version;
  return [
    ...(version === undefined ? [] : [{ key: defineSearchAttributeKey('HotwaveVersion', 'KEYWORD'), value: version }]),
    { key: defineSearchAttributeKey('HotwaveSet', 'KEYWORD'), value: `${set.namespace}/${set.name}` },
    { key: defineSearchAttributeKey('HotwaveCluster', 'KEYWORD'), value: cluster },
    { key: defineSearchAttributeKey('HotwavePhase', 'KEYWORD'), value: 'planning' },
    { key: defineSearchAttributeKey('HotwaveRequester', 'KEYWORD'), value: requester },
  ];
}
