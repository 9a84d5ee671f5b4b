import { formatDuration } from '../release/quantity.ts';
import type { StepReport } from '../release/verdict.ts';
import type { AwaitReadyInput } from './inputs.ts';
import type { Cluster } from './ports.ts';
import { cancellation, heartbeat, pause } from './runtime.ts';
import { ServerWatch, targetOf } from './server-watch.ts';

/** Time between two looks: enough for one server, more for many, because a look costs the API server a list. */
const LOOK_MS = 150;
const LOOK_MS_PER_SERVER = 3;

/** How long to wait between two looks at this many servers, in milliseconds. */
export function timeBetweenLooks(servers: number): number {
  return LOOK_MS + LOOK_MS_PER_SERVER * servers;
}

/**
 * Watches a batch until every server runs the target image, ready and with nothing else touched; until more have
 * failed than may; or until the deadline, when those that are left fail with the last reason they gave.
 * Only servers that are not done are read again, from a state at least as new as the look before.
 */
export function awaitReady(cluster: Cluster): (input: AwaitReadyInput) => Promise<StepReport> {
  return async (input) => {
    const watch = new ServerWatch({ servers: input.servers, failFast: input.failFast, target: targetOf(input) });
    const started = Date.now();
    let notOlderThan: string | undefined;
    for (;;) {
      const names = watch.pending.map(({ name }) => name);
      const scope = notOlderThan === undefined ? { names } : { names, notOlderThan };
      const list = await cluster.listServers(input.set, scope, cancellation());
      notOlderThan = list.resourceVersion;
      watch.look(list.servers, Date.now());
      if (watch.settled) return watch.report();
      if (Date.now() >= input.deadline) return watch.giveUp(list.servers, formatDuration(Date.now() - started));
      heartbeat({ v: 1, pending: watch.pending.length });
      await pause(timeBetweenLooks(watch.pending.length));
    }
  };
}
