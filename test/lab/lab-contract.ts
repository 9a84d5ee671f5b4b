import type { Api } from './api.ts';
import type { Ports } from './ports.ts';
import type { Supervisor } from './process.ts';
import type { Programs } from './programs.ts';
import type { LabVersions } from './versions.ts';

/** `fleet`: simulated nodes, hundreds of servers. `truth`: one real kubelet with real containers. */
export type LabKind = 'fleet' | 'truth';

/** The people of a lab; each has a kubeconfig file and a token of its own. `nobody` has no rights at all. */
export type LabUser = 'admin' | 'hotwave' | 'observer' | 'nobody';

/** A running Kubernetes API with OpenKruise and OpenKruiseGame, and no nodes yet. */
export interface ControlPlane {
  /** `https://127.0.0.1:PORT` */
  readonly server: string;
  /** PEM of what signs the API server's certificate. */
  readonly certificateAuthority: string;
  /** A certificate and key for 127.0.0.1 and localhost, signed by that authority, for other servers of the lab. */
  readonly servingCertificate: { readonly certificateFile: string; readonly keyFile: string };
  /** Every call gives a new client with connections of its own: close it when done. */
  apiAs(user: LabUser): Api;
  kubeconfigOf(user: LabUser): string;
  /** Resolves when a program of the control plane, such as one that was started again, is ready for work. */
  waitReady(program: string): Promise<void>;
}

/** How fast the controllers may write, in requests per second. */
export interface ControllerRates {
  /** OpenKruise; 1000 when left out (its own default is 30). */
  readonly kruise?: number;
  /** OpenKruiseGame; 500 when left out. */
  readonly kruiseGame?: number;
}

/** Where the programs of a lab run and with what. */
export interface Workshop {
  /** The lab's state folder. Everything written goes below it: it is deleted when the lab ends. */
  readonly directory: string;
  readonly supervisor: Supervisor;
  readonly ports: Ports;
  readonly versions: LabVersions;
  /** Of these versions. */
  readonly programs: Programs;
  /** Takes one line of progress for a person. */
  readonly log: (line: string) => void;
}

/** The parts that both kinds of nodes need to join a lab. */
export interface NodeOptions extends Workshop {
  readonly controlPlane: ControlPlane;
}

/** The fields that the truth lab's node needs; its node must not carry the label `hotwave.dev/lab: fleet`. */
export type TruthNodeOptions = NodeOptions;

/** A real kubelet that has joined the lab and is Ready. */
export interface TruthNode {
  /** For `spec.nodeName` of pods. */
  readonly nodeName: string;
  /**
   * Ends the pods, then whatever the supervisor does not know (shims, mounts, network devices), in the order that a
   * real node needs. The supervisor ends kubelet and containerd afterwards, unless this did it already.
   */
  stop(): Promise<void>;
}

/**
 * The exports of test/lab/truth.ts. `clearTruthLeftovers` is called when a truth lab of a killed owner is cleaned up,
 * before (nothing was ended yet) and may be called on a folder where nothing is left: it ends containers,
 * unmounts everything below the folder and deletes the lab's network devices.
 */
export interface TruthModule {
  startTruthNode(options: TruthNodeOptions): Promise<TruthNode>;
  clearTruthLeftovers(directory: string): Promise<void>;
}

/** A running lab. */
export interface Lab {
  readonly kind: LabKind;
  readonly name: string;
  readonly versions: LabVersions;
  /** The state folder; logs are in `logs/`. */
  readonly directory: string;
  /** The kubeconfig file of `admin`. */
  readonly kubeconfig: string;
  kubeconfigOf(user: LabUser): string;
  /** As `admin`. */
  readonly api: Api;
  readonly temporal: { readonly address: string; readonly uiUrl: string };
  /** For `spec.nodeName` of pods. */
  readonly nodeName: string;
  /** Fleet only: where every pod's simulated engine listens, on its pod IP. */
  readonly enginePort?: number;
  /** Ends one program, such as `kruise-game`, and waits until it is gone. */
  stopProgram(name: string): Promise<void>;
  /** Starts it again with the same arguments and waits until it is ready. */
  startProgram(name: string): Promise<void>;
  /** Ends everything and deletes the state folder. Nothing is left: no process, mount, device or file. */
  stop(): Promise<void>;
}
