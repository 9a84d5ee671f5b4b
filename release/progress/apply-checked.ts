import { isSent } from '../checks/reload.ts';
import type { FailureClass, ServerFailure } from '../checks/server.ts';
import type { Retry, StepReport, Verdict } from '../checks/verdict.ts';
import { NONE_BEFORE, failedNames, judgeStep, retryOf, withoutServers } from '../checks/verdict.ts';
import { plannedServers } from '../fleet/newcomers.ts';
import { ACCEPTABLE, knowing, passedRow, showing, stopped, withRow, withShownWave } from './changes.ts';
import type { Event } from './events.ts';
import { failedBefore, namesOf, policyOf, skippedServers, waveOf } from './groups.ts';
import type { Newcomers, Release, Row, Stage } from './table.ts';
import { STAGE, placesOf, rowOf } from './table.ts';
import { withFailures, withObservations, withoutFailures } from './state.ts';

type CheckedEvent = Extract<Event, { kind: 'checked' }>;

/** So many recreated pods in one step are an accident; more are for a person to look at. */
const ACCIDENTS = 1;
const ACCIDENTS_PER_SERVER = 0.1;

/** A server that is not there is no failed server, until it is known what became of it. */
const AWAY: ReadonlySet<FailureClass> = new Set<FailureClass>(['missing', 'recreated']);

/** The result of a step over servers: who has come further, and what becomes of those who failed. */
export function applyChecked(release: Release, event: CheckedEvent, now: number): Release {
  const told = withTold(release, event, now);
  if (release.progress.back) return checkedBack(told, event);
  if (isOfNewcomers(told, event)) return checkedNewcomers(told, event);
  const away = event.report.failures.filter((failure) => AWAY.has(failure.class)).map(({ server }) => server);
  if (away.length > 0) {
    const lost = [...away, ...event.report.moreFailed];
    return knowing(told, { lost, lostReport: { event } });
  }
  if (event.means === 'adopt') return adopted(told, event);
  return judged(told, event, now);
}

/** An engine that was told, or has the files that it watches, may load the version at any time from then on. */
function withTold(release: Release, { told = [], toward, what }: CheckedEvent, now: number): Release {
  if (what === 'move' && !isSent(release.spec.reload)) return knowing(release, { toldAt: now });
  if (told.length === 0) return release;
  const touched = toward === 'new' ? { touched: true as const, mayLoadNew: undefined } : {};
  const next = withRow(release, told, (row) => ({ ...row, ...touched, mayHaveLoaded: true }));
  return knowing(next, { toldAt: now });
}

/** It is known what became of servers that were away: they are not waited for any more, or they have failed. */
export function applyWhereabouts(
  release: Release,
  { gone, recreated: found }: Extract<Event, { kind: 'whereabouts' }>,
  now: number,
): Release {
  const { lostReport, lost = [], ...progress } = release.progress;
  const event = lostReport?.event as CheckedEvent | undefined;
  if (release.progress.back && event) return goneOnTheWayBack({ ...release, progress }, event, gone);
  // A chosen server that comes back has lost what chose it for the new image: that is for a person. Of others it is nothing.
  const isRolling = release.plan.strategy === 'rolling';
  const back = isRolling ? found : found.filter((name) => placesOf(release.plan).get(name)?.kind !== 'wave');
  // A newcomer without a pod that the set still wants is being made anew: it is a newcomer again when it is there.
  const places = placesOf(release.plan);
  const awaited = lost.filter((name) => !places.has(name) && !gone.includes(name) && !found.includes(name));
  const recreated = [...back, ...awaited];
  const away = withRow(
    withRow(
      { ...release, progress: { ...progress, newcomers: newcomersAfter(release, gone, recreated), lost: undefined } },
      gone,
      (row) => ({ ...row, away: 'gone' }),
    ),
    recreated,
    // A chosen one that ran the image already has lost it with its pod: the release ends without it, and says so.
    (row, name) => ({
      ...row,
      away: 'recreated',
      ...(isRolling || isBystander(release, name) ? {} : { excluded: 'edited' }),
    }),
  );
  const told = [
    ...(gone.length === 0 ? [] : [`${namesOf(gone)}: gone from the set, not waited for any more`]),
    ...(recreated.length === 0 ? [] : [`${namesOf(recreated)}: recreated by somebody, ${whatFollows(release)}`]),
  ];
  const next = { ...away, state: withObservations(away.state, told) };
  // The adoption goes on with those that are there.
  if (!event || event.means === 'adopt') return next;
  if (gone.length + recreated.length === 0 || isMoreThanAccident(release, event.servers, recreated))
    return judged(next, event, now);
  return withPassed(next, event);
}

function whatFollows({ plan }: Release): string {
  return plan.strategy === 'rolling' ? 'proved before the release ends' : 'so the release goes on without what it had';
}

function isBystander({ plan }: Release, name: string): boolean {
  return placesOf(plan).get(name)?.kind === 'bystander';
}

/** A newcomer that is gone is none any more; one in the place of a planned server is looked for also after the last was proved. */
function newcomersAfter(
  { progress: { newcomers } }: Release,
  gone: readonly string[],
  recreated: readonly string[],
): Newcomers {
  // Another pod has the name: it is found and proved in its own right.
  const proved = newcomers.proved.filter(({ name }) => !gone.includes(name) && !recreated.includes(name));
  return { ...newcomers, proved, isOver: newcomers.isOver && recreated.length === 0 };
}

/**
 * Of the planned servers of this step, or of all; the pods of a step may be recreated because of what the release did to
 * them. A newcomer that an autoscaler has taken away and made anew is another newcomer.
 */
function isMoreThanAccident({ plan }: Release, servers: readonly string[], recreated: readonly string[]): boolean {
  const exceeds = (count: number, of: number): boolean => count > Math.max(ACCIDENTS, of * ACCIDENTS_PER_SERVER);
  const planned = recreated.filter((name) => placesOf(plan).has(name));
  const here = servers.filter((name) => planned.includes(name)).length;
  return exceeds(here, servers.length) || exceeds(planned.length, plannedServers(plan).length);
}

/** The stage of a server that has passed a check. */
function stageAfter({ spec }: Release, { what, toward }: CheckedEvent, { touched }: Row): Stage {
  const loaded = isSent(spec.reload) ? STAGE.files : STAGE.told;
  switch (what) {
    case 'move':
      if (toward === 'new') return loaded;
      // An engine that never loaded anything else is not told to load; its proof says whether that is so.
      if (touched !== true) return STAGE.told;
      return spec.content ? STAGE.moved : loaded;
    case 'files':
      return loaded;
    case 'reload':
      return STAGE.told;
    case 'prove':
      return STAGE.proved;
    case 'health':
    case 'bake':
    case 'look':
      return STAGE.healthy;
  }
}

/** Names of those that passed. A step that was cut short does not say who has passed: then nobody has. */
function passedNames({ servers, report, isInterrupted }: CheckedEvent): readonly string[] {
  const failed = new Set(failedNames(report));
  const passed = servers.filter((name) => !failed.has(name));
  return isInterrupted === true || report.passed < passed.length ? [] : passed;
}

function withPassed(release: Release, event: CheckedEvent): Release {
  const names = passedNames(event);
  const { bases, what, toward } = event;
  if (what === 'look') return release;
  if (what === 'bake') return { ...release, state: withoutFailures(release.state, new Set(names)) };
  const isEnd = (stage: Stage): boolean => stage >= (release.spec.health.length > 0 ? STAGE.healthy : STAGE.proved);
  const over: string[] = [];
  const next = withRow(release, names, (row, name) => {
    const stage = stageAfter(release, event, row);
    if (row.trying !== true || isEnd(stage)) over.push(name);
    const { triedAt } = row;
    const isOver = triedAt === undefined || triedAt === what || isEnd(stage);
    return passedOn(isOver ? passedRow(row) : row, {
      stage,
      toward,
      basis: bases?.[name],
      isEnd: isEnd(stage),
      isProof: what === 'prove',
      isAgain: row.stage === stage,
    });
  });
  // The reason of a rollback stays to be read, however well everybody is on the old version.
  return next.progress.back ? next : { ...next, state: withoutFailures(next.state, new Set(over)) };
}

interface PassedOn {
  readonly stage: Stage;
  readonly toward: CheckedEvent['toward'];
  readonly basis: string | undefined;
  readonly isEnd: boolean;
  readonly isProof: boolean;
  /** It has passed the same before. */
  readonly isAgain: boolean;
}

function passedOn(row: Row, passed: PassedOn): Row {
  const { stage, toward, basis, isEnd, isProof } = passed;
  const { trying, deferred, touched, mayLoadNew, ...rest } = row;
  return {
    ...rest,
    stage,
    ...(basis === undefined ? {} : { basis }),
    ...(trying && !isEnd ? { trying } : {}),
    ...(deferred && !isEnd ? { deferred } : {}),
    // Proved to be on the old version, an engine has nothing else loaded.
    ...(touched && !(isProof && toward === 'old') ? { touched } : {}),
    ...(isLoadedOrNever(mayLoadNew, passed) ? {} : { mayLoadNew }),
  };
}

/** An engine that still answers as before when all its time is over loads the new one no more. */
function isLoadedOrNever(mayLoadNew: Row['mayLoadNew'], { toward, isProof, isAgain }: PassedOn): boolean {
  return mayLoadNew === undefined || toward === 'new' || (isProof && isAgain && mayLoadNew === 'soon');
}

/** Judges who failed by the policy: another try, going on without them, a person, or back. */
function judged(release: Release, event: CheckedEvent, now: number): Release {
  const { report, what } = event;
  const observed = report.observed ? { ...release, state: withObservations(release.state, report.observed) } : release;
  const passed = withPassed(observed, event);
  const names = failedNames(report);
  if (names.length === 0) {
    if (what !== 'bake' || event.isInterrupted === true) return knowing(passed, { groupRetry: undefined });
    return knowing(passed, { baked: [...passed.progress.baked, release.state.wave], groupRetry: undefined });
  }
  const retry = retryFor(release, event);
  const left = retry ? withoutServers(report, new Set(retry.servers)) : report;
  const verdict = verdictOf(release, left);
  const shown = { ...passed, state: withFailures(passed.state, report.failures) };
  const waiting = retry ? withRetry(shown, event, retry, now) : shown;
  return consequences(waiting, event, { left, verdict });
}

function retryFor(release: Release, { report, what }: CheckedEvent): Retry | undefined {
  const tries = Math.max(
    release.progress.groupRetry?.isGroup === true ? release.progress.groupRetry.tries : 0,
    ...failedNames(report).map((name) =>
      rowOf(release, name).triedAt === what ? (rowOf(release, name).tries ?? 0) : 0,
    ),
  );
  const wave = waveOfReport(release, report);
  return retryOf(report, tries, failedBefore(release, wave), policyOf(release, wave));
}

function waveOfReport(release: Release, report: StepReport): ReturnType<typeof waveOf> {
  const known = failedNames(report).map((name) => waveOf(release, name));
  return (
    known.find((wave) => wave !== undefined) ??
    (known.length > 0 ? release.plan.waves[release.state.wave - 1] : undefined)
  );
}

/** Whom a person wants tried again stays behind when it fails again, whatever the policy: it stood that before. */
function verdictOf(release: Release, report: StepReport): Verdict {
  const names = failedNames(report);
  const trying = names.length > 0 && names.every((name) => rowOf(release, name).trying === true);
  if (trying) return judgeStep(report, NONE_BEFORE, { tolerate: Infinity, then: 'pause' });
  const wave = waveOfReport(release, report);
  return judgeStep(report, failedBefore(release, wave), policyOf(release, wave));
}

function withRetry(release: Release, event: CheckedEvent, retry: Retry, now: number): Release {
  const { what } = event;
  const at = now + Math.max(1, retry.after);
  const asked = new Set(event.servers);
  const own = retry.servers.filter((name) => asked.has(name));
  const isGroup = own.length < retry.servers.length || event.what === 'bake';
  const next = withRow(release, own, (row) => ({
    ...fallenBack(row, event),
    tries: retry.number,
    retryAt: at,
    triedAt: what,
  }));
  return knowing(next, {
    groupRetry: {
      at,
      tries: retry.number,
      of: retry.of,
      servers: isGroup ? event.servers.length : own.length,
      isGroup,
    },
  });
}

/** A server that did not prove the version is told once more, after it was asked once more. */
function fallenBack(row: Row, { what }: CheckedEvent): Row {
  return what === 'prove' && row.stage === STAGE.told ? { ...row, stage: STAGE.files } : row;
}

function consequences(
  release: Release,
  event: CheckedEvent,
  { left, verdict }: { readonly left: StepReport; readonly verdict: Verdict },
): Release {
  const classes = classesOf(left);
  const proved = new Set(release.progress.newcomers.proved.map(({ name }) => name));
  const names = failedNames(left).filter((name) => placesOf(release.plan).has(name) || proved.has(name));
  const next = withRow(release, names, (row, name) => {
    const { trying: _trying, ...rest } = fallenBack(row, event);
    return verdict.kind === 'advance'
      ? { ...rest, excluded: 'failed' }
      : { ...rest, failed: classes.get(name) ?? 'notReady' };
  });
  if (verdict.kind === 'advance') return withoutProof(next, new Set(names));
  const wave = next.state.waves[next.state.wave - 1];
  const marked = wave?.status === 'running' ? withShownWave(next, wave.number, { status: 'failed' }) : next;
  return stopped(marked, verdict.kind, verdict.reason);
}

/** A newcomer that was proved, has lost its proof and then fails is named at the end as one that is not proved. */
function withoutProof(release: Release, failed: ReadonlySet<string>): Release {
  const { newcomers } = release.progress;
  const lost = newcomers.proved.filter(({ name }) => failed.has(name));
  const proved = newcomers.proved.filter(({ name }) => !failed.has(name));
  if (lost.length === 0) return release;
  return knowing(release, { newcomers: { ...newcomers, proved, notProved: [...newcomers.notProved, ...lost] } });
}

function classesOf({ failures, moreFailed, moreClasses = [] }: StepReport): ReadonlyMap<string, FailureClass> {
  const classes = new Map(failures.map(({ server, class: kind }: ServerFailure) => [server, kind] as const));
  for (const name of moreFailed) classes.set(name, moreClasses[0] ?? 'notReady');
  return classes;
}

/** Servers that run the image already were taken into the template: none of them may have restarted. */
function adopted(release: Release, { report }: CheckedEvent): Release {
  const verdict = judgeStep(report, NONE_BEFORE, { tolerate: 0, then: 'pause' });
  if (verdict.kind === 'advance') return knowing(release, { adoption: 'ready' });
  // The failures that a person can accept stand in the table; anything else is only tried again.
  const classes = classesOf(report);
  const acceptable = failedNames(report).filter((name) => ACCEPTABLE.has(classes.get(name) ?? 'notReady'));
  const next = withRow(release, acceptable, (row, name) => ({ ...row, failed: classes.get(name) }));
  const shown = { ...next, state: withFailures(next.state, report.failures) };
  return stopped(shown, verdict.kind, verdict.reason);
}

function isOfNewcomers({ progress }: Release, { servers }: CheckedEvent): boolean {
  const [first] = servers;
  return first !== undefined && progress.newcomers.servers.some(({ name }) => name === first);
}

/** A newcomer that is gone again is looked at in the next round, if it comes back; one that fails is named. */
function checkedNewcomers(release: Release, event: CheckedEvent): Release {
  const { newcomers } = release.progress;
  const away = new Set(event.report.failures.filter((failure) => AWAY.has(failure.class)).map(({ server }) => server));
  const failures = event.report.failures.filter(({ server }) => !away.has(server));
  const report = { ...event.report, failures };
  const verdict = judgeStep(report, failedBefore(release), policyOf(release));
  const passed = withPassed(release, event);
  const shown = { ...passed, state: withFailures(passed.state, failures) };
  if (verdict.kind !== 'advance') return stopped(shown, verdict.kind, verdict.reason);
  const failed = new Set(failedNames(report));
  const staying = newcomers.servers.filter(({ name }) => !away.has(name) && !failed.has(name));
  const notProved = [...newcomers.notProved, ...newcomers.servers.filter(({ name }) => failed.has(name))];
  return knowing(shown, { newcomers: { ...newcomers, servers: staying, notProved } });
}

/** Servers that the set does not want any more are not brought back; the others are judged as they were reported. */
function goneOnTheWayBack(release: Release, event: CheckedEvent, gone: readonly string[]): Release {
  const observed = gone.length === 0 ? [] : [`${namesOf(gone)}: gone from the set, not waited for any more`];
  const left = withRow(release, gone, (row) => ({ ...row, away: 'gone' }));
  const next = { ...left, state: withObservations(left.state, observed) };
  return judgedBack(next, { ...event, report: withoutServers(event.report, new Set(gone)) });
}

/** A server that is missing may be wanted no more: that is looked up before it counts as not brought back. */
function checkedBack(release: Release, event: CheckedEvent): Release {
  const missing = event.report.failures.filter((failure) => failure.class === 'missing').map(({ server }) => server);
  if (missing.length === 0) return judgedBack(release, event);
  return knowing(release, { lost: [...missing, ...event.report.moreFailed], lostReport: { event } });
}

/** On the way back nobody is excluded: who fails is named at the end of it. */
function judgedBack(release: Release, event: CheckedEvent): Release {
  const { report, what, kept } = event;
  const { back } = release.progress;
  if (!back) return release;
  if (kept === true || (event.means === 'template' && what === 'move' && back.settled.kept === 'written'))
    return keptBack(release, event);
  const passed = withPassed(release, event);
  const classes = classesOf(report);
  const skipped = skippedServers(release);
  const untouched: string[] = [];
  const failed: string[] = [];
  for (const name of failedNames(report)) {
    if (skipped.has(name)) continue;
    const { touched } = rowOf(release, name);
    // It never was told to load anything else, and does not prove the old version all the same: it is made to load it.
    if (what === 'prove' && touched !== true && isSent(release.spec.reload)) untouched.push(name);
    else failed.push(name);
  }
  const next = withRow(
    // If it was about to load something, it has loaded it.
    withRow(passed, untouched, (row) => ({ ...row, touched: true, stage: STAGE.moved, mayLoadNew: undefined })),
    failed,
    (row, name) => ({ ...row, failed: classes.get(name) ?? 'notReady' }),
  );
  const shown = report.failures.filter(({ server }) => failed.includes(server));
  return shown.length > 0 ? { ...next, state: withFailures(next.state, shown) } : next;
}

const KEPT_AFTER: Partial<Record<CheckedEvent['what'], 'ready' | 'told'>> = { move: 'ready', reload: 'told' };

/** Servers that keep the new version by their overrides have to prove what they keep. */
function keptBack(release: Release, { report, what }: CheckedEvent): Release {
  const { back } = release.progress;
  if (!back) return release;
  const [first] = report.failures;
  if (failedNames(report).length === 0) {
    const settled = { ...back.settled, kept: KEPT_AFTER[what] ?? ('proved' as const) };
    return knowing(release, { back: { ...back, settled } });
  }
  const { version } = release.plan;
  const problem = `servers that keep ${version} by their overrides do not prove it: ${first?.server ?? ''}: ${first?.reason ?? ''}`;
  return showing(knowing(release, { back: { ...back, problem, isNoted: false } }), {});
}
