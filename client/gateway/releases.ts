import { WorkflowNotFoundError } from '@temporalio/client';
import type { DecisionMessage, ExpectedAnswer } from '../../workflows/messages.ts';
import { MESSAGES } from '../../workflows/messages.ts';
import type { Temporal } from '../temporal/connect.ts';
import { GRPC, grpcStatus } from '../temporal/temporal-errors.ts';
import type { Releases } from './take-click.ts';

/** So long one call may take: people wait for two seconds in all. */
const CALL_MS = 1_500;

/** The releases of a Temporal, which may be down. A decision names its run, so that no later release takes it. */
export function releasesOf({ client, call }: Pick<Temporal, 'client' | 'call'>): Releases {
  const handleOf = (workflowId: string) => client.workflow.getHandle(workflowId);
  return {
    ask: (workflowId, decision) =>
      call(() => handleOf(workflowId).query<ExpectedAnswer, [DecisionMessage]>(MESSAGES.answer, decision), CALL_MS),
    signal: (workflowId, decision) =>
      call(() => handleOf(workflowId).signal<[DecisionMessage]>(MESSAGES.decideSignal, decision), CALL_MS),
    isFinal(error) {
      if (error instanceof WorkflowNotFoundError) return true;
      const code = grpcStatus(error)?.code;
      return code === GRPC.unauthenticated || code === GRPC.permissionDenied;
    },
  };
}
