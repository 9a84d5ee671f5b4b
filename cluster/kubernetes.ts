import pLimit from 'p-limit';
import { z } from 'zod';
import { OWNER_LABEL, PRIORITY_LABEL } from '../release/fleet/fleet.ts';
import type { GameServerSetView, ServerView, SetRef } from '../release/fleet/fleet.ts';
import { complaintsInEvents, complaintsOfWorkload } from './complaints.ts';
import { Connection } from './connection.ts';
import { execInContainer } from './exec.ts';
import { follow } from './follow.ts';
import { isUnknownResource, sendGuardedPatch } from './guarded-patch.ts';
import { httpProbe } from './http.ts';
import type { KubeconfigChoice } from './kubeconfig.ts';
import { listAll, readAs } from './lists.ts';
import { findInLog } from './log.ts';
import { byOrdinal, objectMetaSchema } from './object-meta.ts';
import {
  ACCESS_REVIEW_PATH,
  checkedName,
  gameServerSetsPath,
  gameServersPath,
  objectPath,
  podsPath,
  workloadPath,
} from './paths.ts';
import { serverView } from './pod-schema.ts';
import { apiClient } from './request.ts';
import type { ApiClient, RequestCounter } from './request.ts';
import { tcpConnect } from './tcp.ts';
import { sendSetEvent } from './set-events.ts';
import { versionOf } from './versions.ts';
import { accountOf, hasNamespace, policiesOf } from './worker-account.ts';
import { gameServerRecord, gameServerSetView, workloadView } from './schemas.ts';
import { ClusterFailure } from '../activities/ports/failure.ts';
import type { Access } from '../activities/ports/access.ts';
import type { Cluster } from '../activities/ports/cluster.ts';
import type { GameServerRecord } from '../activities/ports/game-servers.ts';
import type { ServerScope } from '../activities/ports/servers.ts';

/** How to reach a cluster, and with which limits. */
export interface KubernetesOptions extends KubeconfigChoice {
  /** hotwave's version, for the User-Agent. */
  readonly version?: string;
  /** Commands that run at the same time; a kubelet takes about five at once. Default 20. */
  readonly parallelExecs?: number;
  /** Counts requests; give your own to share it. */
  readonly requests?: RequestCounter;
  /** How long a credential plugin may take, in milliseconds; default 30 s. */
  readonly pluginLimitMs?: number;
}

/** A cluster behind a real API server. */
export interface KubernetesCluster extends Cluster {
  /** How many requests were sent, by what they were. */
  readonly requests: RequestCounter;
  /** Closes the connections. */
  close(): Promise<void>;
}

/** Proxies refuse addresses of 8 KiB and more (414); names may have 63 characters. */
const MOST_SELECTOR_CHARACTERS = 6_000;
/** Up to this many GameServers are read one by one; more are cheaper as a list. */
const FEW_GAME_SERVERS = 10;
const PARALLEL_REQUESTS = 16;

function ownedBy(ref: SetRef): string {
  return `${OWNER_LABEL}=${checkedName(ref.name)}`;
}

/** Kruise v1.8.0 gives every pod of a StatefulSet the label with its name. */
function selectorOf(ref: SetRef, names: readonly string[]): string {
  return `${ownedBy(ref)},statefulset.kubernetes.io/pod-name in (${names.map(checkedName).join(',')})`;
}

/** Selectors of the servers, each short enough for any proxy; one of the whole set without names. */
function serverSelectors(ref: SetRef, names: readonly string[] | undefined): string[] {
  if (!names) return [ownedBy(ref)];
  const pieces: string[][] = [];
  let length = Number.POSITIVE_INFINITY;
  for (const name of names) {
    // A comma is three characters in an address.
    const added = name.length + 3;
    if (length + added > MOST_SELECTOR_CHARACTERS) {
      pieces.push([]);
      length = encodeURIComponent(selectorOf(ref, [])).length;
    }
    pieces.at(-1)?.push(name);
    length += added;
  }
  return pieces.map((piece) => selectorOf(ref, piece));
}

function notInstalled(path: string, server: string): ClusterFailure {
  const group = path.split('/').slice(2, 4).join('/');
  const product = path.includes('apps.kruise.io') ? 'OpenKruise' : 'OpenKruiseGame';
  return new ClusterFailure('invalid', `${server} does not know ${group}; install ${product} first`, {
    retryable: false,
  });
}

/** The object at a path, or undefined when it does not exist. */
async function readObject(client: ApiClient, path: string, signal: AbortSignal | undefined): Promise<unknown> {
  const answer = await client.request('GET', path, { signal });
  if (answer.kind === 'object') return answer.body;
  if (isUnknownResource(answer.refusal)) throw notInstalled(path, client.context.server);
  return answer.refusal.code === 404 ? undefined : client.refuse(answer.refusal);
}

function projectGameServer(object: unknown): GameServerRecord {
  return readAs('GameServer', gameServerRecord, object);
}

async function listGameServers(
  client: ApiClient,
  ref: SetRef,
  names: readonly string[] | undefined,
  signal: AbortSignal | undefined,
): Promise<GameServerRecord[]> {
  if (names && names.length <= FEW_GAME_SERVERS) {
    const limit = pLimit(PARALLEL_REQUESTS);
    const read = (name: string): Promise<unknown> =>
      readObject(client, objectPath({ kind: 'GameServer', namespace: ref.namespace, name }), signal);
    const objects = await limit.map(names, read);
    return byOrdinal(objects.filter((object) => object !== undefined).map(projectGameServer));
  }
  const list = { path: gameServersPath(ref.namespace), labelSelector: ownedBy(ref), signal };
  const { items } = await listAll(client, list, projectGameServer);
  const wanted = names && new Set(names);
  return byOrdinal(wanted ? items.filter(({ name }) => wanted.has(name)) : items);
}

/** One list and one watch of one object: what follows a list follows it, too. */
async function* followSet(
  client: ApiClient,
  ref: SetRef,
  signal: AbortSignal | undefined,
): AsyncGenerator<GameServerSetView | undefined, void> {
  const list = {
    path: gameServerSetsPath(ref.namespace),
    fieldSelector: `metadata.name=${checkedName(ref.name)}`,
    signal,
  };
  const project = (object: unknown): { readonly name: string; readonly set: GameServerSetView } => {
    const set = readAs('GameServerSet', gameServerSetView, object);
    return { name: set.ref.name, set };
  };
  for await (const sets of follow(client, list, { project })) yield sets[0]?.set;
}

const namedSchema = z.object({ metadata: objectMetaSchema.pick({ name: true }) });

function nameOf(object: unknown): { readonly name: string } {
  return readAs('GameServerSet', (found) => namedSchema.parse(found).metadata, object);
}

/** Labels are compared by the API server, which sends only those that differ. */
async function serversWithOtherPriority(
  client: ApiClient,
  ref: SetRef,
  values: readonly number[],
  signal: AbortSignal | undefined,
): Promise<string[]> {
  const labelSelector = `${ownedBy(ref)},${PRIORITY_LABEL} notin (${values.join(',')})`;
  const list = { path: podsPath(ref.namespace), labelSelector, notOlderThan: '0', signal };
  const { items } = await listAll(client, list, (pod) =>
    readAs('Pod', (object) => namedSchema.parse(object).metadata, pod),
  );
  return byOrdinal(items).map(({ name }) => name);
}

const reviewSchema = z.object({ status: z.object({ allowed: z.boolean() }) });

async function isAllowed(client: ApiClient, access: Access, signal: AbortSignal | undefined): Promise<boolean> {
  const { verb, group, resource, subresource, name, namespace } = access;
  const resourceAttributes = { verb, group, resource, subresource, name, namespace };
  const body = {
    apiVersion: 'authorization.k8s.io/v1',
    kind: 'SelfSubjectAccessReview',
    spec: { resourceAttributes },
  };
  const answer = await client.request('POST', ACCESS_REVIEW_PATH, { body, signal });
  if (answer.kind === 'refused') return client.refuse(answer.refusal);
  return readAs('SelfSubjectAccessReview', (object) => reviewSchema.parse(object), answer.body).status.allowed;
}

async function missingAccess(
  client: ApiClient,
  wanted: readonly Access[],
  signal: AbortSignal | undefined,
): Promise<Access[]> {
  const limit = pLimit(PARALLEL_REQUESTS);
  const allowed = await limit.map(wanted, (access) => isAllowed(client, access, signal));
  return wanted.filter((_, index) => !allowed[index]);
}

/**
 * The cluster behind a kubeconfig.
 *
 * @throws ClusterFailure `invalid` when the kubeconfig does not lead to a cluster; nothing is sent yet.
 */
export function kubernetesCluster(options: KubernetesOptions = {}): KubernetesCluster {
  const connection = new Connection(options, { pluginLimitMs: options.pluginLimitMs });
  const client = apiClient(connection, options.version ?? 'unreleased', options.requests);
  const execs = pLimit(options.parallelExecs ?? 20);
  const http = httpProbe();
  return {
    requests: client.requests,
    async readSet(ref, signal) {
      const object = await readObject(client, objectPath({ kind: 'GameServerSet', ...ref }), signal);
      return object === undefined ? undefined : readAs('GameServerSet', gameServerSetView, object);
    },
    async listSets(namespace, signal) {
      const { items } = await listAll(client, { path: gameServerSetsPath(namespace), signal }, nameOf);
      return items.map(({ name }) => name).sort();
    },
    async readWorkload(ref, signal) {
      const object = await readObject(client, workloadPath(ref), signal);
      return object === undefined ? undefined : readAs('StatefulSet', workloadView, object);
    },
    async listServers(ref, scope: ServerScope = {}, signal) {
      if (scope.names?.length === 0) return { servers: [], resourceVersion: scope.notOlderThan ?? '' };
      const path = podsPath(ref.namespace);
      const servers: ServerView[] = [];
      let oldest = '';
      for (const labelSelector of serverSelectors(ref, scope.names)) {
        const list = { path, labelSelector, notOlderThan: scope.notOlderThan, signal };
        const { items, resourceVersion } = await listAll(client, list, (pod) => readAs('Pod', serverView, pod));
        servers.push(...items);
        oldest ||= resourceVersion;
      }
      return { servers: byOrdinal(servers), resourceVersion: oldest };
    },
    followSet: (ref, signal) => followSet(client, ref, signal),
    serversWithOtherPriority: (ref, values, signal) => serversWithOtherPriority(client, ref, values, signal),
    async readComplaints(ref, server, signal) {
      const workload = await readObject(client, workloadPath(ref), signal);
      const events = await complaintsInEvents(client, ref, server, signal);
      return [...complaintsOfWorkload(workload, ref.name), ...events];
    },
    followServers(ref, names, signal) {
      // One watch: where their names are too long for one selector, those of the whole set that are wanted.
      const [selector = ownedBy(ref), ...more] = serverSelectors(ref, names);
      const labelSelector = more.length === 0 ? selector : ownedBy(ref);
      const list = { path: podsPath(ref.namespace), labelSelector, signal };
      const wanted = new Set(names);
      return follow(client, list, {
        project: (pod) => readAs('Pod', serverView, pod),
        wants: ({ name }) => wanted.has(name),
      });
    },
    followGameServers(ref, names, signal) {
      const list = { path: gameServersPath(ref.namespace), labelSelector: ownedBy(ref), signal };
      const wanted = new Set(names);
      return follow(client, list, { project: projectGameServer, wants: ({ name }) => wanted.has(name) });
    },
    listGameServers: (ref, names, signal) => listGameServers(client, ref, names, signal),
    patch: (target, patch, patchOptions) => sendGuardedPatch(client, target, patch, patchOptions),
    async recordEvent(event, signal, permit) {
      const set = await readObject(client, objectPath({ kind: 'GameServerSet', ...event.set }), signal);
      await sendSetEvent(client, event, set, { signal, permit });
    },
    exec: (request, signal, permit) => execs(() => execInContainer(client, request, signal, permit)),
    httpGet: (request, signal) => http.get(request, signal),
    httpSend: (request, signal, permit) => http.send(request, signal, permit),
    tcpConnect: (request, signal) => tcpConnect(request, signal),
    findInLog: (request, signal) => findInLog(client, request, signal),
    missingAccess: (wanted, signal) => missingAccess(client, wanted, signal),
    versionOf: (product, signal) => versionOf(client, product, (access) => isAllowed(client, access, signal), signal),
    account: (signal) => accountOf(client, signal),
    admissionPolicies: (signal) => policiesOf(client, (access) => isAllowed(client, access, signal), signal),
    hasNamespace: (namespace, signal) =>
      hasNamespace(client, namespace, { isAllowed: (access) => isAllowed(client, access, signal), signal }),
    describe: () => `${connection.resolved.server} (context ${connection.resolved.context})`,
    async close() {
      await Promise.all([connection.close(), http.close()]);
    },
  };
}
