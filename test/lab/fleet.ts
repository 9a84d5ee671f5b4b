import { chmodSync, copyFileSync, mkdirSync, writeFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { fetch } from 'undici';
import { stringify } from 'yaml';
import type { Api } from './api.ts';
import { podStages } from './fleet-stages.ts';
import type { SwapDelay } from './fleet-stages.ts';
import { hasCondition } from './kubernetes-objects.ts';
import type { Node } from './kubernetes-objects.ts';
import type { NodeOptions } from './lab-contract.ts';

/** The parts of a fleet. */
export interface FleetOptions extends NodeOptions {
  /** How many fake nodes, named fleet-0 and so on; 3 when left out. */
  readonly nodes?: number;
  /** How long an image change takes; 0.3 to 1.2 s when left out. */
  readonly swap?: SwapDelay;
}

/** A running fleet. */
export interface Fleet {
  /** For `spec.nodeName` of pods; every node takes any number of them. */
  readonly nodeName: string;
  /** Every pod's simulated engine answers HTTP on its pod IP and this port. */
  readonly enginePort: number;
  /** Resolves when a program of the fleet, such as one that was started again, is ready. */
  waitReady(program: string): Promise<void>;
}

/** Keeps the simulated kubelets away from real nodes in the same control plane. */
const fleetLabel = { name: 'hotwave.dev/lab', value: 'fleet' };

/**
 * Adds simulated nodes to a control plane: KWOK as the kubelet of all of them, and one process that plays the game
 * engine of every pod and writes the log of all. Commands executed "in" a pod run on this machine; `fleet-engine VERB NAMESPACE/NAME` speaks to
 * the pod's engine.
 * @throws Error with the end of the log of the program that did not get ready
 */
export async function startFleet(options: FleetOptions): Promise<Fleet> {
  const names = Array.from({ length: options.nodes ?? 3 }, (_, index) => `fleet-${index}`);
  const enginePort = await options.ports.take();
  const api = options.controlPlane.apiAs('admin');
  const waitReady = async (program: string): Promise<void> => {
    if (program === 'kwok') await waitNodesReady(options, api, names);
    if (program === 'fleet-engine') await waitEngineReady(options, enginePort);
  };
  await Promise.all([startEngine(options, enginePort), startKwok(options, enginePort)]);
  const labels = { [fleetLabel.name]: fleetLabel.value };
  await Promise.all(names.map((name) => api.create('/api/v1/nodes', { metadata: { name, labels } })));
  await Promise.all([waitReady('kwok'), waitReady('fleet-engine')]);
  return { nodeName: names[0] ?? '', enginePort, waitReady };
}

/** The log lines of all engines; the log of every container of the fleet. */
function engineLog({ directory }: FleetOptions): string {
  return join(directory, 'engines.log');
}

async function startEngine(options: FleetOptions, port: number): Promise<void> {
  writeFileSync(engineLog(options), '', { flag: 'a' });
  const program = fileURLToPath(new URL('./fleet-engine-daemon.ts', import.meta.url));
  await options.supervisor.start({
    name: 'fleet-engine',
    command: process.execPath,
    args: [
      '--disable-warning=ExperimentalWarning',
      program,
      `--kubeconfig=${options.controlPlane.kubeconfigOf('observer')}`,
      `--port=${port}`,
      `--log=${engineLog(options)}`,
    ],
  });
}

async function startKwok(options: FleetOptions, enginePort: number): Promise<void> {
  const { directory, supervisor, programs, controlPlane } = options;
  const bin = join(directory, 'bin');
  const command = join(bin, 'fleet-engine');
  mkdirSync(bin);
  copyFileSync(fileURLToPath(new URL('./fleet-engine.sh', import.meta.url)), command);
  chmodSync(command, 0o755);
  const config = join(directory, 'kwok.yaml');
  const documents = [
    kwokConfiguration(await options.ports.take(), enginePort),
    execOnThisMachine(directory),
    logsFrom(engineLog(options)),
    ...podStages(options.swap ?? { fromMs: 300, toMs: 1200 }),
  ];
  writeFileSync(config, documents.map((document) => stringify(document)).join('---\n'));
  await supervisor.start({
    name: 'kwok',
    command: programs.path('kwok'),
    args: [`--kubeconfig=${controlPlane.kubeconfigOf('admin')}`, `--config=${config}`, '--v=WARN'],
    environment: {
      PATH: `${bin}${delimiter}${process.env['PATH'] ?? ''}`,
      HOTWAVE_FLEET_ENGINE_PORT: String(enginePort),
    },
  });
}

/** Every option is named: those left out of such a document fall to zero, not to their defaults. */
function kwokConfiguration(port: number, enginePort: number): object {
  return {
    apiVersion: 'config.kwok.x-k8s.io/v1alpha1',
    kind: 'KwokConfiguration',
    options: {
      manageAllNodes: false,
      manageNodesWithLabelSelector: `${fleetLabel.name}=${fleetLabel.value}`,
      nodeIP: '127.0.0.1',
      nodePort: port,
      serverAddress: `127.0.0.1:${port}`,
      // Loopback, so that a connection to a pod's IP ends at this machine's simulated engine. Labs side by side differ
      // in the engine's port; the address differs as well, as far as there are enough, to tell them apart in a log.
      cidr: `127.${64 + (enginePort % 64)}.0.1/16`,
      enableDebuggingHandlers: true,
      enableContentionProfiling: false,
      enableProfilingHandler: false,
      podPlayStageParallelism: 16,
      nodePlayStageParallelism: 4,
      nodeLeaseDurationSeconds: 40,
      nodeLeaseParallelism: 4,
    },
  };
}

function execOnThisMachine(directory: string): object {
  return {
    apiVersion: 'kwok.x-k8s.io/v1alpha1',
    kind: 'ClusterExec',
    metadata: { name: 'on-this-machine' },
    spec: { execs: [{ local: { workDir: directory } }] },
  };
}

function logsFrom(logsFile: string): object {
  return {
    apiVersion: 'kwok.x-k8s.io/v1alpha1',
    kind: 'ClusterLogs',
    metadata: { name: 'of-the-engines' },
    spec: { logs: [{ logsFile, follow: false }] },
  };
}

async function waitNodesReady({ supervisor }: FleetOptions, api: Api, names: readonly string[]): Promise<void> {
  const wait = { what: `the nodes ${names.join(', ')} to be Ready`, deadlineMs: 60_000 };
  await supervisor.waitFor('kwok', wait, async () => {
    const { items } = await api.list<Node>('/api/v1/nodes');
    return names.every((name) => items.some((node) => node.metadata.name === name && hasCondition(node, 'Ready')));
  });
}

async function waitEngineReady({ supervisor }: FleetOptions, port: number): Promise<void> {
  const wait = { what: 'the simulated game engines to answer', deadlineMs: 60_000 };
  await supervisor.waitFor('fleet-engine', wait, async () => {
    const response = await fetch(`http://127.0.0.1:${port}/ready`);
    await response.text();
    return response.ok;
  });
}
