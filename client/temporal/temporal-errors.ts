import {
  ActivityExecutionFailedError,
  isGrpcServiceError,
  QueryNotRegisteredError,
  QueryRejectedError,
  WorkflowFailedError,
  WorkflowNotFoundError,
} from '@temporalio/client';
import { ApplicationFailure, NamespaceNotFoundError, TimeoutFailure, ValueError } from '@temporalio/common';
import { shellWord } from '../../release/narrate/shell.ts';
import { EXIT } from '../terminal/exit-codes.ts';
import { ExitError } from '../terminal/exit-error.ts';

/** Where the request went, for the sentence. */
export interface Destination {
  readonly address: string;
  readonly namespace: string;
}

/** gRPC status codes that people meet. */
export const GRPC = {
  cancelled: 1,
  invalidArgument: 3,
  deadlineExceeded: 4,
  notFound: 5,
  alreadyExists: 6,
  permissionDenied: 7,
  resourceExhausted: 8,
  failedPrecondition: 9,
  unimplemented: 12,
  unavailable: 14,
  unauthenticated: 16,
} as const;

/** The gRPC status code of an error or of what caused it, and its text. */
export function grpcStatus(error: unknown): { readonly code: number; readonly details: string } | undefined {
  for (let cause: unknown = error; cause instanceof Error; cause = cause.cause) {
    if (isGrpcServiceError(cause)) return { code: cause.code, details: cause.details };
  }
  return undefined;
}

/** True when Temporal does not know a search attribute: an older server has fewer of its own. */
export function isUnknownAttribute(error: unknown, name: string): boolean {
  const status = grpcStatus(error);
  return status?.code === GRPC.invalidArgument && status.details.includes(name);
}

/** The sentence for a Temporal that cannot be connected to. */
export function unreachable(address: string, error?: unknown, hints: readonly string[] = []): ExitError {
  const status = grpcStatus(error);
  if (status && isRefusal(status.code)) return refusedAccess(address, status.details);
  return new ExitError(
    EXIT.unreachable,
    `Temporal at ${address} does not answer: start it or set TEMPORAL_ADDRESS / --address`,
    hints,
  );
}

/** The sentence and exit code for an error of the Temporal client; errors that are bugs are returned as they are. */
export function explainTemporalError(error: unknown, { address, namespace }: Destination): unknown {
  if (error instanceof ExitError) return error;
  if (error instanceof NamespaceNotFoundError) return noNamespace(address, namespace);
  if (error instanceof WorkflowNotFoundError) {
    return new ExitError(EXIT.refused, 'the release has ended meanwhile', ['hotwave status shows how']);
  }
  if (error instanceof QueryNotRegisteredError || error instanceof QueryRejectedError) return unread(error);
  if (error instanceof WorkflowFailedError || error instanceof ActivityExecutionFailedError) return unanswered(error);
  if (error instanceof ValueError) return new ExitError(EXIT.unreachable, error.message, [KEYS_HINT]);
  const status = grpcStatus(error);
  if (status?.code === GRPC.notFound && /^namespace/i.test(status.details)) return noNamespace(address, namespace);
  return explainStatus(error, address);
}

/** Why a worker did not answer a query. */
function unread({ message }: Error): ExitError {
  return /TMPRL1100|nondeterminism/i.test(message) ? anotherVersion() : unknownQuestion(message);
}

function explainStatus(error: unknown, address: string): unknown {
  const status = grpcStatus(error);
  if (!status) return error;
  const { code, details } = status;
  if (isRefusal(code)) return refusedAccess(address, details);
  if (code === GRPC.unavailable) return unreachable(address);
  if (code === GRPC.invalidArgument && /search ?attribute|invalid query/i.test(details)) {
    const missing = /Hotwave\w+/.exec(details);
    return missing
      ? new ExitError(EXIT.unreachable, `Temporal does not know the search attribute ${missing[0]}`, [
          "register hotwave's search attributes once: hotwave setup",
        ])
      : new ExitError(EXIT.usage, `Temporal does not take this filter: ${details}`);
  }
  if (isWorkerSilence(code, details))
    return new ExitError(EXIT.unreachable, 'no worker answered in time', [WORKER_HINT]);
  return new ExitError(EXIT.unreachable, `Temporal at ${address} answers with an error: ${details} (gRPC ${code})`);
}

/**
 * True when more is asked of one workflow at the same moment than Temporal lets through: server 1.31 keeps one query
 * back for a workflow that is at work, and refuses the next.
 */
export function isCrowded({ code, details }: { readonly code: number; readonly details: string }): boolean {
  return code === GRPC.resourceExhausted && /query buffer/.test(details);
}

/**
 * True for an update whose workflow task went wrong through no fault of its own: the workflow was about to end or to begin
 * a new run when it came, and Temporal (server 1.31) threw the task away, and the update with it.
 */
export function isLostTask({ code, details }: { readonly code: number; readonly details: string }): boolean {
  return code === GRPC.failedPrecondition && /unexpected workflow task failure/.test(details);
}

/** The advice about payloads that cannot be decrypted (codec/payload-codec.ts). */
const KEYS_HINT = 'the hotwave command needs the keys that the workers encrypt with: docs/encryption.md';

/** The advice when nobody polls the task queue. */
export const WORKER_HINT = 'is one running? start it with hotwave worker, and see hotwave doctor';

/** True for what Temporal says to a query when no worker takes it. */
export function isWorkerSilence(code: number, details: string): boolean {
  // The server gives up a query a moment before the client's deadline: then the call is cancelled.
  if (code === GRPC.deadlineExceeded || code === GRPC.cancelled) return true;
  return code === GRPC.failedPrecondition && /poller|worker|workflow task/i.test(details);
}

function isRefusal(code: number): boolean {
  return code === GRPC.unauthenticated || code === GRPC.permissionDenied;
}

function noNamespace(address: string, namespace: string): ExitError {
  return new ExitError(EXIT.unreachable, `Temporal at ${address} has no namespace ${namespace}`, [
    `name another one with --temporal-namespace, or create it: temporal operator namespace create ${shellWord(namespace)}`,
  ]);
}

function refusedAccess(address: string, details: string): ExitError {
  return new ExitError(EXIT.unreachable, `Temporal at ${address} refuses access: ${details}`, [
    'check TEMPORAL_API_KEY, the client certificate and the namespace of the profile',
  ]);
}

function unknownQuestion(said: string): ExitError {
  return new ExitError(EXIT.unreachable, `the worker does not know this question: ${said}`, [
    'worker and hotwave command are of different versions; hotwave doctor shows more',
  ]);
}

/** A worker cannot replay what another version of the workflow code has done. */
function anotherVersion(): ExitError {
  return new ExitError(
    EXIT.unreachable,
    'the worker cannot carry this release on: another version of hotwave has started it',
    [
      'run a worker of that version until the release has ended; workers with --build-id never get into this',
      'or give the release up with temporal workflow terminate: its servers stay as they are, and the next release on the set takes it from there',
    ],
  );
}

/** Why a worker could not answer a question: what its cluster said, or what went wrong in the worker. */
function unanswered(error: Error): ExitError {
  const cause = deepestCause(error);
  if (cause instanceof TimeoutFailure) {
    return new ExitError(EXIT.unreachable, 'no worker has answered in time', [WORKER_HINT]);
  }
  if (cause instanceof ApplicationFailure && cause.type === 'NotFoundError' && /^Activity function/.test(cause.message))
    return unknownQuestion(cause.message);
  const trouble = cause instanceof ApplicationFailure ? /^Cluster\.(\w+)$/.exec(cause.type ?? '')?.[1] : undefined;
  if (trouble === undefined) return new ExitError(EXIT.failed, `the worker could not answer: ${cause.message}`);
  const isRefused = trouble === 'forbidden' || trouble === 'unauthorized' || trouble === 'invalid';
  return new ExitError(isRefused ? EXIT.refused : EXIT.unreachable, cause.message, [
    "that is what the worker sees, from where it runs and with the worker's kubeconfig",
  ]);
}

function deepestCause(error: Error): Error {
  let deepest = error;
  while (deepest.cause instanceof Error) deepest = deepest.cause;
  return deepest;
}
