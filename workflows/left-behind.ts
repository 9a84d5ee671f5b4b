import type { PlannedServer, Wave } from '../release/plan/plan.ts';
import { resolveCount } from '../release/spec/quantity.ts';
import type { FailedBefore, FailurePolicy } from '../release/checks/verdict.ts';
import { triesAgain } from '../release/checks/verdict.ts';
import { namesOf } from './batches.ts';
import type { Apart, ReleaseContext } from './strategy.ts';

/** At the start nobody is apart. */
export function nobodyApart(): Apart {
  return { failed: new Set(), returned: new Set(), deferred: new Set(), busy: new Set() };
}

/** Servers that people have left behind: themselves, or with their wave. */
export function skippedServers({ run, plan }: Pick<ReleaseContext, 'run' | 'plan'>): ReadonlySet<string> {
  const { skipped = [], skippedWaves = [] } = run.state;
  const waves = plan.waves.filter(({ number }) => skippedWaves.includes(number));
  return new Set([
    ...skipped.map(({ server }) => server),
    ...waves.flatMap(({ servers }) => servers.map(({ name }) => name)),
  ]);
}

/** Servers that the release goes on without, for whatever reason. */
export function leftBehind(context: ReleaseContext): ReadonlySet<string> {
  const { left, apart } = context;
  return new Set([...left, ...skippedServers(context), ...apart.returned, ...apart.busy]);
}

/** Those of the servers that go on with the release now. Asked anew before each step: people skip servers in between. */
export function goingOn(
  context: ReleaseContext,
  servers: readonly PlannedServer[],
  { deferred = false }: { readonly deferred?: boolean | undefined } = {},
): readonly PlannedServer[] {
  const behind = leftBehind(context);
  const staying = servers.filter(context.live.isHere);
  return staying.filter(({ name }) => !behind.has(name) && (deferred || !context.apart.deferred.has(name)));
}

/** What servers of a wave that fail lead to; without a wave, servers of no wave. */
export function policyOf({ plan, spec }: ReleaseContext, wave?: Wave): FailurePolicy {
  const { then, perWave, classes } = spec.onFailure;
  const limit = perWave === undefined || !wave ? undefined : resolveCount(perWave, wave.servers.length);
  return { tolerate: plan.tolerate, then, classes, perWave: limit };
}

/** How many servers were left behind because they failed. Whoever was skipped since does not count. */
export function failedBefore(context: ReleaseContext, wave?: Wave): FailedBefore {
  const skipped = skippedServers(context);
  const counted = [...context.left].filter((name) => !skipped.has(name));
  const inWave = new Set(wave?.servers.map(({ name }) => name));
  return { inAll: counted.length, inWave: counted.filter((name) => inWave.has(name)).length };
}

/**
 * How many of these servers may fail before a step need not wait for the others. Where failed servers are tried again
 * every one counts.
 */
export function failFast(context: ReleaseContext, servers: readonly PlannedServer[]): number {
  const { run, plan, spec, left } = context;
  const isRetry = servers.length > 0 && servers.every(({ name }) => left.has(name));
  if (isRetry || triesAgain(spec.onFailure)) return servers.length;
  const wave = plan.waves[run.state.wave - 1];
  const { tolerate, perWave = Infinity } = policyOf(context, wave);
  const { inAll, inWave } = failedBefore(context, wave);
  return Math.max(0, Math.min(tolerate - inAll, perWave - inWave));
}

/** `; left behind: duel-3; back on 1.0 by an override: duel-7`: whom the end of a release names. */
export function behindSentence(context: ReleaseContext): string {
  const { plan, apart } = context;
  const { returned } = apart;
  const behind = [...leftBehind(context)].filter((name) => !returned.has(name));
  const back = returned.size === 0 ? '' : `; back on ${plan.previousVersion} by an override: ${namesOf(returned)}`;
  return `${behind.length === 0 ? '' : `; left behind: ${namesOf(behind)}`}${back}`;
}

/** Servers that a rollback of the whole release leaves as they are: skipped since it began, or kept for debugging. */
export function leftOut(context: Pick<ReleaseContext, 'run' | 'plan'>): ReadonlySet<string> {
  return new Set([...skippedServers(context), ...(context.run.state.specimens ?? [])]);
}

/** `; left behind: duel-3; kept as they are for debugging: duel-7`: whom the end of a rollback names. */
export function leftOutSentence(context: Pick<ReleaseContext, 'run' | 'plan'>): string {
  const { specimens = [] } = context.run.state;
  const skipped = [...skippedServers(context)].filter((name) => !specimens.includes(name));
  const kept = specimens.length === 0 ? '' : `; kept as they are for debugging: ${specimens.join(', ')}`;
  return `${skipped.length === 0 ? '' : `; left behind: ${namesOf(skipped)}`}${kept}`;
}

/** Overrides of a partial rollback outlive the release, and win over whatever comes next: somebody has to know. */
export function warnOfOverrides({ run, plan, apart }: ReleaseContext): void {
  const { returned } = apart;
  if (returned.size === 0) return;
  const { oldImage, container } = plan.baseline;
  const warning = `${returned.size} servers keep an override of ${oldImage} until somebody takes the image of ${container} out of their GameServers: ${namesOf(returned)}`;
  run.set({ warnings: [...new Set([...run.state.warnings, warning])] });
}
