import type { Verdict } from '../../release/checks/verdict.ts';
import { failedCount } from '../../release/checks/verdict.ts';
import { lasting } from '../calls.ts';
import type { ReleaseContext } from '../strategy.ts';

/** How long the controller may take to show that it knows of an override: slower the more servers there are. */
const SETTLE_MS = 60_000;
const SETTLE_MS_PER_SERVER = 200;

/** Leaves GameServers with this override of the image, or with none. */
export async function settleOverrides(
  { run, plan }: ReleaseContext,
  { servers, image }: { readonly servers: readonly string[]; readonly image: string | undefined },
): Promise<Verdict> {
  if (servers.length === 0) return { kind: 'advance' };
  const doing =
    image === undefined
      ? `takes the overrides of ${servers.length} servers away`
      : `leaves ${servers.length} servers with the override ${image}`;
  const limit = SETTLE_MS + SETTLE_MS_PER_SERVER * servers.length;
  const since = Date.now();
  run.set({ step: doing, wait: { for: doing, owner: 'kruise-game-manager', since, until: since + limit } });
  const report = await lasting(doing, limit).settleOverrides({
    set: plan.set,
    servers,
    container: plan.baseline.container,
    ...(image === undefined ? {} : { image }),
    token: `${run.state.release}.${plan.hash.slice(0, 8)}.settle`,
    deadline: since + limit,
  });
  run.set({ wait: undefined });
  return failedCount(report) === 0
    ? { kind: 'advance' }
    : { kind: 'pause', reason: report.failures[0]?.reason ?? doing };
}
