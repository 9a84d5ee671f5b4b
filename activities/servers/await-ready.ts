import type { ServerView, SetRef } from '../../release/fleet/fleet.ts';
import { formatDuration } from '../../release/spec/quantity.ts';
import type { UnderWay } from '../../release/checks/under-way.ts';
import { underWay } from '../../release/checks/under-way.ts';
import type { StepReport } from '../../release/checks/verdict.ts';
import { stepReport } from '../../release/checks/verdict.ts';
import { checkContent } from '../probes/check-servers.ts';
import { Complaints } from './complaints.ts';
import { FreshServers } from './fresh-servers.ts';
import { Places } from './places.ts';
import { ReadyChecks } from './ready-checks.ts';
import type { ReadyCheck } from './ready-checks.ts';
import { cancellation, keepAlive } from '../runtime.ts';
import { ServerWatch, targetOf } from './server-watch.ts';
import type { Servers } from '../ports/servers.ts';
import type { Probes } from '../ports/probes.ts';
import { unpackServers } from '../../release/fleet/server-rows.ts';
import type { ServerRows } from '../../release/fleet/server-rows.ts';
import type { Direction } from '../../release/checks/server.ts';
import type { Probe, ReleaseSpec } from '../../release/spec/spec.ts';

/** Wait until servers run the target image, ready. */
export interface AwaitReadyInput {
  readonly set: SetRef;
  readonly servers: ServerRows;
  readonly container: string;
  readonly image: string;
  readonly revision?: string | undefined;
  readonly direction: Direction;
  /** Fingerprints of the sidecar before the step where they differ from the plan's. */
  readonly before: Readonly<Record<string, string>>;
  /** Milliseconds since the epoch. */
  readonly deadline: number;
  /** Return early once more servers than this have failed. */
  readonly failFast: number;
  /** Asked of each server as soon as it is Ready, while the others are waited for. */
  readonly content?: {
    readonly probe: Probe;
    readonly version: string;
    readonly concurrency: ReleaseSpec['concurrency'];
  };
}

/**
 * Watches a batch until every server runs the target image, ready, with nothing else touched and with the new files in
 * place; until more have failed than may; or until the deadline, when those that are left fail with the last reason
 * they gave.
 */
export function awaitReady(cluster: Servers & Probes): (input: AwaitReadyInput) => Promise<StepReport> {
  return async (input) => {
    const enough = new AbortController();
    const signal = AbortSignal.any([cancellation(), enough.signal]);
    const checks = new ReadyChecks(contentCheck(cluster, input, signal), input.deadline);
    const servers = unpackServers(input.set, input.servers);
    const watch = new ServerWatch({ servers, target: targetOf(input) });
    const complaints = new Complaints(cluster, { set: input.set, revision: input.revision, signal });
    try {
      const names = servers.map(({ name }) => name);
      const soFar = (): UnderWay =>
        underWay(names.length, names.length - watch.pending.length - watch.failures.length - checks.failures.length, [
          ...watch.failures,
          ...checks.failures,
          ...watch.suspects,
        ]);
      await keepAlive(
        () => watchUntilSettled(cluster.followServers(input.set, names, signal), input, { watch, checks, complaints }),
        soFar,
      );
      return stepReport(checks.passed, [...watch.failures, ...checks.failures]);
    } finally {
      enough.abort();
    }
  };
}

/** A server that becomes ready is handed to the checks. */
async function watchUntilSettled(
  views: AsyncIterable<readonly ServerView[]>,
  { deadline, failFast }: AwaitReadyInput,
  { watch, checks, complaints }: { watch: ServerWatch; checks: ReadyChecks; complaints: Complaints },
): Promise<void> {
  const started = Date.now();
  for await (const servers of views) {
    complaints.tell(watch, Date.now());
    for (const { server, planned } of watch.look(servers, Date.now())) checks.start(server, planned);
    checks.throwIfInTrouble();
    if (watch.failures.length + checks.failures.length > failFast) return;
    if (Date.now() >= deadline) watch.giveUp(servers, formatDuration(deadline - started));
    if (watch.pending.length === 0) break;
  }
  await checks.settle();
}

/** The question to a server about its files as soon as it is Ready; nothing when the release has no content check. */
export function contentCheck(
  cluster: Servers & Probes,
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
