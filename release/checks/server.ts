import { cutText, plainText } from '../spec/plain-text.ts';
import type { ContainerStatus, ServerView } from '../fleet/fleet.ts';
import { containerOf } from '../fleet/fleet.ts';
import type { ContainerRun } from '../fleet/run.ts';
import { POLICY_CLASSES } from '../spec/failure-spec.ts';
import type { PlannedServer } from '../plan/plan.ts';
import type { PullCause } from './pull-cause.ts';
import { pullCauseOf } from './pull-cause.ts';
import { rewritingOf } from '../fleet/rewriting.ts';
import { isSamePod } from '../fleet/identity.ts';
import { fingerprint, isSameRun, restartsOf } from '../fleet/run.ts';

/** Classes that no policy treats on its own: the server is not the one it was, so a person has to look first. */
export const STOPPING_CLASSES = ['mainContainerRestarted', 'overridden', 'moved', 'recreated', 'missing'] as const;

/** The classes of failure, one word each for machines. `docs/failures.md` says what to do about each. */
export const FAILURE_CLASSES = [...POLICY_CLASSES, ...STOPPING_CLASSES] as const;

/** Why a server failed. */
export type FailureClass = (typeof FAILURE_CLASSES)[number];

/** A server that failed a release, with the reason a person reads. */
export interface ServerFailure {
  readonly server: string;
  readonly class: FailureClass;
  readonly reason: string;
}

/**
 * Where a server is on its way to. Forward, its sidecar must become another container than the planned one. In a
 * rollback it must be another one than `before`, or still the planned one (a server that had not moved yet), and what
 * broke on the way out may take until the deadline to recover. Adopted, a server runs the image already and must only
 * change its revision: no container of it may restart.
 */
export type Direction = 'forward' | 'rollback' | 'adopt';

/** The basis for the judgement of a server: itself before the release, and what it should run now. */
export interface Target {
  readonly planned: PlannedServer;
  readonly container: string;
  readonly image: string;
  /** The revision that Kruise moves servers to; absent when an override moves them, which changes no revision. */
  readonly revision?: string;
  readonly direction: Direction;
  /** Fingerprint of the sidecar before this step. */
  readonly before: string;
  /** How often the sidecar had restarted when it was last seen with another image. Default: what the plan says. */
  readonly restartsBefore?: number | undefined;
}

/**
 * The verdict of one look at a server. `suspect` becomes a failure when it lasts (image pulls can be a hiccup).
 * `isOld`: the container that has to go still runs; `isUnwritten`: so it does, and the pod does not even ask for its
 * image; `isShut`: Kruise has begun with that, and was refused.
 */
export type Judgement =
  | { readonly kind: 'done' }
  | {
      readonly kind: 'waiting';
      readonly reason: string;
      readonly isOld?: true;
      readonly isUnwritten?: true;
      readonly isShut?: true;
    }
  | {
      readonly kind: 'suspect';
      readonly class: FailureClass;
      readonly reason: string;
      readonly cause?: PullCause;
      readonly isUnwritten?: true;
    }
  | { readonly kind: 'failed'; readonly class: FailureClass; readonly reason: string };

const PULL_ERRORS = new Set(['ErrImagePull', 'ImagePullBackOff', 'RegistryUnavailable']);
const PERMANENT_ERRORS = new Set([
  'InvalidImageName',
  'ErrImageNeverPull',
  'CreateContainerConfigError',
  'CreateContainerError',
  'RunContainerError',
]);

/** An in-place update restarts the sidecar once. */
const EXPECTED_RESTARTS = 1;

type Broken = Omit<ServerFailure, 'server'>;
type Check = (server: ServerView, target: Target) => Judgement | undefined;

const failed = (kind: FailureClass, reason: string): Judgement => ({ kind: 'failed', class: kind, reason });
const waiting = (reason: string): Judgement => ({ kind: 'waiting', reason });

/**
 * The checks of one server, in order; the first that objects gives the reason. First what must never happen
 * (identity and the main container), then what makes the update fail, then what is still to come.
 */
const CHECKS: readonly Check[] = [
  samePod,
  mainContainersUntouched,
  containerNotBroken,
  imageWritten,
  containerRuns,
  kruiseDone,
  conditionsTrue,
];

/** Judges one server: is it on the target image, in place, ready, with nothing else touched? */
export function judgeServer(server: ServerView | undefined, target: Target): Judgement {
  if (!server) return failed('missing', `${target.planned.name} has no pod`);
  for (const check of CHECKS) {
    const judgement = check(server, target);
    if (judgement) return judgement;
  }
  return { kind: 'done' };
}

/** A server outside the waves so far, one of whose containers runs anew. Of the sidecar no player notices. */
export function restartedOutsider(server: string, container: string, sidecar: string): Omit<ServerFailure, 'server'> {
  const [kind, what] =
    container === sidecar ? (['moved', 'sidecar'] as const) : (['mainContainerRestarted', 'container'] as const);
  return { class: kind, reason: `${what} ${container} of ${server} restarted outside its wave` };
}

/**
 * Judges a server outside the waves so far: it must be what it was.
 * @param sidecar the container whose image the release changes
 */
export function judgeOutsider(server: ServerView | undefined, planned: PlannedServer, sidecar: string): Judgement {
  if (!server) return failed('missing', `${planned.name} has no pod`);
  const same = samePod(server, { planned, direction: 'forward' });
  if (same) return same;
  const [restarted] =
    Object.entries(planned.containers).find(([name, before]) => hasRestarted(server, name, before)) ?? [];
  return restarted === undefined
    ? { kind: 'done' }
    : { kind: 'failed', ...restartedOutsider(planned.name, restarted, sidecar) };
}

function hasRestarted(server: ServerView, container: string, before: ContainerRun): boolean {
  return !isSameRun(before, fingerprint(server, container));
}

function samePod(
  server: ServerView,
  { planned, direction }: Pick<Target, 'planned' | 'direction'>,
): Judgement | undefined {
  if (direction === 'rollback') return server.deleting ? waiting('its pod is being deleted') : undefined;
  if (!isSamePod(server, planned))
    return failed('recreated', `the pod of ${server.name} was recreated: it is not the one that was planned`);
  if (server.deleting) return failed('recreated', `the pod of ${server.name} is being deleted`);
  return undefined;
}

function mainContainersUntouched(server: ServerView, { planned, container, direction }: Target): Judgement | undefined {
  if (direction === 'rollback') return undefined;
  for (const [name, before] of Object.entries(planned.containers)) {
    if (name === container && direction !== 'adopt') continue;
    if (!hasRestarted(server, name, before)) continue;
    const restarts = containerOf(server.containers, name)?.status?.restartCount ?? 0;
    return failed(
      'mainContainerRestarted',
      `main container ${name} of ${server.name} restarted during the release (restart count now ${restarts})`,
    );
  }
  return undefined;
}

/**
 * The kubelet backs off before it starts a container spec again that it has started in the last ten minutes, even when
 * that one had not crashed: going back to an image that ran a moment ago shows CrashLoopBackOff for 10 s, then 20 s, up
 * to five minutes (seen on kubelet 1.30). So a crash counts only once a new container has run, and in a rollback only
 * the deadline decides.
 */
function containerNotBroken(server: ServerView, target: Target): Judgement | undefined {
  const container = containerOf(server.containers, target.container);
  const status = container?.status;
  if (!status || container.image !== target.image) return undefined;
  const broken = brokenStart(status, target) ?? restartsTooOften(status, target);
  if (!broken) return undefined;
  const passes = broken.class === 'crashLoop' && fingerprint(server, target.container) === target.before;
  if (passes || (target.direction === 'rollback' && !isGone(broken, status, target))) return waiting(broken.reason);
  return broken.class === 'imagePull'
    ? { kind: 'suspect', ...broken, ...causeOf(status, target.image) }
    : { kind: 'failed', ...broken };
}

function causeOf({ message }: ContainerStatus, image: string): { readonly cause?: PullCause } {
  const cause = pullCauseOf(message ?? '', image);
  return cause === undefined ? {} : { cause };
}

/** The status may still speak of the image that is being left; one that names the old image says that it is gone. */
function isGone(broken: Broken, { message }: ContainerStatus, { image }: Target): boolean {
  return broken.class === 'imagePull' && message?.includes(image) === true;
}

function brokenStart(status: ContainerStatus, { container, image }: Target): Broken | undefined {
  const reason = status.reason ?? '';
  if (status.state !== 'waiting') return undefined;
  if (PULL_ERRORS.has(reason))
    return { class: 'imagePull', reason: `image ${image} cannot be pulled: ${describeStatus(status)}` };
  if (PERMANENT_ERRORS.has(reason))
    return { class: 'invalidImage', reason: `container ${container} cannot start: ${describeStatus(status)}` };
  if (reason === 'CrashLoopBackOff')
    return { class: 'crashLoop', reason: `container ${container} crashes: ${describeStatus(status)}` };
  return undefined;
}

function restartsTooOften(
  status: ContainerStatus,
  { planned, container, direction, restartsBefore = 0 }: Target,
): Broken | undefined {
  // In a rollback the restarts are those of the version that is being left.
  if (direction === 'rollback') return undefined;
  // Those of the version before are not counted, whenever they were.
  const before = Math.max(restartsBefore, restartsOf(planned.containers[container] ?? ''));
  const restarts = status.restartCount - before;
  return restarts > EXPECTED_RESTARTS + 1
    ? { class: 'crashLoop', reason: `container ${container} restarted ${restarts} times` }
    : undefined;
}

function imageWritten(server: ServerView, target: Target): Judgement | undefined {
  const found = containerOf(server.containers, target.container);
  if (found?.image === target.image)
    return server.inGrace ? waiting('is in its grace period before the image is written') : undefined;
  const rewritten = rewrittenText(server, target, found?.image);
  if (rewritten === undefined) return whyUnwritten(server, target);
  return target.direction === 'forward'
    ? { kind: 'suspect', class: 'refused', reason: rewritten, isUnwritten: true }
    : { kind: 'waiting', reason: rewritten, isUnwritten: true };
}

/**
 * Kruise writes revision and image at once: who has the one and not the other was given another image by somebody. An
 * override changes no revision, so there only an image that is the wanted one by another name tells.
 */
function rewrittenText(
  { revision: isAt, inGrace, inPlace }: ServerView,
  { image, revision }: Target,
  found: string | undefined,
): string | undefined {
  if (found === undefined || inGrace || inPlace?.moreBatches === true) return undefined;
  if (rewritingOf(image, found) !== undefined)
    return `${image} was written, and its pod asks for ${found}: an admission webhook rewrites it`;
  if (revision === undefined || isAt !== revision) return undefined;
  return `Kruise wrote ${image}, and its pod asks for ${found}: an admission webhook rewrote it, or an override of its GameServer did`;
}

/**
 * Why a pod does not ask for the image yet, as far as the pod itself says. Kruise v1.8.0 writes in this order: the lifecycle
 * state of a hook, the condition InPlaceUpdateReady, then the revision with the image, or with the announcement of it when
 * there is a grace period. Where admission refuses what comes after the condition, that is all there is to see.
 */
function whyUnwritten({ lifecycle, inGrace, conditions }: ServerView, { revision }: Target): Judgement {
  const unwritten = (reason: string): Judgement => ({ kind: 'waiting', reason, isUnwritten: true });
  if (lifecycle === 'PreparingUpdate' || lifecycle === 'PreparingDelete')
    return unwritten(`a lifecycle hook of the set has not let it go (state ${lifecycle})`);
  if (revision === undefined)
    return unwritten(
      'waits for OpenKruiseGame to write the image of its override; when that is refused, only its log says so',
    );
  if (inGrace)
    return unwritten('Kruise has announced its image: it is in its grace period, or the write after it is refused');
  if (conditions['InPlaceUpdateReady'] !== 'False') return unwritten('waits for Kruise to write the image');
  const reason =
    'Kruise took it out of service for the update and has not written its image: admission refuses the write, for which its log has the reason, or Kruise is away';
  return { kind: 'waiting', reason, isUnwritten: true, isShut: true };
}

function containerRuns(server: ServerView, { planned, container, before, direction }: Target): Judgement | undefined {
  const status = containerOf(server.containers, container)?.status;
  if (!status || status.containerId === '' || status.imageId === '')
    return waiting(`container ${container} is being created`);
  const now = fingerprint(server, container);
  const untouched = direction !== 'forward' && now === planned.containers[container];
  if (now === before && !untouched)
    return { kind: 'waiting', reason: `the old container ${container} still runs`, isOld: true };
  if (status.state !== 'running') return waiting(`container ${container} is ${describeStatus(status)}`);
  return undefined;
}

function kruiseDone(server: ServerView, { revision }: Target): Judgement | undefined {
  if (revision !== undefined && server.revision !== revision)
    return waiting('waits for Kruise to move it to the new revision');
  if (server.inPlace?.moreBatches === true) return waiting('Kruise has more containers to update');
  if (server.lifecycle !== '' && server.lifecycle !== 'Normal')
    return waiting(`its lifecycle state is ${server.lifecycle}`);
  return undefined;
}

function conditionsTrue(server: ServerView, { container }: Target): Judgement | undefined {
  const wanted = ['ContainersReady', ...server.readinessGates, 'Ready'];
  const missing = wanted.find((type) => server.conditions[type] !== 'True');
  if (missing === undefined) return undefined;
  if (missing === 'ContainersReady') {
    const unready = server.containers.find((entry) => entry.status?.ready !== true)?.name ?? container;
    return waiting(`container ${unready} is not ready`);
  }
  return waiting(gateText(server, missing));
}

/** A gate that nobody has written yet is another trouble than one that is closed: whoever should open it may not be there. */
function gateText({ conditions, readinessGates, closedGates = {} }: ServerView, type: string): string {
  if (conditions[type] === undefined && readinessGates.includes(type))
    return `nobody has set condition ${type}, which is a readiness gate of its pod`;
  const said = plainText(closedGates[type] ?? '', 160);
  return `condition ${type} is not True${said === '' ? '' : ` (${said})`}`;
}

function describeStatus({ state, reason, message, exitCode }: ContainerStatus): string {
  const code = exitCode === undefined ? '' : ` (exit code ${exitCode})`;
  const detail =
    message === undefined || message === '' ? '' : `: ${bothEnds(plainText(message.split('\n')[0] ?? ''))}`;
  return `${plainText(reason ?? state, 160)}${code}${detail}`;
}

/** The cause comes last in what kubelets say: of long words the beginning and the end are shown. */
function bothEnds(words: string): string {
  const [most, begin, end] = [240, 80, 150];
  return words.length <= most
    ? words
    : `${cutText(words, begin)} ... ${words.slice(-end).replace(/^[\uDC00-\uDFFF]/, '')}`;
}

/** Why a server was not done yet when it was last looked at. */
export interface LastReason {
  readonly reason: string;
  /** The reason that it would have failed for, had it lasted. */
  readonly class?: FailureClass;
  /** The container that has to go still runs: it is late, whatever the runtime calls its image. */
  readonly isOld?: true;
  /** The same, and its image was not even written. */
  readonly isUnwritten?: true;
}

/**
 * The name of the failure of a server that ran out of time. A container that runs while Kruise keeps its gate closed
 * has one of two causes: the runtime calls the image by another name than the pod, so that Kruise waits for ever, or
 * Kruise has not come to this server yet. It goes from server to server, and opens a gate only on its next way round.
 */
export function timeoutFailure(
  server: ServerView | undefined,
  { planned: { name }, container }: Pick<Target, 'planned' | 'container'>,
  last: LastReason,
  limit: string,
): ServerFailure {
  const isClosed =
    server?.conditions['ContainersReady'] === 'True' && server.conditions['InPlaceUpdateReady'] === 'False';
  if (!isClosed || last.isOld === true || last.isUnwritten === true)
    return { server: name, class: last.class ?? 'notReady', reason: `not Ready within ${limit}: ${last.reason}` };
  // Kruise waits for the containers that it updates; what others have put into the pod may be called anything.
  const strange = containerOf(server.containers, container);
  if (!strange?.status || strange.status.image === strange.image) {
    const reason = `not Ready within ${limit}: its new container runs, and Kruise has not opened its readiness gate yet: give ready.timeout more time, or take smaller waves`;
    return { server: name, class: 'notReady', reason };
  }
  return {
    server: name,
    class: 'identityStuck',
    reason: `Kruise does not see the new container after ${limit}: the runtime says that it runs ${strange.status.image}, not ${strange.image}: same digest under two tags, or an image name that the runtime spells differently`,
  };
}
