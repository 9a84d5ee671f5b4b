import { plainText } from '../spec/plain-text.ts';
import { isTransient } from './pull-cause.ts';

/** A controller's word that it could not do something: an event of type Warning, or a condition of the workload. */
export interface Complaint {
  /** The event's reason or the condition's type, such as `FailedUpdatePodInPlace`. */
  readonly reason: string;
  readonly message: string;
  /** Name of the object that it is about: the set's Advanced StatefulSet, or a server's pod. */
  readonly about: string;
  /** When it was said last, in milliseconds since the epoch, by the controller's clock. */
  readonly at: number;
}

/** Why Kruise does not move servers: what it was not allowed to do. */
export interface Blocker {
  /** The server that it is about; undefined when that is one whose pod could not be made. */
  readonly server: string | undefined;
  /** The refused request, and who refused it, as a part of a sentence. */
  readonly words: string;
  /** A policy or a webhook has looked at the write and said no. Anything else may pass: it is waited for. */
  readonly isDenied: boolean;
}

/** A pattern that a complaint must fit. */
export interface BlockerWishes {
  /** The words before this are about an earlier step. Milliseconds since the epoch. */
  readonly since: number;
  /** Names of the servers whose image is still to be written: of the others a complaint is over. */
  readonly waiting: ReadonlySet<string>;
  /** Those of them that Kruise has taken out of service now, so that it was refused again: what it said before still counts. */
  readonly shut: ReadonlySet<string>;
  /** The revision that servers go to; undefined when an override moves them. */
  readonly revision: string | undefined;
}

const MOST_WORDS = 300;
/** client-go sends 25 events about one object and then one in five minutes: for so long nothing new may come, in ms. */
const SILENCE_MS = 10 * 60_000;

// Kruise v1.8.0 pkg/controller/statefulset: stateful_set_control.go (inPlaceUpdatePod, and the conditions of
// processReplica), stateful_pod_control.go (recordPodEvent). client-go puts the first words before what it has gathered.
const COMBINED = /^\(combined from similar events\): /;
const UPDATE = /^failed to update pod (\S+) in-place\(revision (\S+)\): (.*)$/s;
const CREATE =
  /^(?:create Pod \S+ in StatefulSet \S+ failed error|StatefulPodControl failed to create Pod error): (.*)$/s;
/** Kruise v1.8.0 pkg/control/pubcontrol: said of a pod, whatever the write was. */
const PROTECTED = 'PubPreventPodDeletion';

/** A budget has room again as soon as other servers are Ready; a quota is another's to raise. Nobody has judged the write. */
const PASSES = /podunavailablebudget|failed (?:calling|to call) webhook|exceeded quota|object has been modified/i;
/** The answers of policies, webhooks, the authorizer and the validation of the API server. */
const DENIED = /denied (?:the )?request|is forbidden|is invalid/i;

/**
 * The newest complaint that fits and keeps Kruise from moving servers; undefined when none does. Kruise goes from
 * server to server and ends its round at the first write that fails, so one complaint speaks for all that wait.
 *
 * | complaint | blocker |
 * |---|---|
 * | `FailedUpdatePodInPlace` of a server that waits, to this revision | that server's |
 * | the same of a server that has moved since, or to another revision | none |
 * | `FailedCreate`: a pod of the set cannot be made | all servers', when no server has one of its own |
 * | `PubPreventPodDeletion` of a server that waits | that server's |
 * | any of them before this step began | none |
 * | but `FailedUpdatePodInPlace` within ten minutes before, of a server that is out of service again | that server's |
 */
export function blockerIn(complaints: readonly Complaint[], wishes: BlockerWishes): Blocker | undefined {
  const newest = [...complaints].sort((left, right) => right.at - left.at);
  const blockers = newest.map((complaint) => blockerOf(complaint, wishes)).filter((blocker) => blocker !== undefined);
  // The answer to the write says more than the note about it, and both more than what became of another pod.
  const ofServers = blockers.filter(({ server }) => server !== undefined);
  return ofServers.find(({ words }) => words !== BUDGET) ?? ofServers[0] ?? blockers[0];
}

const BUDGET = 'a PodUnavailableBudget has no room for one more server that is not available';

function blockerOf(complaint: Complaint, wishes: BlockerWishes): Blocker | undefined {
  const text = complaint.message.replace(COMBINED, '');
  const [, server, revision, refusal = ''] = UPDATE.exec(text) ?? [];
  if (server !== undefined)
    return revision === wishes.revision ? ofServer({ server, refusal, at: complaint.at }, wishes) : undefined;
  if (complaint.at < wishes.since) return undefined;
  const [, creation] = CREATE.exec(text) ?? [];
  // It may be about one pod only, or be over: what it keeps from moving is waited for. Overrides are not Kruise's writes.
  if (creation !== undefined)
    return wishes.revision === undefined
      ? undefined
      : { server: undefined, words: refusalOf(creation).words, isDenied: false };
  const isProtected = complaint.reason === PROTECTED && wishes.waiting.has(complaint.about);
  return isProtected ? { server: complaint.about, words: BUDGET, isDenied: false } : undefined;
}

function ofServer(
  { server, refusal, at }: { readonly server: string; readonly refusal: string; readonly at: number },
  { since, waiting, shut }: BlockerWishes,
): Blocker | undefined {
  if (at >= since) return waiting.has(server) ? { server, ...refusalOf(refusal) } : undefined;
  if (!shut.has(server) || at < since - SILENCE_MS) return undefined;
  const { words, isDenied } = refusalOf(refusal);
  return { server, words: `${words} (so Kruise said at ${new Date(at).toISOString()})`, isDenied };
}

function refusalOf(text: string): Pick<Blocker, 'words' | 'isDenied'> {
  const isDenied = DENIED.test(text) && !PASSES.test(text) && !isTransient(text);
  return { words: plainText(text, MOST_WORDS), isDenied };
}

/** Why a server of this name is not moved, as a reason of its own. */
export function blockedText({ server, words }: Blocker, name: string): string {
  if (server === undefined) return `Kruise could not make a pod of the set, and moves nobody while it cannot: ${words}`;
  if (server === name) return `the write of its new image is refused: ${words}`;
  return `Kruise does not come to it: the write of the new image of ${server} is refused: ${words}`;
}
