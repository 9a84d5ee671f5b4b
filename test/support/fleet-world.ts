import { Client, Connection } from '@temporalio/client';
import { expect } from 'vitest';
import type { PolicySource } from '../../activities/ports/policy.ts';
import type { ReleaseFile } from '../../release/spec/spec.ts';
import type { SetOptions } from '../lab/game-server-sets.ts';
import { createSet, fleetImage, podsOf } from '../lab/game-server-sets.ts';
import { containerStatus } from '../lab/kubernetes-objects.ts';
import type { Pod } from '../lab/kubernetes-objects.ts';
import { startLab } from '../lab/lab.ts';
import type { Lab, LabOptions } from '../lab/lab.ts';
import type { ImageChange, PodRecorder } from '../lab/pod-observer.ts';
import { recordPods } from '../lab/pod-observer.ts';
import { startHotwave } from './hotwave.ts';
import type { Hotwave } from './hotwave.ts';
import { readyTimeoutOf, releaseFrom } from './release-file.ts';

/** A fleet lab with a worker on it, and what tests of releases need there. */
export class FleetWorld {
  readonly lab: Lab;
  readonly #policy: PolicySource | undefined;
  #hotwave: Hotwave;

  private constructor(lab: Lab, hotwave: Hotwave, policy: PolicySource | undefined) {
    this.lab = lab;
    this.#hotwave = hotwave;
    this.#policy = policy;
  }

  get hotwave(): Hotwave {
    return this.#hotwave;
  }

  /** Runs something while no worker serves the lab; after it there is a new one, and with it a new client. */
  async withoutWorker(run: (client: Client) => Promise<void>): Promise<void> {
    await this.#hotwave.stop();
    const connection = await Connection.connect({ address: this.lab.temporal.address });
    try {
      await run(new Client({ connection }));
    } finally {
      await connection.close();
      this.#hotwave = await startHotwave(this.lab, undefined, this.#policy);
    }
  }

  /** Starts a lab whose containers change within 0.2 s, unless something else is wished; `policy` is its worker's. */
  static async start(wishes: Omit<Partial<LabOptions>, 'kind'> = {}, policy?: PolicySource): Promise<FleetWorld> {
    const lab = await startLab({ swap: { fromMs: 50, toMs: 200 }, ...wishes, kind: 'fleet' });
    return new FleetWorld(lab, await startHotwave(lab, undefined, policy), policy);
  }

  async stop(): Promise<void> {
    await this.#hotwave.stop();
    await this.lab.stop();
  }

  /** A release file for the fleet, where commands run beside the simulated engines; `more` is added to its spec. */
  release(set: string, tag: string, more = ''): ReleaseFile {
    const engine = (verb: string): string => `[fleet-engine, ${verb}, "{{namespace}}/{{server}}"]`;
    const port = this.lab.enginePort!;
    return releaseFrom(`
apiVersion: hotwave.dev/v1
kind: Release
metadata: { name: ${set}-${tag.replaceAll('.', '-')} }
spec:
  images: { sidecar: "${fleetImage(tag)}" }
  ${/^ *target:/m.test(more) ? '' : `target: { gameServerSet: ${set} }`}
  ${/^ *maxUnavailable:/m.test(more) ? '' : 'maxUnavailable: 100%'}
  ${/^ *ready:/m.test(more) ? '' : `ready: { timeout: ${readyTimeoutOf(tag)} }`}
  content: { exec: { container: app-2048, command: ${engine('files')}, within: 2s } }
  reload: { exec: { container: app-2048, command: ${engine('reload')} } }
  proof: { http: { port: ${port}, path: /version, within: 2s } }
  health: [ { http: { port: ${port}, path: /healthz, within: 2s } } ]
${more}`);
  }

  aSet(name: string, options: Partial<SetOptions> = {}): Promise<readonly Pod[]> {
    return createSet(this.lab.api, { replicas: 3, ...options, name, nodeName: this.lab.nodeName });
  }

  /** The version that a server's simulated engine has loaded, asked by the test itself. */
  async loaded(pod: Pod): Promise<string> {
    const answer = await fetch(`http://${pod.status!.podIP!}:${this.lab.enginePort!}/version`);
    return answer.text();
  }

  /** The tag that each server's sidecar runs and its engine has loaded, by ordinal; both must be the same. */
  async versions(set: string): Promise<string[]> {
    const pods = await podsOf(this.lab.api, set);
    const running = pods.map((pod) => containerStatus(pod, 'sidecar')!.image.replace(fleetImage(''), ''));
    expect(await Promise.all(pods.map((pod) => this.loaded(pod)))).toEqual(running);
    return running;
  }

  record(set: string): Promise<PodRecorder> {
    return recordPods(this.lab.api, 'default', `game.kruise.io/owner-gss=${set}`);
  }
}

/** The pods that were asked to change an image, in the order in which they were. */
export function moves(changes: readonly ImageChange[]): string[] {
  return changes.filter(({ where }) => where === 'spec').map(({ pod }) => pod);
}
