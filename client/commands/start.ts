import { WorkflowExecutionAlreadyStartedError, type WorkflowHandle } from '@temporalio/client';
import { headline, nextCommands } from '../../release/narrate.ts';
import type { ReleaseState } from '../../release/state.ts';
import type { ReleaseInput } from '../../workflows/messages.ts';
import { releaseWorkflowId } from '../../workflows/messages.ts';
