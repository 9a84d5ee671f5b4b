import type { ServerView } from '../../release/fleet/fleet.ts';
import type { PlannedServer } from '../../release/plan/plan.ts';
import type { Substitution } from '../../release/checks/probe.ts';
import { shorten, substitute } from '../../release/checks/probe.ts';
import type { Https } from '../../release/spec/tls-spec.ts';
import type { ExecOutcome, Probes, TlsChoice } from '../ports/probes.ts';

/** A server to ask and what to fill into commands and expectations. */
export interface Question {
  readonly cluster: Probes;
  readonly namespace: string;
  readonly server: ServerView;
  readonly version: string;
  readonly signal: AbortSignal;
  /** The server as it was planned: tells what has changed since. Default: nothing has. */
  readonly planned?: PlannedServer | undefined;
  /** The server as it is now, for answers that are read from its pod. Default: as it was when the question was made. */
  readonly lookAgain?: (() => Promise<ServerView | undefined>) | undefined;
  /** Is told of each answer that is not right, while the server is asked again. */
  readonly objected?: ((reason: string) => void) | undefined;
}

/** The values of a question's `{{…}}`. */
export function substitutionOf({ namespace, server, version }: Question): Substitution {
  return { server: server.name, namespace, ordinal: server.ordinal, version };
}

/** The demands on the server's certificate, its `{{…}}` replaced; undefined: it is asked without TLS. */
export function tlsOf(question: Question, https: Https | undefined): TlsChoice | undefined {
  if (!https) return undefined;
  const { serverName } = https;
  return { ...https, serverName: serverName && substitute(serverName, substitutionOf(question)) };
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
