import { isSamePod } from '../fleet/identity.ts';
import { NO_RUN, isSameRun, restartsOf } from '../fleet/run.ts';
import type { PlannedServer } from '../plan/plan.ts';

/** A server that is not as it was expected to be, as it is now. */
export interface SeenServer {
  readonly server: PlannedServer;
  /** The image that the pod asks for. */
  readonly image: string;
  readonly basis: string;
  readonly deleting: boolean;
}

/** The result of a look at the whole fleet: only what is not as expected. */
export interface FleetLook {
  readonly missing: readonly string[];
  readonly changed: readonly SeenServer[];
  /** How many more have changed than are shown. */
  readonly more: number;
  /** How many servers came since the plan and were not dealt with yet, where that was asked for. */
  readonly came?: number;
}

/** The knowledge of a server whose basis is another one now. */
export interface KnownServer {
  /** The container whose image the release changes. */
  readonly container: string;
  /** The image that its pod is to ask for. */
  readonly image: string;
  /** Its sidecar has become another container since the plan, so that the plan does not know the run of it. */
  readonly hasMoved: boolean;
}

/** The event of a server. */
export type LookChange =
  | { readonly kind: 'missing' }
  /** It came after the plan. */
  | { readonly kind: 'joined' }
  | { readonly kind: 'recreated' }
  /** Its pod is being deleted. */
  | { readonly kind: 'leaving' }
  | { readonly kind: 'mainContainerRestarted'; readonly container: string; readonly restarts: number }
  | { readonly kind: 'imageChanged'; readonly image: string }
  | { readonly kind: 'sidecarRestarted'; readonly restarts: number };

/**
 * Says what has happened to a server that is not as it was expected to be; nothing when nothing of the release's is another
 * one. A server whose image has just been written has changed, although its old container still runs.
 * @param planned as it was last known: as planned, or as it was when a person accepted a restart; undefined for one that
 *   is in no plan
 * @param now undefined when it has no pod
 */
export function judgeLook(
  planned: PlannedServer | undefined,
  now: SeenServer | undefined,
  known: KnownServer,
): readonly LookChange[] {
  if (!now) return planned ? [{ kind: 'missing' }] : [];
  if (!planned) return [{ kind: 'joined' }];
  if (!isSamePod(now.server, planned)) return [{ kind: 'recreated' }];
  if (now.deleting) return [{ kind: 'leaving' }];
  const changes: LookChange[] = restartedMainContainers(planned, now, known.container);
  if (now.image !== known.image) changes.push({ kind: 'imageChanged', image: now.image });
  const run = now.server.containers[known.container] ?? NO_RUN;
  // Of a server that has moved the plan knows no run: where nothing else is another one, the sidecar is.
  const isRestarted = known.hasMoved
    ? changes.length === 0
    : !isSameRun(planned.containers[known.container] ?? NO_RUN, run);
  if (isRestarted) changes.push({ kind: 'sidecarRestarted', restarts: restartsOf(run) });
  return changes;
}

function restartedMainContainers(planned: PlannedServer, now: SeenServer, sidecar: string): LookChange[] {
  return Object.entries(planned.containers)
    .filter(([name, before]) => name !== sidecar && !isSameRun(before, now.server.containers[name] ?? NO_RUN))
    .map(([container]) => ({
      kind: 'mainContainerRestarted',
      container,
      restarts: restartsOf(now.server.containers[container] ?? NO_RUN),
    }));
}
