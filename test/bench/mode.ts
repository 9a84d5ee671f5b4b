import type { Lab } from '../lab/lab.ts';
import type { ActivityTimes } from './activity-times.ts';

/** What every way of updating works on: one set, all of whose servers it moves from one version to the next. */
export interface Stage {
  readonly lab: Lab;
  /** The GameServerSet's name, in namespace `default`. */
  readonly set: string;
  /** The servers of each wave, in the order in which Kruise moves them. */
  readonly waves: readonly (readonly string[])[];
}

/** Requests to the API server, by what they were, such as `GET pods`. */
export type RequestCounts = Readonly<Record<string, number>>;

/** What a way of updating says about one run of its own; seconds and own time are measured from outside. */
export interface ModeRun {
  /** Undefined when nobody counted. */
  readonly requests?: RequestCounts;
  /** Memory of the worker at the end, in bytes. */
  readonly workerMemory?: number;
  /** What Temporal recorded of the release, to find out where time goes. */
  readonly activities?: readonly ActivityTimes[];
}

/** A way of updating, ready to be used again and again on one stage. */
export interface OpenMode {
  /** Moves every server to the sidecar image with this tag, and resolves when it believes to be done. */
  run(tag: string): Promise<ModeRun>;
  /** Processes of its own, by name. */
  readonly processes?: Readonly<Record<string, number>>;
  close(): Promise<void>;
}

/** How many times as long as another way of the same run this one may take. */
export interface Budget {
  /** The other mode's name. */
  readonly against: string;
  readonly atMost: number;
}

/** One way of updating a whole set: one file in modes/. */
export interface Mode {
  /** For the command line and JSON. */
  readonly name: string;
  /** For people: what it does, in a few words. */
  readonly title: string;
  /** None for what hotwave is compared with. */
  readonly budgets: readonly Budget[];
  open(stage: Stage): Promise<OpenMode>;
}
