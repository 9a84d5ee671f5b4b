import { isSent } from '../checks/reload.ts';
import type { PlannedServer } from '../plan/plan.ts';
import { STAGE, rowOf } from './table.ts';
import type { Release, Stage } from './table.ts';
import type { Step } from './step.ts';
import type { Means, Toward } from './steps.ts';

/** Servers that go the same way together. */
export interface Group {
  readonly servers: readonly PlannedServer[];
  readonly toward: Toward;
  readonly means: Means;
  /** Players are waited for until then at the most, where the release waits for them; milliseconds. */
  readonly patience?: number | undefined;
}

/**
 * The one way to a version, for waves and whoever is behind: moved, files there, told, proved, healthy. The servers that
 * are furthest behind go first, so that a group keeps step; who waits for another try holds the group up until then.
 * Undefined when all are there.
 */
export function pipelineStep(release: Release, group: Group, now: number): Step | undefined {
  const { groupRetry } = release.progress;
  const behind = group.servers.filter(({ name }) => isBehind(release, name, group.toward));
  if (behind.length === 0) return undefined;
  const stage = Math.min(...behind.map(({ name }) => rowOf(release, name).stage)) as Stage;
  const members = behind.filter(({ name }) => rowOf(release, name).stage === stage);
  const due = members.filter(({ name }) => (rowOf(release, name).retryAt ?? 0) <= now);
  const again = groupRetry?.isGroup === true && groupRetry.at > now ? groupRetry.at : undefined;
  if (due.length === 0 || again !== undefined) {
    const until = again ?? Math.max(...members.map(({ name }) => rowOf(release, name).retryAt ?? 0));
    return { kind: 'wait', for: 'retry', until };
  }
  return stageStep(release, group, { stage, servers: due }, now);
}

function isBehind(release: Release, name: string, toward: Toward): boolean {
  const { stage } = rowOf(release, name);
  if (toward === 'old') return stage < STAGE.proved;
  return stage < (release.spec.health.length > 0 ? STAGE.healthy : STAGE.proved);
}

function stageStep(
  release: Release,
  group: Group,
  { stage, servers }: { readonly stage: Stage; readonly servers: readonly PlannedServer[] },
  now: number,
): Step {
  const { toward, means } = group;
  switch (stage) {
    case STAGE.none:
      return { kind: 'move', servers, toward, means };
    case STAGE.moved:
      return { kind: 'files', servers, toward };
    case STAGE.files:
      return loadStep(release, group, servers, now);
    case STAGE.told:
      return { kind: 'prove', servers, toward };
    case STAGE.proved:
    case STAGE.healthy:
      return { kind: 'health', servers };
  }
}

/** Where the release is considerate of players, those without any reload first, and the others are waited for. */
function loadStep(release: Release, group: Group, servers: readonly PlannedServer[], now: number): Step {
  const { spec, progress } = release;
  const { toward, patience } = group;
  if (toward === 'old' || spec.admission === undefined || patience === undefined || !isSent(spec.reload))
    return { kind: 'reload', servers, toward };
  const admitted = servers.filter(({ name }) => rowOf(release, name).admitted === true);
  if (admitted.length > 0) return { kind: 'reload', servers: admitted, toward };
  const { admission } = progress;
  if (!admission) return { kind: 'note', event: { kind: 'playersAwaited', until: now + patience } };
  const isFirstLook = servers.some(({ name }) => !admission.busy.includes(name));
  const of = group.servers.length;
  if (isFirstLook) return { kind: 'admit', servers, until: 0, of };
  if (now >= admission.until)
    return { kind: 'note', event: { kind: 'deferred', servers: servers.map(({ name }) => name) } };
  return { kind: 'admit', servers, until: admission.until, of };
}
