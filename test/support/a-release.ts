import type { ReleaseFile } from '../../release/spec/spec.ts';
import { releaseFileSchema } from '../../release/spec/spec.ts';
import { MAIN, NEW_IMAGE, SET, SIDECAR } from './builders.ts';

/** The fields of a release file that a test may say beside the usual. */
export type SpecWishes = Readonly<Record<string, unknown>> & { readonly name?: string; readonly image?: string };

/** A release of the builders' set to the new image, in waves of 1, 3 and the rest, with everything that can be checked. */
export function aRelease(wishes: SpecWishes = {}): ReleaseFile {
  return releaseFileSchema.parse(releaseDocument(wishes));
}

/** The same as a person writes it, as the text of a file. */
export function releaseText(wishes: SpecWishes = {}): string {
  return JSON.stringify(releaseDocument(wishes));
}

function releaseDocument({ name = 'scripts-2-0', image = NEW_IMAGE, ...wishes }: SpecWishes): object {
  const engine = (verb: string): object => ({ container: MAIN, command: ['engine', verb] });
  return {
    apiVersion: 'hotwave.dev/v1',
    kind: 'Release',
    metadata: { name },
    spec: {
      target: { namespace: SET.namespace, gameServerSet: SET.name },
      images: { [SIDECAR]: image },
      waves: [1, 3, 'rest'],
      maxUnavailable: '100%',
      ready: { timeout: '10s' },
      content: { exec: { ...engine('files'), within: '1s' } },
      reload: { exec: engine('reload') },
      proof: { http: { port: 8080, path: '/version', within: '1s' } },
      health: [{ http: { port: 8080, path: '/healthz', within: '1s' } }],
      ...wishes,
    },
  };
}

/** The file of a targeted release of the chosen servers 1 and 3 says beside the usual. */
export const TARGETED: SpecWishes = {
  strategy: 'targeted',
  target: { namespace: SET.namespace, gameServerSet: SET.name, servers: { servers: [1, 3] }, allowCascade: true },
  waves: [1, 'rest'],
};

/** A release of the chosen servers 1 and 3 of the builders' set, in waves of 1 and the rest. */
export function aTargetedRelease(wishes: SpecWishes = {}): ReleaseFile {
  return aRelease({ ...TARGETED, ...wishes });
}
