import type { Plan } from '../../release/plan/plan.ts';
import type { Verdict } from '../../release/checks/verdict.ts';
import { failedCount, mergeReports } from '../../release/checks/verdict.ts';
import { inBatches, namesOf, patience } from '../batches.ts';
import { lasting } from '../calls.ts';
import type { ReleaseContext, Step } from '../strategy.ts';
import { settleOverrides } from './settle.ts';
import { packServers } from '../../release/fleet/server-rows.ts';

/**
 * A rollback leaves servers where the release found them: those that an override had moved before keep it. It is written
 * before the template goes back, or Kruise would take them along. A sentence when that did not work.
 */
export async function keepOverrides(context: ReleaseContext): Promise<string | undefined> {
  const { adopted, baseline } = context.plan;
  const servers = adopted.map(({ name }) => name);
  return problemOf(await settleOverrides(context, { servers, image: baseline.newImage }));
}

/**
 * Kruise writes the old image into those servers all the same, and their overrides win again: so they are waited for, and
 * have to prove what they keep. A sentence about what is wrong, or undefined.
 */
export async function proveKept(context: ReleaseContext, awaitKept: Step): Promise<string | undefined> {
  const { plan, spec } = context;
  const { adopted, version, set } = plan;
  const problem = await keepOverrides(context);
  if (problem !== undefined) return problem;
  const ready = await awaitKept(adopted);
  const proved = await inBatches(adopted, (servers) =>
    lasting(
      `roll back · prove ${version} on ${servers.length} servers that keep it`,
      patience([spec.proof], servers.length, spec),
    ).checkServers({
      set,
      servers: packServers(servers),
      concurrency: spec.concurrency,
      direction: 'rollback',
      kind: 'version',
      probes: [spec.proof],
      version,
    }),
  );
  const report = mergeReports([ready, proved]);
  const [first] = report.failures;
  if (failedCount(report) === 0) return undefined;
  return `servers that keep ${version} by their overrides do not prove it: ${first?.server ?? ''}: ${first?.reason ?? ''}`;
}

/** What a rolling release has come to when it is rolled back, for people. */
export function withdrawalOf({ previousVersion, version, adopted }: Plan, someLeftOut: boolean): string {
  if (adopted.length === 0) return `${someLeftOut ? 'all others prove' : 'every server proves'} ${previousVersion}`;
  const names = namesOf(adopted.map(({ name }) => name));
  const keep = `${adopted.length} servers keep ${version} by their overrides, as before the release: ${names}`;
  return `the others prove ${previousVersion}; ${keep}`;
}

function problemOf(verdict: Verdict): string | undefined {
  return verdict.kind === 'advance' ? undefined : verdict.reason;
}
