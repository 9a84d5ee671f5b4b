import { agreed, counted } from '../spec/counted.ts';
import { isOverMixed } from '../decisions/max-mixed.ts';
import { FROZEN } from '../patches/patches.ts';
import { formatDuration } from '../spec/quantity.ts';
import { plannedServers } from '../fleet/newcomers.ts';
import type { PlannedServer, Wave } from '../plan/plan.ts';
import { gateStep } from './gate-step.ts';
import { awaitedRevision, goingOn, isHere, newcomersGoingOn, notOpened, skippedServers } from './groups.ts';
import { pipelineStep } from './pipeline.ts';
import type { Release } from './table.ts';
import { STAGE, placesOf, rowOf } from './table.ts';
import type { Step } from './step.ts';
import { NEW_SERVERS_WAVE } from './state.ts';

type Part = (release: Release, now: number) => Step | undefined;

/** The runbook of a release that goes forward: the first part that still has something to do is next. */
const PARTS: readonly Part[] = [
  gateOfNewServers,
  calendarBeforeTheFirstWrite,
  begin,
  baseline,
  waves,
  catchUp,
  deferredReloads,
  adopt,
  newcomers,
  newServers,
  putBack,
  confirm,
  monitor,
];

/** The next step of a release that goes forward; undefined when it is done. */
export function forwardStep(release: Release, now: number): Step | undefined {
  for (const part of PARTS) {
    const step = part(release, now);
    if (step) return step;
  }
  return undefined;
}

function gateOfNewServers(release: Release, now: number): Step | undefined {
  const { plan, progress } = release;
  if (plan.strategy !== 'newServersOnly' || progress.isStaged) return undefined;
  return gateStep(release, NEW_SERVERS_WAVE, now);
}

function calendarBeforeTheFirstWrite(release: Release, now: number): Step | undefined {
  return release.progress.isStaged ? undefined : calendarStep(release, 0, now);
}

/** Asks the calendar once before each wave; waits while a freeze window holds. */
function calendarStep({ calendar, progress, state }: Release, wave: number, now: number): Step | undefined {
  if (!calendar || progress.calendarPassed >= wave) return undefined;
  if (state.freeze?.overridden !== undefined) return note({ kind: 'windowOverridden' });
  if (progress.frozen && now < progress.frozen.until) {
    if (isOverMixed(state, now)) return note({ kind: 'overMixed' });
    const until = Math.min(progress.frozen.until, state.mixedUntil ?? Infinity);
    return { kind: 'wait', for: 'window', until };
  }
  return { kind: 'calendar' };
}

function begin(release: Release): Step | undefined {
  const { plan, progress } = release;
  if (progress.isPutBack) return undefined;
  if (!progress.isStaged) return { kind: 'stage' };
  if (plan.strategy === 'rolling' && progress.set.revision === '')
    // Written, and not yet taken over: the controllers say which revision it is.
    return progress.set.hold ? { kind: 'controls', change: {}, why: 'resume' } : { kind: 'stage' };
  // The record on the set says what they were, so they are given only when it is there.
  if (progress.priorities === 'own' && plan.priorities.length > 0)
    return { kind: 'priorities', direction: 'assign', changes: plan.priorities };
  return undefined;
}

/** Servers may run images that the plan does not name: they are looked at once, so that a later change is seen. */
function baseline({ plan, progress }: Release): Step | undefined {
  const isKnown = plan.strategy === 'newServersOnly' || (plan.bystanders.length === 0 && plan.mixed === undefined);
  return isKnown || progress.isBaselined ? undefined : { kind: 'look', purpose: 'baseline', notBefore: 0 };
}

function waves(release: Release, now: number): Step | undefined {
  const broken = evidenceStep(release, now);
  if (broken) return broken;
  const open = release.plan.waves.find(({ number }) => !isEnded(release, number));
  return open && waveStep(release, open, now);
}

function isEnded({ state }: Release, number: number): boolean {
  const status = state.waves[number - 1]?.status;
  return status === 'done' || status === 'skipped' || status === 'rolled-back';
}

/** A server that has lost its proof after its wave proves again before anything else. */
function evidenceStep(release: Release, now: number): Step | undefined {
  if (release.progress.mustLook) return { kind: 'look', purpose: 'evidence', notBefore: 0 };
  const ended = release.plan.waves.filter(({ number }) => isEnded(release, number) && !isSkipped(release, number));
  const servers = notDeferred(
    release,
    goingOn(
      release,
      ended.flatMap((wave) => wave.servers),
    ),
  );
  return (
    reopenStep(release, ended, servers) ??
    pipelineStep(release, { servers, toward: 'new', means: meansOf(release) }, now)
  );
}

/** After an edit was written over the set lets nobody move: whoever the edit has moved back needs it open again. */
function reopenStep(release: Release, ended: readonly Wave[], servers: readonly PlannedServer[]): Step | undefined {
  const { set, rows, isPutBack, opened } = release.progress;
  const last = ended.at(-1);
  if (release.plan.strategy !== 'rolling' || !last || isPutBack) return undefined;
  const isClosed = set.hold?.partition === FROZEN || !opened.includes(last.number);
  if (!isClosed || servers.every(({ name }) => rows.get(name)?.stage !== STAGE.none)) return undefined;
  // Those of the wave at work have moved, or move along: they have taken nobody's place.
  const begun = release.plan.waves.filter(
    ({ number }) => !isEnded(release, number) && release.state.waves[number - 1]?.status !== 'pending',
  );
  // Nor has anybody of a wave before them that was skipped: Kruise takes those first.
  const opening = [...ended, ...begun];
  const before = notOpened(release, Math.max(...opening.map(({ number }) => number)));
  const moving = new Set([...before, ...opening.flatMap((wave) => wave.servers)]);
  return { kind: 'open', wave: last.number, servers: [...moving], for: 'wave' };
}

function waveStep(release: Release, wave: Wave, now: number): Step | undefined {
  const { number } = wave;
  const begun = release.state.waves[number - 1]?.status !== 'pending';
  if (!begun) {
    const held = beforeWave(release, number, now);
    if (held) return held;
  }
  if (isSkipped(release, number)) return note({ kind: 'waveEnded', wave: number });
  if (!begun) return note({ kind: 'waveBegun', wave: number });
  if (!release.progress.opened.includes(number)) return openStep(release, wave);
  return (
    pipelineStep(release, groupOf(release, wave), now) ??
    bakeStep(release, wave, now) ??
    lookStep(release, number) ??
    note({ kind: 'waveEnded', wave: number })
  );
}

/**
 * The conditions before a wave begins: its gate, the calendar, and that servers are not of two versions for too long.
 */
function beforeWave(release: Release, number: number, now: number): Step | undefined {
  const held = gateStep(release, number, now) ?? calendarStep(release, number, now);
  if (held) return held;
  return isOverMixed(release.state, now) ? note({ kind: 'overMixed' }) : undefined;
}

function openStep(release: Release, { number, servers }: Wave): Step {
  if (release.plan.strategy !== 'rolling') return { kind: 'checkTemplate', before: 'wave', wave: number };
  return { kind: 'open', wave: number, servers: [...notOpened(release, number), ...servers], for: 'wave' };
}

function groupOf(release: Release, { servers }: Wave): Parameters<typeof pipelineStep>[1] {
  const going = notDeferred(release, goingOn(release, servers));
  return { servers: going, toward: 'new', means: meansOf(release), patience: release.spec.admission?.wait };
}

function meansOf({ plan }: Release): 'template' | 'override' {
  return plan.strategy === 'targeted' ? 'override' : 'template';
}

/** Without those whose reload waits; one that has lost its files meanwhile gets them first, like any other. */
function notDeferred(release: Release, servers: readonly PlannedServer[]): readonly PlannedServer[] {
  return servers.filter(({ name }) => {
    const { deferred, stage } = rowOf(release, name);
    return deferred !== true || stage < STAGE.files;
  });
}

function isSkipped({ state }: Release, number: number): boolean {
  return state.skippedWaves?.includes(number) === true;
}

function isLast({ plan }: Release, number: number): boolean {
  return number === plan.waves.length;
}

/** While the last wave bakes all servers are of one version; a bake that ends for that reason was none. */
function bakeStep(release: Release, { number, servers }: Wave, now: number): Step | undefined {
  const { spec, progress, state } = release;
  if (spec.bake === 0) return undefined;
  const { groupRetry } = progress;
  if (groupRetry && groupRetry.at > now) return { kind: 'wait', for: 'retry', until: groupRetry.at };
  const mixedUntil = isLast(release, number) ? Infinity : (state.mixedUntil ?? Infinity);
  if (!progress.baked.includes(number)) {
    const until = Math.min(now + spec.bake, mixedUntil);
    return { kind: 'bake', wave: number, servers: goingOn(release, notDeferred(release, servers)), until };
  }
  return now >= mixedUntil ? note({ kind: 'overMixed' }) : undefined;
}

function lookStep({ progress }: Release, number: number): Step | undefined {
  return progress.looked.includes(number) ? undefined : { kind: 'look', purpose: 'wave', wave: number, notBefore: 0 };
}

/**
 * Makes those servers load the version that run its image already but whose engine did not prove it when the release was
 * planned: an earlier release may have ended between image and reload. Ready is not loaded.
 */
function catchUp(release: Release, now: number): Step | undefined {
  const { plan, spec } = release;
  const all = [...plan.alreadyUpdated, ...plan.adopted].filter(({ name }) => release.progress.rows.has(name));
  const servers = notDeferred(release, goingOn(release, all));
  // They have the image by an override still: the set need not be opened for them.
  const unopened = servers.filter(
    (server) => rowOf(release, server.name).stage === STAGE.none && awaitedRevision(release, [server]) === undefined,
  );
  if (unopened.length > 0)
    return pipelineStep(release, { servers: unopened, toward: 'new', means: meansOf(release) }, now);
  // An edit has taken the image from them, and no wave has opened the set since.
  const isClosed = plan.strategy === 'rolling' && release.progress.set.hold?.partition === FROZEN;
  if (isClosed && servers.some(({ name }) => rowOf(release, name).stage === STAGE.none))
    return { kind: 'open', servers: notOpened(release, Infinity), for: 'newcomers' };
  return pipelineStep(
    release,
    { servers, toward: 'new', means: meansOf(release), patience: spec.admission?.wait },
    now,
  );
}

/** After the last wave: the servers whose players were waited for in vain, with the patience that is left for them. */
function deferredReloads(release: Release, now: number): Step | undefined {
  const { plan, spec, progress } = release;
  const all = plannedServers(plan).filter(({ name }) => rowOf(release, name).deferred === true);
  const servers = goingOn(release, all);
  if (!spec.admission || servers.length === 0) return undefined;
  const isOver = progress.admission !== undefined && now >= progress.admission.until;
  const busy = servers.filter(({ name }) => progress.admission?.busy.includes(name) === true);
  if (isOver && busy.length > 0 && busy.length === stillBusy(release, servers).length) return busyStep(release, busy);
  return pipelineStep(
    release,
    { servers, toward: 'new', means: meansOf(release), patience: spec.admission.lastWait },
    now,
  );
}

function stillBusy(release: Release, servers: readonly PlannedServer[]): readonly PlannedServer[] {
  return servers.filter(({ name }) => {
    const { stage, admitted } = rowOf(release, name);
    return stage < STAGE.told && admitted !== true;
  });
}

/** The rule for servers that have players to the last, as the release file says. */
function busyStep({ spec }: Release, busy: readonly PlannedServer[]): Step {
  const servers = busy.map(({ name }) => name);
  switch (spec.admission?.then) {
    case 'reload':
      return note({ kind: 'admitted', busy: [], of: servers, until: 0 });
    case 'leave':
      return note({ kind: 'excluded', servers, why: 'busy' });
    default: {
      const count = counted(busy.length, 'server');
      const names = `${servers.slice(0, 5).join(', ')}${servers.length > 5 ? ', ...' : ''}`;
      return note({
        kind: 'stopped',
        verdict: 'pause',
        reason: `there are still players on ${count}: ${names}; resume waits for them again, skip excludes one`,
      });
    }
  }
}

/**
 * Takes the servers that an override had moved into the new revision, then takes their overrides away: also from those that
 * the release goes on without, but it does not wait for them.
 */
function adopt(release: Release): Step | undefined {
  const { plan, progress } = release;
  const servers = plan.adopted.filter((server) => isHere(release, server));
  if (plan.strategy !== 'rolling' || servers.length === 0 || progress.adoption === 'cleared') return undefined;
  if (progress.adoption === undefined)
    return { kind: 'open', servers: [...notOpened(release, Infinity), ...servers], for: 'adopted' };
  const going = goingOn(release, servers);
  if (progress.adoption === 'opened' && going.length > 0)
    return { kind: 'move', servers: going, toward: 'new', means: 'adopt' };
  return { kind: 'overrides', servers: servers.map(({ name }) => name), after: 'adopt' };
}

/** The servers that came while the release ran go the same way as the others before it ends. */
function newcomers(release: Release, now: number): Step | undefined {
  const { plan, progress } = release;
  const { isOver, old, servers } = progress.newcomers;
  if (plan.strategy !== 'rolling' || isOver) return undefined;
  if (servers.length === 0) return { kind: 'newcomers' };
  const going = newcomersGoingOn(release);
  const unopened = going.filter(({ name }) => old.includes(name));
  if (unopened.length > 0)
    return { kind: 'open', servers: [...notOpened(release, Infinity), ...unopened], for: 'newcomers' };
  const step = pipelineStep(release, { servers: going, toward: 'new', means: 'template' }, now);
  return step ?? note({ kind: 'newcomersProved' });
}

function newServers(release: Release, now: number): Step | undefined {
  const { plan, spec, progress, state } = release;
  if (plan.strategy !== 'newServersOnly' || progress.isPutBack) return undefined;
  if (!progress.newServers) return note({ kind: 'watchBegun', until: now + spec.newServers.watch });
  const { until, proved } = progress.newServers;
  const { count } = spec.newServers;
  const isComplete = count !== undefined && proved.length >= count;
  if (!isComplete && now < until) return { kind: 'follow', until };
  if (progress.newServers.isConfirmed !== true) return { kind: 'follow', until: now };
  if (!isComplete && count !== undefined) return note(tooFew(release, count));
  if (state.waves[NEW_SERVERS_WAVE - 1]?.status !== 'done') return note({ kind: 'waveEnded', wave: NEW_SERVERS_WAVE });
  return undefined;
}

function tooFew({ spec, progress }: Release, count: number): Extract<Step, { kind: 'note' }>['event'] {
  const proved = progress.newServers?.proved.length ?? 0;
  const time = formatDuration(spec.newServers.watch);
  const reason = `${counted(proved, 'new server')} of ${count} ${agreed(proved, 'was', 'were')} created and proved within ${time}`;
  return { kind: 'leaving', to: 'hold', outcome: 'failed', reason };
}

/** Puts back what was only changed for the time of the release: the person's updateStrategy and the priorities. */
function putBack({ plan, progress }: Release): Step | undefined {
  if (plan.strategy === 'targeted' && !progress.isPutBack && !progress.isEditChecked)
    return { kind: 'checkTemplate', before: 'end' };
  if (progress.isPutBack) return undefined;
  // With the last write the set says no more what they were.
  if (progress.priorities === 'given') return { kind: 'priorities', direction: 'restore', changes: plan.priorities };
  return plan.strategy === 'rolling' ? { kind: 'putBack', image: plan.baseline.newImage } : { kind: 'recordEnd' };
}

/** A container that a reload killed shows in the kubelet's status only after a while. */
export const SETTLE_MS = 2_500;

/** Just before the release says that every server proves the version, it looks whether that is still so. */
function confirm(release: Release, now: number): Step | undefined {
  const { plan, progress } = release;
  if (plan.strategy === 'newServersOnly') return undefined;
  const all = goingOn(
    release,
    [...placesOf(plan).values()].filter(({ kind }) => kind !== 'bystander').map(({ server }) => server),
  );
  const skipped = skippedServers(release);
  const came = progress.newcomers.proved.filter(({ name }) => !skipped.has(name));
  const behind = [...all.filter(({ name }) => progress.rows.has(name)), ...came];
  const step = pipelineStep(
    release,
    { servers: notDeferred(release, behind), toward: 'new', means: meansOf(release) },
    now,
  );
  if (step) return step;
  const notBefore = progress.toldAt === 0 ? 0 : progress.toldAt + SETTLE_MS;
  const isFresh = progress.confirmedAt > 0 && progress.confirmedAt >= notBefore;
  if (isFresh && !progress.mustLook) return undefined;
  if (now < notBefore) return { kind: 'wait', for: 'settle', until: notBefore };
  return { kind: 'look', purpose: 'final', notBefore };
}

function monitor({ spec, progress }: Release): Step | undefined {
  return spec.guard === undefined || progress.isMonitored ? undefined : { kind: 'monitor' };
}

function note(event: Extract<Step, { kind: 'note' }>['event']): Step {
  return { kind: 'note', event };
}
