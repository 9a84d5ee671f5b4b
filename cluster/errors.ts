import { ClusterFailure } from '../activities/ports/failure.ts';
import type { ClusterFailureReason } from '../activities/ports/failure.ts';
import { cutText, plainText } from '../release/spec/plain-text.ts';

/** The words of the API server when it refused: the parts of its Status object that are read. */
export interface Refusal {
  readonly code: number;
  /** Machine-readable, such as `NotFound`, `Invalid`, `Expired`; empty when there was no Status. */
  readonly reason: string;
  readonly message: string;
  readonly causes: readonly string[];
  readonly retryAfterMs?: number;
}

/** The names in a sentence about a failure: the server, and who asked. */
export interface FailureContext {
  readonly server: string;
  readonly user: string;
  /** Why the kubeconfig could not be read again, so that the credentials are old ones. */
  readonly unread?: string | undefined;
  /** HOST:PORT of the proxy on the way. */
  readonly proxy?: string | undefined;
}

const LONGEST_MESSAGE = 300;

/** The first 300 characters of a text, on one line. */
export function oneLine(text: string): string {
  const line = plainText(text);
  return line.length <= LONGEST_MESSAGE ? line : `${cutText(line, LONGEST_MESSAGE - 1)}…`;
}

const OF_A_BINDING = /(ValidatingAdmissionPolicy '[^']*') with binding '[^']*' denied request: /;

/**
 * The API server's words for people. A strict decoding error quotes the whole object before it comes to the point
 * (Kubernetes 1.30), and objects may hold what is none of a log's business: long quotations are left out.
 */
export function wordsOf(refusal: Refusal): string {
  const { message } = refusal;
  const strict = message.lastIndexOf('strict decoding error');
  // A policy's sentence is the last of many words: the name of its binding, which is mostly its own, is left out.
  const words = (strict === -1 ? message : message.slice(strict)).replace(OF_A_BINDING, '$1: ');
  return oneLine(words.replace(/"(?:[^"\\]|\\.)*"/g, (quoted) => (quoted.length > 80 ? '"…"' : quoted)));
}

/** `User "u" cannot patch resource "pods/exec" in API group "" in the namespace "n"`: the authorizer's words. */
const NOT_ALLOWED =
  /User "([^"]*)" cannot (\S+) resource "([^"]*)"(?: in API group "[^"]*")?(?: in the namespace "([^"]*)"| at the cluster scope)?/;

/** True when RBAC (or another authorizer) said no, as opposed to an admission plugin that answers 403 too. */
export function isMissingPermission(refusal: Refusal): boolean {
  return refusal.code === 403 && NOT_ALLOWED.test(refusal.message);
}

/** A webhook chooses the code of its refusal itself; that it was one is said by the API server's own words before its. */
export function isDeniedByWebhook({ message }: Refusal): boolean {
  return /^admission webhook "[^"]*" denied the request/.test(message);
}

/** Rights that no release needs: who has bound the roles of releases lacks this one. */
const OWN_ROLES: Readonly<Record<string, string>> = { 'create events': 'hotwave-events' };

function permissionSentence(refusal: Refusal): string {
  const match = NOT_ALLOWED.exec(refusal.message);
  if (!match) return `the API server refuses: ${wordsOf(refusal)}`;
  const [, user, verb, resource, namespace] = match;
  const right = `${verb ?? ''} ${resource ?? ''}`;
  const place = namespace ? `in namespace ${namespace}` : 'in the cluster';
  const role = OWN_ROLES[right];
  const wanted =
    role === undefined
      ? 'for the permissions in deploy/rbac.yaml'
      : `to bind ClusterRole ${role} of deploy/rbac.yaml there`;
  return `may not ${right} ${place} as user ${user ?? ''}: ask an administrator of the cluster ${wanted}`;
}

interface Meaning {
  readonly reason: ClusterFailureReason;
  readonly retryable: boolean;
  readonly say: (refusal: Refusal, context: FailureContext) => string;
}

const overloaded: Meaning = {
  reason: 'overloaded',
  retryable: true,
  say: (refusal, { server }) => `the API server at ${server} is overloaded (HTTP ${refusal.code}); trying again`,
};

const MEANINGS: Readonly<Record<number, Meaning>> = {
  401: {
    reason: 'unauthorized',
    // The file that holds the credentials may be renewed under a running release.
    retryable: true,
    say: (_refusal, { server, user, unread }) =>
      `the API server at ${server} does not accept the credentials of ${user}; renew them in the kubeconfig` +
      (unread === undefined ? '' : `, which cannot be read: ${unread}`),
  },
  403: { reason: 'forbidden', retryable: false, say: permissionSentence },
  409: {
    reason: 'other',
    retryable: true,
    say: (refusal) => `the object was changed at the same moment: ${wordsOf(refusal)}`,
  },
  410: { reason: 'gone', retryable: true, say: () => 'the list has expired at the API server; reading it again' },
  429: overloaded,
  503: overloaded,
  504: overloaded,
};

/** A ClusterFailure for an answer that no caller has a better use for. */
export function failureOfRefusal(refusal: Refusal, context: FailureContext): ClusterFailure {
  const known = MEANINGS[refusal.code];
  const retryable = known?.retryable ?? refusal.code >= 500;
  const reason = known?.reason ?? (refusal.code >= 500 ? 'other' : 'invalid');
  const said = `the API server at ${context.server} answered ${refusal.code}: ${wordsOf(refusal)}`;
  return new ClusterFailure(reason, known?.say(refusal, context) ?? said, {
    retryable,
    ...(refusal.retryAfterMs === undefined ? {} : { retryAfterMs: refusal.retryAfterMs }),
  });
}

const NETWORK: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'connection refused',
  ECONNRESET: 'connection reset',
  EPIPE: 'connection reset',
  ENOTFOUND: 'its name is not known',
  EAI_AGAIN: 'its name cannot be looked up at the moment',
  EHOSTUNREACH: 'no route to it',
  ENETUNREACH: 'no route to it',
  ETIMEDOUT: 'no answer in time',
  UND_ERR_CONNECT_TIMEOUT: 'no connection within 5 s',
  UND_ERR_HEADERS_TIMEOUT: 'no answer in time',
  UND_ERR_BODY_TIMEOUT: 'the answer stopped half-way',
  UND_ERR_SOCKET: 'the connection was closed',
};

/** Node's TLS codes: https://nodejs.org/api/tls.html#x509-certificate-error-codes */
const TLS = /^(CERT_|DEPTH_ZERO|SELF_SIGNED|UNABLE_TO_|ERR_TLS_|ERR_SSL_|HOSTNAME_MISMATCH)/;

/** The code of a network error, wherever undici and ws put it; empty when there is none. */
export function networkCode(error: unknown): string {
  let current: unknown = error;
  for (let depth = 0; depth < 4 && current instanceof Error; depth += 1) {
    // An AbortError has a numeric code: only texts count.
    if ('code' in current && typeof current.code === 'string') return current.code;
    current = current instanceof AggregateError ? current.errors[0] : current.cause;
  }
  return '';
}

/** True when a new connection with freshly read certificates may help. */
export function isTlsFailure(error: unknown): boolean {
  return TLS.test(networkCode(error));
}

/** The status with which a proxy refuses a tunnel, in the words of undici (8.12) and hpagent (1.2). */
function answerOfProxy(error: unknown): string | undefined {
  for (let current: unknown = error; current instanceof Error; current = current.cause) {
    const [, status] =
      /^(?:Proxy response \((\d{3})\)|Bad response: (\d{3}))/.exec(current.message)?.filter(Boolean) ?? [];
    if (status !== undefined) return status;
  }
  return undefined;
}

/**
 * For a caller that has given up: its reason counts, unless its time was over and the failure says what for.
 * @throws the reason of `signal`
 */
export function demandWanted(signal: AbortSignal | undefined, error: unknown): void {
  const isOverTime = error instanceof ClusterFailure && isTimeout(signal?.reason);
  if (!isOverTime) signal?.throwIfAborted();
}

function isTimeout(error: unknown): boolean {
  return error instanceof Error && error.name === 'TimeoutError';
}

/** A ClusterFailure for anything thrown on the way to the API server. */
export function failureOfError(
  error: unknown,
  context: FailureContext & { readonly waited?: string | undefined },
  timeoutMs: number,
): ClusterFailure {
  if (error instanceof ClusterFailure) return error;
  const { server, proxy, waited } = context;
  const through = proxy === undefined ? '' : ` through the proxy ${proxy}`;
  if (isTimeout(error)) {
    const credentials = waited === undefined ? '' : `, of which ${waited}`;
    const message = `the API server at ${server} did not answer${through} within ${timeoutMs / 1000} s${credentials}`;
    return new ClusterFailure('unreachable', message, { retryable: true });
  }
  const refused = proxy === undefined ? undefined : answerOfProxy(error);
  if (refused !== undefined) {
    const message = `the proxy ${proxy ?? ''} does not let hotwave through to ${server}: it answered ${refused}`;
    return new ClusterFailure('unreachable', message, { retryable: true });
  }
  const code = networkCode(error);
  if (TLS.test(code)) {
    const message = `the API server at ${server} shows a certificate that the kubeconfig does not trust (${code})`;
    return new ClusterFailure('unreachable', message, { retryable: true });
  }
  // Only codes: the message of an unknown error may quote headers.
  const why = NETWORK[code] ?? (code || 'the connection failed');
  return new ClusterFailure('unreachable', `the API server at ${server} does not answer${through}: ${why}`, {
    retryable: true,
  });
}

/** A ClusterFailure for credentials that could not be had, such as an exec plugin that fails. */
export function failureOfCredentials(error: unknown, context: FailureContext): ClusterFailure {
  if (error instanceof ClusterFailure) return error;
  const code = networkCode(error);
  const why = code === '' ? '' : ` (${code})`;
  return new ClusterFailure(
    'unauthorized',
    `the credentials of ${context.user} for ${context.server} cannot be read${why}; check the kubeconfig's user entry`,
    { retryable: true },
  );
}
