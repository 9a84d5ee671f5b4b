import { z } from 'zod';
import type { Access } from '../activities/ports/access.ts';
import { PRODUCT_NAMES } from '../release/plan/tried-versions.ts';
import type { FoundVersion, Product } from '../release/plan/tried-versions.ts';
import { imageTag } from '../release/spec/image-reference.ts';
import { plainText } from '../release/spec/plain-text.ts';
import { readAs } from './lists.ts';
import type { ApiClient } from './request.ts';

/** Longer than any version that means something. */
const MOST_CHARACTERS = 60;

/** Where the manifests and charts of OpenKruise 1.8 and OpenKruiseGame 1.0 put their controllers. */
const CONTROLLERS = {
  kruise: { namespace: 'kruise-system', name: 'kruise-controller-manager' },
  'kruise-game': { namespace: 'kruise-game-system', name: 'kruise-game-controller-manager' },
} as const satisfies Record<Exclude<Product, 'kubernetes'>, { namespace: string; name: string }>;

const versionSchema = z.object({ gitVersion: z.string() });
const deploymentSchema = z.object({
  spec: z.object({
    template: z.object({ spec: z.object({ containers: z.tuple([z.object({ image: z.string() })], z.unknown()) }) }),
  }),
});

/** Says whether the worker may do one thing. */
type IsAllowed = (access: Access) => Promise<boolean>;

/**
 * The version of a product: the API server tells its own to everybody (`GET /version`). The two controllers tell theirs
 * nowhere, their resource definitions are equal in several versions; only the image of their Deployment has it, and
 * deploy/rbac.yaml does not let hotwave read that. It is asked first whether that may be read, so that no request is
 * denied.
 */
export async function versionOf(
  client: ApiClient,
  product: Product,
  isAllowed: IsAllowed,
  signal: AbortSignal | undefined,
): Promise<FoundVersion> {
  if (product === 'kubernetes') return kubernetesVersion(client, signal);
  const { namespace, name } = CONTROLLERS[product];
  const place = `deployment ${name} in namespace ${namespace}`;
  if (!(await isAllowed({ verb: 'get', group: 'apps', resource: 'deployments', name, namespace }))) {
    return { unknown: `the worker may not get ${place}, whose image tells it (docs/versions.md)` };
  }
  const answer = await client.request('GET', `/apis/apps/v1/namespaces/${namespace}/deployments/${name}`, { signal });
  if (answer.kind === 'refused') {
    return answer.refusal.code === 404 ? { unknown: `there is no ${place}` } : client.refuse(answer.refusal);
  }
  const { spec } = readAs('Deployment', (object) => deploymentSchema.parse(object), answer.body);
  const version = imageTag(spec.template.spec.containers[0].image);
  if (version !== '') return { version: plainText(version, MOST_CHARACTERS) };
  return { unknown: `the image of ${place} has no tag that names the version of ${PRODUCT_NAMES[product]}` };
}

async function kubernetesVersion(client: ApiClient, signal: AbortSignal | undefined): Promise<FoundVersion> {
  const answer = await client.request('GET', '/version', { signal });
  // Somebody may have taken this from everybody; nothing else depends on it.
  if (answer.kind === 'refused') {
    return { unknown: `the API server does not tell it: ${plainText(answer.refusal.message, 200)}` };
  }
  const { gitVersion } = readAs('version', (object) => versionSchema.parse(object), answer.body);
  return { version: plainText(gitVersion, MOST_CHARACTERS) };
}
