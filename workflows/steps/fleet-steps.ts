import { agreed, counted } from '../../release/spec/counted.ts';
import { packBases } from '../../release/fleet/basis.ts';
import { packServers, unpackServers } from '../../release/fleet/server-rows.ts';
import { failedCount } from '../../release/checks/verdict.ts';
import { collectingTime } from '../../release/checks/admission.ts';
import { waveLabel } from '../../release/narrate/narrate.ts';
import { expectedBases, isAboutAll } from '../../release/progress/apply-look.ts';
import { settlePatience } from '../../release/progress/describe-step.ts';
import { asAccepted, knownOnes, presentOnes, serversNamed } from '../../release/progress/groups.ts';
import { placesOf } from '../../release/progress/table.ts';
import { reading, writing } from '../calls.ts';
import type { Perform } from './context.ts';
import { writtenOf } from './context.ts';
import { failedVersion, lastRecord } from './records.ts';
import { subjectOf } from './subject.ts';

// Steps that look at the fleet as a whole, and those that bring it back.

/** Is everybody as the table says? */
export const look: Perform<'look'> = async ({ run }, { purpose, wave }) => {
  const { release } = run;
  const { plan, state } = release;
  const places = placesOf(plan);
  const came = new Map(release.progress.newcomers.proved.map((server) => [server.name, server]));
  const expected = [...expectedBases(release, purpose)].flatMap(([name, basis]) => {
    const server = places.get(name)?.server ?? came.get(name);
    return server ? [{ ordinal: server.ordinal, basis }] : [];
  });
  const found = await reading(`${waveLabel(state)} · verify ${counted(expected.length, 'server')}`).lookAtFleet({
    set: plan.set,
    container: plan.baseline.container,
    containers: plan.containers,
    expected: packBases(expected),
    ...(isAboutAll(release, purpose) ? { known: knownOnes(release) } : {}),
  });
  return [{ kind: 'looked', purpose, wave, look: found }];
};

/** The fate of servers that are not there. */
export const whereabouts: Perform<'whereabouts'> = async ({ run }, { names }) => {
  const { plan, spec } = run.release;
  const servers = serversNamed(run.release, names);
  const deadline = Date.now() + spec.ready.timeout;
  const found = await reading(
    `looks what became of ${counted(servers.length, 'server')} that ${agreed(servers.length, 'is', 'are')} not there`,
    spec.ready.timeout,
  ).whereabouts({ set: plan.set, servers: packServers(servers), deadline });
  return [{ kind: 'whereabouts', gone: found.gone, recreated: found.recreated }];
};

/** The servers that came while the release ran. */
export const newcomers: Perform<'newcomers'> = async ({ run }) => {
  const { release } = run;
  const { plan, spec } = release;
  const { container, newImage: image } = plan.baseline;
  const found = await reading('look for servers that came meanwhile', spec.ready.timeout).findNewcomers({
    set: plan.set,
    ...knownOnes(release),
    container,
    containers: plan.containers,
    image,
    deadline: Date.now() + spec.ready.timeout,
  });
  return [
    {
      kind: 'newcomersFound',
      servers: unpackServers(plan.set, found.servers),
      old: found.old,
      notServing: unpackServers(plan.set, found.notServing),
    },
  ];
};

/** Follows the servers that are created, until something new is known of them. */
export const follow: Perform<'follow'> = async ({ run }, { until }) => {
  const { plan, spec, progress } = run.release;
  const report = await reading('follow new servers', Math.max(0, until - Date.now())).followNewServers({
    set: plan.set,
    container: plan.baseline.container,
    image: plan.baseline.newImage,
    version: plan.version,
    proof: spec.proof,
    bystanders: packServers(plan.bystanders.map((server) => asAccepted(run.release, server))),
    settled: progress.newServers?.settled ?? [],
    timeout: spec.ready.timeout,
    until,
  });
  const { proved, settled, gone } = report;
  return [{ kind: 'newServersSeen', report, proved, settled, gone }];
};

/** Which of the servers have players? */
export const admit: Perform<'admit'> = async ({ run }, { servers, until, of }) => {
  const { plan, spec } = run.release;
  const { admission } = spec;
  const names = servers.map(({ name }) => name);
  if (!admission) return [{ kind: 'admitted', busy: [], of: names, until }];
  const left = Math.max(0, until - Date.now());
  const { busy } = await reading(
    `look which of ${counted(names.length, 'server')} ${agreed(names.length, 'has', 'have')} players`,
    left,
  ).admitServers({
    set: plan.set,
    servers: names,
    busy: admission.busy,
    until,
    collect: collectingTime(left, of),
  });
  return [{ kind: 'admitted', busy, of: names, until }];
};

/** How the servers stand before they are brought back. */
export const snapshot: Perform<'snapshot'> = async ({ run }, { servers, isSweep }) => {
  const { release } = run;
  const { plan, spec } = release;
  const limit = isSweep === true ? spec.ready.timeout : undefined;
  const found = await reading(`roll back · look at ${counted(servers.length, 'server')}`, limit).rollbackSnapshot({
    set: plan.set,
    baseline: plan.baseline,
    containers: plan.containers,
    servers: packServers(servers),
    planned: presentOnes(release),
    known: isSweep === true ? knownOnes(release).settled : [],
    isSweep,
    deadline: Date.now() + (limit ?? 0),
  });
  return [
    {
      kind: 'snapshot',
      outgoing: found.before,
      touched: found.touched,
      newcomers: unpackServers(plan.set, found.newcomers),
      notServing: unpackServers(plan.set, found.notServing),
      gone: found.gone,
    },
  ];
};

/** The write that begins a rollback. */
export const takeBack: Perform<'takeBack'> = async ({ run, watch }) => {
  watch.stop();
  run.apply({ kind: 'endBegun' });
  const { release } = run;
  const { plan, progress, state, isOnRecord } = release;
  const { baseline, strategy } = plan;
  if (strategy === 'newServersOnly') {
    const at = progress.endedAt ?? Date.now();
    const written = await writing(`roll back · ${baseline.templateImage} for new servers`).rollBackNewServers({
      ...subjectOf(release),
      last: lastRecord(release, 'rolled-back', { at }),
      ...failedVersion(release, at),
    });
    const result = writtenOf(written);
    return [{ kind: 'takenBack', written: result.kind === 'accepted' ? { kind: 'untouched' } : result }];
  }
  const written = await writing(`roll back · ${baseline.oldImage} for all`).rollBackSet({
    ...subjectOf(release),
    isOnRecord,
    opened: state.wave > 0 || progress.adoption !== undefined,
    seen: progress.foreign.seen,
    maxUnavailable: plan.maxUnavailable,
  });
  return [{ kind: 'takenBack', written: writtenOf(written) }];
};

/** Leaves GameServers with this override of the image, or with none. */
export const overrides: Perform<'overrides'> = async ({ run }, { servers, image, after }) => {
  const { release } = run;
  const { plan, state } = release;
  const doing =
    image === undefined
      ? `takes the ${agreed(servers.length, 'override', 'overrides')} of ${counted(servers.length, 'server')} away`
      : `leaves ${counted(servers.length, 'server')} with the override ${image}`;
  const limit = settlePatience(servers.length);
  const report = await writing(doing, limit).settleOverrides({
    ...subjectOf(release),
    servers,
    container: plan.baseline.container,
    ...(image === undefined ? {} : { image }),
    own: [plan.baseline.oldImage, plan.baseline.newImage],
    token: `${state.release}.${plan.hash.slice(0, 8)}.settle`,
    deadline: Date.now() + limit,
  });
  if (failedCount(report) === 0) return [{ kind: 'overridesSettled', after }];
  return [{ kind: 'stopped', verdict: 'pause', reason: report.failures[0]?.reason ?? doing }];
};
