import type { SetEvent } from '../../release/notices/set-event.ts';
import type { ServiceQuality, SetRef } from '../../release/fleet/fleet.ts';
import type { FoundAccount, FoundPolicies } from '../../release/plan/worker-account.ts';
import type { Product } from '../../release/plan/tried-versions.ts';
import type { GuardedPatch, PatchOutcome, PatchTarget } from '../../release/patches/patches.ts';
import type { Clock } from './clock.ts';
import type { Faults, Operation } from './fake-faults.ts';
import type { Failures } from './fake-kubelet.ts';
import type { WhyLoaded } from './fake-pod.ts';
import type { FakeServer } from './fake-server.ts';
import type { FakeSet } from './fake-set.ts';
import type { FakeSetModel, FakeTimings, RawGameServer, RawSet } from './fake-set-model.ts';
import type { Writer } from './fake-writer.ts';
import type { Access } from '../../activities/ports/access.ts';
import type { Cluster } from '../../activities/ports/cluster.ts';
import type { ExecOutcome, ExecRequest, HttpSendOutcome, HttpSendRequest } from '../../activities/ports/probes.ts';

/** A fake cluster as a test wishes it. */
export interface FakeClusterModel {
  /** Default one set, `arena/duel` with ten servers. */
  readonly sets?: readonly FakeSetModel[];
  readonly timings?: FakeTimings;
  /** The failures of servers. Words in image tags (`2.0-crash`) work without it. */
  readonly failures?: Failures;
  /** Default real time. */
  readonly clock?: Clock;
  /** Permissions that the worker lacks. */
  readonly lacks?: (access: Access) => boolean;
  /** The versions that can be read; default that of Kubernetes, as under deploy/rbac.yaml. */
  readonly versions?: Partial<Record<Product, string>>;
  /** The identity of the worker; default the account of deploy/rbac.yaml. */
  readonly account?: FoundAccount;
  /** Default as under deploy/rbac.yaml: nothing of them can be read. */
  readonly policies?: FoundPolicies;
  /** Namespaces that there are, where the worker may look; default as under deploy/rbac.yaml: it may not. */
  readonly namespaces?: readonly string[];
  /** The objection of an admission webhook to a changed set. */
  readonly admission?: (set: RawSet) => string | undefined;
  /** Answers commands first; undefined leaves it to the engine. */
  readonly exec?: (request: ExecRequest, server: FakeServer) => ExecOutcome | undefined;
  /** Answers requests that change something first; undefined leaves it to the engine. */
  readonly send?: (request: HttpSendRequest, server: FakeServer) => HttpSendOutcome | undefined;
}

/**
 * One thing that happened, in the order in which it did: what hotwave sent, and what a witness in the cluster saw.
 * `at` is the clock's time.
 */
export type LogEntry = { readonly at: number } & (
  | {
      readonly kind: 'patch';
      readonly target: PatchTarget;
      readonly patch: GuardedPatch;
      readonly outcome: PatchOutcome;
      /** Which attempt of an activity wrote; undefined when no activity did. */
      readonly by: Writer | undefined;
    }
  | {
      readonly kind: 'exec';
      readonly server: string;
      readonly container: string;
      readonly command: readonly string[];
      readonly outcome: ExecOutcome;
      readonly by: Writer | undefined;
    }
  | { readonly kind: 'http'; readonly server: string; readonly path: string }
  | {
      readonly kind: 'send';
      readonly server: string;
      readonly request: HttpSendRequest;
      readonly by: Writer | undefined;
    }
  /** Somebody who is not hotwave has written an object, such as `GameServerSet duel`. */
  | { readonly kind: 'edited'; readonly manager: string; readonly what: string }
  | { readonly kind: 'moved'; readonly server: string; readonly container: string; readonly image: string }
  | { readonly kind: 'ready'; readonly server: string }
  /** A container was started anew in its pod; the status may show it later. */
  | { readonly kind: 'restarted'; readonly server: string; readonly container: string; readonly restarts: number }
  /** An engine has loaded a version, and why. A restart before its pod was made is not told. */
  | { readonly kind: 'loaded'; readonly server: string; readonly version: string; readonly why: WhyLoaded }
);

/** A cluster in memory, and the hands that tests have in it. */
export interface FakeCluster extends Cluster {
  readonly clock: Clock;
  readonly faults: Faults;
  /** Writes (dry runs left out), commands, probes, and what the controllers did. */
  readonly log: readonly LogEntry[];
  /** How often each operation was called. */
  readonly calls: Readonly<Record<Operation, number>>;
  /** A set with its servers and controllers; default the only one. */
  set(ref?: SetRef): FakeSet;
  /** The Events on a set, as `kubectl describe` shows them: those of a set of the same name that is gone are not among them. */
  eventsOf(ref: SetRef): readonly SetEvent[];
  /** A server by name, in whatever set. */
  server(name: string): FakeServer;
  /** Somebody else changes the set. */
  edit(manager: string, change: (set: RawSet) => void, ref?: SetRef): void;
  /** Somebody else changes a GameServer. */
  editServer(manager: string, name: string, change: (server: RawGameServer) => void): void;
  /** OpenKruise's node agent reports a result; OpenKruiseGame takes the actions that the set has for it. */
  reportQuality(server: string, quality: string, result: ServiceQuality): void;
  /**
   * The engine of a server, or another of its containers, dies and starts again in its pod. An engine loads the files
   * that are there.
   */
  crash(server: string, container?: string): void;
  /** OpenKruiseGame undoes the next `times` writes of GameServers with an older state (seen in v1.0.0). */
  loseGameServerWrites(times: number): void;
}
