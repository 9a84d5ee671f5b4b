import type { PlannedServer } from '../release/plan/plan.ts';
import { namedServers, withWave } from '../release/progress/state.ts';
import type { Verdict } from '../release/checks/verdict.ts';
import { attempt } from './attempt.ts';
import type { Outcome, Part } from './attempt.ts';
import { namesOf } from './batches.ts';
import { leftBehind } from './left-behind.ts';
import { asPlayersLeave, load } from './reload-and-prove.ts';
import { check } from './steps.ts';
import type { ReleaseContext } from './strategy.ts';
import { verifyFleet } from './wave.ts';

/** After the last wave: the servers whose players were waited for in vain, with the patience that is left for them. */
export async function reloadDeferred(context: ReleaseContext): Promise<Verdict> {
  const { spec, plan } = context;
  const { admission } = spec;
  const part: Part = { servers: deferredServers(context), deferred: true };
  if (!admission || part.servers.length === 0) return { kind: 'advance' };
  const until = Date.now() + admission.lastWait;
  const loadAndCheck = (of: Part): Promise<Outcome> => loadDeferred(context, of);
  const { verdict, busy } = await asPlayersLeave(context, part, { admission, until, each: loadAndCheck });
  if (verdict.kind !== 'advance') return verdict;
  const rest = await treatBusy(context, busy);
  const wave = plan.waves.at(-1);
  if (rest.kind !== 'advance' || !wave) return rest;
  return (await attempt(context, { servers: [], wave }, { run: verifyFleet(context, wave) })).verdict;
}

/** A skipped server is deferred no more. */
function deferredServers(context: ReleaseContext): readonly PlannedServer[] {
  const { plan, apart, run } = context;
  const behind = leftBehind(context);
  for (const name of apart.deferred) if (behind.has(name)) apart.deferred.delete(name);
  run.set({ deferred: namedServers(apart.deferred) });
  const all = [...plan.waves.flatMap(({ servers }) => servers), ...plan.alreadyUpdated, ...plan.adopted];
  return all.filter(({ name }) => apart.deferred.has(name));
}

async function loadDeferred(context: ReleaseContext, part: Part): Promise<Outcome> {
  const { health } = context.spec;
  const loaded = await load(context, part);
  if (loaded.verdict.kind !== 'advance' || loaded.passed === 0) return loaded;
  const healthy = health.length > 0 ? await attempt(context, part, { run: check(context, 'health', health) }) : loaded;
  if (healthy.verdict.kind === 'advance') noLongerDeferred(context, part.servers);
  return { ...healthy, passed: loaded.passed };
}

function noLongerDeferred(context: ReleaseContext, servers: readonly PlannedServer[]): void {
  const { run, plan, apart } = context;
  const behind = leftBehind(context);
  for (const { name } of servers) apart.deferred.delete(name);
  const proved = new Set(servers.map(({ name }) => name).filter((name) => !behind.has(name)));
  for (const { number, servers: members } of plan.waves) {
    const more = members.filter(({ name }) => proved.has(name)).length;
    const { proven = 0 } = run.state.waves[number - 1] ?? {};
    if (more > 0) run.set(withWave(run.state, number, { proven: proven + more }));
  }
  run.set({ deferred: namedServers(apart.deferred) });
}

/** What becomes of servers that have players to the last, as the release file says. */
async function treatBusy(context: ReleaseContext, busy: readonly PlannedServer[]): Promise<Verdict> {
  const { spec, apart } = context;
  if (busy.length === 0) return { kind: 'advance' };
  if (spec.admission?.then === 'reload')
    return (await loadDeferred(context, { servers: busy, deferred: true })).verdict;
  if (spec.admission?.then === 'leave') {
    for (const { name } of busy) apart.busy.add(name);
    noLongerDeferred(context, busy);
    return { kind: 'advance' };
  }
  const names = namesOf(busy.map(({ name }) => name));
  return {
    kind: 'pause',
    reason: `there are still players on ${busy.length === 1 ? '1 server' : `${busy.length} servers`}: ${names}; resume waits for them again, skip leaves one behind`,
  };
}
