import { waveLabel } from '../../release/narrate.ts';
import type { PlannedServer } from '../../release/plan.ts';
import { formatDuration } from '../../release/quantity.ts';
import type { LastRelease } from '../../release/record.ts';
import { inheritedStrategy } from '../../release/record-patches.ts';
import type { StepReport, Verdict } from '../../release/verdict.ts';
import { contentOf, namesOf, oneByOne, outgoingOf, patience, reachedBy } from '../batches.ts';
import { lasting, quick } from '../calls.ts';
import type { ReleaseContext, Strategy, Withdrawal } from '../strategy.ts';
import { overwriteEdit } from '../settle-drift.ts';
import { settleOverrides } from './settle.ts';

/**
 * Chosen servers, each through its own GameServer. Kruise paces nothing here, hotwave does; a pause needs no write,
 * because nothing moves that hotwave does not write. A template that changes underneath would be beaten by the
 * overrides without a word, so it is looked at before each wave and at the end.
 */
export function targeted(context: ReleaseContext): Strategy {
  let overridesStay = false;
  return {
    begin: async () => {
      const begun = await noted(context.record.write({ running: context.record.running }));
      if (begun.kind === 'advance') context.watch.follow({ image: context.plan.baseline.templateImage });
      return begun;
    },
    open: () => templateUnchanged(context),
    awaitMoved: (servers) => override(context, servers, 'forward'),
    finish: async () => {
      const unchanged = await templateUnchanged(context);
      return unchanged.kind === 'advance' ? await recordEnd(context, 'done') : unchanged;
    },
    affected: () => reachedBy(context),
    withdraw: () => Promise.resolve(withdraw(context)),
    settle: async () => {
      overridesStay = await mustKeepOverrides(context);
      const cleared = overridesStay ? ADVANCE : await clearOverrides(context);
      return cleared.kind === 'advance' ? await recordEnd(context, 'rolled-back') : cleared;
    },
    foreignEdit: async () => {
      const unchanged = await templateUnchanged(context);
      return unchanged.kind === 'pause' ? unchanged.reason : undefined;
    },
    reassert: () => overwriteEdit(context, { image: context.plan.baseline.templateImage }),
    freeze: () => Promise.resolve(undefined),
    thaw: () => Promise.resolve(),
    hold: () => Promise.resolve(undefined),
    success: () => successOf(context),
    withdrawal: () => withdrawalOf(context, overridesStay),
  };
}

async function templateUnchanged({ run, plan }: ReleaseContext): Promise<Verdict> {
  const { set, baseline } = plan;
  const { changed } = await quick(`${waveLabel(run.state)} · verify that the template is unchanged`).verifyTemplate({
    set,
    baseline,
  });
  return changed === undefined ? ADVANCE : { kind: 'pause', reason: changed };
}

function successOf({ plan, left, live }: ReleaseContext): string {
  const staying = plan.waves.flatMap(({ servers }) => servers).filter(live.isHere);
  const chosen = staying.filter(({ name }) => !left.has(name)).length;
  const others = plan.bystanders.length === 0 ? '' : `; ${plan.bystanders.length} others were not touched`;
  const behind = left.size === 0 ? '' : `; left behind: ${namesOf(left)}`;
  return `${chosen} chosen servers prove ${plan.version}${others}${behind}${live.text}`;
}

const ADVANCE: Verdict = { kind: 'advance' };

async function noted(writing: Promise<string | undefined>): Promise<Verdict> {
  const problem = await writing;
  return problem === undefined ? ADVANCE : { kind: 'pause', reason: problem };
}

function recordEnd({ record, plan }: ReleaseContext, outcome: LastRelease['outcome']): Promise<Verdict> {
  return noted(record.write({ last: record.ended(outcome, inheritedStrategy(plan.baseline)) }));
}

/**
 * Every server of the waves so far gets the old image asserted, the ones that seem untouched too: an override that was
 * written a moment ago may not have reached its pod yet.
 */
function withdraw(context: ReleaseContext): Withdrawal {
  return { kind: 'begun', awaitOld: (servers) => override(context, servers, 'rollback') };
}

function withdrawalOf({ plan }: ReleaseContext, overridesStay: boolean): string {
  const proved = `the chosen servers prove ${plan.previousVersion}`;
  return overridesStay
    ? `${proved}; they keep an override of ${plan.baseline.oldImage}, because the template has another image`
    : proved;
}

/**
 * The servers run the old image again. Without an override a server keeps the image it has, but the next template
 * change would move it out of turn: so an override of an image that the template does not have stays.
 */
async function mustKeepOverrides({ plan }: ReleaseContext): Promise<boolean> {
  const { set, baseline } = plan;
  if (baseline.oldImage !== baseline.templateImage) return true;
  const { changed } = await quick('roll back · look at the template').verifyTemplate({ set, baseline });
  return changed !== undefined;
}

/** Who had no override before keeps none. */
async function clearOverrides(context: ReleaseContext): Promise<Verdict> {
  const { plan } = context;
  const servers = reachedBy(context)
    .map(({ name }) => name)
    .filter((name) => !plan.overridden.includes(name));
  return await settleOverrides(context, { servers, image: undefined });
}

function override(
  context: ReleaseContext,
  servers: readonly PlannedServer[],
  direction: 'forward' | 'rollback',
): Promise<StepReport> {
  const { run, spec, plan, left } = context;
  const { set, baseline } = plan;
  const back = direction === 'rollback';
  const [image, from] = back ? [baseline.oldImage, baseline.newImage] : [baseline.newImage, baseline.oldImage];
  // Back is as fast as can be: those servers are broken, or on their way out.
  const maxUnavailable = back ? Math.max(1, servers.length) : plan.maxUnavailable;
  const limit = spec.ready.timeout * Math.max(1, Math.ceil(servers.length / maxUnavailable));
  const since = Date.now();
  const doing = `gives ${servers.length} servers ${image} by an override, ${Math.min(maxUnavailable, servers.length)} at a time`;
  run.enter(back ? 'rolling-back' : 'updating', doing, {
    owner: 'kruise-game-manager and the kubelets',
    until: since + limit,
  });
  const label = back ? 'roll back' : waveLabel(run.state);
  const content = back ? {} : contentOf({ spec, plan });
  const checking = patience(spec.content ? [spec.content] : [], servers.length, spec);
  return oneByOne(servers, (batch) =>
    lasting(
      `${label} · override ${batch.length} servers, at most ${formatDuration(spec.ready.timeout)} each`,
      limit + checking,
    ).overrideServers({
      ...content,
      set,
      servers: batch,
      container: baseline.container,
      image,
      from,
      direction,
      before: back ? outgoingOf(context, batch) : {},
      deadline: since + limit,
      timeout: spec.ready.timeout,
      failFast: back ? batch.length : Math.max(0, plan.tolerate - left.size),
      maxUnavailable,
      token: `${run.state.release}.${plan.hash.slice(0, 8)}.${direction}`,
    }),
  );
}
