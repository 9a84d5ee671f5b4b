import type { ServerView } from '../release/fleet.ts';
import { patienceOf } from '../release/probe.ts';
import type { Probe } from '../release/spec.ts';
import type { StepReport } from '../release/verdict.ts';
import { mergeReports } from '../release/verdict.ts';
import { askServer } from './ask-server.ts';
import { forEachServer } from './for-each-server.ts';
import type { BakeWaveInput, CheckServersInput } from './inputs.ts';
import type { Cluster } from './ports.ts';
import { cancellation, heartbeat, pause } from './runtime.ts';

/** Asked again this soon; doubled up to the longest, so that an engine that needs a second costs few requests. */
const FIRST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 1_000;

/** What a probe must answer when the release file does not say: versions echo, health only succeeds. */
const EXPECTED = { content: '{{version}}', version: '{{version}}', health: undefined } as const;

/** Asks every server of a batch until it answers right or its patience is over. */
export function checkServers(cluster: Cluster): (input: CheckServersInput) => Promise<StepReport> {
  return (input) =>
    forEachServer(cluster, input, async (server) => {
      for (const probe of input.probes) {
        const reason = await askUntilRight(cluster, input, server, probe);
        if (reason !== undefined) return { class: input.kind, reason };
      }
      return undefined;
    });
}

async function askUntilRight(
  cluster: Cluster,
  input: CheckServersInput,
  server: ServerView,
  probe: Probe,
): Promise<string | undefined> {
  const signal = cancellation();
  const question = { cluster, namespace: input.set.namespace, server, version: input.version, signal };
  const deadline = Date.now() + patienceOf(probe);
  for (let wait = FIRST_PAUSE_MS; ; wait = Math.min(LONGEST_PAUSE_MS, wait * 2)) {
    const reason = await askServer(question, probe, EXPECTED[input.kind]);
    if (reason === undefined) return undefined;
    signal.throwIfAborted();
    if (Date.now() + wait >= deadline) return reason;
    await pause(wait);
  }
}

/** How often health is sampled during a bake. */
const SAMPLE_MS = 5_000;

/** Samples health until the bake is over; ends early when a server fails. */
export function bakeWave(cluster: Cluster): (input: BakeWaveInput) => Promise<StepReport> {
  const check = checkServers(cluster);
  return async (input) => {
    for (;;) {
      const report = input.probes.length > 0 ? await check(input) : mergeReports([]);
      const left = input.until - Date.now();
      if (report.failures.length > 0 || left <= 0) return report;
      heartbeat();
      await pause(Math.min(SAMPLE_MS, left));
    }
  };
}
