import { patienceOf } from '../release/probe.ts';
import type { ServerFailure } from '../release/server.ts';
import type { Probe } from '../release/spec.ts';
import type { StepReport } from '../release/verdict.ts';
import { mergeReports } from '../release/verdict.ts';
import { askServer } from './ask-server.ts';
import type { Question } from './ask-server.ts';
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
  return (input) => {
    const question = { cluster, namespace: input.set.namespace, version: input.version, signal: cancellation() };
    return forEachServer(cluster, input, (server) => checkServer({ ...question, server }, input));
  };
}

/** Asks one server by each probe in turn until it answers right or its patience is over; undefined when all are right. */
export async function checkServer(
  question: Question,
  { kind, probes }: Pick<CheckServersInput, 'kind' | 'probes'>,
): Promise<Omit<ServerFailure, 'server'> | undefined> {
  for (const probe of probes) {
    const reason = await askUntilRight(question, probe, EXPECTED[kind]);
    if (reason !== undefined) return { class: kind, reason };
  }
  return undefined;
}

async function askUntilRight(
  question: Question,
  probe: Probe,
  fallback: string | undefined,
): Promise<string | undefined> {
  const { signal } = question;
  const deadline = Date.now() + patienceOf(probe);
  for (let wait = FIRST_PAUSE_MS; ; wait = Math.min(LONGEST_PAUSE_MS, wait * 2)) {
    const reason = await askServer(question, probe, fallback);
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
