import type { GameServerSetView } from '../fleet/fleet.ts';
import { FIELD_MANAGER } from '../fleet/fleet.ts';
import { STRATEGY, imagePath } from '../patches/patches.ts';
import { shellWord } from '../narrate/shell.ts';
import { plainText } from '../spec/plain-text.ts';
import type { ReleaseSpec } from '../spec/spec.ts';

/** Where docs explain what a manager that applies sets from Git does to a release. */
const DOCS = 'docs/git-ops.md';
const LONGEST_NAME = 80;

/** A program that applies objects from Git by itself, again and again. */
export type GitOpsKind = 'Argo CD' | 'Flux Kustomization' | 'Flux HelmRelease';

/** The program that applies a set from Git. */
export interface GitOpsManager {
  readonly kind: GitOpsKind;
  /** The field manager, or what else on the set tells of it. */
  readonly by: string;
  /** The Application, Kustomization or HelmRelease, `namespace/name` where both are known; absent when the set does not say. */
  readonly owner?: string | undefined;
  /**
   * The mark that is on the set already and keeps it from writing, such as `kustomize.toolkit.fluxcd.io/reconcile:
   * disabled`.
   */
  readonly leavesAlone?: string | undefined;
}

/** The managers that write a set beside a release, and what makes it write no more. */
export interface SetWriter {
  /** The field manager. */
  readonly by: string;
  readonly stop: string;
}

/** The field managers under which the controllers write. */
const MANAGERS: Readonly<Record<string, GitOpsKind>> = {
  'argocd-controller': 'Argo CD',
  'argocd-application-controller': 'Argo CD',
  'kustomize-controller': 'Flux Kustomization',
  flux: 'Flux Kustomization',
  'helm-controller': 'Flux HelmRelease',
};

/** The kind of GitOps program that writes under the name of this field manager; undefined for everybody else. */
export function gitOpsKind(manager: string): GitOpsKind | undefined {
  return Object.hasOwn(MANAGERS, manager) ? MANAGERS[manager] : undefined;
}

const TRACKING_ID = 'argocd.argoproj.io/tracking-id';
const KUSTOMIZE = 'kustomize.toolkit.fluxcd.io';
const HELM = 'helm.toolkit.fluxcd.io';

type Marks = Pick<GameServerSetView, 'managers' | 'labels' | 'annotations'>;

/**
 * The program that applies this set from Git, by its field managers and by the marks that such programs leave on what
 * they apply.
 *
 * Sources: argo-cd docs/user-guide/resource_tracking.md (annotation tracking-id `APP:GROUP/KIND:NAMESPACE/NAME`, labels
 * `argocd.argoproj.io/instance` and `app.kubernetes.io/instance`, which Helm charts set as well, so it alone says
 * nothing) and sync-options.md (field manager argocd-controller); kustomize-controller docs/spec/v1/kustomizations.md
 * and internal/controller/kustomization_controller.go (owner labels `/name` and `/namespace`); helm-controller
 * docs/spec/v2/helmreleases.md.
 */
export function gitOpsManagers(marks: Marks): readonly GitOpsManager[] {
  return [argo(marks), flux(marks, 'Flux Kustomization', KUSTOMIZE), flux(marks, 'Flux HelmRelease', HELM)].filter(
    (found) => found !== undefined,
  );
}

function writerOf({ managers = [] }: Marks, kind: GitOpsKind): string | undefined {
  return managers.find((manager) => gitOpsKind(manager) === kind);
}

const ARGO_INSTANCE = 'argocd.argoproj.io/instance';

function argo(marks: Marks): GitOpsManager | undefined {
  const { labels = {}, annotations = {} } = marks;
  const mark = [TRACKING_ID, ARGO_INSTANCE].find((key) => (annotations[key] ?? labels[key]) !== undefined);
  const by = writerOf(marks, 'Argo CD') ?? mark;
  if (by === undefined) return undefined;
  // Where applications may be in any namespace, it is `NAMESPACE_APP`.
  const named = annotations[TRACKING_ID]?.split(':')[0]?.replace('_', '/');
  return { kind: 'Argo CD', by, ...ownerOf(named ?? labels[ARGO_INSTANCE] ?? labels['app.kubernetes.io/instance']) };
}

function flux(marks: Marks, kind: GitOpsKind, group: string): GitOpsManager | undefined {
  const found = { ...marks.annotations, ...marks.labels };
  const name = found[`${group}/name`];
  const by = writerOf(marks, kind) ?? (name === undefined ? undefined : `${group}/name`);
  if (by === undefined) return undefined;
  const namespace = found[`${group}/namespace`];
  const owner = name !== undefined && namespace !== undefined ? `${namespace}/${name}` : name;
  return { kind, by, ...ownerOf(owner), ...leftAlone(found, kind) };
}

function ownerOf(owner: string | undefined): Pick<GitOpsManager, 'owner'> {
  return owner === undefined || owner === '' ? {} : { owner: plainText(owner, LONGEST_NAME) };
}

/** Marks on an object that keep Flux from writing it, in the words of its documentation; their case does not count. */
const LEFT_ALONE: Readonly<Partial<Record<GitOpsKind, readonly (readonly [string, string])[]>>> = {
  'Flux Kustomization': [
    [`${KUSTOMIZE}/reconcile`, 'disabled'],
    [`${KUSTOMIZE}/ssa`, 'IfNotPresent'],
    [`${KUSTOMIZE}/ssa`, 'Ignore'],
  ],
  'Flux HelmRelease': [[`${HELM}/driftDetection`, 'disabled']],
};

function leftAlone(found: Readonly<Record<string, string>>, kind: GitOpsKind): Pick<GitOpsManager, 'leavesAlone'> {
  const mark = LEFT_ALONE[kind]?.find(([key, value]) => found[key]?.toLowerCase() === value.toLowerCase());
  return mark ? { leavesAlone: mark.join(': ') } : {};
}

/** The lines of the plan about the programs that apply a set from Git. */
export interface GitOpsNote {
  readonly isWarning: boolean;
  readonly text: string;
}

/**
 * The lines of the plan about managers that apply the set from Git, with the settings that make peace; undefined when
 * there is none. A release of chosen servers changes nothing of the set that such a manager applies.
 */
export function gitOpsNote(
  set: Pick<GameServerSetView, 'ref' | 'containers'> & Marks,
  { strategy }: Pick<ReleaseSpec, 'strategy'>,
  container: string,
): GitOpsNote | undefined {
  const managers = gitOpsManagers(set);
  if (managers.length === 0) return undefined;
  const isTargeted = strategy === 'targeted';
  const notes = managers.map((manager) => ({
    isWarning: !isTargeted && manager.leavesAlone === undefined,
    text: noteOf(manager, set, { isTargeted, container }),
  }));
  return { isWarning: notes.some(({ isWarning }) => isWarning), text: notes.map(({ text }) => text).join('; ') };
}

interface Subject {
  readonly isTargeted: boolean;
  readonly container: string;
}

function noteOf(
  manager: GitOpsManager,
  { ref, containers }: Pick<GameServerSetView, 'ref' | 'containers'>,
  { isTargeted, container }: Subject,
): string {
  const { by, leavesAlone } = manager;
  const who = nameOf(manager);
  if (leavesAlone !== undefined) {
    const meanwhile = manager.kind === 'Flux HelmRelease' ? ' but for upgrades: upgrade nothing until the end' : '';
    return `${who} applies ${ref.name} (${by}), and leaves it alone${meanwhile} (${leavesAlone})`;
  }
  const index = containers.findIndex(({ name }) => name === container);
  if (isTargeted) {
    const peace = settings(manager, { kind: 'GameServer', name: '', paths: ['/spec/containers'] });
    return `${who} applies ${ref.name} (${by}), of which this release changes annotations only; were GameServers in Git, too, they would need ${peace}`;
  }
  const paths = [STRATEGY, imagePath({ containerIndex: Math.max(0, index) })];
  const peace = settings(manager, { kind: 'GameServerSet', name: ref.name, paths });
  return `${who} applies ${ref.name} (${by}) and may write back what this release changes, ${paths.join(' and ')}: the release pauses when that happens. Before the start set ${peace}; when the release is done put the new image into Git, then take that away again (${DOCS})`;
}

/** `Argo CD, Application arena/duel` */
function nameOf({ kind, owner }: GitOpsManager): string {
  const [program, object = 'Application'] = kind === 'Argo CD' ? [kind] : kind.split(' ');
  return owner === undefined ? (program === kind ? program : kind) : `${program}, ${object} ${owner}`;
}

interface Fields {
  readonly kind: 'GameServerSet' | 'GameServer';
  /** Empty for all of them. */
  readonly name: string;
  readonly paths: readonly string[];
}

/**
 * The settings that keep a manager from writing back what hotwave changes.
 *
 * Argo CD: docs/user-guide/diffing.md (`managedFieldsManagers`: fields that this manager owns in the live object) and
 * sync-options.md, "Respect ignore difference configs": without `RespectIgnoreDifferences=true` only the comparison
 * leaves them out, a sync does not. Flux: kustomizations.md, "Ignore Rules" (`spec.ignore`, since kustomize-controller
 * 1.9) and "Suspending and resuming" (`reconcile: disabled` on the object in the cluster, every version); helmreleases.md,
 * "Drift detection".
 */
function settings({ kind, owner }: GitOpsManager, { kind: object, name, paths }: Fields): string {
  const group = 'game.kruise.io';
  const target = `group: ${group}, kind: ${object}${name === '' ? '' : `, name: ${name}`}`;
  const rule = `[{ paths: [${paths.map((path) => `"${path}"`).join(', ')}], target: { ${target} } }]`;
  switch (kind) {
    case 'Argo CD':
      return `in ${owner === undefined ? 'its Application' : `Application ${owner}`} spec.ignoreDifferences: [{ ${target}, managedFieldsManagers: [${FIELD_MANAGER}] }] and RespectIgnoreDifferences=true in spec.syncPolicy.syncOptions`;
    case 'Flux Kustomization':
      return `in ${owner === undefined ? 'its Kustomization' : `Kustomization ${owner}`} spec.ignore: ${rule} (kustomize-controller 1.9 and later), or annotate the ${object} in the cluster with ${KUSTOMIZE}/reconcile: disabled`;
    case 'Flux HelmRelease':
      return `in ${owner === undefined ? 'its HelmRelease' : `HelmRelease ${owner}`} spec.driftDetection.ignore: ${rule}, and leave the HelmRelease as it is until the end: an upgrade writes the set, too`;
  }
}

/**
 * The act that makes a field manager write this set no more: a command to paste for programs that apply it from Git,
 * words for everybody else.
 *
 * Argo CD: docs/user-guide/commands/argocd_app_set.md (`--sync-policy none`). Flux: the marks of {@link LEFT_ALONE}.
 */
export function stopText(by: string, set: Pick<GameServerSetView, 'ref'> & Marks): string {
  const kind = gitOpsKind(by);
  const { ref } = set;
  const annotate = ([key, value]: readonly [string, string]): string =>
    `kubectl -n ${shellWord(ref.namespace)} annotate gameserverset ${shellWord(ref.name)} ${key}=${value}`;
  switch (kind) {
    case undefined:
      return `stop what writes as ${plainText(by, LONGEST_NAME)}`;
    case 'Argo CD': {
      const owner = argo(set)?.owner;
      return owner === undefined
        ? 'turn its automatic sync off'
        : `argocd app set ${shellWord(owner)} --sync-policy none`;
    }
    case 'Flux Kustomization':
      return annotate([`${KUSTOMIZE}/reconcile`, 'disabled']);
    case 'Flux HelmRelease':
      return annotate([`${HELM}/driftDetection`, 'disabled']);
  }
}

/**
 * The sentence for the person on call about an edit that will come again, and what to do about it.
 * @param times how often it has come back after the release had written it over
 */
export function writtenBackText(manager: string, times: number): string {
  const often = times > 1 ? `, ${times} times now` : '';
  const why =
    times === 0
      ? `${manager} applies it from Git again and again`
      : `${manager} has written that back after the release had written it over${often}, and will again`;
  const stop = gitOpsKind(manager) === undefined ? 'stop it' : `make peace with it (${DOCS})`;
  return `${why}: ${stop} before resume --wins release, or give way with resume --wins edit or rollback`;
}
