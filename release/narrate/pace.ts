import type { ReleaseState, WaveProgress } from '../progress/state.ts';
import { isFinal } from '../progress/state.ts';

/** Seconds of a wave: some for the wave itself (bake, checks) and some for each of its servers. */
interface Pace {
  readonly perWave: number;
  readonly perServer: number;
}

/**
 * The work that is left, in milliseconds, by the pace of the waves that are done; undefined while no wave is, and where
 * no wave is to come. Gates, pauses and freeze windows come on top: people end those.
 */
export function workLeft(state: ReleaseState, now: number): number | undefined {
  const { waves, phase, goesBack } = state;
  if (isFinal(phase) || phase === 'rolling-back' || goesBack === true) return undefined;
  const pace = paceOf(waves.filter(({ status }) => status === 'done'));
  const ahead = waves.filter(({ status }) => status === 'pending' || status === 'running');
  if (!pace || ahead.length === 0) return undefined;
  return ahead.reduce((sum, wave) => sum + Math.max(0, timeOf(wave, pace) - elapsedOf(wave, now)), 0);
}

/** The line through the times of waves of several sizes; of one size, each wave takes what those took on average. */
function paceOf(done: readonly WaveProgress[]): Pace | undefined {
  const points = done.flatMap(({ size, startedAt, endedAt }) =>
    startedAt === undefined || endedAt === undefined ? [] : [{ size, took: endedAt - startedAt }],
  );
  if (points.length === 0) return undefined;
  const mean = (of: (point: (typeof points)[number]) => number): number =>
    points.reduce((sum, point) => sum + of(point), 0) / points.length;
  const size = mean((point) => point.size);
  const took = mean((point) => point.took);
  const spread = mean((point) => (point.size - size) ** 2);
  const slope = spread === 0 ? 0 : mean((point) => (point.size - size) * (point.took - took)) / spread;
  const perServer = Math.min(Math.max(0, slope), size === 0 ? 0 : took / size);
  return { perServer, perWave: took - perServer * size };
}

function timeOf({ size }: WaveProgress, { perWave, perServer }: Pace): number {
  return perWave + perServer * size;
}

function elapsedOf({ status, startedAt }: WaveProgress, now: number): number {
  return status === 'running' && startedAt !== undefined ? Math.max(0, now - startedAt) : 0;
}
