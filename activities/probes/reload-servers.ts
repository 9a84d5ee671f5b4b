import { setTimeout as pause } from 'node:timers/promises';
import type { ServerView } from '../../release/fleet/fleet.ts';
import { containerOf } from '../../release/fleet/fleet.ts';
import { RESEND_MS, isSent, judgeReloadAnswer } from '../../release/checks/reload.ts';
import type { SentReload } from '../../release/checks/reload.ts';
import { substitute } from '../../release/checks/probe.ts';
import type { Probe, Reload, ReleaseSpec } from '../../release/spec/spec.ts';
import type { StepReport } from '../../release/checks/verdict.ts';
import { mergeReports } from '../../release/checks/verdict.ts';
import { askUntilRight } from './ask-server.ts';
import { forEachServer } from '../servers/for-each-server.ts';
import type { ServerStep } from '../servers/for-each-server.ts';
import { FreshServers } from '../servers/fresh-servers.ts';
import { portOf } from '../../release/fleet/ports.ts';
import type { Question } from './question.ts';
import { describeExit, runCommand, substitutionOf, tlsOf } from './question.ts';
import { acknowledge, cancellation, heartbeat, isInterrupted, lastHeartbeat } from '../runtime.ts';
import type { Cluster } from '../ports/cluster.ts';
import type { ServersInput } from '../servers/servers-input.ts';
import { countServers } from '../../release/fleet/server-rows.ts';

/** Make engines load the new files. */
export interface ReloadServersInput extends ServersInput {
  /** Names of servers that this release has told before and that have not proved the version since. */
  readonly told: readonly string[];
  readonly reload: ReleaseSpec['reload'];
  readonly proof: Probe;
  readonly version: string;
  /** The container whose files they are, and the image that they came with: who is asked to run another one is not told. */
  readonly container: string;
  readonly image: string;
}

/** The result. */
export interface ReloadReport extends StepReport {
  /** Names of servers that were told, now or before, and are not known to have loaded the files: they still may. */
  readonly told: readonly string[];
  /** The workflow interrupted it: the others were not told, and `passed` counts those that had been. */
  readonly interrupted?: true;
}

/** The answer of the engine once it has loaded the files. */
const VERSION = '{{version}}';

/**
 * Makes every engine of a batch reload, each at most once. Temporal knows of each before it is told. The server that
 * was told before, by an attempt that ended or before a pause, is asked for its proof, for the proof's whole patience,
 * and told again only when that does not come: an engine may load for seconds.
 */
export function reloadServers(cluster: Cluster): (input: ReloadServersInput) => Promise<ReloadReport> {
  return async (input) => {
    if (!isSent(input.reload)) return { ...mergeReports([]), passed: countServers(input.servers), told: input.told };
    const round = new ReloadRound(cluster, input);
    try {
      const report = await forEachServer(cluster, input, round.step, round.cursor);
      return { ...report, told: round.told };
    } catch (error) {
      if (!isInterrupted()) throw error;
      return { ...mergeReports([]), passed: round.passed, told: round.told, interrupted: true };
    }
  };
}

class ReloadRound {
  readonly #cluster: Cluster;
  readonly #input: ReloadServersInput;
  readonly #signal = cancellation();
  readonly #fresh: FreshServers;
  /** The servers whose command was answered. */
  readonly #reloaded: Set<string>;
  readonly #told: Set<string>;
  /** Those of whom an attempt before this one, or the release, knows no more than that they were told. */
  readonly #inDoubt: ReadonlySet<string>;
  readonly #proved = new Set<string>();

  constructor(cluster: Cluster, input: ReloadServersInput) {
    const before = namesBefore();
    this.#cluster = cluster;
    this.#input = input;
    this.#fresh = new FreshServers(cluster, input.set, this.#signal);
    this.#reloaded = new Set(before.reloaded);
    this.#told = new Set([...input.told, ...before.told]);
    this.#inDoubt = new Set([...this.#told].filter((name) => !this.#reloaded.has(name)));
  }

  get told(): readonly string[] {
    return [...this.#told].filter((name) => !this.#proved.has(name));
  }

  get passed(): number {
    return this.#reloaded.size + this.#proved.size;
  }

  cursor = (): unknown => ({ v: 1, told: [...this.#told], reloaded: [...this.#reloaded] });

  step: ServerStep = async (server, planned) => {
    const { name } = server;
    if (this.#reloaded.has(name)) return undefined;
    const { set, version } = this.#input;
    const lookAgain = (): Promise<ServerView | undefined> => this.#fresh.read(name);
    const question: Question = {
      cluster: this.#cluster,
      namespace: set.namespace,
      server,
      planned,
      version,
      signal: this.#signal,
      lookAgain,
    };
    if (await this.#hasLoaded(question)) {
      this.#proved.add(name);
      return undefined;
    }
    this.#signal.throwIfAborted();
    const other = this.#otherImage(server);
    if (other !== undefined) return { class: 'content', reason: other };
    this.#told.add(name);
    await acknowledge(this.cursor());
    const reason = await reloadServer(question, this.#input);
    if (reason !== undefined) return { class: 'reload', reason };
    this.#reloaded.add(name);
    heartbeat(this.cursor());
    return undefined;
  };

  /** Somebody may have moved it since its files were checked: it would load what nobody wants. */
  #otherImage({ containers }: ServerView): string | undefined {
    const { container, image } = this.#input;
    const found = containerOf(containers, container)?.image;
    if (found === image) return undefined;
    return `it is asked to run ${found ?? 'no image'}, not ${image}, so it is not told to load its files`;
  }

  async #hasLoaded(question: Question): Promise<boolean> {
    if (!this.#inDoubt.has(question.server.name)) return false;
    return (await askUntilRight(question, this.#input.proof, VERSION)) === undefined;
  }
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

/** Sent again this soon; what certainly never arrived may be sent as often as it takes. */
const RESEND_PAUSE_MS = 1_000;

/** Sends it until it arrives, for as long as that may take. */
async function send(question: Question, reload: Reload): Promise<SentReload> {
  const deadline = Date.now() + RESEND_MS;
  for (;;) {
    const sent = await sendOnce(question, reload);
    if (sent.kind !== 'failed' || sent.again !== true || Date.now() + RESEND_PAUSE_MS >= deadline) return sent;
    // The reason of the signal, and not a timer's own error, is what the caller wants to hear.
    await pause(RESEND_PAUSE_MS, undefined, { signal: question.signal }).catch(() => question.signal.throwIfAborted());
  }
}

async function sendOnce(question: Question, { exec, http }: Reload): Promise<SentReload> {
  if (exec) return await sendCommand(question, exec);
  if (http) return await sendRequest(question, http);
  return { kind: 'done' };
}

async function sendCommand(question: Question, exec: NonNullable<Reload['exec']>): Promise<SentReload> {
  const outcome = await runCommand(question, exec.container, exec.command, exec.timeout);
  if (outcome.kind === 'unknown') return { kind: 'unknown' };
  if (outcome.kind === 'failed') {
    const reason = `the reload could not be run: ${outcome.message}`;
    return { kind: 'failed', reason, ...(outcome.again === true ? { again: true } : {}) };
  }
  if (outcome.code === 0) return { kind: 'done' };
  return { kind: 'failed', reason: `the reload ended with ${describeExit(outcome)}` };
}

async function sendRequest(question: Question, http: NonNullable<Reload['http']>): Promise<SentReload> {
  const { cluster, server, signal } = question;
  if (server.ip === '') return { kind: 'failed', reason: 'the reload could not be sent: the pod has no address' };
  const port = portOf(server, http.port);
  if (typeof port === 'string') return { kind: 'failed', reason: `the reload could not be sent: ${port}` };
  const values = substitutionOf(question);
  const filled = (text: string): string => substitute(text, values);
  const headers = Object.fromEntries(Object.entries(http.headers ?? {}).map(([name, text]) => [name, filled(text)]));
  const request = {
    host: server.ip,
    port,
    path: filled(http.path),
    tls: tlsOf(question, http.https),
    method: http.method,
    headers,
    body: http.body === undefined ? undefined : filled(http.body),
    timeoutMs: http.timeout,
  };
  const outcome = await cluster.httpSend(request, signal);
  if (outcome.kind === 'unknown') return { kind: 'unknown' };
  if (outcome.kind === 'failed')
    return { kind: 'failed', reason: `the reload could not be sent: ${outcome.message}`, again: true };
  const expect = http.expect === undefined ? undefined : filled(http.expect);
  return judgeReloadAnswer({ expectStatus: http.expectStatus, expect }, outcome);
}

function namesBefore(): { readonly told: readonly string[]; readonly reloaded: readonly string[] } {
  const details = lastHeartbeat();
  const names = (key: string): readonly string[] => {
    const found =
      typeof details === 'object' && details !== null ? (details as Record<string, unknown>)[key] : undefined;
    return Array.isArray(found) ? found.filter((name) => typeof name === 'string') : [];
  };
  return { told: names('told'), reloaded: names('reloaded') };
}
