import type { AuditRow } from '../../release/audit/audit.ts';
import { podsOf, serverPath } from '../lab/game-server-sets.ts';
import { containerStatus } from '../lab/kubernetes-objects.ts';
import type { GameServer, Pod } from '../lab/kubernetes-objects.ts';
import type { Lab } from '../lab/lab.ts';

/** The facts of an audit row, without what hotwave thinks of them. */
export type ReadServer = Omit<AuditRow, 'wanted' | 'proves' | 'mismatch' | 'reason' | 'mainRestarts'>;

/**
 * The findings of an independent reader on every server of a fleet set: it asks the API server and the simulated
 * engines itself, without hotwave.
 */
export async function readServers(lab: Pick<Lab, 'api' | 'enginePort'>, set: string): Promise<readonly ReadServer[]> {
  const pods = await podsOf(lab.api, set);
  return Promise.all(pods.map((pod) => readServer(lab, pod)));
}

async function readServer({ api, enginePort }: Pick<Lab, 'api' | 'enginePort'>, pod: Pod): Promise<ReadServer> {
  const { name, uid, creationTimestamp } = pod.metadata;
  const gameServer = await api.get<GameServer>(serverPath(name));
  const ask = async (path: string): Promise<string> =>
    (await fetch(`http://${pod.status!.podIP!}:${enginePort!}${path}`)).text();
  const status = containerStatus(pod, 'sidecar')!;
  return {
    server: name,
    loaded: await ask('/version'),
    files: await ask('/files'),
    image: pod.spec.containers.find((container) => container.name === 'sidecar')!.image,
    runningImage: status.image,
    imageId: status.imageID,
    override: gameServer.spec.containers?.find((container) => container.name === 'sidecar')?.image ?? '',
    uid,
    createdAt: Date.parse(creationTimestamp),
    restarts: status.restartCount,
  };
}

/** The facts of a row. */
export function asRead(row: AuditRow & { readonly createdAtTime?: string }): ReadServer {
  const { wanted: _w, proves: _p, mismatch: _d, reason: _r, mainRestarts: _m, createdAtTime: _c, ...read } = row;
  return read;
}
