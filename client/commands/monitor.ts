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
import { targetOf } from '../decisions/target.ts';
import type { SetFlags } from './watch.ts';

/** Flags of `guard`. */
export interface MonitorFlags extends SetFlags {
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
      return flags.stop === true ? await stop(io, temporal, handle, flags) : await show(io, temporal, handle, flags);
    } catch (error) {
      if (!(error instanceof WorkflowNotFoundError)) throw error;
      throw new ExitError(EXIT.unknown, `no monitor watches ${namespace}/${name} in cluster ${cluster}`, [
        'a release with spec.guard starts one when it is done',
      ]);
    }
  });
}

/** A person who only looks gives no reason. @throws ExitError */
function demandStop({ stop: ends, reason, actor }: MonitorFlags): void {
  if (ends === true || (reason === undefined && actor === undefined)) return;
  throw new ExitError(EXIT.usage, '--reason and --actor are about ending the monitor: give --stop with them');
}

/** A monitor with servers that are not proved is not well, and says so to scripts. */
async function show(io: Io, { call }: Temporal, handle: WorkflowHandle, { output }: MonitorFlags): Promise<ExitCode> {
  const state = await call(() => handle.query<MonitorState>(MESSAGES.state));
  await print(io, output, state, (plain, view) => renderMonitor(plain, io.now(), view));
  return state.problems.length > 0 ? EXIT.failed : EXIT.ok;
}

const STOP_TIMEOUT = 10_000;

async function stop(io: Io, { call }: Temporal, handle: WorkflowHandle, flags: MonitorFlags): Promise<ExitCode> {
  const message = { actor: actorOf(io, flags.actor), ...(flags.reason === undefined ? {} : { reason: flags.reason }) };
  try {
    const answer = await call(
      () => handle.executeUpdate<DecisionAnswer, [StopMonitorMessage]>(GUARD_MESSAGES.stop, { args: [message] }),
      STOP_TIMEOUT,
    );
    await print(io, flags.output, answer, (plain) => plain.message);
    return answer.accepted ? EXIT.ok : EXIT.refused;
  } catch (error) {
    if (!(error instanceof WorkflowUpdateRPCTimeoutOrCancelledError)) throw error;
    // Temporal keeps a signal until a worker runs.
    await call(() => handle.signal<[StopMonitorMessage]>(GUARD_MESSAGES.stopSignal, message));
    throw new ExitError(EXIT.unreachable, 'no worker answers; the monitor ends as soon as one runs');
  }
}
