import type { WorkflowHandle } from '@temporalio/client';
import type { MonitorState } from '../../release/monitor/monitor.ts';
import { MESSAGES, monitorWorkflowId } from '../../workflows/messages.ts';
import { until } from '../lab/until.ts';
import { CLUSTER } from './hotwave.ts';
import type { Hotwave } from './hotwave.ts';

/** The monitor of a set, as tests read it. */
export interface WatchedMonitor {
  readonly handle: WorkflowHandle;
  state(): Promise<MonitorState>;
  /** Resolves with the first state that is as wanted. */
  until(what: string, isSo: (state: MonitorState) => boolean, deadlineMs?: number): Promise<MonitorState>;
  /** Resolves once an event with this text about this server is in the log, with its text. */
  said(server: string, text: RegExp, deadlineMs?: number): Promise<string>;
}

/** The monitor of a set in namespace `default`. */
export function monitorOf({ client }: Pick<Hotwave, 'client'>, set: string): WatchedMonitor {
  const handle = client.workflow.getHandle(monitorWorkflowId(CLUSTER, { namespace: 'default', name: set }));
  const state = (): Promise<MonitorState> => handle.query<MonitorState>(MESSAGES.state);
  let last: MonitorState | undefined;
  const untilState: WatchedMonitor['until'] = (what, isSo, deadlineMs = 60_000) =>
    until({ what, deadlineMs, detail: () => JSON.stringify(last, undefined, 1) }, async () => {
      last = await state();
      return isSo(last) && last;
    });
  return {
    handle,
    state,
    until: untilState,
    async said(server, text, deadlineMs) {
      const find = ({ events }: MonitorState): string | undefined =>
        events.find((event) => event.server === server && text.test(event.text))?.text;
      const found = await untilState(`${server}: ${String(text)}`, (seen) => find(seen) !== undefined, deadlineMs);
      return find(found)!;
    },
  };
}
