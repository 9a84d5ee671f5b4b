import { ActivityFailure, CancellationScope, isCancellation } from '@temporalio/workflow';
import { withDecision } from '../release/decisions/decision.ts';
import { controlGroup } from '../release/checks/metric.ts';
import { agreeing } from '../release/narrate/narrate.ts';
import { formatDuration } from '../release/spec/quantity.ts';
import { withObservations } from '../release/progress/state.ts';
import type { OpenGate, ReleaseState } from '../release/progress/state.ts';
import type { StepReport } from '../release/checks/verdict.ts';
import { failedCount } from '../release/checks/verdict.ts';
import { inBatches } from './batches.ts';
import { watching } from './calls.ts';
import { leftBehind } from './left-behind.ts';
import { describeFailure } from './call-failures.ts';
import type { ReleaseContext } from './strategy.ts';
import { packServers } from '../release/fleet/server-rows.ts';

/**
 * How a gate opens by itself: the health of the waves before it is sampled while people may still vote. One sample that
 * fails leaves the gate to people. It is only a watch, so whoever decides first need not wait for its end.
 */
export class Promotion {
  readonly #context: ReleaseContext;
  readonly #wave: number;
  readonly #after: number | undefined;
  #scope: CancellationScope | undefined;
  #ended = false;
  #healthyServers = 0;

  constructor(context: ReleaseContext, { wave, spec }: Pick<OpenGate, 'wave' | 'spec'>) {
    this.#context = context;
    this.#wave = wave;
    this.#after = spec.promoteAfter;
  }

  /** True once the servers have been healthy for long enough. */
  get opens(): boolean {
    return this.#healthyServers > 0;
  }

  /** What there is to hope for, for the line that says what the gate waits for. */
  get hope(): string {
    if (this.#after === undefined || this.#ended) return '';
    return `, or for its servers to be healthy for ${formatDuration(this.#after)}`;
  }

  /** Samples from now on, unless it does so already or there is no more hope. */
  begin(): void {
    if (this.#after === undefined || this.#ended || this.#scope) return;
    const scope = new CancellationScope();
    this.#scope = scope;
    void scope.run(() => this.#sample(scope)).catch((error: unknown) => this.#giveUpUnlessStopped(error));
  }

  /** Forgets what was sampled: after a pause the servers have to be healthy for the whole time again. */
  stop(): void {
    this.#scope?.cancel();
    this.#scope = undefined;
    this.#healthyServers = 0;
  }

  /** The decisions with the one that nobody made, so that the record says how the gate was opened. */
  decision(state: ReleaseState, now: number): Partial<ReleaseState> {
    const reason = agreeing(
      `good health of ${this.#healthyServers} servers of the waves so far for ${formatDuration(this.#after ?? 0)}`,
    );
    const record = {
      id: `auto-${this.#wave}-${state.gate?.openedAt ?? now}`,
      verb: 'approve',
      release: state.release,
      plan: state.planHash,
      wave: this.#wave,
      actor: 'hotwave',
      channel: 'auto',
      reason,
      at: now,
      accepted: true,
      answer: `approved: wave ${this.#wave} starts`,
    } as const;
    return { decisions: withDecision(state.decisions, record) };
  }

  async #sample(scope: CancellationScope): Promise<void> {
    const after = this.#after ?? 0;
    const { run, spec, plan } = this.#context;
    const behind = leftBehind(this.#context);
    const wave = this.#wave - 1;
    const servers = plan.waves
      .filter(({ number }) => number <= wave)
      .flatMap((earlier) => earlier.servers.filter(({ name }) => !behind.has(name)));
    if (servers.length === 0) {
      this.#giveUp('no server is left whose health could be sampled');
      return;
    }
    const until = Date.now() + after;
    const report = await inBatches(servers, (batch) =>
      watching(agreeing(`gate before wave ${this.#wave} · sample health of ${batch.length} servers`), after).bakeWave({
        set: plan.set,
        servers: packServers(batch),
        concurrency: spec.concurrency,
        direction: 'forward',
        kind: 'health',
        probes: spec.health,
        version: plan.version,
        control: controlGroup(plan, wave, spec.health),
        until,
      }),
    );
    if (scope !== this.#scope) return;
    if (report.observed) run.set(withObservations(run.state, report.observed));
    if (failedCount(report) > 0) this.#giveUp(describeFailures(report));
    else this.#healthyServers = servers.length;
  }

  #giveUpUnlessStopped(error: unknown): void {
    if (isCancellation(error)) return;
    // Anything else is a mistake in this code, which a workflow task has to fail with.
    if (!(error instanceof ActivityFailure)) throw error;
    this.#giveUp(describeFailure(error));
  }

  #giveUp(reason: string): void {
    const { run } = this.#context;
    this.#ended = true;
    const warning = `the gate before wave ${this.#wave} waits for people only: ${reason}`;
    run.set(withObservations(run.state, [warning]));
  }
}

function describeFailures(report: StepReport): string {
  const [first] = report.failures;
  const others = failedCount(report) - 1;
  return `${first?.server ?? 'a server'}: ${first?.reason ?? 'failed'}${others > 0 ? `, and ${others} more` : ''}`;
}
