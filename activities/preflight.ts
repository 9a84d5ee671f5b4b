import type { GameServerSetView, SetRef } from '../release/fleet.ts';
import type { FleetSnapshot, Plan } from '../release/plan.ts';
import { isPlan, planRelease } from '../release/plan.ts';
import { FROZEN, firstWavePatch, setTarget, withReleaseRecord } from '../release/patches.ts';
import { recordOfPlan } from '../release/plan-record.ts';
import type { PreflightLine, PreflightResult } from '../release/preflight.ts';
import type { ReleaseFile, ReleaseSpec } from '../release/spec.ts';
import { updatedContainer } from '../release/spec.ts';
import { askServer } from './ask-server.ts';
import type { PlanReleaseInput } from './inputs.ts';
import type { Access, Cluster } from './ports.ts';
import { cancellation } from './runtime.ts';

/** What the checks know so far; each adds to it. */
interface Preflight {
  readonly cluster: Cluster;
  readonly file: ReleaseFile;
  readonly ref: SetRef;
  set?: GameServerSetView;
  snapshot?: FleetSnapshot;
  plan?: Plan;
}

interface Check {
  readonly title: string;
  readonly run: (preflight: Preflight) => Promise<Omit<PreflightLine, 'title'>>;
}

const ok = (detail: string): Omit<PreflightLine, 'title'> => ({ status: 'ok', detail });
const warning = (detail: string): Omit<PreflightLine, 'title'> => ({ status: 'warning', detail });
const refused = (detail: string): Omit<PreflightLine, 'title'> => ({ status: 'refused', detail });

/** Everything that is looked at before the first write, in order. The first refusal ends it: the later ones build on it. */
const CHECKS: readonly Check[] = [
  { title: 'permissions', run: checkPermissions },
  { title: 'set', run: checkSet },
  { title: 'update strategy', run: checkStrategy },
  { title: 'foreign owners', run: checkOwners },
  { title: 'servers', run: checkServersExist },
  { title: 'containers', run: checkContainers },
  { title: 'waves', run: checkWaves },
  { title: 'overrides', run: checkOverrides },
  { title: 'proof before the release', run: checkProof },
  { title: 'dry run', run: checkDryRun },
];

/** Plans a release against the live set without changing anything. */
export function planReleaseActivity(cluster: Cluster): (input: PlanReleaseInput) => Promise<PreflightResult> {
  return async ({ file }) => {
    const { namespace, gameServerSet } = file.spec.target;
    const preflight: Preflight = { cluster, file, ref: { namespace, name: gameServerSet } };
    const lines: PreflightLine[] = [];
    for (const { title, run } of CHECKS) {
      const line = { title, ...(await run(preflight)) };
      lines.push(line);
      if (line.status === 'refused') return { lines };
    }
    return preflight.plan ? { lines, plan: preflight.plan } : { lines };
  };
}

/** The permissions that a release needs in a namespace. */
export function neededAccess(namespace: string): readonly Access[] {
  const access = (group: string, resource: string, verbs: readonly string[], subresource?: string): Access[] =>
    verbs.map((verb) => ({ verb, group, resource, namespace, ...(subresource === undefined ? {} : { subresource }) }));
  return [
    ...access('game.kruise.io', 'gameserversets', ['get', 'patch']),
    ...access('game.kruise.io', 'gameservers', ['list', 'patch']),
    ...access('apps.kruise.io', 'statefulsets', ['get']),
    ...access('', 'pods', ['list']),
    ...access('', 'pods', ['get', 'create'], 'exec'),
  ];
}

/** `patch gameservers.game.kruise.io`: a permission as people grant it. */
export function describeAccess({ verb, group, resource, subresource }: Access): string {
  const name = subresource === undefined ? resource : `${resource}/${subresource}`;
  return `${verb} ${name}${group === '' ? '' : `.${group}`}`;
}

async function checkPermissions({ cluster, ref }: Preflight): Promise<Omit<PreflightLine, 'title'>> {
  const wanted = neededAccess(ref.namespace);
  const missing = await cluster.missingAccess(wanted, cancellation());
  if (missing.length === 0) return ok(`${wanted.length} permissions in namespace ${ref.namespace}`);
  return refused(
    `the worker may not ${missing.map(describeAccess).join(', ')} in namespace ${ref.namespace}: apply deploy/rbac.yaml or grant them`,
  );
}

async function checkSet(preflight: Preflight): Promise<Omit<PreflightLine, 'title'>> {
  const { cluster, ref } = preflight;
  const set = await cluster.readSet(ref, cancellation());
  if (!set)
    return refused(`there is no GameServerSet ${ref.name} in namespace ${ref.namespace} of ${cluster.describe()}`);
  if (set.deleting) return refused(`GameServerSet ${ref.name} is being deleted`);
  preflight.set = set;
  return ok(`${ref.namespace}/${ref.name}, ${set.replicas} replicas`);
}

function checkStrategy({ set }: Preflight): Promise<Omit<PreflightLine, 'title'>> {
  const rolling = set?.updateStrategy.rollingUpdate;
  const policy = rolling?.podUpdatePolicy ?? 'ReCreate';
  if (!rolling || !policy.startsWith('InPlace')) {
    return Promise.resolve(
      refused(
        `${set?.ref.name ?? ''} does not update in place (podUpdatePolicy ${policy}): set spec.updateStrategy.rollingUpdate.podUpdatePolicy to InPlaceIfPossible`,
      ),
    );
  }
  if (rolling.paused === true) {
    return Promise.resolve(
      refused(
        `${set.ref.name} is paused (spec.updateStrategy.rollingUpdate.paused): resume it, or end the release that paused it`,
      ),
    );
  }
  return Promise.resolve(ok(`${policy}, partition ${rolling.partition ?? 0}, put back at the end`));
}

function checkOwners({ set }: Preflight): Promise<Omit<PreflightLine, 'title'>> {
  const owners = Object.entries(set?.foreignOwners ?? {});
  if (owners.length === 0) return Promise.resolve(ok('nobody else applies these fields'));
  const [pointer, manager] = owners[0] ?? ['', ''];
  return Promise.resolve(
    warning(
      `${manager} applies ${pointer} (${owners.length} fields in all) and may put it back: stop its sync of this set for the time of the release`,
    ),
  );
}

async function checkServersExist(preflight: Preflight): Promise<Omit<PreflightLine, 'title'>> {
  const { cluster, ref, set } = preflight;
  if (!set) return refused('the set was not read');
  const [{ servers }, gameServers] = await Promise.all([
    cluster.listServers(ref, {}, cancellation()),
    cluster.listGameServers(ref, undefined, cancellation()),
  ]);
  if (servers.length === 0) return refused(`${ref.name} has no servers: nothing to update`);
  preflight.snapshot = { set, servers, gameServers };
  if (servers.length !== set.replicas) return warning(`${servers.length} of ${set.replicas} servers have a pod`);
  return ok(`${servers.length} servers`);
}

function checkContainers({ snapshot, file }: Preflight): Promise<Omit<PreflightLine, 'title'>> {
  const names = snapshot?.set.containers.map(({ name }) => name) ?? [];
  const unknown = containersNamed(file.spec).filter(({ container }) => !names.includes(container));
  if (unknown.length === 0) return Promise.resolve(ok(names.join(', ')));
  const [first] = unknown;
  const kind =
    snapshot?.set.initContainers.includes(first?.container ?? '') === true
      ? ' (it is an init container, and those are not updated in place)'
      : '';
  return Promise.resolve(
    refused(
      `${first?.path ?? ''} names container ${first?.container ?? ''}, which the template does not have${kind}: it has ${names.join(', ')}`,
    ),
  );
}

function containersNamed(spec: ReleaseSpec): { readonly path: string; readonly container: string }[] {
  const probes = [
    { path: 'spec.content', probe: spec.content },
    { path: 'spec.proof', probe: spec.proof },
    ...spec.health.map((probe, index) => ({ path: `spec.health[${index}]`, probe })),
  ];
  const ofProbes = probes.flatMap(({ path, probe }) => {
    const container =
      probe && 'exec' in probe && probe.exec
        ? probe.exec.container
        : probe && 'file' in probe
          ? probe.file?.container
          : undefined;
    return container === undefined ? [] : [{ path, container }];
  });
  const reload = spec.reload.exec ? [{ path: 'spec.reload.exec', container: spec.reload.exec.container }] : [];
  return [{ path: 'spec.images', container: updatedContainer(spec).container }, ...reload, ...ofProbes];
}

function checkWaves(preflight: Preflight): Promise<Omit<PreflightLine, 'title'>> {
  const { snapshot, file } = preflight;
  if (!snapshot) return Promise.resolve(refused('the servers were not read'));
  const result = planRelease(file.spec, snapshot);
  if (!isPlan(result)) return Promise.resolve(refused(result.refusals.join('; ')));
  preflight.plan = result;
  const sizes = result.waves.map(({ servers }) => servers.length).join(', ');
  const summary =
    result.waves.length === 0
      ? 'every server runs the image already'
      : `${result.waves.length} waves of ${sizes} servers`;
  return Promise.resolve(
    result.warnings.length > 0 ? warning(`${summary}; ${result.warnings.join('; ')}`) : ok(summary),
  );
}

function checkOverrides({ snapshot, plan }: Preflight): Promise<Omit<PreflightLine, 'title'>> {
  const container = plan?.baseline.container ?? '';
  const overridden =
    snapshot?.gameServers.filter(({ imageOverrides }) => imageOverrides[container] !== undefined) ?? [];
  if (overridden.length === 0) return Promise.resolve(ok('no server overrides the image'));
  const names = overridden
    .slice(0, 5)
    .map(({ name }) => name)
    .join(', ');
  return Promise.resolve(
    refused(
      `${overridden.length} GameServers override the image of ${container} (${names}) and would silently win over the template: clear spec.containers of them first`,
    ),
  );
}

/** The proof is asked before anything is written: one that cannot answer now would fail the release after it has begun. */
async function checkProof({ cluster, snapshot, plan, file }: Preflight): Promise<Omit<PreflightLine, 'title'>> {
  const first = plan?.waves[0]?.servers[0];
  const server = snapshot?.servers.find(({ name }) => name === first?.name);
  if (!plan || !server) return ok('no server is to be updated');
  const question = {
    cluster,
    namespace: plan.set.namespace,
    server,
    version: plan.previousVersion,
    signal: cancellation(),
  };
  const reason = await askServer(question, file.spec.proof, '{{version}}');
  if (reason === undefined) return ok(`${server.name} proves ${plan.previousVersion}`);
  return refused(
    `${server.name} does not prove the version it is said to run: ${reason}. Correct spec.proof, or give spec.previousVersion when it is not the tag of the old image`,
  );
}

async function checkDryRun({ cluster, plan, set, file }: Preflight): Promise<Omit<PreflightLine, 'title'>> {
  if (!plan || !set || plan.waves.length === 0) return ok('nothing to write');
  const hold = { partition: FROZEN, maxUnavailable: plan.maxUnavailable, paused: false };
  const record = recordOfPlan(plan, file.spec, { release: file.metadata.name, startedAt: 0 });
  const patch = withReleaseRecord(firstWavePatch(plan.baseline, set.replicas, hold), set, record);
  const outcome = await cluster.patch(setTarget(plan.set), patch, { dryRun: true, signal: cancellation() });
  switch (outcome.kind) {
    case 'applied':
    case 'alreadyApplied':
      return ok('the API server takes the patch');
    case 'preconditionFailed':
      return refused(`the set changed while it was planned (${outcome.path}): plan again`);
    case 'notFound':
      return refused('the set was deleted while it was planned');
    case 'denied':
      return refused(`the API server refuses the patch: ${outcome.message}`);
  }
}
