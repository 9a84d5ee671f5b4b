import type { ServerView } from '../release/fleet.ts';
import type { ProbeAnswer, Substitution } from '../release/probe.ts';
import { expectationOf, judgeAnswer, shorten, substitute } from '../release/probe.ts';
import type { Probe } from '../release/spec.ts';
import type { Cluster, ExecOutcome } from './ports.ts';

/** A server to ask and what to fill into commands and expectations. */
export interface Question {
  readonly cluster: Cluster;
  readonly namespace: string;
  readonly server: ServerView;
  readonly version: string;
  readonly signal: AbortSignal;
}

/** The values of a question's `{{…}}`. */
export function substitutionOf({ namespace, server, version }: Question): Substitution {
  return { server: server.name, namespace, ordinal: server.ordinal, version };
}

/** Asks one server once. Undefined when the answer is right, else the reason. */
export async function askServer(
  question: Question,
  probe: Probe,
  fallback: string | undefined,
): Promise<string | undefined> {
  return (await hearServer(question, probe, fallback)).reason;
}

/** What a server said to one question, and what is wrong with it; no reason when it is right. */
export interface Hearing {
  readonly answer: ProbeAnswer;
  readonly reason: string | undefined;
}

/** Asks one server once and keeps what it said, for those who want to know more than right or wrong. */
export async function hearServer(question: Question, probe: Probe, fallback: string | undefined): Promise<Hearing> {
  const expected = expectationOf(probe, fallback);
  const answer = await answerOf(question, probe);
  const wanted = expected === undefined ? undefined : substitute(expected, substitutionOf(question));
  return { answer, reason: judgeAnswer(probe, answer, wanted) };
}

async function answerOf(question: Question, probe: Probe): Promise<ProbeAnswer> {
  if (probe.http) return await askHttp(question, probe.http);
  if (probe.exec) return await askExec(question, probe.exec.container, probe.exec.command, probe.exec.timeout);
  if (probe.file) return await askExec(question, probe.file.container, ['cat', probe.file.path], probe.file.timeout);
  return { kind: 'silent', reason: 'nothing to ask' };
}

async function askHttp(question: Question, http: NonNullable<Probe['http']>): Promise<ProbeAnswer> {
  const { cluster, server, signal } = question;
  if (server.ip === '') return { kind: 'silent', reason: 'the pod has no address' };
  const path = substitute(http.path, substitutionOf(question));
  const outcome = await cluster.httpGet({ host: server.ip, port: http.port, path, timeoutMs: http.timeout }, signal);
  if (outcome.kind === 'failed') return { kind: 'silent', reason: outcome.message };
  const success = outcome.status >= 200 && outcome.status < 300;
  return { kind: 'answered', success, text: outcome.body, detail: `status ${outcome.status}` };
}

async function askExec(
  question: Question,
  container: string,
  command: readonly string[],
  timeoutMs: number,
): Promise<ProbeAnswer> {
  const outcome = await runCommand(question, container, command, timeoutMs);
  if (outcome.kind !== 'exited') return { kind: 'silent', reason: outcome.message };
  return { kind: 'answered', success: outcome.code === 0, text: outcome.stdout, detail: describeExit(outcome) };
}

/** Runs a command in a container of the server, its `{{…}}` replaced. */
export async function runCommand(
  question: Question,
  container: string,
  command: readonly string[],
  timeoutMs: number,
): Promise<ExecOutcome> {
  const { cluster, namespace, server, signal } = question;
  const values = substitutionOf(question);
  const request = {
    namespace,
    server: server.name,
    container,
    command: command.map((argument) => substitute(argument, values)),
    timeoutMs,
  };
  return await cluster.exec(request, signal);
}

/** `exit code 1: nginx: [emerg] …`: how a command ended, with the line that says most. */
export function describeExit({ code, stdout, stderr }: Extract<ExecOutcome, { kind: 'exited' }>): string {
  const said = shorten(stderr === '' ? stdout : stderr);
  return said === '' ? `exit code ${code}` : `exit code ${code}: ${said}`;
}
