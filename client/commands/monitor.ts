import { WorkflowNotFoundError, WorkflowUpdateRPCTimeoutOrCancelledError } from '@temporalio/client';
import type { WorkflowHandle } from '@temporalio/client';
import type { DecisionAnswer } from '../../release/decisions/decision.ts';
import type { MonitorState } from '../../release/monitor/monitor.ts';
import type { StopMonitorMessage } from '../../workflows/messages.ts';
import { GUARD_MESSAGES, MESSAGES, monitorWorkflowId } from '../../workflows/messages.ts';
import type { Temporal } from '../temporal/connect.ts';
import { withTemporal } from '../temporal/connect.ts';
import type { ExitCode } from '../terminal/exit-codes.ts';
import { EXIT } from '../terminal/exit-codes.ts';
import { ExitError } from '../terminal/exit-error.ts';
import type { OutputFormat } from '../terminal/flags.ts';
import { actorOf } from '../terminal/flags.ts';
import type { Io } from '../terminal/io.ts';
import { print } from '../terminal/print.ts';
import { renderMonitor } from '../render/monitor.ts';
import type { SignFlags } from '../decisions/sign.ts';
import { vouchIfWanted } from '../decisions/sign.ts';
import { targetOf } from '../decisions/target.ts';
import { plainText } from '../terminal/untrusted.ts';
import type { SetFlags } from './watch.ts';

/** Flags of `guard`. */
export interface MonitorFlags extends SetFlags, SignFlags {
  readonly output: OutputFormat;
  readonly stop?: boolean | undefined;
  readonly reason?: string | undefined;
  readonly actor?: string | undefined;
}

/** Shows what the monitor of a set has seen and done, or ends it. */
export function runMonitor(io: Io, argument: string, flags: MonitorFlags): Promise<ExitCode> {
  const { cluster, namespace, name } = targetOf(io, argument, flags);
  demandStop(flags);
  return withTemporal(io, flags, async (temporal) => {
    const handle = temporal.client.workflow.getHandle(monitorWorkflowId(cluster, { namespace, name }));
    try {
      if (flags.stop !== true) return await show(io, temporal, handle, flags);
      const farewell = await farewellOf(io, temporal, handle, flags);
      return await stop(io, temporal, { handle, farewell, output: flags.output });
    } catch (error) {
      if (!(error instanceof WorkflowNotFoundError)) throw error;
      throw new ExitError(EXIT.unknown, `no monitor watches ${namespace}/${name} in cluster ${cluster}`, [
        'a release with spec.guard starts one when it is done',
      ]);
    }
  });
}

/** A person who only looks gives no reason. @throws ExitError */
function demandStop({ stop: ends, reason, actor, sign }: MonitorFlags): void {
  if (ends === true || (reason === undefined && actor === undefined && sign === undefined)) return;
  throw new ExitError(EXIT.usage, '--reason, --actor and --sign are about ending the monitor: give --stop with them');
}

/** A monitor with servers that are not proved is not well, and says so to scripts. */
async function show(io: Io, { call }: Temporal, handle: WorkflowHandle, { output }: MonitorFlags): Promise<ExitCode> {
  const state = await call(() => handle.query<MonitorState>(MESSAGES.state));
  await print(io, output, state, (plain, view) => renderMonitor(plain, io.now(), view));
  return state.problems.length > 0 ? EXIT.failed : EXIT.ok;
}

const STOP_TIMEOUT = 10_000;

/** The wish to end the monitor, signed where that is wanted: for the monitor behind this very release. */
async function farewellOf(
  io: Io,
  { call }: Temporal,
  handle: WorkflowHandle,
  flags: MonitorFlags,
): Promise<StopMonitorMessage> {
  const reason = plainText(flags.reason ?? '');
  const wish = { actor: actorOf(io, flags.actor), reason: reason === '' ? 'no reason given' : reason };
  if (flags.sign !== true) return wish;
  const { cluster, set, release } = await call(() => handle.query<MonitorState>(MESSAGES.state));
  const { namespace, name } = set;
  return {
    ...wish,
    ...(await vouchIfWanted(io, flags, { verb: 'unguard', cluster, namespace, set: name, release, ...wish })),
  };
}

async function stop(
  io: Io,
  { call }: Temporal,
  {
    handle,
    farewell,
    output,
  }: { readonly handle: WorkflowHandle; readonly farewell: StopMonitorMessage; readonly output: OutputFormat },
): Promise<ExitCode> {
  try {
    const answer = await call(
      () => handle.executeUpdate<DecisionAnswer, [StopMonitorMessage]>(GUARD_MESSAGES.stop, { args: [farewell] }),
      STOP_TIMEOUT,
    );
    await print(io, output, answer, (plain) => plain.message);
    return answer.accepted ? EXIT.ok : EXIT.refused;
  } catch (error) {
    if (!(error instanceof WorkflowUpdateRPCTimeoutOrCancelledError)) throw error;
    // Temporal keeps a signal until a worker runs.
    await call(() => handle.signal<[StopMonitorMessage]>(GUARD_MESSAGES.stopSignal, farewell));
    throw new ExitError(EXIT.unreachable, 'no worker answers; the monitor ends as soon as one runs');
  }
}
