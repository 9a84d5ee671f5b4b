import type { FailureClass } from '../checks/server.ts';
import type { Progress, Release, Row } from './table.ts';
import { STAGE } from './table.ts';
import type { ReleaseState, WaveProgress } from './state.ts';
import { withWave } from './state.ts';

// Small changes of a release that several events have in common.

/** Changes what is known. */
export function knowing(release: Release, change: Partial<Progress>): Release {
  return { ...release, progress: { ...release.progress, ...change } };
}

/** Changes what people see. */
export function showing(release: Release, change: Partial<ReleaseState>): Release {
  return { ...release, state: { ...release.state, ...change } };
}

/** Warnings, each once. */
export function withWarnings(release: Release, warnings: readonly string[]): Release {
  if (warnings.length === 0) return release;
  return showing(release, { warnings: [...new Set([...release.state.warnings, ...warnings])] });
}

/** Changes the rows of some servers. */
export function withRow(release: Release, names: Iterable<string>, change: (row: Row, name: string) => Row): Release {
  const rows = new Map(release.progress.rows);
  for (const name of names) rows.set(name, change(rows.get(name) ?? { stage: STAGE.none }, name));
  return knowing(release, { rows });
}

/** Changes one wave of the table that people see. */
export function withShownWave(release: Release, number: number, change: Partial<WaveProgress>): Release {
  return { ...release, state: withWave(release.state, number, change) };
}

/**
 * A release that stands still for a person, and why. While it goes back as a whole nobody is asked about anything but the
 * rollback.
 */
export function pausedFor(release: Release, reason: string, now: number): Release {
  const pause = { since: now, until: now + release.spec.paused.timeout };
  return showing(knowing(release, { pause, stop: undefined }), { pausedBecause: reason });
}

/** The release cannot simply go on: a person, or the way back. */
export function stopped(release: Release, kind: 'pause' | 'rollback', reason: string): Release {
  const { back } = release.progress;
  if (back) return knowing(release, { back: { ...back, problem: reason, isNoted: false } });
  return knowing(release, { stop: { kind, reason } });
}

/** A server that passed has not failed. */
export function passedRow({ failed: _failed, tries: _tries, triedAt: _at, retryAt: _retryAt, ...row }: Row): Row {
  return row;
}

/** A server of which nothing counts any more but what its engine may have loaded. */
export function evidenceGone(row: Row): Row {
  return { ...passedRow(row), stage: STAGE.none, basis: undefined, mayHaveLoaded: true };
}

/** Classes of failure that a person accepts by resuming: the server is looked at anew, and proves again. */
export const ACCEPTABLE: ReadonlySet<FailureClass> = new Set<FailureClass>([
  'mainContainerRestarted',
  'moved',
  'recreated',
]);
