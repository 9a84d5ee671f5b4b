import { existsSync } from 'node:fs';
import { checkout } from './checkout.ts';
import { startControlPlane } from './control-plane.ts';
import type { Cores } from './cores.ts';
import { labUsers } from './credentials.ts';
import { startFleet } from './fleet.ts';
import type { SwapDelay } from './fleet-stages.ts';
import type {
  ControlPlane,
  ControllerRates,
  Lab,
  LabKind,
  LabUser,
  NodeOptions,
  TruthModule,
  Workshop,
} from './lab-contract.ts';
import { endLab, isAbandoned, knownLab, knownLabs, labDirectory, labsOfOthers, writeLabRecord } from './lab-state.ts';
import type { KnownLab } from './lab-state.ts';
import { claimPorts } from './ports.ts';
import { Supervisor } from './process.ts';
import { identityOf, isAlive } from './process-identity.ts';
import { serverPrograms } from './programs.ts';
import { startScheduler } from './scheduler.ts';
import { temporalProgram } from './temporal-program.ts';
import { startTemporal } from './temporal-server.ts';
import type { TemporalServer } from './temporal-server.ts';
import { environmentVersions } from './versions.ts';
import type { LabVersions } from './versions.ts';

export type { Lab, LabKind } from './lab-contract.ts';

/** Which lab to start. */
export interface LabOptions {
  readonly kind: LabKind;
  /** Also the name of its state folder; made up when left out. */
  readonly name?: string;
  /** Those of {@link environmentVersions} when left out. */
  readonly versions?: LabVersions;
  /** Takes one line of progress for a person; silent when left out. */
  readonly log?: (line: string) => void;
  /** The lab goes on when this process ends; `npm run lab -- down` or `endLabNamed` ends it. */
  readonly outlivesOwner?: boolean;
  /** Puts more on the lab before it counts as up, and returns more addresses. The lab ends when it throws. */
  readonly furnish?: (lab: Lab) => Promise<Readonly<Record<string, string>>>;
  readonly rates?: ControllerRates;
  /** PodUnavailableBudgets count for in-place updates, too. Default false, as in OpenKruise. */
  readonly podBudgets?: boolean;
  /** Pods that name no node get the lab's. Default false: tests name it, and every process costs them time. */
  readonly schedules?: boolean;
  /** Fleet only. */
  readonly nodes?: number;
  /** Fleet only: how long an image change takes. */
  readonly swap?: SwapDelay;
  /** Where the programs are pinned, also those that are started later; nowhere when left out. */
  readonly cores?: Cores;
}

interface Nodes {
  readonly nodeName: string;
  readonly enginePort?: number;
  waitReady?(program: string): Promise<void>;
  stop?(): Promise<void>;
}

/**
 * Starts a lab: a Kubernetes API with OpenKruise and OpenKruiseGame, nodes of the wanted kind, and Temporal. First
 * ends what killed processes excluded. About 20 s, when the programs are built already.
 * @throws NameInUse when a lab of this name is running for another process. Error when a program does not get ready;
 *   everything that was started has ended then. MissingPrerequisite when the machine lacks something.
 */
export async function startLab(options: LabOptions): Promise<Lab> {
  const log = options.log ?? (() => undefined);
  const name = options.name ?? `${options.kind}-${process.pid}-${Date.now().toString(36)}`;
  // The quick download first: a machine that cannot do it should not learn that after ten minutes of building.
  const temporalCli = await temporalProgram(log);
  const versions = options.versions ?? environmentVersions();
  const programs = await serverPrograms({ versions, kubelet: options.kind === 'truth', log });
  await endAbandonedLabs(log);
  await endPredecessor(name);

  const directory = labDirectory(name);
  const record = { kind: options.kind, name, versions };
  writeLabRecord(directory, { ...record, owner: identityOf(process.pid)! });
  const supervisor = new Supervisor(directory, options.cores);
  const workshop: Workshop = { directory, supervisor, ports: claimPorts(directory), versions, programs, log };
  try {
    const [temporal, [controlPlane, nodes]] = await allOrFirstError([
      startTemporal({ supervisor, ports: workshop.ports, program: temporalCli }),
      startCluster(options, workshop),
    ]);
    const lab = assemble({ options, name, workshop, temporal, controlPlane, nodes });
    const furniture = await options.furnish?.(lab);
    const owner = options.outlivesOwner === true ? {} : { owner: identityOf(process.pid)! };
    writeLabRecord(directory, { ...record, ...owner, addresses: { ...addressesOf(lab), ...furniture } });
    return lab;
  } catch (error) {
    await endLabNamed(name);
    throw error;
  }
}

/** Ends the lab with this name, whoever started it and whatever is left of it; false when there is none. */
export async function endLabNamed(name: string): Promise<boolean> {
  return endLab(labDirectory(name), () => true, clearTruthLeftovers);
}

async function startCluster(options: LabOptions, workshop: Workshop): Promise<[ControlPlane, Nodes]> {
  const { rates, podBudgets = false, nodes, swap, kind, schedules = false } = options;
  const controlPlane = await startControlPlane({ ...workshop, podBudgets, ...(rates && { rates }) });
  const nodeOptions: NodeOptions = { ...workshop, controlPlane };
  const fleetOptions = { ...nodeOptions, ...(nodes !== undefined && { nodes }), ...(swap && { swap }) };
  const joined: Nodes =
    kind === 'truth' ? await (await truthModule()).startTruthNode(nodeOptions) : await startFleet(fleetOptions);
  if (schedules) await startScheduler(nodeOptions, joined.nodeName);
  return [controlPlane, joined];
}

interface Parts {
  readonly options: LabOptions;
  readonly name: string;
  readonly workshop: Workshop;
  readonly temporal: TemporalServer;
  readonly controlPlane: ControlPlane;
  readonly nodes: Nodes;
}

function assemble({ options, name, workshop, temporal, controlPlane, nodes }: Parts): Lab {
  const { directory, supervisor, versions } = workshop;
  const api = controlPlane.apiAs('admin');
  return {
    kind: options.kind,
    name,
    versions,
    directory,
    api,
    kubeconfig: controlPlane.kubeconfigOf('admin'),
    kubeconfigOf: (user) => controlPlane.kubeconfigOf(user),
    temporal: { address: temporal.address, uiUrl: temporal.uiUrl },
    nodeName: nodes.nodeName,
    ...(nodes.enginePort !== undefined && { enginePort: nodes.enginePort }),
    stopProgram: (program) => supervisor.stop(program),
    async startProgram(program) {
      await supervisor.startAgain(program);
      if (program === 'temporal') await temporal.waitReady();
      await controlPlane.waitReady(program);
      await nodes.waitReady?.(program);
    },
    async stop() {
      await api.close();
      await nodes.stop?.();
      await endLabNamed(name);
    },
  };
}

function addressesOf(lab: Lab): Record<string, string> {
  const users = labUsers.filter((user): user is Exclude<LabUser, 'admin'> => user !== 'admin');
  return {
    kubeconfig: lab.kubeconfig,
    ...Object.fromEntries(users.map((user) => [`kubeconfig of ${user}`, lab.kubeconfigOf(user)])),
    'node for pods': lab.nodeName,
    'Temporal frontend': lab.temporal.address,
    'Temporal web UI': lab.temporal.uiUrl,
    ...(lab.enginePort !== undefined && { 'engine port on pod IPs': String(lab.enginePort) }),
    logs: `${lab.directory}/logs`,
  };
}

/** Ends every lab of this checkout whose owner was killed, and those of checkouts that were deleted. */
export async function endAbandonedLabs(log: (line: string) => void): Promise<void> {
  const orphans = labsOfOthers().filter(({ record }) => !existsSync(record.checkout));
  for (const { record, directory } of [...knownLabs().filter(isAbandoned), ...orphans]) {
    log(`ending lab ${record.name}, whose ${record.checkout === checkout ? 'owner' : 'checkout'} is gone`);
    await endLab(directory, isAbandoned, clearTruthLeftovers);
  }
}

/** A lab of the wanted name runs already. */
export class NameInUse extends Error {}

/**
 * Looks whether a lab of this name could be started.
 * @throws NameInUse in one sentence that says how to end the one that runs
 */
export function requireFreeName(name: string): void {
  const lab = knownLab(name);
  if (lab && isInUse(lab))
    throw new NameInUse(`a lab named ${name} is running; end it with: npm run lab -- down --name ${name}`);
}

async function endPredecessor(name: string): Promise<void> {
  requireFreeName(name);
  if (!knownLab(name)) return;
  await endLab(labDirectory(name), (found) => !isInUse(found), clearTruthLeftovers);
}

function isInUse({ record, running }: KnownLab): boolean {
  return record.owner ? isAlive(record.owner) && record.owner.pid !== process.pid : running.length > 0;
}

/** Only the truth lab needs what this module imports. */
function truthModule(): Promise<TruthModule> {
  return import('./truth.ts');
}

async function clearTruthLeftovers(directory: string): Promise<void> {
  await (await truthModule()).clearTruthLeftovers(directory);
}

/** Like Promise.all, but an error waits for the other branch: nothing may be started after the clean-up has begun. */
async function allOrFirstError<A, B>(work: readonly [Promise<A>, Promise<B>]): Promise<[A, B]> {
  await Promise.allSettled(work);
  return Promise.all(work);
}
