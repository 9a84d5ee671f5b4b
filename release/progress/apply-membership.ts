import { failedCount, judgeStep } from '../checks/verdict.ts';
import { knowing, stopped, withRow, withShownWave } from './changes.ts';
import type { Appliers, Event } from './events.ts';
import { newcomersGoingOn, revertedServers, skippedServers } from './groups.ts';
import type { NewServers, Newcomers, Release } from './table.ts';
import { STAGE, placesOf } from './table.ts';
import { NEW_SERVERS_WAVE, withFailures } from './state.ts';

/** Newcomers are proved in this many rounds at most: a set that grows for ever must not hold its release for ever. */
export const MOST_ROUNDS = 5;

/** Servers that come and have players, and those that a release of new servers only follows. */
export const membershipAppliers = {
  newcomersFound: (release, event) => newcomersFound(release, event),
  newcomersProved: (release) => newcomersProved(release),
  watchBegun: (release, event, now) => watchBegun(release, event.until, now),
  newServersSeen: (release, event, now) => newServersSeen(release, event, now),
  playersAwaited: (release, event) => knowing(release, { admission: { until: event.until, busy: [] } }),
  admitted: (release, event) => admitted(release, event),
  deferred: (release, event) => deferred(release, event.servers),
  excluded: (release, event) =>
    withRow(release, event.servers, ({ deferred: _deferred, ...row }) => ({ ...row, excluded: event.why })),
} satisfies Partial<Appliers>;

function newcomersFound(
  release: Release,
  { servers: found, old, notServing: silent }: Extract<Event, { kind: 'newcomersFound' }>,
): Release {
  const { newcomers } = release.progress;
  // A server that a person has skipped or reverted stays so, whatever pod has its name.
  const out = new Set([...skippedServers(release), ...revertedServers(release)]);
  const isOld = new Set(old);
  // Once the set is its owner's again nobody is opened any more.
  const isLate = (name: string): boolean => release.progress.set.hold === undefined && isOld.has(name);
  const servers = found.filter(({ name }) => !out.has(name) && !isLate(name));
  const notServing = [...silent, ...found.filter(({ name }) => isLate(name))].filter(({ name }) => !out.has(name));
  const places = placesOf(release.plan);
  const isOver = servers.length === 0 || newcomers.round + 1 > MOST_ROUNDS;
  // A server that was made with the new files has loaded them: it is asked before it is told.
  const next = withRow(
    release,
    servers.map(({ name }) => name),
    (_row, name) => ({
      ...(places.has(name) ? { away: 'recreated' as const } : {}),
      stage: isOld.has(name) ? STAGE.none : STAGE.moved,
      mayHaveLoaded: true,
      touched: true,
    }),
  );
  return knowing(next, {
    newcomers: {
      ...newcomers,
      round: newcomers.round + 1,
      servers: isOver ? [] : servers,
      old,
      // A server that comes after the last round is not proved any more, and is named for that.
      notProved: [...newcomers.notProved, ...notServing, ...(isOver ? servers : [])],
      isOver,
    },
  });
}

function newcomersProved(release: Release): Release {
  const { newcomers } = release.progress;
  const now = newcomersGoingOn(release);
  const names = new Set(now.map(({ name }) => name));
  // One pod after the other may have had the name: the last one counts.
  const proved = [...newcomers.proved.filter(({ name }) => !names.has(name)), ...now];
  const next: Newcomers = { ...newcomers, servers: [], old: [], proved };
  return knowing(release, { newcomers: next });
}

function watchBegun(release: Release, until: number, now: number): Release {
  const begun = withShownWave(release, NEW_SERVERS_WAVE, { status: 'running', startedAt: now });
  const shown = { ...begun, state: { ...begun.state, wave: NEW_SERVERS_WAVE } };
  return knowing(shown, { newServers: { until, proved: [], settled: [], failed: 0, gone: [] } });
}

type NewServersSeen = Extract<Event, { kind: 'newServersSeen' }>;

function newServersSeen(release: Release, event: NewServersSeen, now: number): Release {
  const { progress, plan, spec } = release;
  const before = progress.newServers;
  if (!before) return release;
  const { report } = event;
  const { then, classes } = spec.onFailure;
  const failedSoFar = { inAll: before.failed, inWave: before.failed };
  const verdict = judgeStep(report, failedSoFar, { tolerate: plan.tolerate, then, classes });
  const shown = { ...release, state: withFailures(release.state, report.failures) };
  const next = knowing(shown, { newServers: newServersAfter(release, before, event, now) });
  if (verdict.kind === 'advance') return next;
  // An older server that was given the image can be accepted as it is.
  const moved = report.failures.filter(({ server }) => placesOf(plan).has(server)).map(({ server }) => server);
  const failed = withRow(next, moved, (row) => ({ ...row, failed: 'moved' as const }));
  return stopped(failed, verdict.kind, verdict.reason);
}

function newServersAfter(
  { spec }: Release,
  before: NewServers,
  { report, proved: now, settled, gone: lost }: NewServersSeen,
  at: number,
): NewServers {
  const gone = new Set([...before.gone, ...lost]);
  const proved = [...before.proved, ...now].filter(({ uid }) => !gone.has(uid));
  const isOver = at >= before.until || proved.length >= (spec.newServers.count ?? Infinity);
  return {
    ...before,
    proved,
    settled: [...before.settled, ...settled],
    failed: before.failed + failedCount(report),
    gone: [...gone],
    isConfirmed: isOver ? true : undefined,
  };
}

function admitted(release: Release, { busy, of, until }: Extract<Event, { kind: 'admitted' }>): Release {
  const isBusy = new Set(busy);
  const idle = of.filter((name) => !isBusy.has(name));
  const next = withRow(release, idle, (row) => ({ ...row, admitted: true }));
  const admission = { until: release.progress.admission?.until ?? until, busy };
  return knowing(next, { admission });
}

/** The reload of these servers waits until their players are gone, or until the last wave is over. */
function deferred(release: Release, servers: readonly string[]): Release {
  const next = withRow(release, servers, ({ trying: _trying, ...row }) => ({ ...row, deferred: true }));
  return knowing(next, { admission: undefined });
}
