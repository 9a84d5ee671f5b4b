import { agreed, counted } from '../spec/counted.ts';
import { restartedOutsider } from '../checks/server.ts';
import type { FailureClass, ServerFailure } from '../checks/server.ts';
import { stepReport } from '../checks/verdict.ts';
import type { FleetLook, SeenServer } from '../checks/fleet-look.ts';
import { basisOf } from '../fleet/basis.ts';
import { isSamePod } from '../fleet/identity.ts';
import { NO_RUN, isSameRun, restartsOf } from '../fleet/run.ts';
import type { PlannedServer } from '../plan/plan.ts';
import { applyChecked } from './apply-checked.ts';
import { evidenceGone, knowing, withRow } from './changes.ts';
import type { Event } from './events.ts';
import { MOST_ROUNDS } from './apply-membership.ts';
import { asAccepted, goingOn, leftOut, namesOf } from './groups.ts';
import type { Newcomers, Place, Release, Row, WayBack } from './table.ts';
import { STAGE, placesOf, rowOf } from './table.ts';
import { withObservations } from './state.ts';

type LookedEvent = Extract<Event, { kind: 'looked' }>;

/**
 * The verdict on a server that is not as it was: nothing of ours, something that a person has to see, or a proof that
 * died.
 */
type Finding =
  | {
      readonly kind: 'failure';
      readonly class: FailureClass;
      readonly reason: string;
      /** Somebody else has moved it: nobody knows who has moved besides. */
      readonly isForeign?: true;
    }
  | { readonly kind: 'lost'; readonly isMoved: boolean }
  | { readonly kind: 'same' };

/** The fleet was looked at: proofs whose basis is gone count no more, and what must not have happened is for a person. */
export function applyLook(release: Release, event: LookedEvent, now: number): Release {
  if (event.purpose === 'left') return lookedWhenLeft(release, event.look);
  const { look, purpose } = event;
  const accepted = withAccepted(release, look);
  const { failures, lost, same, hasMoved } = found(release, event);
  const missing = look.missing.filter((name) => isMissed(release, name));
  for (const name of missing) failures.push({ server: name, class: 'missing', reason: `${name} has no pod` });
  const rebased = withRow(accepted, same.keys(), (row, name) => ({ ...row, basis: same.get(name) }));
  const seen = new Map(look.changed.map((one) => [one.server.name, one]));
  const died = withRow(rebased, lost.keys(), (row, name) => ({
    ...evidenceGone(row),
    server: asMovedAgain(release, seen.get(name)) ?? row.server,
    ...(lost.get(name) === true ? { touched: true as const } : {}),
  }));
  const told = toldOf(lost);
  const shown = knowing(
    { ...died, state: withObservations(died.state, told) },
    {
      mustLook: false,
      newcomers: withSeenAgain(died.progress.newcomers, lost, seen),
      foreign: { ...died.progress.foreign, ...(hasMoved ? { hasMoved } : {}) },
    },
  );
  return failures.length > 0 && !release.progress.back
    ? withFailing(shown, failures, now)
    : withLooked(
        shown,
        purpose,
        {
          isClean: lost.size + missing.length + look.more === 0,
          hasNewcomers: (look.came ?? 0) > 0,
          mustAsk: missing.length > 0 || [...lost.keys()].some((name) => rowOf(release, name).away !== undefined),
          wave: event.wave,
        },
        now,
      );
}

/**
 * The set is left to an edit of its template: whose main containers that has restarted is named, and who comes next. Nobody
 * looks any more after that.
 */
function lookedWhenLeft(release: Release, { changed, more }: FleetLook): Release {
  const { leaving } = release.progress;
  if (!leaving) return release;
  const places = placesOf(release.plan);
  const restarted = new Map<string, string[]>();
  for (const seen of changed) {
    const planned = places.get(seen.server.name)?.server;
    const container = planned && restartedIn(release, planned, seen);
    if (container !== undefined) restarted.set(container, [...(restarted.get(container) ?? []), seen.server.name]);
  }
  const named = [...restarted].map(
    ([container, names]) =>
      `container ${container} has restarted on ${counted(names.length, 'server')}: ${namesOf(names)}`,
  );
  const unseen =
    more > 0
      ? [
          `${counted(more, 'more server')} ${agreed(more, 'has changed and was', 'have changed and were')} not looked at`,
        ]
      : [];
  const away = new Set([...restarted.values()].flat());
  const next = release.plan.waves
    .filter(({ number }) => release.progress.opened.includes(number))
    .flatMap(({ servers }) => servers.map(({ name }) => name))
    .filter((name) => !away.has(name));
  const isPaused = release.progress.set.hold?.paused === true;
  const following =
    next.length > 0 && !isPaused
      ? [`${counted(next.length, 'server')} that the set lets move may follow: ${namesOf(next)}`]
      : [];
  const reason = [leaving.reason, ...named, ...unseen, ...following].join('; ');
  return knowing(release, { leaving: { ...leaving, reason, isLookedAt: true } });
}

/** On the way back only those are missed that are brought back, and not those that are known to be away. */
function isMissed(release: Release, name: string): boolean {
  const { back } = release.progress;
  return !back || (rowOf(release, name).away === undefined && isBroughtBack(back, name));
}

function isBroughtBack({ groups = [] }: WayBack, name: string): boolean {
  return groups.some((names) => names.includes(name));
}

/** The findings of a look, by what is to be done about them. */
interface Found {
  readonly failures: ServerFailure[];
  /** The servers that have lost their proof, and whether they run another image. */
  readonly lost: Map<string, boolean>;
  readonly same: Map<string, string>;
  readonly hasMoved: boolean;
}

function found(release: Release, { look, purpose }: LookedEvent): Found {
  const { plan, progress } = release;
  const failures: ServerFailure[] = [];
  const lost = new Map<string, boolean>();
  const same = new Map<string, string>();
  let hasMoved = progress.foreign.hasMoved === true;
  for (const seen of look.changed) {
    const { name } = seen.server;
    if (isAccepted(release, seen)) continue;
    const finding = purpose === 'baseline' ? baselineFinding(release, seen) : findingOf(release, seen);
    if (finding.kind === 'lost') lost.set(name, finding.isMoved);
    if (finding.kind === 'same') same.set(name, seen.basis);
    if (finding.kind !== 'failure') continue;
    failures.push({ server: name, class: finding.class, reason: finding.reason });
    if (finding.isForeign === true && plan.strategy === 'rolling') hasMoved = true;
  }
  return { failures, lost, same, hasMoved };
}

/**
 * The new basis of a server that has lost its proof: restarts are counted anew, and a sidecar with the
 * right image is as good as any later one.
 */
function asMovedAgain({ plan, progress }: Release, seen: SeenServer | undefined): PlannedServer | undefined {
  if (!seen || progress.back) return undefined;
  const { container, newImage } = plan.baseline;
  const run = seen.server.containers[container] ?? NO_RUN;
  const sidecar = seen.image === newImage ? `${restartsOf(run)}:${NO_RUN}` : run;
  return { ...seen.server, containers: { ...seen.server.containers, [container]: sidecar } };
}

/** A newcomer whose pod is yet another one is that one from now on, and proves it again. */
function withSeenAgain(
  newcomers: Newcomers,
  lost: ReadonlyMap<string, boolean>,
  seen: ReadonlyMap<string, SeenServer>,
): Newcomers {
  const again = (server: PlannedServer): PlannedServer =>
    lost.has(server.name) ? (seen.get(server.name)?.server ?? server) : server;
  return { ...newcomers, proved: newcomers.proved.map(again), servers: newcomers.servers.map(again) };
}

function toldOf(lost: ReadonlyMap<string, boolean>): string[] {
  const names = [...lost.keys()];
  const some = `${names.slice(0, 5).join(', ')}${names.length > 5 ? ', ...' : ''}`;
  return names.length === 0 ? [] : [`${some}: changed after the proof, so it is proved again`];
}

/** As a step that these servers have failed: who is away may just be gone. */
function withFailing(release: Release, failures: readonly ServerFailure[], now: number): Release {
  const servers = failures.map(({ server }) => server);
  return applyChecked(
    release,
    { kind: 'checked', what: 'look', toward: 'new', servers, report: stepReport(0, failures) },
    now,
  );
}

interface LookResult {
  readonly isClean: boolean;
  readonly hasNewcomers: boolean;
  readonly mustAsk: boolean;
  readonly wave?: number | undefined;
}

function withLooked(
  release: Release,
  purpose: LookedEvent['purpose'],
  { isClean, hasNewcomers, mustAsk, wave }: LookResult,
  now: number,
): Release {
  const { looked, back, newcomers } = release.progress;
  if (!isClean)
    return back
      ? knowing(release, {
          back: {
            ...back,
            group: 0,
            isLookedAt: !mustAsk,
            isSwept: false,
            settled: { ...back.settled, overrides: undefined },
          },
        })
      : release;
  if (purpose === 'final' && hasNewcomers && newcomers.round <= MOST_ROUNDS)
    return knowing(
      release,
      back ? { back: { ...back, isSwept: false } } : { newcomers: { ...newcomers, isOver: false } },
    );
  if (purpose === 'final') return knowing(release, { confirmedAt: now });
  if (purpose === 'baseline') return knowing(release, { isBaselined: true });
  return purpose === 'wave' && wave !== undefined ? knowing(release, { looked: [...looked, wave] }) : release;
}

/** Whether "every server" is about to be said: whoever came after the newcomers were dealt with is one of them, too. */
export function isAboutAll({ plan, progress }: Release, purpose: LookedEvent['purpose']): boolean {
  const { back } = progress;
  const isOfAll = back === undefined || (back.scope === 'release' && back.isSwept);
  return purpose === 'final' && plan.strategy === 'rolling' && isOfAll;
}

/** A pod that was recreated after a person had accepted what it was is another matter: it is proved as a newcomer. */
function isAccepted(release: Release, { server }: SeenServer): boolean {
  const planned = placesOf(release.plan).get(server.name)?.server;
  const isSame = !planned || isSamePod(asAccepted(release, planned), server);
  return rowOf(release, server.name).accepting === true && (isSame || release.plan.strategy !== 'rolling');
}

/** A person has accepted that these are not what they were: from now on they are compared with what they are. */
function withAccepted(release: Release, look: FleetLook): Release {
  const accepted = look.changed.filter((seen) => isAccepted(release, seen));
  const next = withRow(
    release,
    accepted.map(({ server }) => server.name),
    (row, name) => {
      const seen = accepted.find(({ server }) => server.name === name);
      const { accepting: _accepting, ...rest } = row;
      return seen ? acceptedRow(release, rest, seen) : rest;
    },
  );
  const still = [...next.progress.rows].filter(([, { accepting }]) => accepting === true).map(([name]) => name);
  const cleared = withRow(next, still, ({ accepting: _accepting, ...row }) => row);
  const by = release.state.decisions.findLast(
    ({ verb, accepted: is }) => is && (verb === 'resume' || verb === 'retry'),
  )?.actor;
  const told = accepted.map(
    ({ server: { name } }) =>
      `${name}: that it is not as it was is accepted by ${by ?? 'somebody'}; ${placesOf(release.plan).get(name)?.kind === 'bystander' ? 'this release leaves it alone' : 'it proves again'}`,
  );
  return { ...cleared, state: withObservations(cleared.state, told) };
}

/** A sidecar that has moved to the new image stays compared with the one that it replaced. */
function acceptedRow(release: Release, row: Row, seen: SeenServer): Row {
  const { server, basis, image } = seen;
  const place = placesOf(release.plan).get(server.name);
  const { container, newImage } = release.plan.baseline;
  const again = { ...evidenceGone(row), touched: true as const };
  const asIs = (place?.kind === 'bystander' ? undefined : asMovedAgain(release, seen)) ?? server;
  if (isThere(place)) return { ...again, server: asIs, ...(image === newImage ? { stage: STAGE.moved, server } : {}) };
  // One that somebody has moved already moves no more when its turn comes.
  if (row.stage === STAGE.none && row.touched !== true) return { ...row, server: asIs, basis };
  // Until its turn comes it is compared with what was accepted, so that nobody is asked about it twice.
  const known = isMoving(release, server.name) ? again : { ...again, basis };
  // A chosen one with another pod, or with another image, goes the whole way again.
  const isPlanned = place !== undefined && isSamePod(place.server, server) && image === newImage;
  return { ...known, server: isPlanned ? withSidecarOf(place.server, server, container) : asIs };
}

function withSidecarOf({ containers }: PlannedServer, server: PlannedServer, container: string): PlannedServer {
  return { ...server, containers: { ...server.containers, [container]: containers[container] ?? NO_RUN } };
}

/** One that ran the image before the plan moves no more: it only proves again. */
function isThere(place: Place | undefined): boolean {
  return place?.kind === 'updated' || place?.kind === 'adopted';
}

/** The first look at a server is what it is compared with, but for what must not have happened. */
function baselineFinding(release: Release, seen: SeenServer): Finding {
  const planned = placesOf(release.plan).get(seen.server.name)?.server;
  // That it is another pod than the planned one is known, and a person has gone on with that.
  if (rowOf(release, seen.server.name).away !== undefined) return { kind: 'same' };
  const gone = planned && (podFinding(planned, seen.server, seen.deleting) ?? mainFinding(release, planned, seen));
  return gone ?? { kind: 'same' };
}

function findingOf(release: Release, seen: SeenServer): Finding {
  const { plan, progress } = release;
  const { server, image, deleting } = seen;
  const planned = placesOf(plan).get(server.name)?.server;
  const row = rowOf(release, server.name);
  if (progress.back) {
    const isMoved = image !== plan.baseline.oldImage;
    return isBroughtBack(progress.back, server.name) ? backFinding(row, isMoved) : otherFinding(release, seen, isMoved);
  }
  // A server that was recreated is compared with what it was proved as, not with the plan.
  if (planned && row.away === undefined) {
    const gone = podFinding(asAccepted(release, planned), server, deleting) ?? mainFinding(release, planned, seen);
    if (gone) return gone;
  }
  const isOutsider = row.stage === STAGE.none && !isMoving(release, server.name);
  if (isOutsider) return outsiderFinding(release, planned, seen);
  if (image !== plan.baseline.newImage) return { kind: 'lost', isMoved: true };
  // A server that has no proof yet has none to lose.
  return row.basis === undefined ? { kind: 'same' } : { kind: 'lost', isMoved: false };
}

/** On the way back there is nothing to accept: what has lost its proof proves again. */
function backFinding({ basis, away }: Row, isMoved: boolean): Finding {
  return basis === undefined && away === undefined ? { kind: 'same' } : { kind: 'lost', isMoved };
}

/** A server that does not go back has nothing to prove, unless somebody has made it load what is taken back. */
function otherFinding(release: Release, { server }: SeenServer, isMoved: boolean): Finding {
  const { container } = release.plan.baseline;
  const planned = placesOf(release.plan).get(server.name)?.server;
  const isSame = planned === undefined || (isSamePod(planned, server) && hasSameSidecar(planned, server, container));
  return isMoved || !isSame ? { kind: 'lost', isMoved } : { kind: 'same' };
}

function hasSameSidecar(planned: PlannedServer, server: PlannedServer, container: string): boolean {
  return isSameRun(planned.containers[container] ?? NO_RUN, server.containers[container] ?? NO_RUN);
}

function podFinding(planned: PlannedServer, server: PlannedServer, deleting: boolean): Finding | undefined {
  const { name } = server;
  if (!isSamePod(planned, server))
    return {
      kind: 'failure',
      class: 'recreated',
      reason: `the pod of ${name} was recreated: it is not the one that was planned`,
    };
  if (deleting) return { kind: 'failure', class: 'recreated', reason: `the pod of ${name} is being deleted` };
  return undefined;
}

/** The main container of a server that is another run than the one that is known of it. */
function restartedIn(release: Release, planned: PlannedServer, { server }: SeenServer): string | undefined {
  const before = asAccepted(release, planned).containers;
  const { container } = release.plan.baseline;
  return Object.keys(before).find(
    (name) => name !== container && !isSameRun(before[name] ?? '', server.containers[name] ?? ''),
  );
}

function mainFinding(release: Release, planned: PlannedServer, seen: SeenServer): Finding | undefined {
  const { server } = seen;
  const restarted = restartedIn(release, planned, seen);
  if (restarted === undefined) return undefined;
  const isOutsider = rowOf(release, server.name).stage === STAGE.none && !isMoving(release, server.name);
  if (isOutsider)
    return { kind: 'failure', ...restartedOutsider(server.name, restarted, release.plan.baseline.container) };
  const count = restartsOf(server.containers[restarted] ?? '');
  const reason = `main container ${restarted} of ${server.name} restarted during the release (restart count now ${count})`;
  return { kind: 'failure', class: 'mainContainerRestarted', reason };
}

/** Its wave was opened, or it goes with the template anyway. */
function isMoving({ plan, progress, state }: Release, name: string): boolean {
  const place = placesOf(plan).get(name);
  if (!place) return true;
  if (place.kind === 'adopted') return progress.adoption !== undefined;
  const { number = 0 } = place.wave ?? {};
  return progress.opened.includes(number) || state.waves[number - 1]?.status === 'done';
}

function outsiderFinding(release: Release, planned: PlannedServer | undefined, { server, image }: SeenServer): Finding {
  const { plan } = release;
  const { container, newImage } = plan.baseline;
  const kind = placesOf(plan).get(server.name)?.kind;
  if (kind === 'updated') return updatedFinding(release, server, image);
  const before = planned && asAccepted(release, planned).containers[container];
  if (before !== undefined && !isSameRun(before, server.containers[container] ?? ''))
    return { kind: 'failure', ...restartedOutsider(server.name, container, container), isForeign: true };
  if (kind === 'adopted' && image === newImage) return { kind: 'same' };
  return {
    kind: 'failure',
    class: 'moved',
    reason: `${server.name} is given ${image} outside its wave`,
    isForeign: true,
  };
}

/**
 * One that ran the image before the plan: another template change may have been on its way to it, or an edit has taken the
 * image from it. It proves again, and until it has the image again it moves along when the set is opened.
 */
function updatedFinding({ plan, progress }: Release, { name, containers }: PlannedServer, image: string): Finding {
  const { container, newImage } = plan.baseline;
  const known = progress.rows.get(name);
  const runs = (server: PlannedServer['containers']): number => restartsOf(server[container] ?? NO_RUN);
  // That it has lost its proof is known: it has none to lose until its turn comes.
  if (known?.stage === STAGE.none && known.server && runs(known.server.containers) === runs(containers))
    return { kind: 'same' };
  return { kind: 'lost', isMoved: image !== newImage };
}

/** The expectation that a look compares each server with: what its proof holds for, else how the plan found it. */
export function expectedBases(release: Release, purpose: LookedEvent['purpose']): ReadonlyMap<string, string> {
  const { plan, progress } = release;
  if (progress.back) return basesOnTheWayBack(release, progress.back);
  const places = [...placesOf(plan).values()];
  const here = new Set(
    goingOn(
      release,
      places.map(({ server }) => server),
    ).map(({ name }) => name),
  );
  const expected = new Map<string, string>();
  for (const { server } of places) {
    const row = rowOf(release, server.name);
    const basis = row.accepting === true ? ANYTHING : basisExpected(release, server, row);
    if (basis !== undefined && (row.accepting === true || here.has(server.name))) expected.set(server.name, basis);
  }
  if (purpose === 'final')
    for (const { name } of progress.newcomers.proved) expected.set(name, rowOf(release, name).basis ?? ANYTHING);
  return expected;
}

/**
 * A server that goes back is as it was proved; one that was gone may have come back meanwhile, with what was still
 * there to be had. All others are as the plan found them.
 */
function basesOnTheWayBack(release: Release, back: WayBack): ReadonlyMap<string, string> {
  const { groups = [] } = back;
  const out = leftOut(release);
  const expected = new Map<string, string>(back.isSwept ? othersOnTheWayBack(release, groups.flat()) : []);
  for (const name of groups.flat()) {
    const { basis, away } = rowOf(release, name);
    const known = away === undefined ? basis : ANYTHING;
    if (known !== undefined && !out.has(name)) expected.set(name, known);
  }
  return expected;
}

function othersOnTheWayBack(release: Release, going: readonly string[]): [name: string, basis: string][] {
  const { plan } = release;
  const out = new Set([...leftOut(release), ...going]);
  const others = plan.waves.flatMap(({ servers }) => servers).filter(({ name }) => !out.has(name));
  return others
    .filter(({ name }) => rowOf(release, name).away === undefined)
    .map((server) => [server.name, rowOf(release, server.name).basis ?? basisOf(server, plan.baseline.oldImage)]);
}

/** No basis is ever this: the server is shown whatever it is like. */
const ANYTHING = '';

function basisExpected({ plan }: Release, server: PlannedServer, row: Row): string | undefined {
  if (row.basis !== undefined) return row.basis;
  if (row.stage !== STAGE.none) return ANYTHING;
  const { oldImage, newImage } = plan.baseline;
  const isUpdated =
    placesOf(plan).get(server.name)?.kind === 'updated' || placesOf(plan).get(server.name)?.kind === 'adopted';
  // A server that runs yet another image is shown once, and compared with what it is from then on.
  return basisOf(server, isUpdated ? newImage : oldImage);
}
