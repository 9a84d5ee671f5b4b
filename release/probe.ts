import type { Probe } from './spec.ts';

/** What `{{…}}` in commands, paths and expectations stands for. */
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

/** A probe's answer, from whichever way it was asked. */
export type ProbeAnswer =
  | { readonly kind: 'answered'; readonly text: string; readonly success: boolean; readonly detail: string }
  | { readonly kind: 'silent'; readonly reason: string };

/** What a right answer says; undefined when only success counts. */
export function expectationOf(probe: Probe, fallback: string | undefined): string | undefined {
  return probe.http?.expect ?? probe.exec?.expect ?? fallback;
}

/** `http :80/version`, `exec cat /x in app`, `file /x in app`: how a reason names a probe. */
export function describeProbe(probe: Probe): string {
  if (probe.http) return `http :${probe.http.port}${probe.http.path}`;
  if (probe.exec) return `exec ${probe.exec.command.join(' ').slice(0, 80)} in ${probe.exec.container}`;
  return `file ${probe.file?.path ?? ''} in ${probe.file?.container ?? ''}`;
}

/** How long a probe may be asked again before its answer counts, in milliseconds. */
export function patienceOf(probe: Probe): number {
  return probe.http?.within ?? probe.exec?.within ?? probe.file?.within ?? 0;
}

/**
 * Judges an answer: undefined when it is right, else a reason that says what was asked, answered and expected.
 * Success alone (an exit code, a status) is enough only where nothing is expected.
 */
export function judgeAnswer(probe: Probe, answer: ProbeAnswer, expected: string | undefined): string | undefined {
  const name = describeProbe(probe);
  if (answer.kind === 'silent') return `${name}: ${answer.reason}`;
  if (!answer.success) return `${name}: ${answer.detail}`;
  const text = answer.text.trim();
  if (expected === undefined || text === expected) return undefined;
  return `${name} answered "${shorten(text)}", expected "${shorten(expected)}"`;
}

/** The first line of a text, at most 120 characters: engines print pages, people read lines. */
export function shorten(text: string): string {
  const line = text.trim().split('\n')[0] ?? '';
  return line.length > 120 ? `${line.slice(0, 119)}…` : line;
}
