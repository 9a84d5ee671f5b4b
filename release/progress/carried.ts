import { packPlan, unpackPlan } from '../plan/packed-plan.ts';
import type { PackedPlan } from '../plan/packed-plan.ts';
import type { Progress, Release, Row } from './table.ts';

/** A release as it travels from one run to the next. */
export interface CarriedRelease extends Omit<Release, 'progress' | 'plan'> {
  readonly plan: PackedPlan;
  readonly progress: Omit<Progress, 'rows'> & { readonly rows: readonly (readonly [string, Row])[] };
}

/** All that the next run has to know, as JSON. */
export function packRelease(release: Release): CarriedRelease {
  return {
    ...release,
    plan: packPlan(release.plan),
    progress: { ...release.progress, rows: [...release.progress.rows] },
  };
}

/** The release that an earlier run has handed on. */
export function unpackRelease(carried: CarriedRelease): Release {
  return {
    ...carried,
    plan: unpackPlan(carried.plan),
    progress: { ...carried.progress, rows: new Map(carried.progress.rows) },
  };
}
