import type { ServerView } from './fleet.ts';
import { containerOf } from './fleet.ts';

/**
 * The run of a container as one text: how often it was restarted, and the end of its container id. `0:4be1c09a77d2` is its
 * first run, `-` says that it has never begun.
 */
export type ContainerRun = string;

/** A container that has never been started in its pod. */
const NEVER: ContainerRun = '-';
/** A run that no container is ever in: whatever is found is another one. */
export const NO_RUN: ContainerRun = '!';
const ID_CHARACTERS = 12;

/** The present run of a container. */
export function fingerprint(server: ServerView, container: string): ContainerRun {
  const status = containerOf(server.containers, container)?.status;
  if (!status || (status.restartCount === 0 && status.containerId === '')) return NEVER;
  return `${status.restartCount}:${status.containerId.slice(-ID_CHARACTERS)}`;
}

/** How often a container had been restarted when it began this run; 0 when it never has. */
export function restartsOf(run: ContainerRun): number {
  return Number.parseInt(run, 10) || 0;
}

/**
 * True when a container has not restarted between two looks. Its first start is no restart.
 *
 * | before | now | same |
 * |---|---|---|
 * | `0:a` | `0:a` | yes |
 * | `0:a` | `1:b` | no |
 * | `0:a` | `0:b` | no: made anew by a node that had lost it |
 * | `-` | `0:a` | yes |
 * | `-` | `1:b` | no: its first run has ended already |
 */
export function isSameRun(before: ContainerRun, now: ContainerRun): boolean {
  return before === now || earlierRuns(now).includes(before);
}

/** The runs that an earlier look may have seen, without a restart since: a first run may not have begun then. */
export function earlierRuns(now: ContainerRun): readonly ContainerRun[] {
  return now.startsWith('0:') ? [now, NEVER] : [now];
}
