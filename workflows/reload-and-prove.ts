import { collectingTime } from '../release/checks/admission.ts';
import type { Admission } from '../release/spec/spec.ts';
import type { PlannedServer } from '../release/plan/plan.ts';
import { isSent } from '../release/checks/reload.ts';
import { namedServers } from '../release/progress/state.ts';
import { mergeReports } from '../release/checks/verdict.ts';
import { attempt, inTurn } from './attempt.ts';
import type { Outcome, Part } from './attempt.ts';
import { namesOf } from './batches.ts';
import { QUICK_MS, lasting } from './calls.ts';
import { goingOn } from './left-behind.ts';
import { NO_WAVE, check, reload } from './steps.ts';
import type { ReleaseContext, Step } from './strategy.ts';

/**
 * Makes engines load the new files and prove the version. Where the release is considerate of players, those without any
 * go first and at once, those whose players leave in time follow, and the others are deferred.
 */
export async function reloadAndProve(context: ReleaseContext, part: Part): Promise<Outcome> {
  const { admission } = context.spec;
  if (!admission) return await load(context, part);
  const until = Date.now() + admission.wait;
  const { busy, ...outcome } = await asPlayersLeave(context, part, {
    admission,
    until,
    each: (of) => load(context, of),
  });
  if (outcome.verdict.kind === 'advance') defer(context, busy);
  return outcome;
}

/** Reload and proof, whoever plays. */
export async function load(context: ReleaseContext, part: Part): Promise<Outcome> {
  const { spec } = context;
  const send = reload(context, part.wave?.number ?? NO_WAVE);
  const prove = check(context, 'version', [spec.proof]);
  if (!isSent(spec.reload)) return await attempt(context, part, { run: prove });
  const sent = await attempt(context, part, { run: send });
  if (sent.verdict.kind !== 'advance') return { ...sent, passed: 0 };
  return await attempt(context, part, { run: prove, again: inTurn(send, prove) });
}

/** The reload of these servers waits until their players are gone, or until the last wave is over. */
function defer({ run, apart }: ReleaseContext, servers: readonly PlannedServer[]): void {
  for (const { name } of servers) apart.deferred.add(name);
  run.set({ deferred: namedServers(apart.deferred) });
}

interface Patience {
  readonly admission: Admission;
  /** Milliseconds since the epoch. */
  readonly until: number;
  /** What is done with those that have none. */
  readonly each: (part: Part) => Promise<Outcome>;
}

/** Loads those without players, then those whose players leave until the time is over. */
export async function asPlayersLeave(
  context: ReleaseContext,
  part: Part,
  { admission, until, each }: Patience,
): Promise<Outcome & { readonly busy: readonly PlannedServer[] }> {
  const { run } = context;
  const all = goingOn(context, part.servers, part);
  const collect = collectingTime(until - Date.now(), all.length);
  run.enter('updating', 'looks which servers have players', { owner: 'the API server', until: Date.now() + QUICK_MS });
  let busy = await admit(context, { ...part, servers: all }, { admission, until: 0, collect });
  let idle = without(all, busy);
  let passed = 0;
  for (;;) {
    const outcome = idle.length > 0 ? await each({ ...part, servers: idle }) : NOTHING_DONE;
    passed += outcome.passed;
    if (outcome.verdict.kind !== 'advance') return { verdict: outcome.verdict, passed, busy };
    const waiting = goingOn(context, busy, part);
    if (waiting.length === 0 || Date.now() >= until) return { ...outcome, passed, busy: waiting };
    const names = namesOf(waiting.map(({ name }) => name));
    const doing = `waits for ${waiting.length} of ${all.length} servers with players: ${names}`;
    run.enter('updating', doing, { owner: 'the players', until });
    busy = await admit(context, { ...part, servers: waiting }, { admission, until, collect });
    idle = without(waiting, busy);
  }
}

const NOTHING_DONE: Outcome = { verdict: { kind: 'advance' }, passed: 0 };

function without(servers: readonly PlannedServer[], others: readonly PlannedServer[]): readonly PlannedServer[] {
  return servers.filter((server) => !others.includes(server));
}

/** Those that have players, once one of them has none or the time is over. */
async function admit(
  context: ReleaseContext,
  part: Part,
  { admission, until, collect }: Omit<Patience, 'each'> & { readonly collect: number },
): Promise<readonly PlannedServer[]> {
  const { run, plan, onPause } = context;
  const { step, wait } = run.state;
  const { busy } = await run.interruptible(onPause, () => {
    const servers = goingOn(context, part.servers, part).map(({ name }) => name);
    run.set({ phase: 'updating', step, wait });
    if (servers.length === 0) return Promise.resolve({ busy: [] });
    const limit = Math.max(0, until - Date.now());
    return lasting(`look which of ${servers.length} servers have players`, limit).admitServers({
      set: plan.set,
      servers,
      busy: admission.busy,
      until,
      collect,
    });
  });
  const names = new Set(busy);
  return part.servers.filter(({ name }) => names.has(name));
}

/** Sets those aside that have players now: servers that are tried again wait for them, too. */
export function deferBusy(context: ReleaseContext): Step {
  const { plan, spec, left } = context;
  return async (servers) => {
    const { admission } = spec;
    if (!admission || servers.length === 0) return { ...mergeReports([]), passed: servers.length };
    const { busy } = await lasting(`look which of ${servers.length} servers have players`, 0).admitServers({
      set: plan.set,
      servers: servers.map(({ name }) => name),
      busy: admission.busy,
      until: 0,
      collect: 0,
    });
    for (const name of busy) left.delete(name);
    defer(
      context,
      servers.filter(({ name }) => busy.includes(name)),
    );
    return { ...mergeReports([]), passed: servers.length - busy.length };
  };
}
