import { WorkflowNotFoundError } from '@temporalio/client';
import type { DecisionMessage, ExpectedAnswer } from '../../workflows/messages.ts';
import { MESSAGES, MOST_AT_ONCE } from '../../workflows/messages.ts';
import type { Temporal } from '../temporal/connect.ts';
import { GRPC, grpcStatus } from '../temporal/temporal-errors.ts';
import type { Releases } from './take-click.ts';
import { together } from './together.ts';

/** The releases of a Temporal, which may be down. A decision names its run, so that no later release takes it. */
export function releasesOf(temporal: Temporal): Releases {
  const { client, call, address, namespace } = temporal;
  const handleOf = (workflowId: string) => client.workflow.getHandle(workflowId);
  return {
    ask: together((workflowId, decisions, milliseconds) => {
      const ask = () =>
        handleOf(workflowId).query<readonly ExpectedAnswer[], [readonly DecisionMessage[]]>(MESSAGES.answer, decisions);
      return call(ask, milliseconds);
    }, MOST_AT_ONCE),
    signal: together(async (workflowId, decisions, milliseconds) => {
      const [only] = decisions;
      const message = decisions.length === 1 && only ? only : decisions;
      await call(
        () =>
          handleOf(workflowId).signal<[DecisionMessage | readonly DecisionMessage[]]>(MESSAGES.decideSignal, message),
        milliseconds,
      );
      return decisions.map(() => undefined);
    }, MOST_AT_ONCE),
    async trouble(milliseconds) {
      try {
        await call(() => temporal.connection.workflowService.describeNamespace({ namespace }), milliseconds);
        return undefined;
      } catch (error) {
        if (grpcStatus(error)?.code === GRPC.notFound) return `Temporal at ${address} has no namespace ${namespace}`;
        return isRefusal(error) ? `Temporal at ${address} refuses access` : `Temporal at ${address} does not answer`;
      }
    },
    isFinal: (error) => error instanceof WorkflowNotFoundError || isRefusal(error),
  };
}

function isRefusal(error: unknown): boolean {
  const code = grpcStatus(error)?.code;
  return code === GRPC.unauthenticated || code === GRPC.permissionDenied;
}
