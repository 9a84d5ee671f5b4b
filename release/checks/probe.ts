import { valueAt } from '../patches/guarded-patch.ts';
import { cutText, plainText } from '../spec/plain-text.ts';
import type { ServerView } from '../fleet/fleet.ts';
import { containerOf } from '../fleet/fleet.ts';
import { fingerprint } from '../fleet/run.ts';
import type { PlannedServer } from '../plan/plan.ts';
import { portText } from '../spec/probe-spec.ts';
import type { Probe } from '../spec/probe-spec.ts';

/** The values that `{{…}}` in commands, paths and expectations stands for. */
export interface Substitution {
  readonly server: string;
  readonly namespace: string;
  readonly ordinal: number;
  readonly version: string;
}

/** Replaces `{{server}}`, `{{namespace}}`, `{{ordinal}}` and `{{version}}`; no shell ever reads the result. */
export function substitute(text: string, values: Substitution): string {
  return text.replaceAll(/\{\{(server|namespace|ordinal|version)\}\}/g, (_match, key: keyof Substitution) =>
    String(values[key]),
  );
}

/**
 * A probe's answer, from whichever way it was asked. `silent`: the server did not answer, which is a fault of its own.
 * `unknown`: nobody can tell, because the one who would know (OpenKruise, Prometheus) has nothing to say.
 */
export type ProbeAnswer =
  | { readonly kind: 'answered'; readonly text: string; readonly success: boolean; readonly detail: string }
  | { readonly kind: 'silent' | 'unknown'; readonly reason: string };

/** Why an answer is not right, and whether that is known or only not known to be right. */
export interface Objection {
  readonly reason: string;
  readonly unknown: boolean;
}

/** The words of a right answer; undefined when only success counts. */
export function expectationOf(probe: Probe, fallback: string | undefined): string | undefined {
  const asked = probe.http ?? probe.exec ?? probe.file ?? probe.serviceQuality;
  return asked && (asked.expect ?? fallback);
}

/** `http :80/version`, `exec cat /x in app`, `file /x in app`: how a reason names a probe. */
export function describeProbe(probe: Probe): string {
  const { http, exec, tcp, conditions, serviceQuality, prometheus } = probe;
  if (http)
    return `${http.https ? 'https' : 'http'} :${portText(http.port)}${http.path}${http.pointer === undefined ? '' : `#${http.pointer}`}`;
  if (exec) return `exec ${exec.command.join(' ').slice(0, 80)} in ${exec.container}`;
  if (tcp) return `tcp :${portText(tcp.port)}`;
  if (conditions) return `conditions ${conditions.join(', ')}`;
  if (serviceQuality) return `service quality ${serviceQuality.name}`;
  return prometheus ? `prometheus ${shorten(prometheus.query)}` : describeFiles(probe);
}

function describeFiles({ checksums, log, file }: Probe): string {
  if (checksums) return `files of ${checksums.manifest} in ${checksums.container}`;
  if (log) return `log of ${log.container}`;
  return `file ${file?.path ?? ''} in ${file?.container ?? ''}`;
}

/** Conditions are written by kubelet and controllers, which both may need a moment after a reload. */
const CONDITIONS_MS = 30_000;

/** How long a probe may be asked again before its answer counts, in milliseconds. */
export function patienceOf(probe: Probe): number {
  if (probe.conditions) return CONDITIONS_MS;
  const { http, exec, file, checksums, log, serviceQuality, tcp, prometheus } = probe;
  return (http ?? exec ?? file ?? checksums ?? log ?? serviceQuality ?? tcp ?? prometheus)?.within ?? 0;
}

/** True when the answer is read from the pod object: each further look must read the pod anew. */
export function isReadFromPod(probe: Probe): boolean {
  return (probe.conditions ?? probe.serviceQuality) !== undefined;
}

/**
 * A text as people mean it: an accent is one character (Unicode NFC), lines end alike, with nothing behind them, and no
 * byte order mark or blank line is around it. Files come from Windows, versions from macOS, and answers from printf.
 */
export function normalText(text: string): string {
  const lines = text
    .normalize('NFC')
    .split(/\r\n|\r|\n/)
    .map((line) => line.trimEnd());
  return lines.join('\n').trim();
}

/** True when a text is the expected one, but for what {@link normalText} takes away. */
export function isText(text: string, expected: string): boolean {
  return normalText(text) === normalText(expected);
}

/**
 * Judges an answer: undefined when it is right, else a reason that says what was asked, answered and expected.
 * Success alone (an exit code, a status) is enough only where nothing is expected.
 */
export function judgeAnswer(probe: Probe, answer: ProbeAnswer, expected: string | undefined): Objection | undefined {
  const name = describeProbe(probe);
  if (answer.kind !== 'answered') return { reason: `${name}: ${answer.reason}`, unknown: answer.kind === 'unknown' };
  if (!answer.success) return { reason: `${name}: ${answer.detail}`, unknown: false };
  const { text } = answer;
  if (expected === undefined || isText(text, expected)) return undefined;
  return { reason: `${name} answered "${shorten(text)}", expected "${shorten(expected)}"`, unknown: false };
}

/** The value at a pointer of a JSON answer, as text; why there is none, when there is none. */
export function textAt(body: string, pointer: string): { readonly text: string } | { readonly problem: string } {
  let value: unknown;
  try {
    value = valueAt(JSON.parse(body.trim()), pointer);
    // As it was written: 1.10 is another version than 1.1.
    if (typeof value === 'number') value = valueAt(JSON.parse(body.trim(), numberAsWritten), pointer);
  } catch {
    return { problem: 'the answer is no JSON' };
  }
  if (value === undefined || value === null) return { problem: `the answer has nothing at ${pointer}` };
  return { text: typeof value === 'string' ? value : JSON.stringify(value) };
}

/** A reviver of JSON.parse; its third argument is of ECMAScript 2026, which TypeScript does not know yet. */
function numberAsWritten(_key: string, value: unknown, { source }: { readonly source?: string } = {}): unknown {
  return typeof value === 'number' ? (source ?? value) : value;
}

/** Judges the conditions of a pod: those that are not True, in words. */
export function answerOfConditions(server: ServerView, types: readonly string[]): ProbeAnswer {
  const bad = types.filter((type) => server.conditions[type] !== 'True');
  const said = bad.map((type) => `${type} is ${server.conditions[type] ?? 'not there'}`).join(', ');
  return { kind: 'answered', success: bad.length === 0, text: '', detail: said };
}

/**
 * OpenKruise's last word about a service quality of the pod. No condition, or one that is neither True nor False,
 * says nothing about the server: its node agent has not reported yet, or not at all.
 */
export function answerOfServiceQuality(server: ServerView, name: string): ProbeAnswer {
  const found = server.serviceQualities?.[name];
  if (!found) return { kind: 'unknown', reason: `OpenKruise has not reported it for ${server.name}` };
  if (found.status !== 'True' && found.status !== 'False')
    return { kind: 'unknown', reason: `OpenKruise reports ${shorten(found.status)}` };
  const detail = `is ${found.status}${found.message === '' ? '' : `: ${shorten(found.message)}`}`;
  return { kind: 'answered', success: found.status === 'True', text: found.message, detail };
}

/**
 * When the change of a server began, by the clock of its node: the latest start among the containers that are not the
 * planned ones any more. Undefined when nothing has changed since the plan; its whole log then counts.
 */
export function changedAt(server: ServerView, planned: PlannedServer): number | undefined {
  const starts = Object.entries(planned.containers)
    .filter(([name, run]) => fingerprint(server, name) !== run)
    .map(([name]) => containerOf(server.containers, name)?.status?.startedAt)
    .filter((start) => start !== undefined);
  return starts.length === 0 ? undefined : Math.max(...starts);
}

/** Nothing behind so many characters can come to be shown. */
const MOST_READ = 2_000;

/** The first line of a text, plain, at most 120 characters: engines print pages and colours, people read lines. */
export function shorten(text: string): string {
  const line = plainText(cutText(text.trim().split('\n')[0] ?? '', MOST_READ));
  return line.length > 120 ? `${cutText(line, 119)}…` : line;
}
