import { describe, expect, test } from 'vitest';
import type { Access } from '../../activities/ports/access.ts';
import { versionOf } from '../../cluster/versions.ts';
import type { ApiAnswer, ApiClient } from '../../cluster/request.ts';

/** A client whose API server answers each path with one thing, and notes what was asked. */
function clientOf(answers: Readonly<Record<string, unknown>>): {
  readonly client: ApiClient;
  readonly asked: string[];
} {
  const asked: string[] = [];
  const request = (method: string, path: string): Promise<ApiAnswer> => {
    asked.push(`${method} ${path}`);
    const body = answers[path];
    const refusal = { code: 404, reason: 'NotFound', message: 'not found', causes: [] };
    return Promise.resolve(body === undefined ? { kind: 'refused', refusal } : { kind: 'object', body });
  };
  return { client: { request } as unknown as ApiClient, asked };
}

const DEPLOYMENT = '/apis/apps/v1/namespaces/kruise-system/deployments/kruise-controller-manager';
const deploymentWith = (image: string): object => ({
  spec: {
    template: {
      spec: {
        containers: [
          { name: 'manager', image },
          { name: 'kube-rbac-proxy', image: 'x:v9.9.9' },
        ],
      },
    },
  },
});
const HEX = 'a'.repeat(64);
const yes = (): Promise<boolean> => Promise.resolve(true);
const no = (): Promise<boolean> => Promise.resolve(false);

describe('the version of Kubernetes', () => {
  test.each(['v1.30.14', 'v1.33.4-gke.1172000', 'v1.31.2+k3s1', 'v1.37.2'])(
    'is what the API server says: %s',
    async (gitVersion) => {
      const { client, asked } = clientOf({ '/version': { major: '1', minor: '30+', gitVersion } });
      expect(await versionOf(client, 'kubernetes', no, undefined)).toEqual({ version: gitVersion });
      expect(asked).toEqual(['GET /version']);
    },
  );

  test('is not known where the API server does not tell it', async () => {
    const { client } = clientOf({});
    expect(await versionOf(client, 'kubernetes', no, undefined)).toEqual({
      unknown: 'the API server does not tell it: not found',
    });
  });

  test('cannot repaint a screen', async () => {
    const { client } = clientOf({ '/version': { gitVersion: `v1.30.14\u001b[2J${'x'.repeat(100)}` } });
    expect(await versionOf(client, 'kubernetes', no, undefined)).toEqual({ version: `v1.30.14${'x'.repeat(52)}` });
  });
});

describe('the version of a controller', () => {
  test.each([
    ['openkruise/kruise-manager:v1.8.3', 'v1.8.3'],
    ['registry.example:5000/mirror/kruise-manager:v1.8.0', 'v1.8.0'],
    [`registry.example/kruise:1.9.0@sha256:${HEX}`, '1.9.0'],
  ])('is the tag of its image: %s', async (image, version) => {
    const { client } = clientOf({ [DEPLOYMENT]: deploymentWith(image) });
    expect(await versionOf(client, 'kruise', yes, undefined)).toEqual({ version });
  });

  test.each(['registry.example:5000/kruise-manager', `openkruise/kruise-manager@sha256:${HEX}`])(
    'is not known when its image has no tag: %s',
    async (image) => {
      const { client } = clientOf({ [DEPLOYMENT]: deploymentWith(image) });
      expect(await versionOf(client, 'kruise', yes, undefined)).toEqual({
        unknown:
          'the image of deployment kruise-controller-manager in namespace kruise-system has no tag that names the version of OpenKruise',
      });
    },
  );

  test('is not asked for where that would be denied, and the missing right is named', async () => {
    const { client, asked } = clientOf({});
    const wanted: Access[] = [];
    const found = await versionOf(client, 'kruise-game', (access) => (wanted.push(access), no()), undefined);
    expect(found).toEqual({
      unknown:
        'the worker may not get deployment kruise-game-controller-manager in namespace kruise-game-system, whose image tells it (docs/versions.md)',
    });
    expect(asked).toEqual([]);
    expect(wanted).toEqual([
      {
        verb: 'get',
        group: 'apps',
        resource: 'deployments',
        name: 'kruise-game-controller-manager',
        namespace: 'kruise-game-system',
      },
    ]);
  });

  test('is not known where it is installed under another name', async () => {
    const { client } = clientOf({});
    expect(await versionOf(client, 'kruise', yes, undefined)).toEqual({
      unknown: 'there is no deployment kruise-controller-manager in namespace kruise-system',
    });
  });
});
