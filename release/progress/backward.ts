import { patienceOf } from '../checks/probe.ts';
import { isSent } from '../checks/reload.ts';
import type { PlannedServer } from '../plan/plan.ts';
import { SETTLE_MS } from './forward.ts';
import { keptServers, leftOut, reachedServers, revertedServers, serversNamed } from './groups.ts';
import { pipelineStep } from './pipeline.ts';
import { placesOf, rowOf } from './table.ts';
import type { Release, WayBack } from './table.ts';
import type { Step } from './step.ts';

const note = (event: Extract<Step, { kind: 'note' }>['event']): Step => ({ kind: 'note', event });

/**
 * Back to the old version as fast as can be: everything at once, or the last wave first; no gates, no bake. It un-wedges a
 * stuck set, then reloads and proves the old version like any other. Undefined when every server is back.
 */
export function backwardStep(release: Release, now: number): Step | undefined {
  const { back } = release.progress;
  if (!back) return undefined;
  if (back.problem !== undefined) return problemStep(release, back.problem);
  if (back.groups === undefined) return { kind: 'snapshot', servers: groupsOf(release)[0] ?? [] };
  const group = groupStep(release, back, now);
  if (group) return group;
  if (back.scope !== 'release') return note({ kind: 'partBack' });
  return sweepStep(release, back) ?? settleStep(release, back, now);
}

/**
 * The set stood as the release had left it until it was taken back, and anybody may have opened it meanwhile. So once the
 * template lets nobody move to the new version any more, whoever had no part in the release is looked at, too.
 */
function sweepStep(release: Release, back: WayBack): Step | undefined {
  const { strategy } = release.plan;
  if (strategy === 'targeted' || back.isSwept) return undefined;
  if (strategy === 'newServersOnly')
    return release.progress.isStaged ? { kind: 'snapshot', servers: [], isSweep: true } : undefined;
  if (back.isNothing) return undefined;
  const known = new Set([...(back.groups ?? []).flat(), ...leftOut(release)]);
  const planned = [...release.plan.waves.flatMap(({ servers }) => servers), ...release.plan.adopted];
  const others = planned.filter(({ name }) => !known.has(name));
  return { kind: 'snapshot', servers: others, isSweep: true };
}

function problemStep({ progress, plan }: Release, problem: string): Step {
  const { back } = progress;
  if (back?.scope !== 'release') return note({ kind: 'partBack', problem });
  const reason = `the rollback is incomplete: ${problem}`;
  if (!back.isNoted && plan.strategy !== 'newServersOnly') return { kind: 'noteStuck', reason: problem };
  return note({ kind: 'paused', reason });
}

/** The servers that go back, in the order in which they go. */
export function groupsOf(release: Release): readonly (readonly PlannedServer[])[] {
  const { back } = release.progress;
  const out = leftOut(release);
  const reached = affectedServers(release).filter(({ name }) => !out.has(name));
  if (back?.order !== 'reverse') return [reached];
  const names = new Set(reached.map(({ name }) => name));
  const groups = release.plan.waves.map((wave) => wave.servers.filter(({ name }) => names.has(name)));
  return groups.filter((group) => group.length > 0).reverse();
}

/** The servers that a rollback of this scope brings back, as far as the release has come. */
function affectedServers(release: Release): readonly PlannedServer[] {
  const { plan, state, progress } = release;
  const { back } = progress;
  if (back && back.scope !== 'release') return partServers(release, back);
  if (plan.strategy === 'newServersOnly') return [];
  if (plan.strategy === 'targeted') {
    const opened = plan.waves.filter((_, index) => (state.waves[index]?.status ?? 'pending') !== 'pending');
    return opened.flatMap(({ servers }) => servers);
  }
  const mixed = new Set(plan.mixed);
  const later = plan.waves.filter(({ number }) => number > state.wave).flatMap(({ servers }) => servers);
  const others = progress.foreign.hasMoved === true ? later : later.filter(({ name }) => mixed.has(name));
  return [...reachedServers(release), ...plan.alreadyUpdated, ...others];
}

function partServers({ plan }: Release, { groups = [] }: WayBack): readonly PlannedServer[] {
  const places = placesOf(plan);
  return groups.flat().flatMap((name) => places.get(name)?.server ?? []);
}

/** One group from its look to its proof. */
function groupStep(release: Release, back: WayBack, now: number): Step | undefined {
  const { plan } = release;
  const names = back.groups?.[back.group];
  if (names === undefined) return undefined;
  const servers = serversNamed(release, names);
  if (!back.isLookedAt) return { kind: 'snapshot', servers };
  if (isTemplateDue(release, back)) return { kind: 'takeBack' };
  if (back.isNothing || plan.strategy === 'newServersOnly') return nextGroup(back);
  const means = plan.strategy === 'targeted' || back.scope !== 'release' || back.byOverrides ? 'override' : 'template';
  // A person may skip a server while it is on its way back.
  const out = leftOut(release);
  const going = servers.filter(
    ({ name }) =>
      rowOf(release, name).failed === undefined && rowOf(release, name).away === undefined && !out.has(name),
  );
  return (
    pipelineStep(release, { servers: going, toward: 'old', means }, now) ??
    askAgain(release, going, now) ??
    nextGroup(back)
  );
}

/**
 * Engines that were told to load the new version just before it was taken back are asked once more when all the time is
 * over that their proof may take: until then the old version may be what they have not left yet.
 */
function askAgain(release: Release, going: readonly PlannedServer[], now: number): Step | undefined {
  const servers = going.filter(({ name }) => rowOf(release, name).mayLoadNew === 'soon');
  if (servers.length === 0) return undefined;
  const notBefore = release.progress.toldAt + patienceOf(release.spec.proof);
  return now < notBefore ? { kind: 'wait', for: 'load', until: notBefore } : { kind: 'prove', servers, toward: 'old' };
}

function isTemplateDue({ plan }: Release, { isWritten, isNothing, scope, byOverrides }: WayBack): boolean {
  return plan.strategy !== 'targeted' && scope === 'release' && !isWritten && !isNothing && !byOverrides;
}

/** Every group was dealt with once its index is behind the last. */
function nextGroup(back: WayBack): Step | undefined {
  return back.group < (back.groups?.length ?? 0) ? note({ kind: 'nextGroup' }) : undefined;
}

/** After every server has proved the old version: what was only changed for the time of the release is put back. */
function settleStep(release: Release, back: WayBack, now: number): Step | undefined {
  if (release.plan.strategy === 'newServersOnly' || back.isNothing) return restoreStep(release, back);
  const first = release.plan.strategy === 'targeted' ? settleTargeted(release, back) : settleRolling(release, back);
  return first ?? restoreStep(release, back) ?? confirmBack(release, back, now);
}

function settleRolling(release: Release, { settled, byOverrides }: WayBack): Step | undefined {
  const { plan, progress } = release;
  const out = leftOut(release);
  // The template has their image again, so they need no override of it any more.
  const servers = byOverrides ? [] : revertedServers(release).filter((name) => !out.has(name));
  if (!settled.overrides && servers.length > 0) return { kind: 'overrides', servers, after: 'reverted' };
  if (progress.adoption === undefined || settled.kept === 'proved') return undefined;
  const { baseline } = plan;
  const adopted = keptServers(release);
  if (adopted.length === 0) return undefined;
  if (settled.kept === undefined)
    return { kind: 'overrides', servers: adopted.map(({ name }) => name), image: baseline.newImage, after: 'kept' };
  if (settled.kept === 'written')
    return { kind: 'move', servers: adopted, toward: 'old', means: 'template', image: baseline.newImage };
  // An edit may have moved them back, and their engines with them.
  if (settled.kept === 'ready' && progress.foreign.hasMoved === true && isSent(release.spec.reload))
    return { kind: 'reload', servers: adopted, toward: 'new', kept: true };
  return { kind: 'prove', servers: adopted, toward: 'new', kept: true };
}

/**
 * The servers run the old image again. Without an override a server keeps the image it has, but the next template change
 * would move it out of turn: so an override of an image that the template does not have stays.
 */
function settleTargeted(release: Release, { settled }: WayBack): Step | undefined {
  const { plan } = release;
  if (settled.overrides) return undefined;
  if (settled.overridesStay === undefined && plan.baseline.oldImage === plan.baseline.templateImage)
    return { kind: 'checkTemplate', before: 'overrides' };
  const out = leftOut(release);
  const servers = affectedServers(release)
    .map(({ name }) => name)
    .filter((name) => !plan.overridden.includes(name) && !out.has(name));
  if (settled.overridesStay === true || plan.baseline.oldImage !== plan.baseline.templateImage || servers.length === 0)
    return undefined;
  return { kind: 'overrides', servers, after: 'back' };
}

function restoreStep({ plan, progress }: Release, back: WayBack): Step | undefined {
  // Some of them may have been given before a step was cut short. With the last write the set says no more what they were.
  if (plan.priorities.length > 0 && progress.priorities !== 'restored' && !back.isNothing)
    return { kind: 'priorities', direction: 'restore', changes: plan.priorities };
  if (plan.strategy === 'targeted') return progress.isPutBack ? undefined : { kind: 'recordEnd' };
  if (plan.strategy === 'newServersOnly') return undefined;
  // The template is somebody else's now, so the set controls stay as they are.
  if (back.byOverrides) return progress.set.isRecorded ? { kind: 'recordEnd' } : undefined;
  if (!progress.isPutBack && progress.set.hold !== undefined) return { kind: 'putBack', image: plan.baseline.oldImage };
  return undefined;
}

/** Just before it says that servers prove the old version, it looks whether that is still so. */
function confirmBack(release: Release, back: WayBack, now: number): Step | undefined {
  const { progress } = release;
  const again = pipelineStep(
    release,
    {
      servers: serversNamed(release, (back.groups ?? []).flat()).filter(
        ({ name }) => rowOf(release, name).away === undefined,
      ),
      toward: 'old',
      means: 'template',
    },
    now,
  );
  if (again) return again;
  const notBefore = progress.toldAt === 0 ? 0 : progress.toldAt + SETTLE_MS;
  if (progress.confirmedAt > 0 && progress.confirmedAt >= notBefore) return undefined;
  return now < notBefore
    ? { kind: 'wait', for: 'settle', until: notBefore }
    : { kind: 'look', purpose: 'final', notBefore };
}
