import pLimit from 'p-limit';
import type { Registry } from 'prom-client';
import type { Releases } from '../activities/ports/releases.ts';
import { OPEN_PHASES } from '../release/decisions/verbs.ts';
import type { ReleaseState, WaveProgress } from '../release/progress/state.ts';
import { VERBS, WAVE_STATES } from '../release/progress/state.ts';
import { oldestSeconds, one, registerGauges } from './gauges.ts';
import type { Sample, SeenGauge } from './gauges.ts';
import { LazyLook } from './lazy-look.ts';

/** The running releases of a cluster as they were last looked at. */
export interface Look {
  /** When, milliseconds since the epoch. */
  readonly at: number;
  readonly states: readonly ReleaseState[];
  /** Releases that run and do not answer. */
  readonly silent: number;
}

/** A scrape never waits for a look; one is made at most so often, in milliseconds. */
const EVERY_MS = 15_000;
/** More releases than this are not asked: numbers are for a picture, and must not be a load of their own. */
const MOST_RELEASES = 200;
const ASKED_AT_ONCE = 10;

/**
 * Looks at the running releases of a cluster when somebody wants to know, and not more often. Numbers come from what the
 * releases say and not from counters of this process: those would begin anew with each worker and count replays.
 */
export function releaseLook(releases: Pick<Releases, 'running' | 'state'>, cluster: string): LazyLook<Look> {
  return new LazyLook(EVERY_MS, async (at) => {
    const running = (await releases.running({ cluster })).slice(0, MOST_RELEASES);
    const answers = await pLimit(ASKED_AT_ONCE).map(running, (one) => releases.state(one));
    const states = answers.filter((answer) => typeof answer === 'object');
    return { at, states, silent: answers.filter((answer) => answer === 'silent').length };
  });
}

const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);
const oldest = (since: readonly (number | undefined)[], now: number): readonly Sample[] =>
  one(oldestSeconds(since, now));

/** Every metric about releases; docs/metrics.md says what to do about each. Labels are few and known: no names. */
const RELEASE_GAUGES: Readonly<Record<string, SeenGauge<Look>>> = {
  hotwave_releases: {
    help: 'Running releases, by phase.',
    labels: ['phase'],
    of: ({ states }) =>
      Object.keys(OPEN_PHASES).map((phase) => ({
        labels: { phase },
        value: states.filter((state) => state.phase === phase).length,
      })),
  },
  hotwave_releases_silent: {
    help: 'Releases that run and do not answer: no worker of their version runs, or their task fails.',
    of: ({ silent }) => one(silent),
  },
  hotwave_open_gates: {
    help: 'Gates that wait for people.',
    of: ({ states }) => one(states.filter(({ gate }) => gate !== undefined).length),
  },
  hotwave_oldest_gate_seconds: {
    help: 'For how long the oldest open gate has waited.',
    of: ({ states }, now) =>
      oldest(
        states.map(({ gate }) => gate?.openedAt),
        now,
      ),
  },
  hotwave_oldest_pause_seconds: {
    help: 'For how long the release that was paused first has stood still.',
    of: ({ states }, now) =>
      oldest(
        states.map(({ phase, wait }) => (phase === 'paused' ? wait?.since : undefined)),
        now,
      ),
  },
  hotwave_incomplete_rollbacks: {
    help: 'Rollbacks of whole releases that stand still: servers are of two versions, and a person is waited for.',
    of: ({ states }) => one(states.filter(({ goesBack, phase }) => goesBack === true && phase === 'paused').length),
  },
  hotwave_waves: {
    help: 'Waves of running releases, by state.',
    labels: ['state'],
    of: ({ states }) =>
      WAVE_STATES.map((state) => ({
        labels: { state },
        value: sum(states.map(({ waves }) => waves.filter(({ status }) => status === state).length)),
      })),
  },
  hotwave_servers: {
    help: 'Servers of running releases: all that will move, those that prove the new version, those that have failed.',
    labels: ['state'],
    of: ({ states }) => {
      const waves = states.flatMap((state) => state.waves);
      const count = (of: (wave: WaveProgress) => number): number => sum(waves.map(of));
      return [
        { labels: { state: 'all' }, value: count(({ size }) => size) },
        { labels: { state: 'proved' }, value: count(({ proven }) => proven) },
        { labels: { state: 'failed' }, value: sum(states.map(({ failures }) => failures.length)) },
      ];
    },
  },
  hotwave_decisions: {
    help: 'Decisions that running releases remember, by verb and whether they counted.',
    labels: ['verb', 'accepted'],
    of: ({ states }) => {
      const decisions = states.flatMap((state) => state.decisions);
      return VERBS.flatMap((verb) =>
        [true, false].map((accepted) => ({
          labels: { verb, accepted: String(accepted) },
          value: decisions.filter((decision) => decision.verb === verb && decision.accepted === accepted).length,
        })),
      );
    },
  },
  hotwave_unreadable_messages: {
    help: 'Messages to running releases that could not be read.',
    of: ({ states }) => one(sum(states.map(({ unreadable }) => unreadable?.count ?? 0))),
  },
  hotwave_releases_look_timestamp_seconds: {
    help: 'When this worker last looked at the running releases, seconds since 1970.',
    of: ({ at }) => one(at / 1_000),
  },
};

/** Adds the numbers about running releases; before the first look there are none. */
export function registerReleaseMetrics(registry: Registry, latest: () => Look | undefined): void {
  registerGauges(registry, RELEASE_GAUGES, latest);
}
