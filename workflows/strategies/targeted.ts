import { waveLabel } from '../../release/narrate/narrate.ts';
import type { PlannedServer } from '../../release/plan/plan.ts';
import type { LastRelease } from '../../release/record/record.ts';
import { inheritedStrategy } from '../../release/patches/record-patches.ts';
import type { Verdict } from '../../release/checks/verdict.ts';
import { QUICK_MS, quick } from '../calls.ts';
import { behindSentence, leftBehind, leftOut, leftOutSentence, warnOfOverrides } from '../left-behind.ts';
import type { ReleaseContext, Strategy, Withdrawal } from '../strategy.ts';
import { overwriteEdit } from '../settle-drift.ts';
import { override } from './override.ts';
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
    open: () => {
      const until = Date.now() + QUICK_MS;
      context.run.enter('updating', 'looks whether the template is unchanged', { owner: 'the API server', until });
      return templateUnchanged(context);
    },
    awaitMoved: (servers) => override(context, servers, 'forward'),
    finish: async () => {
      const unchanged = await templateUnchanged(context);
      warnOfOverrides(context);
      return unchanged.kind === 'advance' ? await recordEnd(context, 'done') : unchanged;
    },
    affected: () => openedBy(context),
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
    hold: () => context.record.hold(),
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

function successOf(context: ReleaseContext): string {
  const { plan, live } = context;
  const behind = leftBehind(context);
  const staying = plan.waves.flatMap(({ servers }) => servers).filter(live.isHere);
  const chosen = staying.filter(({ name }) => !behind.has(name)).length;
  const others = plan.bystanders.length === 0 ? '' : `; ${plan.bystanders.length} others were not touched`;
  return `${chosen} chosen servers prove ${plan.version}${others}${behindSentence(context)}${live.text}`;
}

const ADVANCE: Verdict = { kind: 'advance' };

async function noted(writing: Promise<string | undefined>): Promise<Verdict> {
  const problem = await writing;
  return problem === undefined ? ADVANCE : { kind: 'pause', reason: problem };
}

function recordEnd({ record, plan }: ReleaseContext, outcome: LastRelease['outcome']): Promise<Verdict> {
  const last = record.ended(outcome, { putBack: inheritedStrategy(plan.baseline) });
  return noted(record.write({ last, ...record.failedVersion }));
}

/** The servers of the waves that were begun: one whose gate is still closed is none of this release's yet. */
function openedBy({ plan, run }: ReleaseContext): readonly PlannedServer[] {
  const opened = plan.waves.filter((_, index) => (run.state.waves[index]?.status ?? 'pending') !== 'pending');
  return opened.flatMap(({ servers }) => servers);
}

/**
 * Every server of the waves so far gets the old image asserted, the ones that seem untouched too: an override that was
 * written a moment ago may not have reached its pod yet.
 */
function withdraw(context: ReleaseContext): Withdrawal {
  return { kind: 'begun', awaitOld: (servers) => override(context, servers, 'rollback') };
}

function withdrawalOf(context: ReleaseContext, overridesStay: boolean): string {
  const { plan } = context;
  const proved = `the chosen servers prove ${plan.previousVersion}${leftOutSentence(context)}`;
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

/** Who had no override before keeps none, but for those that the rollback left out. */
async function clearOverrides(context: ReleaseContext): Promise<Verdict> {
  const { plan } = context;
  const out = leftOut(context);
  const servers = openedBy(context)
    .map(({ name }) => name)
    .filter((name) => !plan.overridden.includes(name) && !out.has(name));
  return await settleOverrides(context, { servers, image: undefined });
}
