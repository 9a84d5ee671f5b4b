import { setTimeout as pause } from 'node:timers/promises';
import type { Objection, ProbeAnswer } from '../../release/checks/probe.ts';
import {
  answerOfConditions,
  answerOfServiceQuality,
  changedAt,
  expectationOf,
  isReadFromPod,
  judgeAnswer,
  patienceOf,
  shorten,
  substitute,
  textAt,
} from '../../release/checks/probe.ts';
import type { HttpProbe, LogProbe } from '../../release/spec/probe-spec.ts';
import type { Probe } from '../../release/spec/spec.ts';
import { askChecksums } from './ask-checksums.ts';
import { portOf } from '../../release/fleet/ports.ts';
import type { Question } from './question.ts';
import { describeExit, runCommand, substitutionOf, tlsOf } from './question.ts';

/** Asks one server once. Undefined when the answer is right, else the reason. */
export async function askServer(
  question: Question,
  probe: Probe,
  fallback: string | undefined,
): Promise<string | undefined> {
  return (await hearServer(question, probe, fallback)).objection?.reason;
}

/** Asked again this soon; doubled up to the longest, so that an engine that needs a second costs few requests. */
const FIRST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 1_000;

/**
 * Asks one server until its answer is right or the probe's patience is over; then the last objection counts.
 * @throws the reason of the question's signal when the caller gave up
 */
export async function askUntilRight(
  question: Question,
  probe: Probe,
  fallback: string | undefined,
): Promise<Objection | undefined> {
  const { signal } = question;
  const deadline = Date.now() + patienceOf(probe);
  let current = question;
  for (let wait = FIRST_PAUSE_MS; ; wait = Math.min(LONGEST_PAUSE_MS, wait * 2)) {
    const { objection } = await hearServer(current, probe, fallback);
    if (objection === undefined) return undefined;
    signal.throwIfAborted();
    question.objected?.(objection.reason);
    if (Date.now() + wait >= deadline) return objection;
    // The reason of the signal, and not a timer's own error, is what the caller wants to hear.
    await pause(wait, undefined, { signal }).catch(() => signal.throwIfAborted());
    if (isReadFromPod(probe)) current = { ...current, server: (await question.lookAgain?.()) ?? current.server };
  }
}

/** A server's answer to one question, and what is wrong with it; no objection when it is right. */
export interface Hearing {
  readonly answer: ProbeAnswer;
  readonly objection: Objection | undefined;
}

/** Asks one server once and keeps what it said, for those who want to know more than right or wrong. */
export async function hearServer(question: Question, probe: Probe, fallback: string | undefined): Promise<Hearing> {
  const expected = expectationOf(probe, fallback);
  const answer = await answerOf(question, probe);
  const wanted = expected === undefined ? undefined : substitute(expected, substitutionOf(question));
  return { answer, objection: judgeAnswer(probe, answer, wanted) };
}

async function answerOf(question: Question, probe: Probe): Promise<ProbeAnswer> {
  const { server } = question;
  const { http, exec, file, checksums, log, serviceQuality, conditions, tcp } = probe;
  if (http) return await askHttp(question, http);
  if (exec) return await askExec(question, exec.container, exec.command, exec.timeout);
  if (file) return await askExec(question, file.container, ['cat', file.path], file.timeout);
  if (checksums) return await askChecksums(question, checksums);
  if (log) return await askLog(question, log);
  if (tcp) return await askTcp(question, tcp);
  if (serviceQuality) return answerOfServiceQuality(server, serviceQuality.name);
  return conditions ? answerOfConditions(server, conditions) : { kind: 'silent', reason: 'nothing to ask' };
}

const NO_ADDRESS = { kind: 'silent', reason: 'the pod has no address' } as const;

async function askHttp(question: Question, http: HttpProbe): Promise<ProbeAnswer> {
  const { cluster, server, signal } = question;
  if (server.ip === '') return NO_ADDRESS;
  const port = portOf(server, http.port);
  if (typeof port === 'string') return { kind: 'silent', reason: port };
  const path = substitute(http.path, substitutionOf(question));
  const request = { host: server.ip, port, path, tls: tlsOf(question, http.https), timeoutMs: http.timeout };
  const outcome = await cluster.httpGet(request, signal);
  if (outcome.kind === 'failed') return { kind: 'silent', reason: outcome.message };
  const success = outcome.status >= 200 && outcome.status < 300;
  const detail = `status ${outcome.status}`;
  if (!success || http.pointer === undefined) return { kind: 'answered', success, text: outcome.body, detail };
  const found = textAt(outcome.body, http.pointer);
  return 'text' in found
    ? { kind: 'answered', success, text: found.text, detail }
    : { kind: 'answered', success: false, text: '', detail: found.problem };
}

async function askTcp(question: Question, tcp: NonNullable<Probe['tcp']>): Promise<ProbeAnswer> {
  const { cluster, server, signal } = question;
  if (server.ip === '') return NO_ADDRESS;
  const port = portOf(server, tcp.port);
  if (typeof port === 'string') return { kind: 'silent', reason: port };
  const outcome = await cluster.tcpConnect({ host: server.ip, port, timeoutMs: tcp.timeout }, signal);
  if (outcome.kind === 'failed') return { kind: 'silent', reason: outcome.message };
  return { kind: 'answered', success: true, text: '', detail: '' };
}

async function askLog(question: Question, log: LogProbe): Promise<ProbeAnswer> {
  const { cluster, namespace, server, planned, signal } = question;
  const text = substitute(log.line, substitutionOf(question));
  const since = planned && changedAt(server, planned);
  const request = { namespace, server: server.name, container: log.container, text, since, timeoutMs: log.timeout };
  const outcome = await cluster.findInLog(request, signal);
  if (outcome.kind === 'failed') return { kind: 'silent', reason: outcome.message };
  const read = outcome.kind === 'absent' && outcome.truncated ? ` in its first ${outcome.bytes} bytes` : '';
  const detail = `no line with "${shorten(text)}"${read}${since === undefined ? '' : ' since the change began'}`;
  return { kind: 'answered', success: outcome.kind === 'found', text: '', detail };
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
