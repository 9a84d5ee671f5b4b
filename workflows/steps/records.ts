import type { FailedVersion } from '../../release/record/failed-versions.ts';
import { endOfRelease, recordOfPlan } from '../../release/record/plan-record.ts';
import type { LastRelease, ReleaseRecord } from '../../release/record/record.ts';
import { controlledStrategy, sameJson } from '../../release/patches/patches.ts';
import { excludedServers, lateServers, leftOut } from '../../release/progress/groups.ts';
import type { Release } from '../../release/progress/table.ts';

/** The record of a release with its first write: what it is about. */
export function runningRecord({ plan, spec, state, identity }: Release): ReleaseRecord {
  return recordOfPlan(plan, spec, identity ?? state);
}

/** The record of a release that ends now and leaves the servers as they are. */
export function heldRecord(release: Release, now: number): ReleaseRecord {
  return { ...runningRecord(release), leftAt: now };
}

/** The record of a rollback that has ended while the set controls stay: its servers keep overrides of the old image. */
export function backRecord(release: Release, now: number): ReleaseRecord {
  return { ...heldRecord(release, now), back: true };
}

/** The record of a release with its last write: what it came to. A repeated write finds its own values there. */
export function lastRecord(
  release: Release,
  outcome: LastRelease['outcome'],
  { at, putBack }: { readonly at: number; readonly putBack?: LastRelease['putBack'] },
): LastRelease {
  const excluded = outcome === 'done' ? excludedServers(release) : leftOut(release);
  // Nobody was excluded, nobody who came meanwhile is without a proof, and nobody may load another version yet.
  const unsure = excluded.size + release.progress.newcomers.notProved.length + lateServers(release).length;
  const everyServerProved = unsure === 0;
  const last = endOfRelease(runningRecord(release), outcome, { finishedAt: at, everyServerProved });
  return putBack === undefined ? last : { ...last, putBack };
}

/** The failed version in the last write: an image that the release had to take back by itself. */
export function failedVersion(
  release: Release,
  at: number,
): { readonly failed: FailedVersion } | Record<string, never> {
  const { failedBecause: reason } = release.progress;
  if (reason === undefined) return {};
  return { failed: { image: release.plan.baseline.newImage, release: runningRecord(release).release, at, reason } };
}

/**
 * The record of a release that ended in favour of an edit. It keeps the person's updateStrategy for whoever releases
 * next, or the one that they have written since.
 */
export function leftRecord(release: Release): ReleaseRecord {
  const { plan, progress } = release;
  const { facts, seen } = progress.foreign;
  const edited = progress.back ? seen?.updateStrategy : facts?.updateStrategy;
  const held = progress.set.hold && controlledStrategy(plan.baseline, progress.set.hold);
  const isEdited = edited !== undefined && held !== undefined && !sameJson(edited, held);
  const updateStrategy = isEdited ? (edited ?? {}) : plan.baseline.updateStrategy;
  return { ...runningRecord(release), updateStrategy, left: progress.leaving?.reason ?? '' };
}
