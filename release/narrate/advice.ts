import type { ReleaseState } from '../progress/state.ts';

type FailureClass = ReleaseState['failures'][number]['class'];

/** A failure or a refusal, for the person who meets it. Code stands in backticks, as in Markdown. */
export interface Advice {
  /** The finding, in whole sentences. */
  readonly seen: string;
  readonly todo: string;
}

/** Each class of failure of a server. docs/failures.md and `hotwave explain CLASS` are made from it. */
export const FAILURE_ADVICE: Readonly<Record<FailureClass, Advice>> = {
  imagePull: {
    seen: 'The image cannot be pulled: at once when it is not there or not allowed, after `ready.timeout` when the registry is in trouble.',
    todo: 'Is it pushed, can the node log in to the registry? Then `retry`. If the image will not come: `rollback`; the old one is on the node already.',
  },
  invalidImage: {
    seen: 'The kubelet refuses the container before it starts: image name, missing secret or config map.',
    todo: 'Waiting does not help. `rollback`, mend the set or the name, release again.',
  },
  crashLoop: {
    seen: 'The new sidecar starts and ends, again and again.',
    todo: '`kubectl logs POD -c SIDECAR --previous`. `rollback`; the kubelet may back off 10 s, 20 s, 40 s before it starts the old image again, which status names.',
  },
  notReady: {
    seen: 'It runs and has not become Ready within `spec.ready.timeout`; the reason says which condition was missing.',
    todo: `A readiness probe or a hook of the set's own: \`kubectl describe pod\`. "Kruise has not opened its readiness gate yet": more time or smaller waves, then \`retry\`.`,
  },
  identityStuck: {
    seen: 'The runtime spells the image otherwise than the pod does, so Kruise waits for ever.',
    todo: 'Two tags of one digest, or a short name (`nginx` for `docker.io/library/nginx`). Name the image as the runtime does (`kubectl get pod -o yaml`, `status`), or by its digest.',
  },
  refused: {
    seen: 'The pod is not what the release wrote: an admission policy, a webhook or a budget refuses the write of Kruise, or rewrites the image.',
    todo: 'The reason has the words of the one that refused. A denial fails after 20 s, a PodUnavailableBudget or a webhook that does not answer after `spec.ready.timeout`. Lift the policy or raise the budget, then `retry`. Names no policy? `kubectl describe statefulsets.apps.kruise.io SET`, and the log of kruise-manager.',
  },
  content: {
    seen: 'The sidecar is Ready and the hot files are not those of the new version.',
    todo: 'The sync of the sidecar: did it copy before it said Ready? `rsync` without `--checksum` skips files of equal size and time. The engine was not told to reload.',
  },
  reload: {
    seen: 'The reload ended with an error, or nobody can tell how it ended.',
    todo: 'The reason has the exit status and the last words of the command. The old version is still loaded in most engines: `versions` tells. `retry` when it was a hiccup.',
  },
  version: {
    seen: 'The reload was fine and the engine still answers with another version.',
    todo: 'The engine did not load what it was given. Look at its log. This is what `proof` is for: Ready is not loaded.',
  },
  health: {
    seen: 'A check of `spec.health` failed, right after the proof or during `bake`.',
    todo: 'The new version is loaded and bad for this server: `rollback` before players leave.',
  },
  metric: {
    seen: 'A value over the whole wave is out of its bound, and not so on the control group.',
    todo: 'No single server is to blame, so no tolerance counts. The reason has the value and the bound.',
  },
  healthUnknown: {
    seen: 'No data, or the one who has it does not answer.',
    todo: 'Not known is a verdict of its own: the release pauses. Mend the metrics and `resume`, or decide without them.',
  },
  mainContainerRestarted: {
    seen: "The engine's container restarted; players on it are gone.",
    todo: 'First find out whether the hot files did it: `kubectl logs --previous`. If so `rollback` now; if not (a node, a crash that would have come anyway) `resume`: it accepts the restart, and the server proves again.',
  },
  recreated: {
    seen: "Another pod has the server's name.",
    todo: "Eviction, a node, somebody's `kubectl delete`. It starts with whatever the template says: `versions` tells which.",
  },
  missing: {
    seen: 'The server has no pod, or no GameServer.',
    todo: 'Scaled down, killed, or it cannot be scheduled: `kubectl get gs,pods`. `skip --server NAME --reason "..."` goes on without it.',
  },
  overridden: {
    seen: 'A GameServer has an image of its own, or one that hotwave wrote does not stay.',
    todo: 'Somebody else writes `spec.containers` of this GameServer; the reason names what was found. Agree on one writer.',
  },
  moved: {
    seen: 'A server changed its image, or its sidecar restarted, outside its wave.',
    todo: "The set's update strategy was changed under the release. `status` shows the foreign edit with the field's owner.",
  },
};

/** Each line of `plan` that can refuse a release or warn of it. docs/refusals.md and `hotwave explain LINE` are made from it. */
export const REFUSAL_ADVICE: Readonly<Record<string, Advice>> = {
  halt: {
    seen: 'Somebody has halted the releases of the namespace or of the cluster.',
    todo: '`hotwave halts` says who, why and until when. `hotwave unhalt` ends it; `hotwave unhalt --only SET` lets one set go on.',
  },
  permissions: {
    seen: 'The account of the worker may not do something that the release needs.',
    todo: 'The line names the rights. `kubectl apply -f deploy/rbac.yaml` gives them in namespace `default`, and its head says how to give them in another one. `docs/permissions.md` says what each is for.',
  },
  set: {
    seen: 'There is no GameServerSet of this name, it is being deleted, or it wants no servers.',
    todo: '`kubectl get gameserversets --all-namespaces` shows the sets. Correct `spec.target` of the release file.',
  },
  holder: {
    seen: 'Another release holds the set.',
    todo: '`hotwave status SET` shows it. Wait for its end, end it with `hotwave cancel SET`, or take over with `hotwave start FILE --supersede adopt`. When its Temporal is lost: `hotwave rollback SET --from-cluster`.',
  },
  'update strategy': {
    seen: 'The set does not update its servers in place, or it is paused or keeps servers back.',
    todo: 'Set `spec.updateStrategy.rollingUpdate.podUpdatePolicy` of the set to `InPlaceIfPossible`, and take the pause or the partition back.',
  },
  'foreign owners': {
    seen: 'Another program applies fields that the release writes, such as Argo CD or Flux. It may write its own values back.',
    todo: 'The line names the setting that makes peace. `docs/git-ops.md` has it for each program.',
  },
  servers: {
    seen: 'The set has no servers, or not those that the release file chooses.',
    todo: '`kubectl get gameservers` shows them. Scale the set, or correct `spec.target.servers`.',
  },
  containers: {
    seen: 'The release file names a container that the servers do not have.',
    todo: 'The line has the names that there are. Correct the field that it names.',
  },
  template: {
    seen: 'The template of the set has a change that servers have not taken over yet. They would get it together with the new image, and it may restart the engine.',
    todo: 'Let the servers take that change over first, or take it back.',
  },
  'images of pods': {
    seen: 'An admission webhook rewrites the image of the container, so that pods ask for another one than the template.',
    todo: 'Name the image in the release file as the webhook writes it.',
  },
  'service qualities': {
    seen: 'The release file asks a service quality that the set does not have, or that cannot tell a version.',
    todo: 'Declare it in `spec.serviceQualities` of the set, or check in another way. The actions of a service quality may also write `updatePriority` while a release runs.',
  },
  waves: {
    seen: 'The waves cannot be made: too many servers are asked for, a group is empty, or the servers run several versions.',
    todo: 'The line names the field. `hotwave explain spec.waves` says what may stand there.',
  },
  players: {
    seen: 'Traffic goes by readiness: players of a server may lose their connection while its sidecar is replaced.',
    todo: 'It is a warning. Use a network that keeps the traffic, make the waves smaller, or let `spec.admission` wait for servers without players.',
  },
  'failed versions': {
    seen: 'An earlier release had to take this image back by itself.',
    todo: 'Release another image. If this one is good now, `spec.allowFailedVersion` of the release file says why.',
  },
  'reclaim policy': {
    seen: 'A chosen GameServer is deleted together with its pod, and its image would be lost with it.',
    todo: 'It is a warning. Set `gameServerTemplate.reclaimPolicy` of the set to `Delete` only where servers may lose their image.',
  },
  overrides: {
    seen: 'GameServers have an image of their own for the container, and it would win over the template.',
    todo: 'Take `spec.containers` of these GameServers away, or promote them: `docs/release-file.md`.',
  },
  'proof before the release': {
    seen: 'A server does not prove the version that it is said to run, so that no proof could be trusted.',
    todo: 'Ask it as the release file does: `hotwave versions SET`. Correct `spec.proof`, or `spec.previousVersion`.',
  },
  'files and health before the release': {
    seen: 'A server gives no right answer to the content check or to a health check before anything has moved.',
    todo: 'Correct the check, or mend the server: a release would fail on it.',
  },
  'servers on the image': {
    seen: 'Servers run the new image already, and do not prove the new version.',
    todo: 'They may only lack a reload: a release makes them load it. If the files have changed under one tag, give the image another tag.',
  },
  metrics: {
    seen: 'The worker may not ask the address of a metric, or gets no answer to its query.',
    todo: '`HOTWAVE_METRICS_URLS` of the worker names the addresses. Try the query in Prometheus.',
  },
  'dry run': {
    seen: 'The API server refuses the first write of the release.',
    todo: 'The line has the words of the API server. It is a right that is missing, an admission policy, or a webhook.',
  },
  calendar: {
    seen: 'A freeze window holds, or the calendar cannot be read.',
    todo: 'Wait for its end. Or `hotwave start FILE --during-freeze REASON`, and a second person says `hotwave override-freeze SET --reason REASON`.',
  },
};

/** A topic of `hotwave explain`: a class of failure, or a line of `plan` with or without hyphens for its spaces. */
export interface Topic extends Advice {
  readonly topic: string;
  /** The page, and the heading in it. */
  readonly page: string;
}

/** The topic of this name; undefined when there is none. */
export function topicOf(name: string): Topic | undefined {
  const failure = new Map<string, Advice>(Object.entries(FAILURE_ADVICE)).get(name);
  if (failure) return { topic: name, ...failure, page: `docs/failures.md#${name.toLowerCase()}` };
  const line = name.replaceAll('-', ' ');
  const refusal = new Map(Object.entries(REFUSAL_ADVICE)).get(line);
  return refusal && { topic: line, ...refusal, page: `docs/refusals.md#${line.replaceAll(' ', '-')}` };
}
