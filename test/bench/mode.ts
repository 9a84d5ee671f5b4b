import type { Lab } from '../lab/lab.ts';
import { mainContainer } from '../lab/game-server-sets.ts';
import type { ContainerPlace } from '../lab/pod-exec.ts';
import type { ActivityTimes } from './activity-times.ts';

/** The set that every way of updating works on: one set, all of whose servers it moves from one version to the next. */
export interface Stage {
  readonly lab: Lab;
  /** The GameServerSet's name, in namespace `default`. */
  readonly set: string;
  /** The servers of each wave, in the order in which Kruise moves them. */
  readonly waves: readonly (readonly string[])[];
}

/**
 * Commands and checks at once, in every way that does several: all servers of a fleet lab are on one node; as many at
 * once as a fleet on four nodes would get.
 */
export const CONCURRENCY = 20;

/** Where a command reaches a server's engine. */
export function engineOf(name: string): ContainerPlace {
  return { namespace: 'default', pod: name, container: mainContainer };
}

/** The command that makes it load the files that are there. */
export function reloadCommand(name: string): string[] {
  return ['fleet-engine', 'reload', `default/${name}`];
}

/** Requests to the API server, by what they were, such as `GET pods`. */
export type RequestCounts = Readonly<Record<string, number>>;

/** The word of a way of updating about one run of its own; seconds and own time are measured from outside. */
export interface ModeRun {
  /** Undefined when nobody counted. */
  readonly requests?: RequestCounts;
  /** Memory of the worker at the end, in bytes. */
  readonly workerMemory?: number;
  /** Temporal's record of the release, to find out where time goes. */
  readonly activities?: readonly ActivityTimes[];
  /** The program by which it works, where that depends on the machine. */
  readonly tool?: string;
}

/** A way of updating, ready to be used again and again on one stage. */
export interface OpenMode {
  /** Moves every server to the sidecar image with this tag, and resolves when it believes to be done. */
  run(tag: string): Promise<ModeRun>;
  /** Processes of its own, by name. */
  readonly processes?: Readonly<Record<string, number>>;
  close(): Promise<void>;
}

/** Another way of the same run that this one is compared with. */
export interface Comparison {
  /** The other mode's name. */
  readonly against: string;
  /** The budget: how many times as long this one may take. Undefined where it only is to be known. */
  readonly atMost?: number;
}

/** One way of updating a whole set: one file in modes/. */
export interface Mode {
  /** For the command line and JSON. */
  readonly name: string;
  /** For people: what it does, in a few words. */
  readonly title: string;
  /**
   * The kind of its writes. Overrides in GameServers stand in the way of templates, so each kind gets a lab of its own.
   */
  readonly writes: 'set' | 'game-servers';
  /** Every engine has loaded the version at the end. */
  readonly reloads: boolean;
  /** None for what hotwave is compared with. */
  readonly comparisons: readonly Comparison[];
  open(stage: Stage): Promise<OpenMode>;
}
