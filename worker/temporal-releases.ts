import { Client, WorkflowNotFoundError } from '@temporalio/client';
import type { WorkflowExecutionDescription } from '@temporalio/client';
import type { NativeConnection } from '@temporalio/worker';
import type { Holder } from '../release/record/record.ts';
import type { HaltScope, HaltState, StandingHalt } from '../release/decisions/halt.ts';
import { readHaltOfScope } from '../release/decisions/message.ts';
import type { Decision, ReleaseState } from '../release/progress/state.ts';
import type { WorkersTemporal } from './workers-temporal.ts';
import { MESSAGES, haltWorkflowId, releasesPrefix } from '../workflows/messages.ts';
import type { Releases, RunningRelease } from '../activities/ports/releases.ts';

/** Long enough for a busy Temporal, short enough for an activity that has more to do. */
const CALL_MS = 10_000;

/** gRPC: PERMISSION_DENIED, UNIMPLEMENTED, UNAUTHENTICATED. */
const CLOSED: ReadonlySet<number> = new Set([7, 12, 16]);

/** The releases of a Temporal namespace, over the connection of a worker. */
export function temporalReleases(temporal: WorkersTemporal): Releases {
  return new TemporalReleases(temporal);
}

class TemporalReleases implements Releases {
  readonly #connection: NativeConnection;
  readonly #client: Client;
  readonly #namespace: string;
  #identity: string | undefined;

  constructor(temporal: WorkersTemporal) {
    this.#connection = temporal.connection;
    this.#client = new Client(temporal);
    this.#namespace = temporal.namespace;
  }

  /** By the workflow id, which begins with cluster and namespace: it is there also without hotwave's own attributes. */
  async running(scope: HaltScope): Promise<readonly RunningRelease[]> {
    const prefix = releasesPrefix(scope).replaceAll("'", '');
    // A release of another version may be of a type that this one does not know.
    const query = `ExecutionStatus = 'Running' AND WorkflowId STARTS_WITH '${prefix}'`;
    return this.#call(async () => {
      const found: RunningRelease[] = [];
      for await (const { workflowId } of this.#client.workflow.list({ query, pageSize: 200 }))
        found.push({ workflowId });
      return found;
    });
  }

  async state(release: RunningRelease): Promise<ReleaseState | 'ended' | 'silent'> {
    try {
      return await this.#query<ReleaseState>(release);
    } catch {
      // It has ended, or its task fails, or no worker of its version runs.
      return (await this.#isOpen(release)) ? 'silent' : 'ended';
    }
  }

  async #isOpen({ workflowId }: RunningRelease): Promise<boolean> {
    try {
      return isOpen(await this.#describe(workflowId));
    } catch {
      // A release that cannot be asked is not said to have ended.
      return true;
    }
  }

  async decide({ workflowId }: RunningRelease, decision: Decision): Promise<void> {
    try {
      await this.#call(() =>
        this.#client.workflow.getHandle(workflowId).signal<[Decision]>(MESSAGES.decideSignal, decision),
      );
    } catch (error) {
      if (!(error instanceof WorkflowNotFoundError)) throw error;
    }
  }

  async haltsOn({ cluster, namespace }: HaltScope): Promise<readonly StandingHalt[]> {
    const scopes = namespace === undefined ? [{ cluster }] : [{ cluster }, { cluster, namespace }];
    return (await Promise.all(scopes.map((scope) => this.#halt(scope)))).flat();
  }

  async identity(): Promise<string> {
    this.#identity ??= await this.#readIdentity();
    return this.#identity;
  }

  async #readIdentity(): Promise<string> {
    try {
      const { namespaceInfo } = await this.#call(() =>
        this.#connection.workflowService.describeNamespace({ namespace: this.#namespace }),
      );
      return namespaceInfo?.id ?? '';
    } catch (error) {
      // A Temporal that keeps it to itself cannot be told from others.
      if (CLOSED.has((error as { readonly code?: number }).code ?? -1)) return '';
      throw error;
    }
  }

  async isRunning({ temporal, namespace, workflowId, runId }: Holder): Promise<boolean | undefined> {
    if (namespace !== this.#namespace || temporal !== (await this.identity())) return undefined;
    const found = await this.#describe(workflowId);
    return isOpen(found) && (found.raw.workflowExecutionInfo?.firstRunId ?? found.runId) === runId;
  }

  /** A halt that runs but does not answer counts, for every set: its memo says everything that does not change. */
  async #halt(scope: HaltScope): Promise<StandingHalt[]> {
    const workflowId = haltWorkflowId(scope);
    const found = await this.#describe(workflowId);
    if (found?.status.name !== 'RUNNING') return [];
    const facts = readHaltOfScope(found.memo, scope);
    try {
      const { phase, exceptions } = await this.#query<HaltState>({ workflowId });
      return phase === 'halted' ? [{ ...facts, exceptions }] : [];
    } catch {
      return [facts];
    }
  }

  async #describe(workflowId: string): Promise<WorkflowExecutionDescription | undefined> {
    try {
      return await this.#call(() => this.#client.workflow.getHandle(workflowId).describe());
    } catch (error) {
      if (error instanceof WorkflowNotFoundError) return undefined;
      throw error;
    }
  }

  #query<Answer>({ workflowId }: RunningRelease): Promise<Answer> {
    return this.#call(() => this.#client.workflow.getHandle(workflowId).query<Answer>(MESSAGES.state));
  }

  #call<Result>(requests: () => Promise<Result>): Promise<Result> {
    return this.#connection.withDeadline(Date.now() + CALL_MS, requests);
  }
}

function isOpen(found: WorkflowExecutionDescription | undefined): found is WorkflowExecutionDescription {
  return found?.status.name === 'RUNNING' || found?.status.name === 'PAUSED';
}
