import { Context } from '@temporalio/activity';
import {
  ActivityCancelledError,
  ActivityNotFoundError,
  ActivityPausedError,
  ActivityResetError,
} from '@temporalio/client';
import type { HeartbeatAnswer, Heartbeats } from '../activities/ports/heartbeats.ts';

/** Heartbeats by the worker's own client, each of which Temporal answers. */
export const temporalHeartbeats: Heartbeats = {
  async send(details, within) {
    try {
      const context = Context.current();
      // The SDK learns of an interrupt by its own heartbeats, and must not overwrite newer details by older ones.
      context.heartbeat(details);
      const { client } = context;
      await client.withDeadline(Date.now() + within, () => client.activity.heartbeat(context.info.taskToken, details));
      return 'taken';
    } catch (error) {
      return answerOf(error);
    }
  },
};

function answerOf(error: unknown): HeartbeatAnswer {
  if (error instanceof ActivityCancelledError) return 'cancelled';
  const isFinal = [ActivityNotFoundError, ActivityPausedError, ActivityResetError].some(
    (kind) => error instanceof kind,
  );
  return isFinal ? 'ended' : 'unanswered';
}
