import type { GameServerSetView, GameServerView } from '../../release/fleet/fleet.ts';
import { clearOverrides, MOST_NAMES, patchSet, setTemplateImage } from '../../release/plan/mending.ts';
import { overridePatch } from '../../release/patches/overrides.ts';
import type { GuardedPatch, PatchTarget } from '../../release/patches/patches.ts';
import { FROZEN, firstWavePatch, newServersPatch, setTarget } from '../../release/patches/patches.ts';
import type { FleetSnapshot, Plan } from '../../release/plan/plan.ts';
import { recordOfPlan } from '../../release/record/plan-record.ts';
import { withReleaseRecord } from '../../release/patches/record-patches.ts';
import { rewrittenImage } from '../../release/plan/rewritten-images.ts';
import { settledName } from '../../release/fleet/rewriting.ts';
import { pendingImages, pendingText } from '../../release/plan/pending-template.ts';
import { updatedContainer } from '../../release/spec/spec.ts';
import type { Finding, Preflight } from './preflight-check.ts';
import { firstNames, ok, refused, warning } from './preflight-check.ts';
import { cancellation } from '../runtime.ts';

/** A rolling release needs a set that updates in place, or one that updates nothing by itself. */
export function checkStrategy({ set }: Preflight): Promise<Finding> {
  return Promise.resolve(set ? judgeStrategy(set) : refused('the set was not read'));
}

function judgeStrategy({ ref, updateStrategy: { type, rollingUpdate } }: GameServerSetView): Finding {
  if (type === 'OnDelete' && !rollingUpdate)
    return ok('OnDelete, put back at the end; for the time of the release InPlaceOnly');
  const policy = rollingUpdate?.podUpdatePolicy ?? 'ReCreate';
  if (!policy.startsWith('InPlace')) {
    return refused(
      `${ref.name} does not update in place (podUpdatePolicy ${policy}): set spec.updateStrategy.rollingUpdate.podUpdatePolicy to InPlaceIfPossible`,
      [patchSet(ref, { spec: { updateStrategy: { rollingUpdate: { podUpdatePolicy: 'InPlaceIfPossible' } } } })],
    );
  }
  if (rollingUpdate?.paused === true) {
    return refused(
      `${ref.name} is paused (spec.updateStrategy.rollingUpdate.paused): resume it, or end the release that paused it`,
      [patchSet(ref, { spec: { updateStrategy: { rollingUpdate: { paused: false } } } })],
    );
  }
  return ok(`${policy}, partition ${rollingUpdate?.partition ?? 0}, put back at the end`);
}

/**
 * A server that moves gets everything that is in the template: what somebody has staged there is not the release's to
 * roll out.
 */
export async function checkTemplate({ cluster, ref, snapshot, file }: Preflight): Promise<Finding> {
  if (!snapshot) return refused('the servers were not read');
  const workload = await cluster.readWorkload(ref, cancellation());
  const { container } = updatedContainer(file.spec);
  const [first] = pendingImages(snapshot, container, workload);
  if (!first) return ok(`nothing but the image of ${container} will change`);
  return refused(
    `${pendingText(first, ref.name)}, which restarts ${first.container}. Let the set take it over before this release, or put ${first.runs} back into the template`,
    first.runs === '' ? [] : [setTemplateImage(ref, first.field, first.runs)],
  );
}

/** A pod that gets another image than the release has written would be waited for in vain. */
export async function checkPodImages({ cluster, ref, snapshot, file }: Preflight): Promise<Finding> {
  if (!snapshot) return refused('the servers were not read');
  const { container, image } = updatedContainer(file.spec);
  const workload = await cluster.readWorkload(ref, cancellation());
  const rewritten = rewrittenImage(snapshot, container, workload);
  if (!rewritten) return ok(`as the template says, for all that shows it`);
  const { asked, found, servers } = rewritten;
  const what = `the template of ${ref.name} has ${asked} for container ${container}, and the pods of ${servers.length} servers ask for ${found} (${firstNames(servers)}): an admission webhook rewrites it`;
  const name = settledName(image, rewritten);
  if (name === undefined)
    return warning(`${what}. It leaves ${image} as it is; a rollback writes ${found} into the template`);
  return refused(
    `${what}, and would rewrite ${image}, too. Name it ${name} in spec.images, which the webhook leaves as it is, or take the set out of the webhook`,
  );
}

/** OpenKruiseGame decides whom a GameServer belongs to when it makes it, so the objects count, not the set's field. */
export function checkReclaimPolicy({ snapshot, plan, file }: Preflight): Promise<Finding> {
  const chosen = new Set(plan?.waves.flatMap(({ servers }) => servers.map(({ name }) => name)));
  const mortal = snapshot?.gameServers.filter(({ name, diesWithPod }) => chosen.has(name) && diesWithPod) ?? [];
  if (mortal.length === 0) return Promise.resolve(ok('overrides outlive their pods'));
  const what = `${mortal.length} of the chosen GameServers (${firstNames(mortal.map(({ name }) => name))}) die with their pods (reclaimPolicy Cascade): a pod that is recreated comes back on the template's image`;
  if (file.spec.target.allowCascade) return Promise.resolve(warning(what));
  return Promise.resolve(
    refused(
      `${what}. Set gameServerTemplate.reclaimPolicy to Delete before these servers are created, or accept it with spec.target.allowCascade: true`,
    ),
  );
}

/** An override of another image would win over the template; one of the new image is taken over at the end. */
export function checkOverrides({ snapshot, file, ref }: Preflight): Promise<Finding> {
  const { container, image: newImage } = updatedContainer(file.spec);
  const overridden =
    snapshot?.gameServers.filter(({ imageOverrides }) => imageOverrides[container] !== undefined) ?? [];
  const foreign = overridden.filter(({ imageOverrides }) => imageOverrides[container] !== newImage);
  if (foreign.length > 0) {
    return Promise.resolve(
      refused(
        `${overridingText(foreign, container)} and would silently win over the template: take it away first${foreign.length > MOST_NAMES ? `; the command is for the first ${MOST_NAMES}, plan again after it` : ''}`,
        clearOverrides(ref.namespace, container, foreign),
      ),
    );
  }
  if (overridden.length === 0) return Promise.resolve(ok('no server overrides the image'));
  return Promise.resolve(
    ok(`${overridden.length} servers run the new image by an override; it is cleared last, without a restart`),
  );
}

function overridingText(foreign: readonly GameServerView[], container: string): string {
  const names = firstNames(foreign.map(({ name }) => name));
  return foreign.length === 1
    ? `GameServer ${names} overrides the image of ${container} with another one`
    : `${foreign.length} GameServers override the image of ${container} with another one (${names})`;
}

/** The first write of the release, tried without effect: admission and validation must take it. */
export async function checkDryRun({ cluster, plan, set, snapshot, file }: Preflight): Promise<Finding> {
  const write = plan && set && snapshot ? withRecord(firstWrite(plan, set, snapshot), { plan, set, file }) : undefined;
  if (!write) return ok('nothing to write');
  const outcome = await cluster.patch(write.target, write.patch, { dryRun: true, signal: cancellation() });
  switch (outcome.kind) {
    case 'applied':
    case 'alreadyApplied':
      return ok('the API server takes the patch');
    case 'preconditionFailed':
      return refused(`${write.target.name} changed while it was planned (${outcome.path}): plan again`);
    case 'notFound':
      return refused(`${write.target.name} was deleted while it was planned`);
    case 'denied':
      return refused(`the API server refuses the patch: ${outcome.message}`);
  }
}

interface Write {
  readonly target: PatchTarget;
  readonly patch: GuardedPatch;
}

/** Writes of the set carry the record of the release. */
function withRecord(
  write: Write | undefined,
  { plan, set, file }: Pick<Required<Preflight>, 'plan' | 'set' | 'file'>,
): Write | undefined {
  if (write?.target.kind !== 'GameServerSet') return write;
  const record = recordOfPlan(plan, file.spec, { release: file.metadata.name, startedAt: 0 });
  return { ...write, patch: withReleaseRecord(write.patch, set, record) };
}

/** The first write of a release, by its strategy. */
function firstWrite(plan: Plan, set: GameServerSetView, snapshot: FleetSnapshot): Write | undefined {
  const { baseline } = plan;
  if (plan.strategy === 'newServersOnly')
    return { target: setTarget(plan.set), patch: newServersPatch(baseline, set.replicas) };
  if (plan.strategy === 'targeted') {
    const first = plan.waves[0]?.servers[0]?.name;
    const gameServer = snapshot.gameServers.find(({ name }) => name === first);
    if (!gameServer) return undefined;
    const wanted = { container: baseline.container, image: baseline.newImage };
    const target = { kind: 'GameServer', namespace: plan.set.namespace, name: gameServer.name } as const;
    return { target, patch: overridePatch(gameServer, wanted, 'dry-run') };
  }
  if (plan.waves.length === 0 && plan.adopted.length === 0) return undefined;
  const hold = { partition: FROZEN, maxUnavailable: plan.maxUnavailable, paused: false };
  return { target: setTarget(plan.set), patch: firstWavePatch(baseline, set.replicas, hold) };
}
