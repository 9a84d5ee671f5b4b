import { isCancellation } from '@temporalio/workflow';
import { acceptancePatience } from '../../release/checks/acceptance.ts';
import { waveLabel } from '../../release/narrate/narrate.ts';
import { plannedOnes } from '../../release/fleet/newcomers.ts';
import { FROZEN, heldStrategy, sameJson } from '../../release/patches/patches.ts';
import type { HeldValues, Hold } from '../../release/patches/patches.ts';
import type { PlannedServer, Wave } from '../../release/plan/plan.ts';
import { formatDuration } from '../../release/spec/quantity.ts';
import type { ReleaseRecord } from '../../release/record/record.ts';
import type { Direction } from '../../release/checks/server.ts';
import type { StepReport, Verdict } from '../../release/checks/verdict.ts';
import { withObservations } from '../../release/progress/state.ts';
import { NONE_BEFORE, failedCount, judgeStep } from '../../release/checks/verdict.ts';
import { contentOf, inBatches, namesOf, outgoingOf, patience, reachedBy } from '../batches.ts';
import { QUICK_MS, lasting, quick, toItsEnd } from '../calls.ts';
import { behindSentence, failFast, leftBehind, leftOut, leftOutSentence, warnOfOverrides } from '../left-behind.ts';
import { proveNewcomers } from '../comings-and-goings.ts';
import { describeFailure } from '../call-failures.ts';
import type { ReleaseContext, Step, Strategy, Withdrawal } from '../strategy.ts';
import { keepOverrides, proveKept, withdrawalOf } from './keep-overrides.ts';
import type { Fence } from '../../release/patches/fence.ts';
import { settleOverrides } from './settle.ts';
import type { SetWrite } from '../../activities/set/set-writes.ts';
import { packServers } from '../../release/fleet/server-rows.ts';

/** How long priorities may take to arrive at the pods: the controller is slow, and slower the more servers there are. */
const PRIORITY_MS = 60_000;
const PRIORITY_MS_PER_SERVER = 200;

/**
 * The template of the whole set: it is written with every server frozen, then the partition lets one wave after the
 * other move. Servers that an override had brought to the new image are the last to join, without a restart.
 */
export function rolling(context: ReleaseContext): Strategy {
  return new Rolling(context);
}

class Rolling implements Strategy {
  readonly #context: ReleaseContext;
  /** Servers may have moved: a set that looks as it did before says nothing about them. */
  #opened = false;
  /** The revision that Kruise gave the new image; empty until the image is written. */
  #revision = '';
  /** How the set is held now; undefined while it is the person's own. */
  #hold: Hold | undefined;
  /** Servers that an override had moved may have been taken into the template, or have lost that override. */
  #adopting = false;

  constructor(context: ReleaseContext) {
    this.#context = context;
  }

  begin = async (): Promise<Verdict> => {
    const { run, onPause } = this.#context;
    const assigned = await this.#changePriorities('assign');
    if (assigned.kind !== 'advance') return assigned;
    await run.checkpoint(onPause);
    return await this.#stageTemplate();
  };

  open = async (wave: Wave): Promise<Verdict> => {
    const { run, plan } = this.#context;
    run.enter('updating', `opens the set for ${wave.servers.length} servers`, {
      owner: 'kruise-game-manager',
      until: Date.now() + acceptancePatience('written', plan.baseline.replicas),
    });
    const earlier = this.#notOpened(wave.number);
    return await this.#openFor(
      [...earlier, ...wave.servers],
      `${waveLabel(run.state)} · open for ${wave.servers.length} servers`,
    );
  };

  awaitMoved: Step = (servers) => {
    const { run, spec, plan } = this.#context;
    const since = Date.now();
    const files = spec.content ? ' with the new files' : '';
    const step = `waits for ${servers.length} servers to be Ready on ${plan.baseline.newImage}${files}`;
    run.enter('updating', step, { owner: KRUISE, until: since + spec.ready.timeout });
    const stopAfter = failFast(this.#context, servers);
    const summary = `${waveLabel(run.state)} · wait for ${servers.length} servers to be Ready`;
    return this.#awaitReady(servers, { direction: 'forward', failFast: stopAfter, summary });
  };

  finish = async (): Promise<Verdict> => {
    const { run, onPause, plan } = this.#context;
    const adopted = await this.#adopt();
    if (adopted.kind !== 'advance') return adopted;
    const skipped = this.#notOpened(Infinity);
    const proved = await proveNewcomers(this.#context, {
      open: (servers) =>
        this.#openFor([...skipped, ...servers], `open for ${servers.length} servers that came meanwhile`, true),
      awaitMoved: (servers) => {
        const summary = `wait for ${servers.length} servers that came meanwhile`;
        return this.#awaitReady(servers, { direction: 'forward', failFast: servers.length, summary });
      },
    });
    if (proved.kind !== 'advance') return proved;
    await run.checkpoint(onPause);
    warnOfOverrides(this.#context);
    return await this.#putBack(plan.baseline.newImage);
  };

  /** The template takes everybody along, also those that an earlier release had moved, or had left on another image. */
  affected = (): readonly PlannedServer[] => {
    const { plan, run } = this.#context;
    const mixed = new Set(plan.mixed);
    const later = plan.waves.filter(({ number }) => number > run.state.wave).flatMap(({ servers }) => servers);
    // Another image in the template moves whomever Kruise likes.
    const image = this.#context.watch.seen?.image ?? plan.baseline.newImage;
    const others = image === plan.baseline.newImage ? later.filter(({ name }) => mixed.has(name)) : later;
    return [...reachedBy(this.#context), ...plan.alreadyUpdated, ...others];
  };

  withdraw = async (): Promise<Withdrawal> => {
    const { plan, spec, isOnRecord } = this.#context;
    const { set, baseline } = plan;
    if (this.#adopting) {
      const problem = await keepOverrides(this.#context);
      if (problem !== undefined) return { kind: 'impossible', reason: problem };
    }
    const { seen } = this.#context.watch;
    const summary = `roll back · ${baseline.oldImage} for all`;
    const opened = this.#opened;
    const written = await this.#context.record.fence.write((fence) =>
      quick(summary).rollBackSet({ set, baseline, isOnRecord, opened, seen, fence }),
    );
    if (written.kind === 'untouched') return { kind: 'nothing' };
    if (written.kind === 'drifted') return { kind: 'impossible', reason: written.reason };
    this.#hold = written.hold;
    this.#revision = written.revision;
    const awaitOld: Step = (servers) =>
      this.#awaitReady(servers, {
        direction: 'rollback',
        failFast: servers.length,
        summary: `roll back · wait for ${servers.length} servers, at most ${formatDuration(spec.ready.timeout)}`,
      });
    return { kind: 'begun', awaitOld };
  };

  settle = async (): Promise<Verdict> => {
    const { apart } = this.#context;
    const { baseline } = this.#context.plan;
    const out = leftOut(this.#context);
    // The template has their image again, so they need no override of it any more.
    const servers = [...apart.returned].filter((name) => !out.has(name));
    const cleared = await settleOverrides(this.#context, { servers, image: undefined });
    if (cleared.kind !== 'advance') return cleared;
    if (this.#adopting) {
      const problem = await proveKept(this.#context, (servers) =>
        this.#awaitReady(servers, {
          direction: 'rollback',
          image: baseline.newImage,
          failFast: servers.length,
          summary: `roll back · wait for ${servers.length} servers that keep ${baseline.newImage}`,
        }),
      );
      if (problem !== undefined) return { kind: 'pause', reason: problem };
    }
    return await this.#putBack(baseline.oldImage);
  };

  foreignEdit = async (): Promise<string | undefined> => {
    const { set, baseline } = this.#context.plan;
    if (!this.#hold) return undefined;
    const summary = 'look whether somebody else changed the set';
    return (await quick(summary).verifyTemplate({ set, baseline, hold: this.#hold })).changed;
  };

  reassert = async (): Promise<string | undefined> => {
    const { plan, watch } = this.#context;
    const hold = this.#hold && { ...this.#hold, paused: false };
    const { seen, editedPriorities } = watch;
    if (seen && hold) {
      const held = heldAs(plan.baseline, hold);
      const written = await this.#write((fence) =>
        quick(OVERWRITE).reassertSet({ ...this.#subject, seen, held, hold, fence }),
      );
      if (written.kind === 'drifted') return written.reason;
    }
    if (editedPriorities.length > 0) {
      const edited = new Set(editedPriorities.map(({ uid }) => uid));
      const given = plan.priorities.filter(({ uid }) => edited.has(uid));
      const assigned = await this.#changePriorities('assign', given);
      if (assigned.kind !== 'advance') return assigned.reason;
      watch.forgetStrays();
    }
    await this.thaw();
    return undefined;
  };

  freeze = async (): Promise<string | undefined> => {
    const strategy = this.#context.watch.seen?.updateStrategy;
    // What somebody else made of the strategy is not overwritten, not even by a pause.
    if (this.#hold && strategy !== undefined && !sameJson(strategy, heldStrategy(this.#subject.baseline, this.#hold)))
      return undefined;
    return await this.#holdAs({ paused: true }, 'pause the set');
  };

  thaw = async (): Promise<void> => {
    if (this.#hold?.paused === true) await this.#holdAs({ paused: false }, 'resume the set');
  };

  hold = (): Promise<string | undefined> =>
    this.#holdAs({ partition: FROZEN, paused: false }, 'hold every server where it is', this.#context.record.held());

  success = (): string => {
    const { plan, live } = this.#context;
    const left = leftBehind(this.#context);
    const servers = plan.waves.flatMap((wave) => wave.servers).filter(live.isHere);
    const proved = servers.filter(({ name }) => !left.has(name)).length;
    const all = left.size === 0 && live.notProved.length === 0;
    const who = all ? 'every server proves' : `${proved} of ${servers.length} servers prove`;
    return `${who} ${plan.version}${behindSentence(this.#context)}${live.text}`;
  };

  withdrawal = (): string => {
    const out = leftOut(this.#context);
    return `${withdrawalOf(this.#context.plan, out.size > 0)}${leftOutSentence(this.#context)}`;
  };

  /** Kruise moves by its own order: servers of skipped waves come before those of later ones. */
  #notOpened(wave: number): readonly PlannedServer[] {
    const { run, plan } = this.#context;
    const { skippedWaves = [] } = run.state;
    const skipped = plan.waves.filter(({ number }) => number < wave && skippedWaves.includes(number));
    return skipped.flatMap(({ servers }) => servers);
  }

  async #changePriorities(direction: 'assign' | 'restore', changes = this.#context.plan.priorities): Promise<Verdict> {
    const { run, plan } = this.#context;
    const { set } = plan;
    if (changes.length === 0) return { kind: 'advance' };
    const doing =
      direction === 'assign'
        ? `gives ${changes.length} servers their priority`
        : `puts the priorities of ${changes.length} servers back`;
    const limit = PRIORITY_MS + PRIORITY_MS_PER_SERVER * changes.length;
    const since = Date.now();
    run.enter(run.state.phase === 'rolling-back' ? 'rolling-back' : 'updating', doing, {
      owner: 'kruise-game-manager',
      until: since + limit,
    });
    const token = `${run.state.release}.${plan.hash.slice(0, 8)}.${direction}`;
    const deadline = since + limit;
    const report = await lasting(doing, limit).changePriorities({ set, changes, direction, token, deadline });
    return failedCount(report) === 0
      ? { kind: 'advance' }
      : { kind: 'pause', reason: report.failures[0]?.reason ?? doing };
  }

  async #stageTemplate(): Promise<Verdict> {
    const { run, plan, record } = this.#context;
    const { set, baseline, maxUnavailable } = plan;
    run.enter('updating', `writes ${baseline.newImage} with every server frozen`, {
      owner: CONTROLLERS,
      until: Date.now() + acceptancePatience('observed', baseline.replicas),
    });
    const written = await this.#write((fence) =>
      quick('write the new image, every server frozen').stageTemplate({
        fence,
        set,
        baseline,
        maxUnavailable,
        record: record.running,
      }),
    );
    if (written.kind !== 'accepted') return notWritten(written);
    this.#revision = written.revision;
    return { kind: 'advance' };
  }

  async #openFor(servers: readonly PlannedServer[], summary: string, areNewcomers = false): Promise<Verdict> {
    const { run, plan, live } = this.#context;
    const { set, baseline } = plan;
    const hold = this.#hold;
    if (!hold) return { kind: 'pause', reason: 'the set was not written' };
    const names = servers.filter((server) => areNewcomers || live.isHere(server)).map(({ name }) => name);
    const revision = this.#revision;
    const planned = plannedOnes(plan, live.departed);
    this.#opened = true;
    const opened = await this.#write((fence) =>
      quick(summary).openWave({ fence, set, baseline, planned, areNewcomers, revision, hold, servers: names }),
    );
    if (opened.kind === 'accepted' && opened.joined) {
      const told = `${namesOf(opened.joined)}: came meanwhile and move along, proved before the release ends`;
      run.set(withObservations(run.state, [told]));
    }
    return opened.kind === 'accepted' ? { kind: 'advance' } : notWritten(opened);
  }

  #awaitReady(servers: readonly PlannedServer[], how: Waiting): Promise<StepReport> {
    const { spec, plan } = this.#context;
    const { set, baseline } = plan;
    const limit = spec.ready.timeout;
    const deadline = Date.now() + limit;
    const content = how.direction === 'forward' ? contentOf(this.#context) : {};
    const checking = patience(spec.content ? [spec.content] : [], servers.length, spec);
    return inBatches(servers, (batch) =>
      lasting(how.summary, limit + checking).awaitReady({
        ...content,
        set,
        servers: packServers(batch),
        container: baseline.container,
        image: how.image ?? (how.direction === 'rollback' ? baseline.oldImage : baseline.newImage),
        revision: this.#revision,
        direction: how.direction,
        before: how.direction === 'rollback' ? outgoingOf(this.#context, batch) : {},
        deadline,
        failFast: how.failFast,
      }),
    );
  }

  /** Takes the servers that an override had moved into the new revision, then takes their overrides away. */
  async #adopt(): Promise<Verdict> {
    const { run, plan, spec } = this.#context;
    const { adopted } = plan;
    if (adopted.length === 0) return { kind: 'advance' };
    this.#adopting = true;
    const doing = `takes ${adopted.length} servers into the template that run ${plan.baseline.newImage} already`;
    run.enter('updating', doing, { owner: KRUISE, until: Date.now() + spec.ready.timeout });
    const opened = await this.#openFor(
      [...this.#notOpened(Infinity), ...adopted],
      `adopt · open for ${adopted.length} servers`,
    );
    if (opened.kind !== 'advance') return opened;
    const summary = `adopt · wait for ${adopted.length} servers, none of which may restart`;
    const report = await this.#awaitReady(adopted, { direction: 'adopt', failFast: 0, summary });
    const verdict = judgeStep(report, NONE_BEFORE, { tolerate: 0, then: 'pause' });
    if (verdict.kind !== 'advance') return verdict;
    return await settleOverrides(this.#context, { servers: adopted.map(({ name }) => name), image: undefined });
  }

  /** Puts back what was only changed for the time of the release: the person's updateStrategy and the priorities. */
  async #putBack(image: string): Promise<Verdict> {
    const { run, plan, record } = this.#context;
    const phase = run.state.phase === 'rolling-back' ? 'rolling-back' : 'updating';
    const until = Date.now() + QUICK_MS;
    run.enter(phase, 'puts updateStrategy and priorities back', { owner: 'the API server', until });
    const { set, baseline } = plan;
    const hold = this.#hold;
    if (hold) {
      const last = record.ended(image === baseline.newImage ? 'done' : 'rolled-back');
      const restored = await this.#write((fence) =>
        quick('put updateStrategy back').restoreSet({
          fence,
          set,
          baseline,
          image,
          hold,
          last,
          ...record.failedVersion,
        }),
      );
      if (restored.kind === 'drifted') return { kind: 'pause', reason: restored.reason };
      this.#hold = undefined;
      this.#context.watch.end();
    }
    return await this.#changePriorities('restore');
  }

  get #subject(): Pick<ReleaseContext['plan'], 'set' | 'baseline'> {
    const { set, baseline } = this.#context.plan;
    return { set, baseline };
  }

  /**
   * Writes the set while nobody watches it, and then has it watched as it is held now. After a write whose end is not
   * known it is not watched, because the release's own might look like somebody else's.
   */
  async #write(write: (fence: Fence) => Promise<SetWrite>): Promise<SetWrite> {
    const { watch, record } = this.#context;
    watch.stop();
    const written = await toItsEnd(() => record.fence.write(write));
    if (written.kind !== 'untouched') this.#hold = written.hold ?? this.#hold;
    if (this.#hold) watch.follow(heldAs(this.#subject.baseline, this.#hold));
    return written;
  }

  /** Changes how the set is held, if it is held at all. A sentence when that did not work. */
  async #holdAs(change: Partial<Hold>, summary: string, record?: ReleaseRecord): Promise<string | undefined> {
    const from = this.#hold;
    if (!from) return undefined;
    const seenImage = this.#context.watch.seen?.image;
    try {
      const written = await this.#write((fence) =>
        quick(summary).changeHold({ ...this.#subject, fence, from, to: { ...from, ...change }, seenImage, record }),
      );
      return written.kind === 'drifted' ? written.reason : undefined;
    } catch (error) {
      if (isCancellation(error)) throw error;
      return describeFailure(error);
    }
  }
}

function heldAs(baseline: ReleaseContext['plan']['baseline'], hold: Hold): HeldValues {
  return { image: baseline.newImage, updateStrategy: heldStrategy(baseline, hold) };
}

const OVERWRITE = 'write the values of the release over the edit';
const KRUISE = 'Kruise and the kubelets';
const CONTROLLERS = 'kruise-game-manager and Kruise';

interface Waiting {
  readonly direction: Direction;
  /** Default what the direction leads to. */
  readonly image?: string;
  readonly failFast: number;
  readonly summary: string;
}

function notWritten(written: { readonly kind: string; readonly reason?: string }): Verdict {
  return { kind: 'pause', reason: written.reason ?? 'the set was not written' };
}
