import { mainContainer, sidecarContainer } from './game-server-sets.ts';
import type { SetOptions } from './game-server-sets.ts';
import { engineImage, sidecarImage } from './images/provide-images.ts';

/** Where the engine finds the hot files; the sidecar has the same folder under another name. */
const hotFilesFolder = '/var/www/html/js';

/**
 * A GameServerSet on real containers, in the shape of OpenKruiseGame's own 2048 example, for `createSet` and
 * `gameServerSet`: the engine serves the hot files that the sidecar syncs into a folder that both share. The engine is
 * ready when it says it is healthy, the sidecar when its sync is complete.
 * @param options images are those of the truth lab, engine and sidecar `v1.0`, when left out
 */
export function game2048(options: SetOptions): SetOptions {
  const { mainImage = engineImage(), sidecarImage: hotFilesImage = sidecarImage('v1.0') } = options;
  const engine = {
    name: mainContainer,
    image: mainImage,
    imagePullPolicy: 'IfNotPresent',
    ports: [{ containerPort: 80 }],
    readinessProbe: { httpGet: { path: '/healthz', port: 80 }, periodSeconds: 1, failureThreshold: 1 },
    volumeMounts: [{ name: 'shared-dir', mountPath: hotFilesFolder }],
  };
  const sidecar = {
    name: sidecarContainer,
    image: hotFilesImage,
    imagePullPolicy: 'IfNotPresent',
    readinessProbe: { exec: { command: ['test', '-e', '/tmp/synced'] }, periodSeconds: 1 },
    volumeMounts: [{ name: 'shared-dir', mountPath: '/app/scripts' }],
  };
  return {
    ...options,
    podSpec: {
      terminationGracePeriodSeconds: 5,
      containers: [engine, sidecar],
      volumes: [{ name: 'shared-dir', emptyDir: {} }],
      ...options.podSpec,
    },
  };
}
