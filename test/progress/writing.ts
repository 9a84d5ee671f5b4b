import { isNewcomer } from '../../release/fleet/newcomers.ts';
import { moversOf, openingFor } from '../../release/fleet/order.ts';
import type { Moving } from '../../release/fleet/order.ts';
import type { UpdateStrategy } from '../../release/fleet/fleet.ts';
import { isSameRun } from '../../release/fleet/run.ts';
import {
  FROZEN,
  firstControls,
  NEW_SERVERS_ONLY,
  OPEN,
  controlledStrategy,
  isKnownStrategy,
  sameJson,
} from '../../release/patches/patches.ts';
import type { SetControls } from '../../release/patches/patches.ts';
import type { PlannedServer } from '../../release/plan/plan.ts';
import type { Event, SetWritten } from '../../release/progress/events.ts';
import { holdOverEdit, isHere, laterServers, presentOnes } from '../../release/progress/groups.ts';
import type { Step } from '../../release/progress/step.ts';
import type { Release } from '../../release/progress/table.ts';
import type { SimulatedCluster } from './simulated-cluster.ts';

type StepOf<Kind extends Step['kind']> = Extract<Step, { readonly kind: Kind }>;

/** A step that writes the set, or its record. */
export type WriteStep = StepOf<
  'stage' | 'open' | 'controls' | 'putBack' | 'takeBack' | 'reassert' | 'recordEnd' | 'recordLeft'
>;

/** An image and a strategy of the set. */
interface Values {
  readonly image: string;
  readonly strategy: UpdateStrategy;
}

interface Change {
  readonly found: readonly Values[];
  /** As it is told; only where the release holds the set. */
  readonly hold: SetControls;
  /** Default the new image, held like that. */
  readonly wanted?: Values;
}

/** Writes the set of a simulated cluster as the activities do: each write tests what it replaces, behind the fence. */
export class Writing {
  readonly #cluster: SimulatedCluster;

  constructor(cluster: SimulatedCluster) {
    this.#cluster = cluster;
  }

  /** Makes a write, and answers as the step does. */
  write(release: Release, step: WriteStep): readonly Event[] {
    switch (step.kind) {
      case 'stage':
        return this.#stage(release);
      case 'open':
        return [this.#open(release, step)];
      case 'controls':
        return this.#controls(release, step);
      case 'putBack':
        return [{ kind: 'putBack', written: this.#putBack(release, step.image) }];
      case 'takeBack':
        return [{ kind: 'takenBack', written: this.#takeBack(release) }];
      case 'reassert':
        return [this.#reassert(release)];
      case 'recordEnd':
        return this.#record(release, { kind: 'endRecorded' });
      case 'recordLeft': {
        const { written, marks } = this.#note(release);
        return [...marks, { kind: 'leftRecorded', problem: written.kind === 'refused' ? written.reason : undefined }];
      }
    }
  }

  #stage(release: Release): readonly Event[] {
    const { baseline, maxUnavailable, strategy } = release.plan;
    const found = { image: baseline.templateImage, strategy: baseline.liveStrategy };
    const hold = firstControls(maxUnavailable);
    switch (strategy) {
      case 'targeted':
        return this.#record(release, { kind: 'recorded' });
      case 'rolling':
        return [{ kind: 'staged', written: this.#put(release, { found: [found], hold }) }];
      case 'newServersOnly': {
        const wanted = { image: baseline.newImage, strategy: NEW_SERVERS_ONLY };
        const written = this.#put(release, { found: [found], hold, wanted });
        if (written.kind !== 'accepted') return [{ kind: 'staged', written }];
        this.#cluster.turn();
        const odd = release.plan.bystanders.find((server) => this.#hasChanged(server));
        const staged: Event = { kind: 'staged', written: { ...written, hold: undefined } };
        return odd ? [staged, stopped(`${odd.name} is not what it was`)] : [staged];
      }
    }
  }

  /** It is gone, another pod has its name, or one of its containers has restarted. */
  #hasChanged({ name, uid, containers }: PlannedServer): boolean {
    const live = this.#cluster.planned(name);
    return (
      live?.uid !== uid ||
      Object.entries(containers).some(([container, run]) => !isSameRun(run, live.containers[container] ?? ''))
    );
  }

  /** A guarded write: it must find what it replaces, or its own values. */
  #put({ plan, progress }: Release, how: Change): SetWritten {
    const wanted = how.wanted ?? {
      image: plan.baseline.newImage,
      strategy: controlledStrategy(plan.baseline, how.hold),
    };
    const refusal = this.#refusalOf(progress.set.fence);
    if (refusal) return refusal;
    const isFound = [...how.found, wanted].some(({ image, strategy }) => this.#cluster.is(image, strategy));
    if (!isFound) return { kind: 'refused', reason: 'somebody changed the set', fence: this.#cluster.fence };
    this.#cluster.image = wanted.image;
    this.#cluster.strategy = wanted.strategy;
    this.#cluster.isForeign = false;
    this.#cluster.fence = progress.set.fence.to + 1;
    return { kind: 'accepted', hold: how.hold, revision: wanted.image, fence: this.#cluster.fence };
  }

  #refusalOf({ from, to }: Release['progress']['set']['fence']): SetWritten | undefined {
    const mark = this.#cluster.fence;
    const isOurs = mark === to + 1 || (mark >= from && mark <= to);
    return isOurs ? undefined : { kind: 'refused', reason: `fence ${mark}` };
  }

  /** A record on the set, and nothing else: it leaves its mark. */
  #note({ progress }: Release): { readonly written: SetWritten; readonly marks: readonly Event[] } {
    const refusal = this.#refusalOf(progress.set.fence);
    if (refusal) return { written: refusal, marks: [] };
    const fence = progress.set.fence.to + 1;
    this.#cluster.fence = fence;
    return { written: { kind: 'untouched', fence }, marks: [{ kind: 'marked', fence }] };
  }

  #record(release: Release, then: Event): readonly Event[] {
    const { written, marks } = this.#note(release);
    return written.kind === 'refused' ? [stopped(written.reason)] : [...marks, then];
  }

  #open(release: Release, step: StepOf<'open'>): Event {
    const { baseline } = release.plan;
    const { hold } = release.progress.set;
    const servers = step.servers.map(({ name }) => name);
    const reply = { kind: 'opened', for: step.for, wave: step.wave, servers } as const;
    if (!hold) return stopped('the set was not written');
    const { revision } = release.progress.set;
    const moving = this.#moving(release, step);
    const { count, joined, instead, stranger } = moving;
    const isInOrder = instead.taken.length === 0 || release.progress.order === 'followed';
    if (this.#cluster.image !== baseline.newImage)
      return { ...reply, written: { kind: 'refused', reason: 'somebody changed the image' } };
    if (stranger !== undefined)
      return { ...reply, written: { kind: 'refused', reason: `Kruise would update ${stranger}` } };
    if (!isInOrder)
      return { ...reply, written: { kind: 'refused', orderChanged: true, reason: 'the order has changed' } };
    const { partition } = openingFor(this.#cluster.views(), revision, this.#cluster.replicas, count);
    const found = { image: baseline.newImage, strategy: controlledStrategy(baseline, hold) };
    const written = this.#put(release, { found: [found], hold: { ...hold, partition, paused: false } });
    if (written.kind !== 'accepted') return { ...reply, written };
    return {
      ...reply,
      written: {
        ...written,
        ...(instead.taken.length > 0 ? { instead } : {}),
        ...(joined.length > 0 ? { joined } : {}),
      },
    };
  }

  /** Whom Kruise would move when the set is opened for these servers. */
  #moving(release: Release, step: StepOf<'open'>): Moving {
    const views = this.#cluster.views();
    const planned = presentOnes(release);
    const areNewcomers = step.for === 'newcomers';
    const recreated = new Set(
      areNewcomers ? [] : views.filter((view) => isNewcomer(view, planned)).map(({ name }) => name),
    );
    const staying = step.servers.filter((server) => areNewcomers || isHere(release, server));
    const later = new Set(laterServers(release, step.wave).map(({ ordinal }) => ordinal));
    return moversOf(views, release.progress.set.revision, {
      wave: new Set(staying.map(({ name }) => name).filter((name) => !recreated.has(name))),
      isLater: ({ ordinal }) => later.has(ordinal),
      isNewcomer: (view) => isNewcomer(view, planned),
    });
  }

  #controls(release: Release, { change, why }: StepOf<'controls'>): readonly Event[] {
    const { plan, progress } = release;
    const { hold } = progress.set;
    if (!hold) {
      if (why !== 'hold') return [];
      const { written, marks } = this.#note(release);
      return [...marks, { kind: 'controlsChanged', why, written }];
    }
    const image = progress.foreign.seen?.image ?? plan.baseline.newImage;
    const to = why === 'hold' ? { ...hold, partition: FROZEN, paused: false } : { ...hold, ...change };
    const written = this.#put(release, {
      found: [{ image, strategy: controlledStrategy(plan.baseline, hold) }],
      hold: to,
      wanted: { image, strategy: controlledStrategy(plan.baseline, to) },
    });
    return [{ kind: 'controlsChanged', why, written }];
  }

  #putBack(release: Release, image: string): SetWritten {
    const { baseline } = release.plan;
    const { hold } = release.progress.set;
    if (!hold) return { kind: 'untouched' };
    const found = { image, strategy: controlledStrategy(baseline, hold) };
    return this.#put(release, { found: [found], hold, wanted: { image, strategy: baseline.updateStrategy } });
  }

  #takeBack(release: Release): SetWritten {
    const { plan, progress } = release;
    const { baseline, strategy } = plan;
    if (strategy === 'newServersOnly') return this.#takeBackNewServers(release);
    const { seen } = progress.foreign;
    const { image, strategy: live } = this.#cluster;
    if (
      this.#cluster.fence === 0 &&
      (progress.set.fence.to === 0 || this.#cluster.is(baseline.templateImage, baseline.liveStrategy))
    )
      return { kind: 'untouched' };
    const isKnown = [baseline.oldImage, baseline.newImage, baseline.templateImage, seen?.image].includes(image);
    const isSeen = seen?.updateStrategy !== undefined && sameJson(seen.updateStrategy, live);
    if (strategy !== 'rolling' || !isKnown || !(isSeen || isKnownStrategy(baseline, live)))
      return { kind: 'refused', reason: 'somebody changed the set', found: { image, updateStrategy: live } };
    return this.#put(release, {
      found: [{ image, strategy: live }],
      hold: OPEN,
      wanted: { image: baseline.oldImage, strategy: controlledStrategy(baseline, OPEN) },
    });
  }

  /** The person's own strategy comes back only where that moves nobody. */
  #takeBackNewServers(release: Release): SetWritten {
    const { baseline } = release.plan;
    const image = baseline.templateImage;
    if (this.#cluster.fence === 0 && this.#cluster.is(image, baseline.liveStrategy)) return { kind: 'untouched' };
    const found = { image: baseline.newImage, strategy: NEW_SERVERS_ONLY };
    const written = this.#put(release, { found: [found], hold: OPEN, wanted: { image, strategy: NEW_SERVERS_ONLY } });
    if (written.kind !== 'accepted') return written;
    this.#cluster.turn();
    const someStay = [...this.#cluster.servers.values()].some(({ template }) => template !== image);
    if (!someStay) this.#cluster.strategy = baseline.updateStrategy;
    this.#cluster.turn();
    return { kind: 'untouched' };
  }

  #reassert(release: Release): Event {
    const { plan, progress } = release;
    const { seen } = progress.foreign;
    if (!seen) return { kind: 'reasserted', written: { kind: 'untouched' }, priorities: false };
    const hold = holdOverEdit(release);
    const found = { image: seen.image, strategy: seen.updateStrategy ?? this.#cluster.strategy };
    const wanted = this.#controlledValues(plan, hold);
    const written = this.#put(release, { found: [found], hold: hold ?? OPEN, wanted });
    const left = written.kind === 'accepted' ? { kind: 'untouched' as const, fence: written.fence } : written;
    return { kind: 'reasserted', written: hold ? written : left, priorities: false };
  }

  #controlledValues({ strategy, baseline }: Release['plan'], hold: SetControls | undefined): Values {
    if (strategy === 'newServersOnly') return { image: baseline.newImage, strategy: NEW_SERVERS_ONLY };
    return strategy === 'rolling' && hold
      ? { image: baseline.newImage, strategy: controlledStrategy(baseline, hold) }
      : { image: baseline.templateImage, strategy: this.#cluster.strategy };
  }
}

function stopped(reason: string): Event {
  return { kind: 'stopped', verdict: 'pause', reason };
}
