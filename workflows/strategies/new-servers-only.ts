import { acceptancePatience } from '../../release/checks/acceptance.ts';
import { NEW_SERVERS_ONLY } from '../../release/patches/patches.ts';
import type { HeldValues } from '../../release/patches/patches.ts';
import { formatDuration } from '../../release/spec/quantity.ts';
import { owedStrategy } from '../../release/patches/record-patches.ts';
import { NEW_SERVERS_WAVE, withFailures, withWave } from '../../release/progress/state.ts';
import type { Verdict } from '../../release/checks/verdict.ts';
import { NONE_BEFORE, failedCount, judgeStep, mergeReports } from '../../release/checks/verdict.ts';
import { QUICK_MS, lasting, quick, toItsEnd } from '../calls.ts';
import { Departure } from '../release-run.ts';
import { overwriteEdit } from '../settle-drift.ts';
import type { ReleaseContext, Strategy, Withdrawal } from '../strategy.ts';
import type { NewServer, NewServersReport } from '../../activities/servers/follow-new-servers.ts';
import { packServers } from '../../release/fleet/server-rows.ts';

/**
 * Servers that exist stay as they are; those that are created from now on get the new version. The release proves that
 * nobody moved, then follows the new servers for a while.
 */
export function newServersOnly(context: ReleaseContext): Strategy {
  return new NewServersOnly(context);
}

class NewServersOnly implements Strategy {
  readonly #context: ReleaseContext;
  readonly #proved: NewServer[] = [];
  readonly #settled: string[] = [];
  #failedBefore = 0;
  #until: number | undefined;

  constructor(context: ReleaseContext) {
    this.#context = context;
  }

  begin = async (): Promise<Verdict> => {
    const { run, plan, record } = this.#context;
    const { set, baseline, bystanders } = plan;
    run.enter('updating', `writes ${baseline.newImage} for new servers only`, {
      owner: 'kruise-game-manager and Kruise',
      until: Date.now() + acceptancePatience('observed', bystanders.length),
    });
    const written = await toItsEnd(() =>
      record.fence.write((fence) =>
        quick('write the new image, for new servers only').stageForNewServers({
          set,
          baseline,
          fence,
          record: record.running,
        }),
      ),
    );
    if (written.kind !== 'accepted')
      return { kind: 'pause', reason: written.kind === 'drifted' ? written.reason : 'the set was not written' };
    record.markWritten();
    this.#context.watch.follow(this.#held);
    run.enter('updating', `looks at ${bystanders.length} servers: nobody moved`, {
      owner: 'the API server',
      until: Date.now() + QUICK_MS,
    });
    const report = await quick(`verify that ${bystanders.length} servers stayed`).verifyFleet({
      set,
      container: baseline.container,
      moved: packServers([]),
      outsiders: packServers(bystanders),
    });
    return judgeStep(report, NONE_BEFORE, { tolerate: 0, then: 'pause' });
  };

  open = (): Promise<Verdict> => Promise.resolve({ kind: 'advance' });

  awaitMoved = (): Promise<ReturnType<typeof mergeReports>> => Promise.resolve(mergeReports([]));

  /**
   * @throws Departure when fewer servers were created than the release file expects
   */
  finish = async (): Promise<Verdict> => {
    const { spec, run, plan, record } = this.#context;
    this.#until ??= Date.now() + spec.newServers.watch;
    const started = withWave(run.state, NEW_SERVERS_WAVE, { status: 'running', startedAt: Date.now() });
    run.set({ ...started, wave: NEW_SERVERS_WAVE });
    while (!this.#complete && Date.now() < this.#until) {
      const verdict = this.#take(await this.#follow(this.#until));
      if (verdict.kind !== 'advance') return verdict;
    }
    const { count } = spec.newServers;
    if (count !== undefined && !this.#complete) {
      throw new Departure(
        'hold',
        'failed',
        `${this.#proved.length} of ${count} new servers were created and proved within ${formatDuration(spec.newServers.watch)}`,
      );
    }
    run.set(withWave(run.state, NEW_SERVERS_WAVE, { status: 'done', endedAt: Date.now() }));
    const problem = await record.write({ last: record.ended('done', owedStrategy(plan.baseline)) });
    return problem === undefined ? { kind: 'advance' } : { kind: 'pause', reason: problem };
  };

  /** New servers that failed are looked at again as if they had just come. */
  forgetFailures = (): void => {
    const proved = new Set(this.#proved.map(({ uid }) => uid));
    this.#settled.splice(0, this.#settled.length, ...this.#settled.filter((uid) => proved.has(uid)));
    this.#failedBefore = 0;
  };

  affected = (): readonly [] => [];

  /** Nothing has to be proved: who was there never moved, and who came on the new version keeps it with its players. */
  withdraw = async (): Promise<Withdrawal> => {
    const { plan, record } = this.#context;
    const { set, baseline } = plan;
    const last = record.ended('rolled-back');
    const summary = `roll back · ${baseline.templateImage} for new servers`;
    const written = await record.fence.write((fence) =>
      quick(summary).rollBackNewServers({ set, baseline, fence, last, ...record.failedVersion }),
    );
    return written.kind === 'drifted' ? { kind: 'impossible', reason: written.reason } : { kind: 'nothing' };
  };

  settle = (): Promise<Verdict> => Promise.resolve({ kind: 'advance' });

  foreignEdit = (): Promise<string | undefined> => Promise.resolve(undefined);

  reassert = (): Promise<string | undefined> => overwriteEdit(this.#context, this.#held);

  freeze = (): Promise<string | undefined> => Promise.resolve(undefined);

  thaw = (): Promise<void> => Promise.resolve();

  hold = (): Promise<string | undefined> => this.#context.record.hold();

  success = (): string => {
    const { plan } = this.#context;
    return `${this.#proved.length} new servers prove ${plan.version}; ${plan.bystanders.length} older servers stayed as they were`;
  };

  withdrawal = (): string => {
    const { plan } = this.#context;
    const names = this.#proved.map(({ name }) => name);
    const stay =
      names.length === 0 ? '' : `; ${names.length} servers stay on ${plan.version}: ${names.slice(0, 20).join(', ')}`;
    return `new servers get ${plan.baseline.templateImage} again${stay}`;
  };

  get #held(): HeldValues {
    return { image: this.#context.plan.baseline.newImage, updateStrategy: NEW_SERVERS_ONLY };
  }

  get #complete(): boolean {
    const { count } = this.#context.spec.newServers;
    return count !== undefined && this.#proved.length >= count;
  }

  #follow(until: number): Promise<NewServersReport> {
    const { run, spec, plan, onPause } = this.#context;
    const { count } = spec.newServers;
    const wanted = count === undefined ? '' : ` of ${count}`;
    const doing = `follows new servers; ${this.#proved.length}${wanted} proved so far`;
    run.enter('watching', doing, { owner: 'whoever scales the set', until });
    return run.interruptible(onPause, () =>
      lasting('follow new servers', Math.max(0, until - Date.now())).followNewServers({
        set: plan.set,
        container: plan.baseline.container,
        image: plan.baseline.newImage,
        version: plan.version,
        proof: spec.proof,
        bystanders: packServers(plan.bystanders),
        settled: this.#settled,
        timeout: spec.ready.timeout,
        until,
      }),
    );
  }

  #take(report: NewServersReport): Verdict {
    const { run, plan, spec } = this.#context;
    this.#proved.push(...report.proved);
    this.#settled.push(...report.settled);
    const { then, classes } = spec.onFailure;
    const before = { inAll: this.#failedBefore, inWave: this.#failedBefore };
    const verdict = judgeStep(report, before, { tolerate: plan.tolerate, then, classes });
    this.#failedBefore += failedCount(report);
    const proven = this.#proved.length;
    const failed = this.#failedBefore;
    run.set(
      withWave(withFailures(run.state, report.failures), NEW_SERVERS_WAVE, {
        size: proven + failed,
        ready: proven,
        proven,
        failed,
      }),
    );
    return verdict;
  }
}
