import { readFileSync } from 'node:fs';
import { createServer } from 'node:https';
import type { IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import type { Api } from '../lab/api.ts';
import { ownerLabel, podsOf } from '../lab/game-server-sets.ts';
import type { Pod } from '../lab/kubernetes-objects.ts';
import type { Lab } from '../lab/lab.ts';
import { until } from '../lab/until.ts';

const admission = '/apis/admissionregistration.k8s.io/v1';

/** Which image nobody may write into a pod of a set, and what is said against it. */
export interface DeniedImage {
  readonly set: string;
  readonly image: string;
  readonly message: string;
}

/** A ValidatingAdmissionPolicy against an image in the pods of a set; resolves when it is in force. */
export async function denyPodImage(api: Api, { set, image, message }: DeniedImage): Promise<void> {
  const name = `policy-of-${set}`;
  const rule = { apiGroups: [''], apiVersions: ['v1'], operations: ['UPDATE'], resources: ['pods'] };
  await api.create(`${admission}/validatingadmissionpolicies`, {
    metadata: { name },
    spec: {
      failurePolicy: 'Fail',
      matchConstraints: { resourceRules: [rule], objectSelector: { matchLabels: { [ownerLabel]: set } } },
      validations: [{ expression: `object.spec.containers.all(c, c.image != '${image}')`, message }],
    },
  });
  await api.create(`${admission}/validatingadmissionpolicybindings`, {
    metadata: { name },
    spec: { policyName: name, validationActions: ['Deny'] },
  });
  const [pod] = await podsOf(api, set);
  const containers = pod!.spec.containers.map((container) => ({ name: container.name, image }));
  await until({ what: `${name} to be in force`, deadlineMs: 30_000, everyMs: 100 }, async () => {
    const path = `/api/v1/namespaces/default/pods/${pod!.metadata.name}?dryRun=All`;
    return await api.patch(path, { spec: { containers } }, 'strategic').then(
      () => false,
      (error: unknown) => String(error).includes(message),
    );
  });
}

/** Lifts what {@link denyPodImage} has brought. */
export async function allowPodImages(api: Api, set: string): Promise<void> {
  await api.delete(`${admission}/validatingadmissionpolicybindings/policy-of-${set}`);
  await api.delete(`${admission}/validatingadmissionpolicies/policy-of-${set}`);
}

/** One change of a JSON patch. */
export interface PodChange {
  readonly op: 'add' | 'replace';
  readonly path: string;
  readonly value: unknown;
}

/** A mutating webhook for pods: what meshes, log agents, mirrors and image policies install. */
export interface PodWebhook {
  stop(): Promise<void>;
}

interface Review {
  readonly request: { readonly uid: string; readonly operation: string; readonly object: Pod };
}

/** Changes the pods of one set as they are made and written, by a webhook that runs in this process. */
export async function startPodWebhook(
  lab: Lab,
  set: string,
  change: (pod: Pod, operation: string) => readonly PodChange[],
): Promise<PodWebhook> {
  // The lab's serving certificate, as its OpenKruiseGame has it.
  const [cert, key] = ['tls.crt', 'tls.key'].map((file) => readFileSync(join(lab.directory, 'kruise-game', file)));
  let isAsked = false;
  const server = createServer({ cert, key }, (request, response) => {
    void read(request).then((review) => {
      isAsked = true;
      const { uid, operation, object } = review.request;
      const patch = Buffer.from(JSON.stringify(change(object, operation))).toString('base64');
      const answer = { uid, allowed: true, patchType: 'JSONPatch', patch };
      response.end(JSON.stringify({ apiVersion: 'admission.k8s.io/v1', kind: 'AdmissionReview', response: answer }));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const path = `${admission}/mutatingwebhookconfigurations`;
  const name = `webhook-of-${set}`;
  const { port } = server.address() as AddressInfo;
  await lab.api.create(path, {
    metadata: { name },
    webhooks: [
      {
        name: `${set}.pods.test`,
        admissionReviewVersions: ['v1'],
        clientConfig: { url: `https://127.0.0.1:${port}/`, caBundle: cert!.toString('base64') },
        failurePolicy: 'Fail',
        sideEffects: 'None',
        objectSelector: { matchLabels: { [ownerLabel]: set } },
        rules: [{ apiGroups: [''], apiVersions: ['v1'], resources: ['pods'], operations: ['CREATE', 'UPDATE'] }],
      },
    ],
  });
  const nobody = { metadata: { name: 'nobody', labels: { [ownerLabel]: set } }, spec: { containers: [] } };
  await until({ what: `${name} to be asked`, deadlineMs: 30_000, everyMs: 100 }, async () => {
    await lab.api.create('/api/v1/namespaces/default/pods?dryRun=All', nobody).catch(() => undefined);
    return isAsked;
  });
  return {
    async stop() {
      await lab.api.delete(`${path}/${name}`);
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

async function read(request: IncomingMessage): Promise<Review> {
  const pieces: Buffer[] = [];
  for await (const piece of request as AsyncIterable<Buffer>) pieces.push(piece);
  return JSON.parse(Buffer.concat(pieces).toString()) as Review;
}
