import type { StepReport } from '../release/verdict.ts';
import type { Question } from './ask-server.ts';
import { askServer, describeExit, runCommand } from './ask-server.ts';
import { forEachServer } from './for-each-server.ts';
import type { ReloadServersInput } from './inputs.ts';
import type { Cluster, ExecOutcome } from './ports.ts';
import { attempt, cancellation, heartbeat, lastHeartbeat } from './runtime.ts';

/**
 * Makes every engine of a batch reload. Repeated after a crash of the worker or after a pause it skips the servers that it
 * knows to be done and those whose engine already proves the version, so that no engine reloads twice for one release.
 */
export function reloadServers(cluster: Cluster): (input: ReloadServersInput) => Promise<StepReport> {
  return async (input) => {
    const done = new Set(reloadedBefore());
    const repeated = input.repeated || attempt() > 1;
    return await forEachServer(cluster, input, async (server) => {
      if (done.has(server.name)) return undefined;
      const question: Question = {
        cluster,
        namespace: input.set.namespace,
        server,
        version: input.version,
        signal: cancellation(),
      };
      if (repeated && (await askServer(question, input.proof, '{{version}}')) === undefined) return undefined;
      const reason = await reload(question, input);
      if (reason !== undefined) return { class: 'reload', reason };
      done.add(server.name);
      heartbeat({ v: 1, reloaded: [...done] });
      return undefined;
    });
  };
}

/**
 * An exit status that never came says nothing: the engine may have reloaded. The engine itself is asked; only when it
 * does not prove the version is the command sent once more.
 */
async function reload(question: Question, input: ReloadServersInput): Promise<string | undefined> {
  const first = await send(question, input);
  if (first.kind !== 'unknown') return failureOf(first);
  question.signal.throwIfAborted();
  if ((await askServer(question, input.proof, '{{version}}')) === undefined) return undefined;
  const second = await send(question, input);
  return second.kind === 'unknown' ? undefined : failureOf(second);
}

async function send(question: Question, { reload: { exec } }: ReloadServersInput): Promise<ExecOutcome> {
  if (!exec) return { kind: 'failed', message: 'the release has no reload command' };
  return await runCommand(question, exec.container, exec.command, exec.timeout);
}

function failureOf(outcome: ExecOutcome): string | undefined {
  if (outcome.kind === 'exited')
    return outcome.code === 0 ? undefined : `the reload ended with ${describeExit(outcome)}`;
  return `the reload could not be run: ${outcome.message}`;
}

function reloadedBefore(): readonly string[] {
  const details = lastHeartbeat();
  if (typeof details !== 'object' || details === null || !('reloaded' in details)) return [];
  return Array.isArray(details.reloaded) ? details.reloaded.filter((name) => typeof name === 'string') : [];
}
