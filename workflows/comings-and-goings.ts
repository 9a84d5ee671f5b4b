import { plannedOnes, plannedServers } from '../release/fleet/newcomers.ts';
import type { PlannedServer } from '../release/plan/plan.ts';
import type { FailureClass } from '../release/checks/server.ts';
import { withFailures, withObservations } from '../release/progress/state.ts';
import type { StepReport, Verdict } from '../release/checks/verdict.ts';
import { judgeStep } from '../release/checks/verdict.ts';
import { namesOf } from './batches.ts';
import { lasting } from './calls.ts';
import type { ReleaseContext, Step } from './strategy.ts';
import { failedBefore, policyOf } from './left-behind.ts';
import { NO_WAVE, check, reload } from './steps.ts';
import { isSent } from '../release/checks/reload.ts';
import type { Whereabouts } from '../activities/servers/membership.ts';
import { packServers, unpackServers } from '../release/fleet/server-rows.ts';

/** Newcomers are proved in this many rounds at most: a set that grows for ever must not hold its release for ever. */
const MOST_ROUNDS = 5;
/** So many recreated pods in one step are an accident; more are for a person to look at. */
const ACCIDENTS = 1;
const ACCIDENTS_PER_SERVER = 0.1;

const AWAY: ReadonlySet<FailureClass> = new Set<FailureClass>(['missing', 'recreated']);

/**
 * Runs a step over those servers that are still there. One that is gone with a change of replicas, a reserved id or opsState
 * Kill has not failed: it is not waited for any more. One whose pod was recreated has not failed either: it is proved at the
 * end like a server that came meanwhile, unless so many are recreated that a person has to look first.
 */
export async function overThoseThatStay(
  context: ReleaseContext,
  servers: readonly PlannedServer[],
  take: () => Promise<StepReport>,
): Promise<StepReport> {
  const { run, onPause } = context;
  for (;;) {
    const report = await run.interruptible(onPause, take);
    const away = report.failures.filter(({ class: kind }) => AWAY.has(kind)).map(({ server }) => server);
    if (away.length === 0) return report;
    const found = await takeLeave(context, [...away, ...report.moreFailed]);
    if (isMoreThanAccident(context, servers, found.recreated)) return report;
    if (found.recreated.length + found.gone.length === 0) return report;
  }
}

/** Of the servers of this step, or of all; the pods of a step may be recreated because of what the release did to them. */
function isMoreThanAccident(
  { plan }: ReleaseContext,
  servers: readonly PlannedServer[],
  recreated: readonly string[],
): boolean {
  const exceeds = (count: number, of: number): boolean => count > Math.max(ACCIDENTS, of * ACCIDENTS_PER_SERVER);
  const here = servers.filter(({ name }) => recreated.includes(name)).length;
  return exceeds(here, servers.length) || exceeds(recreated.length, plannedServers(plan).length);
}

/** Finds out who has departed and how, and tells it. */
async function takeLeave({ run, plan, spec, live }: ReleaseContext, names: readonly string[]): Promise<Whereabouts> {
  const asked = new Set(names);
  const servers = plannedServers(plan).filter((server) => asked.has(server.name) && live.isHere(server));
  const deadline = Date.now() + spec.ready.timeout;
  const doing = `looks what became of ${servers.length} servers that are not there`;
  run.enter(run.state.phase, doing, { owner: 'Kruise', until: deadline });
  const found = await lasting(doing, spec.ready.timeout).whereabouts({
    set: plan.set,
    servers: packServers(servers),
    deadline,
  });
  // A chosen server that comes back has lost what chose it for the new image: that is for a person.
  const recreated = plan.strategy === 'rolling' ? found.recreated : [];
  for (const name of found.gone) live.departed.set(name, 'gone');
  for (const name of recreated) live.departed.set(name, 'recreated');
  const told = [
    ...(found.gone.length === 0 ? [] : [`${namesOf(found.gone)}: gone from the set, not waited for any more`]),
    ...(recreated.length === 0 ? [] : [`${namesOf(recreated)}: recreated by somebody, proved before the release ends`]),
  ];
  run.set(withObservations(run.state, told));
  return { gone: found.gone, recreated };
}

/** How servers that came on the old image are moved. */
export interface Mover {
  readonly open: (servers: readonly PlannedServer[]) => Promise<Verdict>;
  readonly awaitMoved: Step;
}

/**
 * Before the release ends, the servers that came while it ran go the same way as the others: those on the old image are
 * moved, all are made to load the new files and have to prove it. One that does not get Ready in time (a cluster without
 * room for it) is named and left to its owner.
 */
export async function proveNewcomers(context: ReleaseContext, mover: Mover): Promise<Verdict> {
  const { run, plan, spec, live } = context;
  for (let round = 0; round < MOST_ROUNDS; round += 1) {
    const deadline = Date.now() + spec.ready.timeout;
    run.enter('updating', 'looks for servers that came meanwhile', {
      owner: 'Kruise and the kubelets',
      until: deadline,
    });
    const { container, newImage: image } = plan.baseline;
    const found = await lasting('look for servers that came meanwhile', spec.ready.timeout).findNewcomers({
      set: plan.set,
      containers: plan.containers,
      planned: plannedOnes(plan, live.departed),
      settled: [...live.proved, ...live.notProved].map(({ uid }) => uid),
      container,
      image,
      deadline,
    });
    const servers = unpackServers(plan.set, found.servers);
    live.notProved.push(...unpackServers(plan.set, found.notServing));
    if (servers.length === 0) break;
    const verdict = await proveSome(context, mover, { servers, old: found.old });
    if (verdict.kind !== 'advance') return verdict;
  }
  return { kind: 'advance' };
}

async function proveSome(
  context: ReleaseContext,
  mover: Mover,
  found: { readonly servers: readonly PlannedServer[]; readonly old: readonly string[] },
): Promise<Verdict> {
  const { run, live } = context;
  const old = found.servers.filter(({ name }) => found.old.includes(name));
  if (old.length > 0) {
    const opened = await mover.open(old);
    if (opened.kind !== 'advance') return opened;
  }
  let staying = found.servers;
  for (const [servers, step] of newcomerSteps(context, mover, old, found.servers)) {
    const report = await run.interruptible(context.onPause, () =>
      step(servers.filter((server) => staying.includes(server))),
    );
    const away = new Set(report.failures.filter(({ class: kind }) => AWAY.has(kind)).map(({ server }) => server));
    // Whoever goes as soon as it has come is looked at in the next round, if it comes back.
    staying = staying.filter(({ name }) => !away.has(name));
    const failures = report.failures.filter(({ server }) => !away.has(server));
    const verdict = judgeStep({ ...report, failures }, failedBefore(context), policyOf(context));
    run.set(withFailures(run.state, failures));
    if (verdict.kind !== 'advance') return verdict;
    const failed = new Set([...failures.map(({ server }) => server), ...report.moreFailed]);
    live.notProved.push(...staying.filter(({ name }) => failed.has(name)));
    staying = staying.filter(({ name }) => !failed.has(name));
  }
  live.proved.push(...staying);
  return { kind: 'advance' };
}

function newcomerSteps(
  context: ReleaseContext,
  mover: Mover,
  old: readonly PlannedServer[],
  all: readonly PlannedServer[],
): readonly (readonly [readonly PlannedServer[], Step])[] {
  const { content, reload: how, proof, health } = context.spec;
  // Whoever was made with the new files has loaded them and is not told to.
  context.reloading.add(NO_WAVE);
  return [
    ...(old.length > 0 ? [[old, mover.awaitMoved] as const] : []),
    ...(content ? [[all, check(context, 'content', [content])] as const] : []),
    ...(isSent(how) ? [[all, reload(context, NO_WAVE)] as const] : []),
    [all, check(context, 'version', [proof])],
    ...(health.length > 0 ? [[all, check(context, 'health', health)] as const] : []),
  ];
}
