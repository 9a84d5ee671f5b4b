import { controlGroup } from '../release/checks/metric.ts';
import { waveLabel } from '../release/narrate/narrate.ts';
import { describeProof, reloadPatienceOf } from '../release/checks/reload.ts';
import type { Probe } from '../release/spec/spec.ts';
import { inBatches, patience, rounds } from './batches.ts';
import { lasting, uninterrupted } from './calls.ts';
import type { ReleaseContext, Step } from './strategy.ts';
import { packServers } from '../release/fleet/server-rows.ts';

/** For servers that are in no wave, or in several: a number that no wave has. */
export const NO_WAVE = 0;

const CHECK_STEPS = {
  content: { doing: 'checks that the new files are there', summary: 'check content of' },
  version: { doing: undefined, summary: 'prove version on' },
  health: { doing: 'checks health', summary: 'check health of' },
} as const;

/** Asks servers by probes until they answer right, or until their patience is over. */
export function check(
  { run, spec, plan }: ReleaseContext,
  kind: keyof typeof CHECK_STEPS,
  probes: readonly Probe[],
): Step {
  const { doing, summary } = CHECK_STEPS[kind];
  return (servers) => {
    const limit = patience(probes, servers.length, spec);
    const since = Date.now();
    const step = doing ?? describeProof(spec.reload);
    run.enter('updating', step, { owner: 'the engines', until: since + limit });
    return inBatches(servers, (batch) =>
      lasting(`${waveLabel(run.state)} · ${summary} ${batch.length} servers`, limit).checkServers({
        set: plan.set,
        servers: packServers(batch),
        concurrency: spec.concurrency,
        direction: 'forward',
        kind,
        probes,
        version: plan.version,
        control: controlGroup(plan, run.state.wave, probes),
      }),
    );
  };
}

/**
 * Makes engines load the new files. `wave` says which servers they are: when the step is repeated, those that have done so
 * are not told again.
 */
export function reload({ run, spec, plan, reloading }: ReleaseContext, wave: number): Step {
  return (servers) => {
    const repeated = reloading.has(wave);
    reloading.add(wave);
    const doing = `makes ${servers.length} engines reload`;
    const limit = rounds(servers.length, spec) * reloadPatienceOf(spec.reload, spec.proof);
    const since = Date.now();
    run.enter('updating', doing, { owner: 'the engines', until: since + limit });
    return inBatches(servers, (batch) =>
      lasting(`${waveLabel(run.state)} · reload ${batch.length} servers`, limit)
        .reloadServers({
          set: plan.set,
          servers: packServers(batch),
          concurrency: spec.concurrency,
          direction: 'forward',
          repeated,
          told: [],
          reload: spec.reload,
          proof: spec.proof,
          version: plan.version,
        })
        .then(uninterrupted),
    );
  };
}
