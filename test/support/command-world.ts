import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { execa } from 'execa';
import { createSet, fleetImage } from '../lab/game-server-sets.ts';
import type { GameServerSet } from '../lab/game-server-sets.ts';
import { containerStatus } from '../lab/kubernetes-objects.ts';
import type { Pod } from '../lab/kubernetes-objects.ts';
import { startLab } from '../lab/lab.ts';
import type { Lab } from '../lab/lab.ts';
import { until } from '../lab/until.ts';
import { readyTimeoutOf } from './release-file.ts';

/** How a command ended, and what it wrote. */
export interface Ended {
  readonly code: number | undefined;
  readonly out: string;
  readonly err: string;
}

/** A worker that runs in a process of its own. */
export interface WorkerProcess {
  /** Ends it at once, as a machine that is switched off would, and resolves when it is gone. */
  kill(): Promise<void>;
}

/** Which cluster a worker serves, and with whose rights. */
export interface WorkerWishes {
  readonly cluster?: string;
  readonly kubeconfig?: string;
  /** The hotwave.ts of another checkout; this one's when left out. */
  readonly program?: string;
}

const ownProgram = fileURLToPath(new URL('../../bin/hotwave.ts', import.meta.url));
const commandOf = (program: string): string[] => ['--disable-warning=ExperimentalWarning', program];

/** A person's settings for a real Temporal or cluster must not reach a command of a test. */
const foreign = /^(TEMPORAL|HOTWAVE|KUBECONFIG)/;

/** The `hotwave` command as people run it, in processes of its own, on a fleet lab and with worker processes. */
export class CommandWorld {
  readonly lab: Lab;
  readonly folder: string;
  readonly #environment: Record<string, string>;
  readonly #workers: WorkerProcess[] = [];

  private constructor(lab: Lab, folder: string) {
    this.lab = lab;
    this.folder = folder;
    const kept = Object.entries(process.env).filter(([name]) => !foreign.test(name));
    this.#environment = {
      ...(Object.fromEntries(kept) as Record<string, string>),
      TEMPORAL_ADDRESS: lab.temporal.address,
      TEMPORAL_CONFIG_FILE: '/dev/null',
      USER: 'ann',
    };
  }

  /** Starts a lab, without a worker. */
  static async start(): Promise<CommandWorld> {
    const lab = await startLab({ kind: 'fleet', swap: { fromMs: 50, toMs: 200 } });
    return new CommandWorld(lab, await mkdtemp(join(tmpdir(), 'hotwave-cli-')));
  }

  async stop(): Promise<void> {
    await Promise.all(this.#workers.map((worker) => worker.kill()));
    await this.lab.stop();
    await rm(this.folder, { recursive: true });
  }

  /** Runs a command to its end. */
  async hotwave(...args: readonly string[]): Promise<Ended> {
    const { exitCode, stdout, stderr } = await execa(
      process.execPath,
      [...commandOf(ownProgram), ...args],
      this.#options(),
    );
    return { code: exitCode, out: stdout, err: stderr };
  }

  /** Runs a command on a terminal of 80 columns, where somebody presses Ctrl-C after it has shown `shown`. */
  async onTerminal(args: readonly string[], shown: string): Promise<Ended> {
    const command = [process.execPath, ...commandOf(ownProgram), ...args].map((word) => `'${word}'`).join(' ');
    const terminal = execa('script', ['-qec', `stty cols 80 rows 24; exec ${command}`, '/dev/null'], this.#options());
    let seen = '';
    terminal.stdout.on('data', (chunk: Buffer) => {
      const before = seen;
      seen += chunk.toString();
      if (!before.includes(shown) && seen.includes(shown)) terminal.stdin.write('\x03');
    });
    const { exitCode, stdout, stderr } = await terminal;
    return { code: exitCode, out: stdout, err: stderr };
  }

  /** Runs a worker process, and resolves when it takes work. */
  async startWorker({
    cluster = 'default',
    kubeconfig,
    program = ownProgram,
  }: WorkerWishes = {}): Promise<WorkerProcess> {
    const where = ['--cluster', cluster, '--kubeconfig', kubeconfig ?? this.lab.kubeconfigOf('hotwave')];
    const worker = execa(process.execPath, [...commandOf(program), 'worker', '--http=off', ...where], {
      ...this.#options(),
      timeout: 0,
      // Workers of before refuse an empty file, and this one a missing one.
      ...(program === ownProgram ? {} : { env: { ...this.#options().env, TEMPORAL_CONFIG_FILE: '/nowhere' } }),
    });
    const handle = {
      async kill() {
        worker.kill('SIGKILL');
        await worker;
      },
    };
    this.#workers.push(handle);
    let log = '';
    worker.stderr.on('data', (chunk: Buffer) => (log += chunk.toString()));
    const wait = {
      what: `the worker of cluster ${cluster} to run`,
      deadlineMs: 60_000,
      everyMs: 50,
      detail: () => log,
    };
    await until(wait, () => log.includes('"state":"RUNNING"'));
    return handle;
  }

  /** A release file for the fleet, where commands run beside the simulated engines; `more` is added to its spec. */
  releaseText(set: string, tag: string, more = ''): string {
    const engine = (verb: string): string => `[fleet-engine, ${verb}, "{{namespace}}/{{server}}"]`;
    const port = this.lab.enginePort!;
    return `apiVersion: hotwave.dev/v1
kind: Release
metadata: { name: ${set}-${tag.replaceAll('.', '-')} }
spec:
  target: { gameServerSet: ${set} }
  images: { sidecar: "${fleetImage(tag)}" }
  maxUnavailable: 100%
  ready: { timeout: ${readyTimeoutOf(tag)} }
  content: { exec: { container: app-2048, command: ${engine('files')}, within: 2s } }
  reload: { exec: { container: app-2048, command: ${engine('reload')} } }
  proof: { http: { port: ${port}, path: /version, within: 2s } }
  health: [ { http: { port: ${port}, path: /healthz, within: 2s } } ]
${more}
`;
  }

  /** Writes such a release file, and returns its path. */
  releaseFile(set: string, tag: string, more = ''): Promise<string> {
    return this.file(`${set}-${tag}.yaml`, this.releaseText(set, tag, more));
  }

  async file(name: string, text: string): Promise<string> {
    const path = join(this.folder, name);
    await writeFile(path, text);
    return path;
  }

  async aSet(name: string, replicas = 2): Promise<void> {
    await createSet(this.lab.api, { name, replicas, nodeName: this.lab.nodeName });
  }

  /** Everything that hotwave could have changed: what sets ask for, and what pods are and run. */
  async footprint(): Promise<object> {
    const [sets, pods] = await Promise.all([
      this.lab.api.list<GameServerSet>('/apis/game.kruise.io/v1alpha1/namespaces/default/gameserversets'),
      this.lab.api.list<Pod>('/api/v1/namespaces/default/pods'),
    ]);
    return {
      sets: sets.items.map(({ metadata, spec }) => ({ ...metadata, managedFields: [], resourceVersion: '', spec })),
      pods: pods.items.map((pod) => [pod.metadata.name, pod.metadata.uid, pod.spec, containerStatus(pod, 'sidecar')]),
    };
  }

  #options() {
    return { cwd: this.folder, env: this.#environment, extendEnv: false, reject: false, timeout: 90_000 } as const;
  }
}
