import { Agent, request } from 'undici';
import type { Api } from '../lab/api.ts';
import { fleetImage } from '../lab/game-server-sets.ts';
import type { SetOptions } from '../lab/game-server-sets.ts';
import { game2048 } from '../lab/game-2048.ts';
import { sidecarImage } from '../lab/images/provide-images.ts';
import type { Pod } from '../lab/kubernetes-objects.ts';
import type { Lab } from '../lab/lab.ts';

/** The answer of one engine now. */
export interface EngineReading {
  /** The version of the hot files in the folder that the sidecar fills. */
  readonly files: string;
  /** The version that the engine has loaded: what players get. */
  readonly loaded: string;
}

/** The game of the demo on one kind of lab: how it is set up, updated, and asked without hotwave. */
export interface Game {
  /** The name of the engine in sentences. */
  readonly engine: string;
  /** How to ask it by hand, for a person. */
  readonly askedBy: string;
  /** A version that cannot be loaded. */
  readonly badVersion: string;
  /** Why not, in words that complete "v2.1 ...". */
  readonly badBecause: string;
  /** How often the engine counts a reload that it refused. */
  readonly refusedReloads: 0 | 1;
  image(version: string): string;
  /** The part of `spec` in a release file that says how to check, reload and prove. */
  readonly runbook: string;
}

/** The game on a lab: real objects, and engines that answer over HTTP. */
export interface LabGame extends Game {
  /** Everything of the GameServerSet but its name and size. */
  readonly set: Omit<SetOptions, 'name' | 'replicas'>;
  /**
   * Asks one engine over HTTP.
   * @throws Error when it does not answer
   */
  read(pod: Pod): Promise<EngineReading>;
  /** How often the engine has been told to load its files again since it started, by its own account. */
  reloads(api: Api, pod: Pod): Promise<number>;
}

/** The game on a lab. */
export function gameOn(lab: Lab): LabGame {
  return lab.kind === 'truth' ? realGame(lab) : simulatedGame(lab);
}

/** nginx serves the hot files; what it has loaded it answers from its configuration, which it reads on a reload. */
function realGame(lab: Lab): LabGame {
  return {
    engine: 'nginx',
    askedBy: 'curl http://POD-IP/version',
    set: game2048({ name: '', nodeName: lab.nodeName }),
    badVersion: 'v2.1-badconfig',
    badBecause: 'has a mistake in its configuration: nginx refuses to load it',
    refusedReloads: 0,
    image: sidecarImage,
    runbook: `  content: { file: { container: app-2048, path: /var/www/html/js/VERSION } }
  reload: { exec: { container: app-2048, command: [/usr/sbin/nginx, -s, reload] } }
  proof: { http: { port: 80, path: /version, within: 5s } }
  health: [{ http: { port: 80, path: /healthz } }]`,
    read: async (pod) => ({
      files: await answer(pod, 80, '/js/VERSION'),
      loaded: await answer(pod, 80, '/version'),
    }),
    async reloads(api, { metadata: { namespace = 'default', name } }) {
      const log = await api.text(`/api/v1/namespaces/${namespace}/pods/${name}/log?container=app-2048`);
      return log.split('\n').filter((line) => /signal 1 \(SIGHUP\) received/.test(line)).length;
    },
  };
}

/** One process plays every engine of the fleet; commands "in" a pod reach it through `fleet-engine`. */
function simulatedGame(lab: Lab): LabGame {
  const port = lab.enginePort!;
  const command = (verb: string): string => `[fleet-engine, ${verb}, '{{namespace}}/{{server}}']`;
  return {
    engine: 'its engine',
    askedBy: `curl http://POD-IP:${port}/version`,
    set: { nodeName: lab.nodeName },
    badVersion: 'v2.1-reloadfails',
    badBecause: 'cannot be loaded: the reload command fails',
    refusedReloads: 1,
    image: fleetImage,
    runbook: `  content: { exec: { container: app-2048, command: ${command('files')} } }
  reload: { exec: { container: app-2048, command: ${command('reload')} } }
  proof: { http: { port: ${port}, path: /version, within: 5s } }
  health: [{ http: { port: ${port}, path: /healthz } }]`,
    read: async (pod) => ({ files: await answer(pod, port, '/files'), loaded: await answer(pod, port, '/version') }),
    reloads: async (_api, pod) =>
      (JSON.parse(await answer(pod, port, '/stats')) as { reloads: readonly number[] }).reloads.length,
  };
}

const agent = new Agent({ connect: { timeout: 2_000 }, headersTimeout: 2_000, bodyTimeout: 2_000 });

/**
 * A GET, on a connection of its own: a reload closes those that are idle. As every HTTP client does, it asks once more
 * when a connection was closed before the request had arrived.
 */
async function answer(pod: Pod, port: number, path: string): Promise<string> {
  const address = pod.status?.podIP;
  if (address === undefined) throw new Error(`${pod.metadata.name} has no address`);
  const ask = async (): Promise<string> => {
    const { statusCode, body } = await request(`http://${address}:${port}${path}`, { dispatcher: agent, reset: true });
    const text = (await body.text()).trim();
    if (statusCode !== 200) throw new Error(`${path} of ${pod.metadata.name}: status ${statusCode}`);
    return text;
  };
  return ask().catch(ask);
}
