import type { ServerView } from '../../release/fleet/fleet.ts';
import { isSent, judgeReloadAnswer } from '../../release/checks/reload.ts';
import type { SentReload } from '../../release/checks/reload.ts';
import { substitute } from '../../release/checks/probe.ts';
import type { Probe, Reload, ReleaseSpec } from '../../release/spec/spec.ts';
import type { StepReport } from '../../release/checks/verdict.ts';
import { mergeReports } from '../../release/checks/verdict.ts';
import { askServer, askUntilRight } from './ask-server.ts';
import { forEachServer } from '../servers/for-each-server.ts';
import { FreshServers } from '../servers/fresh-servers.ts';
import type { Question } from './question.ts';
import { describeExit, runCommand, substitutionOf } from './question.ts';
import { attempt, cancellation, heartbeat, lastHeartbeat } from '../runtime.ts';
import type { Cluster } from '../ports/cluster.ts';
import type { ServersInput } from '../servers/servers-input.ts';
import { countServers } from '../../release/fleet/server-rows.ts';

/** Make engines load the new files. */
export interface ReloadServersInput extends ServersInput {
  /** The release told these engines before, and does not know which have done so. */
  readonly repeated: boolean;
  readonly reload: ReleaseSpec['reload'];
  readonly proof: Probe;
  readonly version: string;
}

/** What the engine must say once it has loaded the files. */
const VERSION = '{{version}}';

/**
 * Makes every engine of a batch reload. Repeated after a crash of the worker or after a pause it skips the servers that it
 * knows to be done and those whose engine already proves the version, so that no engine reloads twice for one release.
 */
export function reloadServers(cluster: Cluster): (input: ReloadServersInput) => Promise<StepReport> {
  return async (input) => {
    if (!isSent(input.reload)) return { ...mergeReports([]), passed: countServers(input.servers) };
    const done = new Set(reloadedBefore());
    const repeated = input.repeated || attempt() > 1;
    const cursor = (): unknown => ({ v: 1, reloaded: [...done] });
    const { set, version, proof } = input;
    const signal = cancellation();
    const fresh = new FreshServers(cluster, set, signal);
    const step: Parameters<typeof forEachServer>[2] = async (server, planned) => {
      if (done.has(server.name)) return undefined;
      const lookAgain = (): Promise<ServerView | undefined> => fresh.read(server.name);
      const question = { cluster, namespace: set.namespace, server, planned, version, signal, lookAgain };
      if (repeated && (await askServer(question, proof, VERSION)) === undefined) return undefined;
      const reason = await reloadServer(question, input);
      if (reason !== undefined) return { class: 'reload', reason };
      done.add(server.name);
      heartbeat(cursor());
      return undefined;
    };
    return await forEachServer(cluster, input, step, cursor);
  };
}

/**
 * Reloads one server; undefined when that was said to work. An answer that never came says nothing: the engine may
 * have reloaded, or be about to. The engine itself is asked for as long as its proof may take; only when it does not
 * prove the version is the reload sent once more.
 */
export async function reloadServer(
  question: Question,
  { reload, proof }: { readonly reload: Reload; readonly proof: Probe },
): Promise<string | undefined> {
  const first = await send(question, reload);
  if (first.kind !== 'unknown') return failureOf(first);
  question.signal.throwIfAborted();
  if ((await askUntilRight(question, proof, VERSION)) === undefined) return undefined;
  return failureOf(await send(question, reload));
}

/** Still unknown after the second time: the proof that follows decides. */
function failureOf(sent: SentReload): string | undefined {
  return sent.kind === 'failed' ? sent.reason : undefined;
}

async function send(question: Question, { exec, http }: Reload): Promise<SentReload> {
  if (exec) return await sendCommand(question, exec);
  if (http) return await sendRequest(question, http);
  return { kind: 'done' };
}

async function sendCommand(question: Question, exec: NonNullable<Reload['exec']>): Promise<SentReload> {
  const outcome = await runCommand(question, exec.container, exec.command, exec.timeout);
  if (outcome.kind === 'unknown') return { kind: 'unknown' };
  if (outcome.kind === 'failed') return { kind: 'failed', reason: `the reload could not be run: ${outcome.message}` };
  if (outcome.code === 0) return { kind: 'done' };
  return { kind: 'failed', reason: `the reload ended with ${describeExit(outcome)}` };
}

async function sendRequest(question: Question, http: NonNullable<Reload['http']>): Promise<SentReload> {
  const { cluster, server, signal } = question;
  if (server.ip === '') return { kind: 'failed', reason: 'the reload could not be sent: the pod has no address' };
  const values = substitutionOf(question);
  const filled = (text: string): string => substitute(text, values);
  const headers = Object.fromEntries(Object.entries(http.headers ?? {}).map(([name, text]) => [name, filled(text)]));
  const request = {
    host: server.ip,
    port: http.port,
    path: filled(http.path),
    method: http.method,
    headers,
    body: http.body === undefined ? undefined : filled(http.body),
    timeoutMs: http.timeout,
  };
  const outcome = await cluster.httpSend(request, signal);
  if (outcome.kind === 'unknown') return { kind: 'unknown' };
  if (outcome.kind === 'failed') return { kind: 'failed', reason: `the reload could not be sent: ${outcome.message}` };
  const expect = http.expect === undefined ? undefined : filled(http.expect);
  return judgeReloadAnswer({ expectStatus: http.expectStatus, expect }, outcome);
}

function reloadedBefore(): readonly string[] {
  const details = lastHeartbeat();
  if (typeof details !== 'object' || details === null || !('reloaded' in details)) return [];
  return Array.isArray(details.reloaded) ? details.reloaded.filter((name) => typeof name === 'string') : [];
}
