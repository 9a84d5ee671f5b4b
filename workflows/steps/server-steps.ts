import { counted } from '../../release/spec/counted.ts';
import { sleep } from '@temporalio/workflow';
import type { CheckServersInput } from '../../activities/probes/check-servers.ts';
import { isSent } from '../../release/checks/reload.ts';
import { controlGroup } from '../../release/checks/metric.ts';
import { unpackBases } from '../../release/fleet/basis.ts';
import { serverName } from '../../release/fleet/identity.ts';
import { packServers } from '../../release/fleet/server-rows.ts';
import { waveLabel } from '../../release/narrate/narrate.ts';
import type { PlannedServer } from '../../release/plan/plan.ts';
import { movePatience, probePatience, reloadPatience } from '../../release/progress/describe-step.ts';
import type { Event } from '../../release/progress/events.ts';
import type { Checked } from '../../release/progress/steps.ts';
import { asAccepted, awaitedRevision, failFast } from '../../release/progress/groups.ts';
import type { Release } from '../../release/progress/table.ts';
import { rowOf } from '../../release/progress/table.ts';
import { formatDuration } from '../../release/spec/quantity.ts';
import type { Probe } from '../../release/spec/spec.ts';
import { reading, writing } from '../calls.ts';
import { inBatches, merged, oneByOne } from './batches.ts';
import type { Perform, StepOf } from './context.ts';
import { subjectOf } from './subject.ts';

// Steps over servers: each says of every server whether it has come further.

const directionOf = { new: 'forward', old: 'rollback' } as const;

/** `wave 2/3 (25%)` or `roll back`: where the release is, for summaries in the Temporal UI. */
function labelOf({ state, progress }: Release): string {
  return progress.back ? 'roll back' : waveLabel(state);
}

function namesOf(servers: readonly PlannedServer[]): readonly string[] {
  return servers.map(({ name }) => name);
}

/** Waits until servers run their image, ready and with the files that go with it; or gives it to them one by one. */
export const move: Perform<'move'> = async ({ run }, step) =>
  step.means === 'override' ? await override(run.release, step) : await awaitReady(run.release, step);

async function awaitReady(release: Release, step: StepOf<'move'>): Promise<readonly Event[]> {
  const { plan, spec } = release;
  const { set, baseline } = plan;
  const limit = movePatience(release, step);
  const direction = step.means === 'adopt' ? 'adopt' : step.image === undefined ? directionOf[step.toward] : 'rollback';
  const isForward = direction === 'forward';
  const stopAfter = isForward ? failFast(release, step.servers) : direction === 'adopt' ? 0 : step.servers.length;
  const checking = probePatience(release, spec.content ? [spec.content] : [], step.servers.length);
  const summary = {
    forward: `wait for ${counted(step.servers.length, 'server')} to be Ready`,
    rollback: `wait for ${counted(step.servers.length, 'server')}, at most ${formatDuration(limit)}`,
    adopt: `wait for ${counted(step.servers.length, 'server')}, none of which may restart`,
  }[direction];
  const deadline = Date.now() + limit;
  const reports = await inBatches(step.servers, (batch) =>
    reading(`${labelOf(release)} · ${summary}`, limit + checking).awaitReady({
      ...(isForward ? contentOf(release) : {}),
      set,
      servers: packServers(batch.map((server) => asAccepted(release, server))),
      container: baseline.container,
      image: step.image ?? (step.toward === 'old' ? baseline.oldImage : baseline.newImage),
      revision: awaitedRevision(release, step.servers),
      direction,
      before: isForward ? {} : outgoingOf(release, batch),
      deadline,
      failFast: stopAfter,
    }),
  );
  return [checked('move', step, { report: merged(reports), means: step.means })];
}

async function override(release: Release, step: StepOf<'move'>): Promise<readonly Event[]> {
  const { plan, state, spec } = release;
  const { baseline, leftOn } = plan;
  const back = step.toward === 'old';
  const [image, from] = back ? [baseline.oldImage, baseline.newImage] : [baseline.newImage, baseline.oldImage];
  const limit = movePatience(release, step);
  const deadline = Date.now() + limit;
  const checking = probePatience(release, spec.content ? [spec.content] : [], step.servers.length);
  const stopAfter = failFast(release, step.servers);
  const reports = await oneByOne(step.servers, (batch) =>
    writing(
      `${labelOf(release)} · override ${counted(batch.length, 'server')}, at most ${formatDuration(spec.ready.timeout)} each`,
      limit + checking,
    ).overrideServers({
      ...(back ? {} : contentOf(release)),
      ...subjectOf(release),
      servers: packServers(batch.map((server) => asAccepted(release, server))),
      container: baseline.container,
      image,
      from,
      leftOn,
      direction: directionOf[step.toward],
      before: back ? outgoingOf(release, batch) : {},
      deadline,
      timeout: spec.ready.timeout,
      failFast: back ? batch.length : stopAfter,
      // Back is as fast as can be: those servers are broken, or on their way out.
      maxUnavailable: back ? Math.max(1, step.servers.length) : plan.maxUnavailable,
      token: `${state.release}.${plan.hash.slice(0, 8)}.${directionOf[step.toward]}`,
    }),
  );
  const isInterrupted = reports.some(({ interrupted }) => interrupted === true);
  return [checked('move', step, { report: merged(reports), means: 'override', isInterrupted })];
}

/** The content check of a release, for the steps that make it while they wait for other servers. */
function contentOf({ spec, plan }: Release): {
  content?: { probe: Probe; version: string; concurrency: Release['spec']['concurrency'] };
} {
  const { content: probe, concurrency } = spec;
  return probe ? { content: { probe, version: plan.version, concurrency } } : {};
}

/** The fingerprints of sidecars that have to go from these servers in a rollback. */
function outgoingOf(release: Release, servers: readonly PlannedServer[]): Record<string, string> {
  const known = servers.flatMap(({ name }) => {
    const { outgoing } = rowOf(release, name);
    return outgoing === undefined ? [] : [[name, outgoing] as const];
  });
  return Object.fromEntries(known);
}

const CHECKS = {
  files: { kind: 'content', summary: 'check content of' },
  prove: { kind: 'version', summary: 'prove version on' },
  health: { kind: 'health', summary: 'check health of' },
} as const;

/** Asks servers by probes until they answer right, or until their patience is over. */
async function check(
  release: Release,
  what: keyof typeof CHECKS,
  step: Pick<StepOf<'prove'>, 'servers' | 'toward' | 'kept'>,
): Promise<readonly Event[]> {
  const { servers, toward } = step;
  const { kind, summary } = CHECKS[what];
  const probes = probesOf(release, what);
  if (probes.length === 0) return [checked(what, step, { report: { ...merged([]), passed: servers.length } })];
  const limit = probePatience(release, probes, servers.length);
  const reports = await inBatches(servers, (batch) =>
    reading(`${labelOf(release)} · ${summary} ${batch.length} servers`, limit).checkServers({
      ...common(release, batch, toward),
      kind,
      probes,
      container: what === 'prove' ? release.plan.baseline.container : undefined,
      control: toward === 'new' ? controlGroup(release.plan, release.state.wave, probes) : [],
    }),
  );
  const bases = Object.fromEntries(reports.flatMap((report) => basesOf(release, report)));
  return [checked(what, step, { report: merged(reports), bases, kept: step.kept })];
}

function probesOf({ spec }: Release, what: keyof typeof CHECKS): readonly Probe[] {
  if (what === 'health') return spec.health;
  return what === 'prove' ? [spec.proof] : spec.content ? [spec.content] : [];
}

function basesOf({ plan }: Release, { bases }: { readonly bases?: string | undefined }): (readonly [string, string])[] {
  if (bases === undefined) return [];
  return [...unpackBases(bases)].map(([ordinal, basis]) => [serverName(plan.set, ordinal), basis] as const);
}

function common(
  release: Release,
  servers: readonly PlannedServer[],
  toward: 'new' | 'old',
): Pick<CheckServersInput, 'set' | 'servers' | 'concurrency' | 'direction' | 'version'> {
  const { plan, spec } = release;
  return {
    set: plan.set,
    servers: packServers(servers.map((server) => asAccepted(release, server))),
    concurrency: spec.concurrency,
    direction: directionOf[toward],
    version: toward === 'new' ? plan.version : plan.previousVersion,
  };
}

/** Are the files there that go with the image? */
export const files: Perform<'files'> = async ({ run }, step) => await check(run.release, 'files', step);

/** Which version has each engine loaded? */
export const prove: Perform<'prove'> = async ({ run }, step) => await check(run.release, 'prove', step);

/** Is each server well? */
export const health: Perform<'health'> = async ({ run }, step) =>
  await check(run.release, 'health', { servers: step.servers, toward: 'new' });

/** Makes engines load the files that are there. The servers that may have done so already are asked first. */
export const reload: Perform<'reload'> = async ({ run }, step) => {
  const { release } = run;
  const { spec } = release;
  const { servers, toward } = step;
  if (!isSent(spec.reload)) return [checked('reload', step, { report: { ...merged([]), passed: servers.length } })];
  const limit = reloadPatience(release, servers.length);
  const reports = await inBatches(servers, (batch) =>
    writing(`${labelOf(release)} · reload ${counted(batch.length, 'server')}`, limit).reloadServers({
      ...common(release, batch, toward),
      container: release.plan.baseline.container,
      image: toward === 'new' ? release.plan.baseline.newImage : release.plan.baseline.oldImage,
      told: step.kept === true ? namesOf(batch) : toldBefore(release, batch),
      reload: spec.reload,
      proof: spec.proof,
    }),
  );
  const told = reports.flatMap((report) => report.told);
  const isInterrupted = reports.some(({ interrupted }) => interrupted === true);
  return [checked('reload', step, { report: merged(reports), told, isInterrupted, kept: step.kept })];
};

/** Engines that may have loaded the version already are asked for it before they are told. */
function toldBefore(release: Release, servers: readonly PlannedServer[]): readonly string[] {
  return namesOf(servers).filter((name) => rowOf(release, name).mayHaveLoaded === true);
}

/** Samples the health of a wave until the bake is over. */
export const bake: Perform<'bake'> = async ({ run }, step) => {
  const { release } = run;
  const { spec } = release;
  const { servers, until } = step;
  const left = Math.max(1, until - Date.now());
  const checkedAs = { servers, toward: 'new' as const };
  if (spec.health.length === 0) {
    await sleep(left, { summary: `${waveLabel(release.state)} · bake` });
    return [checked('bake', checkedAs, { report: { ...merged([]), passed: servers.length } })];
  }
  const reports = await inBatches(servers, (batch) =>
    reading(
      `${waveLabel(release.state)} · bake and sample health of ${counted(batch.length, 'server')}`,
      left,
    ).bakeWave({
      ...common(release, batch, 'new'),
      kind: 'health',
      probes: spec.health,
      control: controlGroup(release.plan, release.state.wave, spec.health),
      until,
    }),
  );
  return [checked('bake', checkedAs, { report: merged(reports) })];
};

/** The result of a check. */
function checked(
  what: Checked,
  { servers, toward }: { readonly servers: readonly PlannedServer[]; readonly toward: 'new' | 'old' },
  more: Omit<Extract<Event, { kind: 'checked' }>, 'kind' | 'what' | 'servers' | 'toward'>,
): Event {
  return { kind: 'checked', what, toward, servers: namesOf(servers), ...more };
}
