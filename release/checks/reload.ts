import { isText, patienceOf, shorten } from './probe.ts';
import type { Probe } from '../spec/probe-spec.ts';
import type { Reload } from '../spec/reload-spec.ts';

/** False when the engine watches the folder: then nothing is sent, and the proof is the wait. */
export function isSent(reload: Reload): boolean {
  return reload.self === undefined;
}

/** How long a reload that certainly never arrived is sent again, in milliseconds: a tunnel or an engine that starts anew. */
export const RESEND_MS = 20_000;

/**
 * How long the reload of one server may take, in milliseconds: it is sent until it arrives, the engine is asked when the
 * answer never came, and it is sent once more.
 */
export function reloadPatienceOf(reload: Reload, proof: Probe): number {
  const timeout = (reload.exec ?? reload.http)?.timeout;
  return timeout === undefined ? 0 : 2 * (timeout + RESEND_MS) + patienceOf(proof);
}

/** The release's act while it asks for the proof; with an engine that reloads itself, that is the reload too. */
export function describeProof(reload: Reload): string {
  return isSent(reload)
    ? 'asks each engine which version it has loaded'
    : 'waits until each engine has loaded the new files by itself, and asks which version that is';
}

/**
 * The result of a reload that was sent. `unknown`: it may have arrived, nobody said how it ended. `again`: it
 * certainly never arrived, and may when it is sent again.
 */
export type SentReload =
  | { readonly kind: 'done' }
  | { readonly kind: 'failed'; readonly reason: string; readonly again?: true }
  | { readonly kind: 'unknown' };

/** The answer to a reload by HTTP: its status, then its body, must be the expected ones. */
export function judgeReloadAnswer(
  { expectStatus, expect }: Pick<NonNullable<Reload['http']>, 'expectStatus' | 'expect'>,
  answer: { readonly status: number; readonly body: string },
): SentReload {
  const { status, body } = answer;
  const said = shorten(body) === '' ? '' : `: ${shorten(body)}`;
  const isExpected = expectStatus === undefined ? status >= 200 && status < 300 : status === expectStatus;
  if (!isExpected) {
    const wanted = expectStatus === undefined ? '' : `, expected ${expectStatus}`;
    return { kind: 'failed', reason: `the reload answered status ${status}${wanted}${said}` };
  }
  if (expect === undefined || isText(body, expect)) return { kind: 'done' };
  return { kind: 'failed', reason: `the reload answered "${shorten(body)}", expected "${shorten(expect)}"` };
}
