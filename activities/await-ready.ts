import type { ServerView } from '../release/fleet.ts';
import { formatDuration } from '../release/quantity.ts';
import type { StepReport } from '../release/verdict.ts';
import { stepReport } from '../release/verdict.ts';
import { checkContent } from './check-servers.ts';
import { FreshServers } from './fresh-servers.ts';
import type { AwaitReadyInput } from './inputs.ts';
import { Places } from './places.ts';
import type { Cluster } from './ports.ts';
import { ReadyChecks } from './ready-checks.ts';
import type { ReadyCheck } from './ready-checks.ts';
import { cancellation, keepAlive, pause } from './runtime.ts';
import { ServerWatch, targetOf } from './server-watch.ts';

/** Time between two looks: enough for one server, more for many, because a look costs the API server a list. */
const LOOK_MS = 150;
const LOOK_MS_PER_SERVER = 3;

/** How long to wait between two looks at this many servers, in milliseconds. */
export function timeBetweenLooks(servers: number): number {
  return LOOK_MS + LOOK_MS_PER_SERVER * servers;
}

/**
 * Watches a batch until every server runs the target image, ready, with nothing else touched and with the new files in
 * place; until more have failed than may; or until the deadline, when those that are left fail with the last reason
 * they gave. Only servers that are not done are read again, from a state at least as new as the look before.
 */
export function awaitReady(cluster: Cluster): (input: AwaitReadyInput) => Promise<StepReport> {
  return async (input) => {
    const enough = new AbortController();
    const signal = AbortSignal.any([cancellation(), enough.signal]);
    const checks = new ReadyChecks(contentCheck(cluster, input, signal));
    const watch = new ServerWatch({ servers: input.servers, target: targetOf(input) });
    try {
      await keepAlive(() => watchUntilSettled(cluster, input, { watch, checks }));
      return stepReport(checks.passed, [...watch.failures, ...checks.failures]);
    } finally {
      enough.abort();
    }
  };
}

/** Who becomes ready is handed to the checks. */
async function watchUntilSettled(
  cluster: Cluster,
  input: AwaitReadyInput,
  { watch, checks }: { readonly watch: ServerWatch; readonly checks: ReadyChecks },
): Promise<void> {
  const started = Date.now();
  let notOlderThan: string | undefined;
  for (;;) {
    const names = watch.pending.map(({ name }) => name);
    const scope = notOlderThan === undefined ? { names } : { names, notOlderThan };
    const list = await cluster.listServers(input.set, scope, cancellation());
    notOlderThan = list.resourceVersion;
    for (const { server, planned } of watch.look(list.servers, Date.now())) checks.start(server, planned);
    checks.throwIfInTrouble();
    if (watch.failures.length + checks.failures.length > input.failFast) return;
    if (Date.now() >= input.deadline) watch.giveUp(list.servers, formatDuration(Date.now() - started));
    if (watch.pending.length === 0) {
      await checks.settle();
      return;
    }
    await pause(timeBetweenLooks(watch.pending.length));
  }
}

/** What is asked of a server about its files as soon as it is Ready; nothing when the release has no content check. */
export function contentCheck(
  cluster: Cluster,
  { set, content }: Pick<AwaitReadyInput, 'set' | 'content'>,
  signal: AbortSignal,
): ReadyCheck {
  if (!content) return () => Promise.resolve(undefined);
  const places = new Places(content.concurrency);
  const fresh = new FreshServers(cluster, set, signal);
  return (server, planned) =>
    places.run(server.node, () => {
      signal.throwIfAborted();
      const lookAgain = (): Promise<ServerView | undefined> => fresh.read(server.name);
      const { version, probe } = content;
      return checkContent({ cluster, namespace: set.namespace, server, planned, version, signal, lookAgain }, probe);
    });
}
