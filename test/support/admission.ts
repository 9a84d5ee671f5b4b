import { readFileSync } from 'node:fs';
import { createServer } from 'node:https';
import type { IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import type { Api } from '../lab/api.ts';
import { HOTWAVE_ACCOUNT } from '../lab/audit-log.ts';
import { ownerLabel, podsOf, setPath } from '../lab/game-server-sets.ts';
import type { GameServerSet } from '../lab/game-server-sets.ts';
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

/** An admission webhook that runs in this process: what meshes, log agents, mirrors and image policies install. */
export interface AdmissionWebhook {
  stop(): Promise<void>;
}

/** The question to an admission webhook. */
interface Question<Asked> {
  readonly uid: string;
  readonly operation: string;
  readonly dryRun?: boolean;
  readonly userInfo: { readonly username: string };
  readonly object: Asked;
}

interface Webhook<Asked> {
  readonly name: string;
  readonly rule: object;
  /** A further narrowing of the question. */
  readonly narrowed: object;
  readonly answer: (question: Question<Asked>) => Promise<readonly PodChange[]>;
  /** Makes the API server ask; it changes nothing. */
  readonly poke: () => Promise<unknown>;
}

/** How long the API server waits for a webhook: as long as it can be told to. */
const PATIENCE_S = 30;

/** Changes the pods of one set as they are made and written. */
export function startPodWebhook(
  lab: Lab,
  set: string,
  change: (pod: Pod, operation: string) => readonly PodChange[],
): Promise<AdmissionWebhook> {
  const nobody = { metadata: { name: 'nobody', labels: { [ownerLabel]: set } }, spec: { containers: [] } };
  return startWebhook<Pod>(lab, {
    name: `${set}-pods`,
    rule: { apiGroups: [''], apiVersions: ['v1'], resources: ['pods'], operations: ['CREATE', 'UPDATE'] },
    narrowed: { objectSelector: { matchLabels: { [ownerLabel]: set } } },
    answer: ({ object, operation }) => Promise.resolve(change(object, operation)),
    poke: () => lab.api.create('/api/v1/namespaces/default/pods?dryRun=All', nobody),
  });
}

/** Sees each write of hotwave to a set before it counts, and holds it for as long as `see` takes; nothing is changed. */
export function startSetWebhook(
  lab: Lab,
  set: string,
  see: (written: GameServerSet) => Promise<unknown>,
): Promise<AdmissionWebhook> {
  return startWebhook<GameServerSet>(lab, {
    name: `${set}-set`,
    rule: {
      apiGroups: ['game.kruise.io'],
      apiVersions: ['v1alpha1'],
      resources: ['gameserversets'],
      operations: ['UPDATE'],
    },
    narrowed: { matchConditions: [{ name: 'this-set', expression: `object.metadata.name == '${set}'` }] },
    async answer({ object, dryRun, userInfo: { username } }) {
      if (dryRun !== true && username === HOTWAVE_ACCOUNT) await see(object);
      return [];
    },
    poke: () => lab.api.patch(`${setPath(set)}?dryRun=All`, { metadata: { labels: { poked: 'yes' } } }),
  });
}

/** Resolves when the API server asks it. */
async function startWebhook<Asked>(lab: Lab, webhook: Webhook<Asked>): Promise<AdmissionWebhook> {
  const { name, rule, narrowed, answer, poke } = webhook;
  // The lab's serving certificate, as its OpenKruiseGame has it.
  const [cert, key] = ['tls.crt', 'tls.key'].map((file) => readFileSync(join(lab.directory, 'kruise-game', file)));
  let isAsked = false;
  const server = createServer({ cert, key }, (request, response) => {
    void read<Asked>(request).then(async (question) => {
      isAsked = true;
      const patch = Buffer.from(JSON.stringify(await answer(question))).toString('base64');
      const given = { uid: question.uid, allowed: true, patchType: 'JSONPatch', patch };
      response.end(JSON.stringify({ apiVersion: 'admission.k8s.io/v1', kind: 'AdmissionReview', response: given }));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const path = `${admission}/mutatingwebhookconfigurations`;
  const { port } = server.address() as AddressInfo;
  await lab.api.create(path, {
    metadata: { name },
    webhooks: [
      {
        name: `${name}.webhooks.test`,
        admissionReviewVersions: ['v1'],
        clientConfig: { url: `https://127.0.0.1:${port}/`, caBundle: cert!.toString('base64') },
        failurePolicy: 'Fail',
        sideEffects: 'None',
        timeoutSeconds: PATIENCE_S,
        rules: [rule],
        ...narrowed,
      },
    ],
  });
  await until({ what: `${name} to be asked`, deadlineMs: 30_000, everyMs: 100 }, async () => {
    await poke().catch(() => undefined);
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

async function read<Asked>(request: IncomingMessage): Promise<Question<Asked>> {
  const pieces: Buffer[] = [];
  for await (const piece of request as AsyncIterable<Buffer>) pieces.push(piece);
  return (JSON.parse(Buffer.concat(pieces).toString()) as { readonly request: Question<Asked> }).request;
}
