import { endAbandonedLabs, endLabNamed } from './lab.ts';
import { labDirectory, writeLabRecord } from './lab-state.ts';
import { claimPorts } from './ports.ts';
import { Supervisor } from './process.ts';
import { identityOf } from './process-identity.ts';
import { temporalProgram } from './temporal-program.ts';
import { startTemporal } from './temporal-server.ts';

/** A Temporal server of its own, for releases on clusters that need no machine. */
export interface TemporalLab {
  /** host:port of the frontend. */
  readonly address: string;
  /** The web UI. */
  readonly uiUrl: string;
  /** Below it nothing is left when the server has ended. */
  readonly directory: string;
  /** Ends the server and deletes its folder. */
  stop(): Promise<void>;
}

/**
 * Starts a Temporal development server, and nothing else, as a lab: when its owner is killed, the next lab that starts
 * ends it. Half a second when the program is in the cache.
 * @throws Error when it does not serve; MissingPrerequisite when the program cannot be had
 */
export async function startTemporalLab(
  log: (line: string) => void,
  name = `temporal-${process.pid}-${Date.now().toString(36)}`,
  settings: readonly string[] = [],
): Promise<TemporalLab> {
  const program = await temporalProgram(log);
  await endAbandonedLabs(log);
  const directory = labDirectory(name);
  writeLabRecord(directory, { kind: 'temporal', name, owner: identityOf(process.pid)! });
  try {
    const supervisor = new Supervisor(directory);
    const { address, uiUrl } = await startTemporal({ supervisor, ports: claimPorts(directory), program, settings });
    return {
      address,
      uiUrl,
      directory,
      async stop() {
        await endLabNamed(name);
      },
    };
  } catch (error) {
    await endLabNamed(name);
    throw error;
  }
}
