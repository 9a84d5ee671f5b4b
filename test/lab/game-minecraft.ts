import type { SetOptions } from './game-server-sets.ts';
import { minecraftImage } from './images/provide-images.ts';

/** The one container of a Minecraft server. */
export const minecraftContainer = 'minecraft';

/**
 * A GameServerSet on real containers whose servers have no hot files: the engine's own image is what changes, for
 * `createSet` and `gameServerSet`. It answers `/version` with the version of its image.
 * @param options `mainImage` is that of 1.12.2 when left out
 */
export function gameMinecraft(options: SetOptions): SetOptions {
  const engine = {
    name: minecraftContainer,
    image: options.mainImage ?? minecraftImage('1.12.2'),
    // OpenKruise 1.8.0 defaults it to Always, whatever the tag, and there is no registry here.
    imagePullPolicy: 'IfNotPresent',
    ports: [{ containerPort: 80 }],
    readinessProbe: { httpGet: { path: '/healthz', port: 80 }, periodSeconds: 1, failureThreshold: 1 },
  };
  return { ...options, podSpec: { terminationGracePeriodSeconds: 5, containers: [engine], ...options.podSpec } };
}
