import type { ServerView, SetRef } from '../../release/fleet/fleet.ts';
import type { Heard } from '../../release/audit/audit.ts';
import { versionIn } from '../../release/audit/audit.ts';
import { expectationOf, normalText, shorten } from '../../release/checks/probe.ts';
import type { Ask, Probe } from '../../release/spec/spec.ts';
import { hearServer } from './ask-server.ts';
import { cancellation } from '../runtime.ts';
import { ClusterFailure } from '../ports/failure.ts';
import type { Probes } from '../ports/probes.ts';

/** The server that is asked, and the right answer. */
export interface Listener {
  readonly cluster: Probes;
  readonly set: SetRef;
  readonly server: ServerView;
  readonly version: string;
}

/** A server that has not answered by then counts as silent, whatever the probe's own patience. */
const ASK_MS = 10_000;

/**
 * Asks one server once for its version and keeps what it names, right or wrong. An engine that answers with an error
 * names no version and counts as silent; files that are not as they should be are wrong even when they name none.
 */
export async function hearVersion(
  { cluster, set, server, version }: Listener,
  probe: Probe,
  about: 'files' | 'loaded',
): Promise<Heard> {
  const deadline = AbortSignal.timeout(ASK_MS);
  const signal = AbortSignal.any([cancellation(), deadline]);
  try {
    const question = { cluster, namespace: set.namespace, server, version, signal };
    const { answer, objection } = await hearServer(question, probe, '{{version}}');
    if (!objection) return { kind: 'right', version, reason: '' };
    const { reason } = objection;
    if (answer.kind !== 'answered') return { kind: 'silent', version: '', reason };
    if (!answer.success) return { kind: about === 'files' ? 'wrong' : 'silent', version: '', reason };
    const expectation = expectationOf(probe, '{{version}}') ?? '{{version}}';
    return { kind: 'wrong', version: shorten(versionIn(normalText(answer.text), normalText(expectation))), reason };
  } catch (error) {
    if (!deadline.aborted || cancellation().aborted) throw error;
    const reason = error instanceof ClusterFailure ? error.message : `no answer within ${ASK_MS / 1_000} s`;
    return { kind: 'silent', version: '', reason };
  }
}

/** The answers of a server's files and its engine. */
export interface HeardServer {
  readonly files?: Heard | undefined;
  readonly loaded?: Heard | undefined;
}

/** Asks one server for its files and for what its engine has loaded, in this order. */
export async function hearBoth(
  listener: Listener,
  { content, proof }: Pick<Ask, 'content' | 'proof'>,
): Promise<HeardServer> {
  const files = content && (await hearVersion(listener, content, 'files'));
  return { files, loaded: await hearVersion(listener, proof, 'loaded') };
}
