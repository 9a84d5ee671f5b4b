import { WorkflowNotFoundError } from '@temporalio/client';
import type { DecisionMessage, ExpectedAnswer } from '../../workflows/messages.ts';
import { MESSAGES } from '../../workflows/messages.ts';
import type { Temporal } from '../temporal/connect.ts';
import { GRPC, grpcStatus } from '../temporal/temporal-errors.ts';
import type { Releases } from './take-click.ts';

/** The releases of a Temporal, which may be down. A decision names its run, so that no later release takes it. */
export function releasesOf(temporal: Temporal): Releases {
  const { client, call, address, namespace } = temporal;
  const handleOf = (workflowId: string) => client.workflow.getHandle(workflowId);
  return {
    ask: (workflowId, decision, milliseconds) =>
      call(
        () => handleOf(workflowId).query<ExpectedAnswer, [DecisionMessage]>(MESSAGES.answer, decision),
        milliseconds,
      ),
    signal: (workflowId, decision, milliseconds) =>
      call(() => handleOf(workflowId).signal<[DecisionMessage]>(MESSAGES.decideSignal, decision), milliseconds),
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
