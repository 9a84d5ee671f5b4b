import type { PlannedServer } from '../release/plan/plan.ts';
import type { RollbackScope } from '../release/progress/state.ts';
import { begunWave, namedServers, withWave, withoutFailures } from '../release/progress/state.ts';
import { skippedServers } from './left-behind.ts';
import { orSentence } from './call-failures.ts';
import { rollBackPart } from './rollback.ts';
import type { ReleaseContext } from './strategy.ts';

/**
 * A person wants a part of the servers back on the old version: by overrides, which win over the template whatever it
 * says. The release then stands still again, and goes on without them when it is resumed.
 */
export async function bringPartBack(context: ReleaseContext, scope: RollbackScope): Promise<void> {
  const { run, plan, onPause } = context;
  const { rollback: _heeded, ...requests } = run.state.requests;
  const { phase, step } = run.state;
  const servers = partOf(context, scope);
  setApart(context, servers, scope);
  run.set({ requests });
  const problem = await orSentence(() => rollBackPart(context, servers));
  run.set({ phase, step });
  const count = servers.length === 1 ? '1 server is' : `${servers.length} servers are`;
  await run.pauseUntilResumed(
    onPause,
    problem === undefined
      ? `${count} back on ${plan.previousVersion}; resume goes on without them`
      : `${count} not proved to be back on ${plan.previousVersion}: ${problem}; rollback --scope failed tries again, resume goes on without them`,
  );
}

/** Whoever is skipped stays as they are. */
function partOf({ run, plan, apart }: ReleaseContext, scope: RollbackScope): readonly PlannedServer[] {
  const skipped = skippedServers({ run, plan });
  const wave = begunWave(run.state);
  const waves = scope === 'wave' ? plan.waves.filter(({ number }) => number === wave) : plan.waves;
  const servers = waves.flatMap((members) => members.servers).filter(({ name }) => !skipped.has(name));
  return scope === 'wave' ? servers : servers.filter(({ name }) => apart.failed.has(name));
}

/** From now on the release goes without them, also when not all can be proved to be back. */
function setApart({ run, left, apart }: ReleaseContext, servers: readonly PlannedServer[], scope: RollbackScope): void {
  const names = new Set(servers.map(({ name }) => name));
  for (const name of names) {
    apart.returned.add(name);
    for (const others of [left, apart.failed, apart.deferred]) others.delete(name);
  }
  const wave = begunWave(run.state);
  if (scope === 'wave' && wave !== undefined) run.set(withWave(run.state, wave, { status: 'rolled-back' }));
  run.set({
    ...withoutFailures(run.state, names),
    returned: namedServers(apart.returned),
    deferred: namedServers(apart.deferred),
  });
}
