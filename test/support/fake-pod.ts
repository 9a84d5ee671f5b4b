import type { ContainerStatus } from '../../release/fleet/fleet.ts';

/** A value whose fields may be set. */
export type Mutable<Value> = { -readonly [Key in keyof Value]: Value[Key] };

/** A container of a simulated pod. */
export interface FakeContainer {
  readonly name: string;
  /** The demands of the spec. */
  image: string;
  /** The state that the API server shows, which may be late. */
  status: Mutable<ContainerStatus>;
  /** How often it was really started anew in its pod. */
  restarts: number;
  /** The kubelet is replacing it: what the spec asks for meanwhile has to wait. */
  replacing?: boolean;
}

/** Why an engine has loaded the files: told to, they had changed, or its container had started. */
export type WhyLoaded = 'reload' | 'files' | 'start';

/** The real events in a pod, whatever the API server shows of it. */
export interface PodEvents {
  /** The pod's object has changed. */
  readonly changed: () => void;
  readonly restarted: (container: FakeContainer) => void;
  readonly loaded: (version: string, why: WhyLoaded) => void;
}

/** How a container is started anew. */
export interface RestartWishes {
  /** Default the image of the spec. */
  readonly image?: string;
  /** Default true. */
  readonly ready?: boolean;
  /** Time until the status shows it. Default 0. */
  readonly shownAfterMs?: number;
}
