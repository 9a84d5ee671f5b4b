import pLimit from 'p-limit';
import { failedBefore, readFailedVersions } from '../../release/record/failed-versions.ts';
import { containerOf } from '../../release/fleet/fleet.ts';
import type { ServerView } from '../../release/fleet/fleet.ts';
import { isPlan } from '../../release/plan/plan.ts';
import type { FleetSnapshot, Plan } from '../../release/plan/plan.ts';
import { awaitDeletion, grantRights, LIST_SETS, scaleSet } from '../../release/plan/mending.ts';
import { planRelease } from '../../release/plan/plan-release.ts';
import { recordedVersion } from '../../release/plan/rollback-target.ts';
import { gitOpsNote } from '../../release/plan/git-ops.ts';
import { trafficNote } from '../../release/plan/traffic.ts';
import type { PreflightLine, PreflightResult } from '../../release/plan/preflight.ts';
import type { ReleaseFile, ReleaseSpec } from '../../release/spec/spec.ts';
import { didYouMean } from '../../release/spec/did-you-mean.ts';
import { imageTag } from '../../release/spec/image-reference.ts';
import { readRecords } from '../../release/record/record.ts';
import { updatedContainer } from '../../release/spec/spec.ts';
import { askServer } from '../probes/ask-server.ts';
import { checkCalendarBefore, hasCalendar } from './check-calendar.ts';
import type { Check, Finding, Preflight } from './preflight-check.ts';
import { firstNames, ok, refused, warning } from './preflight-check.ts';
import { absentSet, lacksRights } from './named-set.ts';
import { missingAccessSentence, neededAccess } from './needed-access.ts';
import { checkHolder, checkHalt } from './preflight-lock.ts';
import { checkFilesAndHealth, checkProof } from './preflight-questions.ts';
import { checkMetrics, checkServiceQualities, containersNamed } from './preflight-probes.ts';
import {
  checkDryRun,
  checkOverrides,
  checkPodImages,
  checkReclaimPolicy,
  checkStrategy,
  checkTemplate,
} from './preflight-strategy.ts';
import { cancellation, keepAlive } from '../runtime.ts';
import { toldOf } from '../notices/deliver-notice.ts';
import { isForbidden } from '../ports/failure.ts';
import { startUnderPolicy } from '../policy/start-under-policy.ts';
import type { PolicySource } from '../ports/policy.ts';
import type { Vouch } from '../../release/decisions/message.ts';
import { packPlan } from '../../release/plan/packed-plan.ts';

/** Plan a release against the live set. */
export interface PlanReleaseInput {
  readonly file: ReleaseFile;
  /** The cluster by the name that its workers have; its line may be stopped. */
  readonly cluster?: string | undefined;
  /** The person who says, and why, that the release that holds the set elsewhere is dead. */
  readonly takeover?: { readonly actor: string; readonly reason: string } | undefined;
  /** The requester, and what vouches for that name. Default: nobody yet, it is only planned. */
  readonly requester?: string | undefined;
  readonly vouch?: Vouch | undefined;
  /** A freeze window is no reason to refuse it: the release will wait for a second person. Default false. */
  readonly duringFreeze?: boolean;
}

const PERMISSIONS = 'permissions';

/** Everything that is looked at before the first write, in order, so that people read all refusals in one run. */
const CHECKS: readonly Check[] = [
  { title: 'halt', run: checkHalt },
  { title: PERMISSIONS, run: checkPermissions },
  { title: 'set', run: checkSet },
  { title: 'holder', needs: 'set', run: checkHolder },
  { title: 'update strategy', needs: 'set', only: ['rolling'], run: checkStrategy },
  { title: 'foreign owners', needs: 'set', run: checkOwners },
  { title: 'servers', needs: 'set', run: checkServersExist },
  { title: 'containers', needs: 'set', run: checkContainers },
  { title: 'template', needs: 'snapshot', only: ['rolling'], run: checkTemplate },
  { title: 'images of pods', needs: 'snapshot', run: checkPodImages },
  { title: 'service qualities', needs: 'set', run: ({ set, file }) => checkServiceQualities(set, file.spec) },
  { title: 'waves', needs: 'snapshot', run: checkWaves },
  { title: 'players', needs: 'plan', run: checkTraffic },
  { title: 'failed versions', needs: 'set', run: checkFailedVersions },
  { title: 'reclaim policy', needs: 'plan', only: ['targeted'], run: checkReclaimPolicy },
  { title: 'overrides', needs: 'snapshot', only: ['rolling'], run: checkOverrides },
  { title: 'proof before the release', needs: 'plan', run: checkProof },
  { title: 'files and health before the release', needs: 'plan', run: checkFilesAndHealth },
  { title: 'servers on the image', needs: 'plan', run: checkAlreadyUpdated },
  { title: 'metrics', needs: 'plan', run: (preflight) => checkMetrics(preflight) },
  { title: 'dry run', needs: 'plan', run: checkDryRun },
];

/** Plans a release against the live set without changing anything. */
export function planReleaseActivity(
  around: Pick<Preflight, 'cluster' | 'metrics' | 'calendar' | 'releases'>,
  policies?: PolicySource,
): (input: PlanReleaseInput) => Promise<PreflightResult> {
  return async (input) => {
    const { file, cluster: clusterName, takeover, duringFreeze = false } = input;
    const { namespace, gameServerSet } = file.spec.target;
    const ref = { namespace, name: gameServerSet };
    const preflight: Preflight = { ...around, file, ref, clusterName, takeover, duringFreeze };
    const policy = policies && (await startUnderPolicy(policies, input));
    const said = policy ? [policy.line] : [];
    const lines = isRefused(said) ? said : [...said, ...(await linesOf(preflight))];
    const told = await toldOf(policies, namespace);
    if (!preflight.plan) return { lines, ...told };
    const under = policy ? { policy: policy.of(preflight.plan.waves.length) } : {};
    const result = { lines, plan: packPlan(preflight.plan), ...under, ...told };
    return hasCalendar(around.calendar, file.spec) ? await withCalendar(preflight, result) : result;
  };
}

/** True when a check refuses; with a title, when that one does. */
const isRefused = (lines: readonly PreflightLine[], wanted?: string): boolean =>
  lines.some(({ title, status }) => status === 'refused' && (wanted === undefined || title === wanted));

/** The findings of all checks that can be made, so that people read all refusals in one run. */
async function linesOf(preflight: Preflight): Promise<readonly PreflightLine[]> {
  const lines: PreflightLine[] = [];
  for (const { title, only, needs, run } of CHECKS) {
    if (only && !only.includes(preflight.file.spec.strategy)) continue;
    if (needs && preflight[needs] === undefined) continue;
    try {
      lines.push({ title, ...(await run(preflight)) });
    } catch (error) {
      // A read that the API server does not permit is a finding like any other, and the rest can still be looked at.
      if (!isForbidden(error)) throw error;
      // A missing right is said once, by the check that asks for all of them.
      if (!isRefused(lines, PERMISSIONS)) lines.push({ title, ...refused(error.message) });
    }
  }
  return lines;
}

/** Last, and beside the plan: whoever plans inside a freeze window wants to see what the release would do. */
async function withCalendar(preflight: Preflight, result: PreflightResult): Promise<PreflightResult> {
  const line = { title: 'calendar', ...(await checkCalendarBefore(preflight)) };
  return { ...result, lines: [...result.lines, line], calendar: true };
}

async function checkPermissions({ cluster, ref, file }: Preflight): Promise<Finding> {
  const wanted = neededAccess(ref.namespace, file.spec);
  const missing = await cluster.missingAccess(wanted, cancellation());
  if (missing.length === 0) return ok(`${wanted.length} permissions in namespace ${ref.namespace}`);
  const detail = await lacksRights(cluster, ref.namespace, { wanted, missing });
  const isNamed = detail.startsWith(missingAccessSentence(missing, ref.namespace));
  const subresources = missing.map(({ subresource }) => subresource);
  return refused(detail, isNamed ? grantRights(ref.namespace, subresources) : []);
}

async function checkSet(preflight: Preflight): Promise<Finding> {
  const { cluster, ref } = preflight;
  const set = await cluster.readSet(ref, cancellation());
  if (!set) return refused(await absentSet(cluster, ref), [LIST_SETS]);
  if (set.deleting)
    return refused(`GameServerSet ${ref.name} is being deleted: wait until it is gone and made anew`, [
      awaitDeletion(ref),
    ]);
  preflight.set = set;
  return ok(`${ref.namespace}/${ref.name}, ${set.replicas} replicas`);
}

function checkTraffic({ set, plan }: Preflight): Promise<Finding> {
  if (!set || !plan) return Promise.resolve(refused('there is no plan'));
  const { isWarning, text } = trafficNote(set, plan);
  return Promise.resolve(isWarning ? warning(text) : ok(text));
}

/**
 * A manager that applies what the release writes will put it back: told with the settings that make peace, where they
 * are known.
 */
function checkOwners({ set, file }: Preflight): Promise<Finding> {
  const note = set && gitOpsNote(set, file.spec, updatedContainer(file.spec).container);
  if (note) return Promise.resolve(note.isWarning ? warning(note.text) : ok(note.text));
  const owners = Object.entries(set?.foreignOwners ?? {});
  if (owners.length === 0) return Promise.resolve(ok('nobody else applies these fields'));
  const [pointer, manager] = owners[0] ?? ['', ''];
  return Promise.resolve(
    warning(
      `${manager} applies ${pointer} (${owners.length} fields in all) and may put it back: stop its sync of this set for the time of the release`,
    ),
  );
}

async function checkServersExist(preflight: Preflight): Promise<Finding> {
  const { cluster, ref, set } = preflight;
  if (!set) return refused('the set was not read');
  const [{ servers }, gameServers] = await Promise.all([
    cluster.listServers(ref, {}, cancellation()),
    cluster.listGameServers(ref, undefined, cancellation()),
  ]);
  if (servers.length === 0) return refused(`${ref.name} has no servers: nothing to update`, [scaleSet(ref)]);
  preflight.snapshot = { set, servers, gameServers };
  if (servers.length !== set.replicas) return warning(`${servers.length} of ${set.replicas} servers have a pod`);
  return ok(`${servers.length} servers`);
}

function checkContainers({ set, file }: Preflight): Promise<Finding> {
  const names = set?.containers.map(({ name }) => name) ?? [];
  const unknown = containersNamed(file.spec).filter(({ container }) => !names.includes(container));
  if (unknown.length === 0) return Promise.resolve(ok(names.join(', ')));
  const sentences = unknown.map(({ path, container }) => {
    const kind =
      set?.initContainers.includes(container) === true
        ? ' (it is an init container, and those are not updated in place)'
        : didYouMean(container, names);
    return `${path} names container ${container}, which the template does not have${kind}`;
  });
  return Promise.resolve(refused(`${sentences.join('; ')}: it has ${names.join(', ')}`));
}

function checkWaves(preflight: Preflight): Promise<Finding> {
  const { snapshot, file } = preflight;
  if (!snapshot) return Promise.resolve(refused('the servers were not read'));
  const { container } = updatedContainer(file.spec);
  if (!containerOf(snapshot.set.containers, container))
    return Promise.resolve(warning(`not planned without a container ${container}`));
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

/**
 * A version that a release had to take back by itself on this set is released again only by somebody who knows that.
 */
function checkFailedVersions(preflight: Preflight): Promise<Finding> {
  const { set, plan, file } = preflight;
  const failed = readFailedVersions(set?.annotations);
  const before = failedBefore(failed, updatedContainer(file.spec).image);
  const reason = file.spec.allowFailedVersion;
  if (plan && before !== undefined && reason !== undefined) {
    const known = `${before}; it is released again because: ${reason}`;
    preflight.plan = { ...plan, warnings: [...plan.warnings, known] };
    return Promise.resolve(warning(known));
  }
  if (before !== undefined)
    return Promise.resolve(
      refused(`${before}. Release another image, or say in spec.allowFailedVersion why it will not fail again`),
    );
  if (failed.unreadable !== undefined) return Promise.resolve(warning(failed.unreadable));
  return Promise.resolve(ok('no release has had to take this image back'));
}

const ASKED_AT_ONCE = 20;

/**
 * True when nobody is to move and the version is another one than the tag and the records of the set say: its files come
 * otherwise than by the image, so that all engines would load them at once. A plan refuses what is on record.
 */
function isBehindOldImage(
  { waves, baseline: { container, newImage }, version }: Plan,
  { set }: FleetSnapshot,
  { strategy }: ReleaseSpec,
): boolean {
  const tag = imageTag(newImage);
  if (strategy === 'newServersOnly' || waves.length > 0 || tag === '' || tag === version) return false;
  return recordedVersion(readRecords(set.annotations), container, newImage) === undefined;
}

/**
 * Servers that run the image already are asked whether they have loaded it: who has not reloads after the waves, and
 * nobody is called done by the image alone.
 */
async function checkAlreadyUpdated(preflight: Preflight): Promise<Finding> {
  const { cluster, snapshot, plan, file } = preflight;
  if (!plan || !snapshot) return refused('there is no plan');
  const names = new Set([...plan.alreadyUpdated, ...plan.adopted].map(({ name }) => name));
  const servers = snapshot.servers.filter(({ name }) => names.has(name));
  const { version, set } = plan;
  const signal = cancellation();
  const ask = async (server: ServerView): Promise<string[]> => {
    const question = { cluster, namespace: set.namespace, server, version, signal };
    return (await askServer(question, file.spec.proof, '{{version}}')) === undefined ? [] : [server.name];
  };
  const unproved = (await keepAlive(() => pLimit(ASKED_AT_ONCE).map(servers, ask))).flat();
  preflight.plan = { ...plan, unproved };
  if (servers.length === 0) return ok('no server runs it already');
  if (unproved.length === 0)
    return ok(
      servers.length === 1
        ? `1 runs it already and proves ${version}`
        : `${servers.length} run it already and prove ${version}`,
    );
  const { newImage } = plan.baseline;
  if (isBehindOldImage(plan, snapshot, file.spec))
    return refused(
      `${unproved.length} of ${servers.length} run ${newImage} already and do not prove ${version}, and it has no server to move: new files behind an old image have no waves, no gates and no way back; give them an image of their own`,
    );
  return warning(
    `${unproved.length} of ${servers.length} run it already but do not prove ${version} (${firstNames(unproved)}): they are made to load it after the waves`,
  );
}
