import { delayAnnotation, failAnnotation, failingAnnotation, quotedFailureModes } from './fleet-failures.ts';
import { armedAnnotations, firstStatus, nextStatus, readyStatus } from './fleet-pod-status.ts';

/** How long an image change takes on the fleet, in milliseconds: uniformly between the two. */
export interface SwapDelay {
  readonly fromMs: number;
  readonly toMs: number;
}

// Shared in meaning with fleet-pod-status.ts: the failure mode of a container is that of the pod's annotation if it
// names exactly this image, else the one named in the image's tag.
const jqFunctions = `
def tag: split("@") | first | split("/") | last | split(":") | if length > 1 then last else "" end;
def mode($pod): .image as $image
  | ($pod.metadata.annotations["${failingAnnotation}"] // "") as $failing
  | if ($failing | endswith(" " + $image)) then ($failing | split(" ") | first)
    else ($image | tag) as $tag | ([${quotedFailureModes.join(',')}] | map(select(. as $name | $tag | contains($name))) | first) // ""
    end;
def steps: . as $pod | [.spec.containers[] | . as $container
  | {mode: mode($pod), status: ([($pod.status.containerStatuses // [])[] | select(.name == $container.name)] | first)}
  | .isStale = (.status.image != $container.image)
  | select(
      if .mode == "badpull" then .isStale and .status.state.waiting.reason != "ImagePullBackOff"
      elif .mode == "crash" then true
      elif .mode == "neverready" then .isStale or .status.state.running == null
      else .isStale or (.status.ready | not) end)];
`;

/** jq over a pod, cheap: nothing to do for most events, and one worker judges them all. */
const isUnsettled = `([.spec.containers[] | .name + "=" + .image] | sort)
  != ([(.status.containerStatuses // [])[] | select(.ready) | .name + "=" + .image] | sort)`;

/** jq over a pod: whether the kubelet has something to do. */
const hasSteps = `${jqFunctions} steps | length > 0`;

const hasStale = `${jqFunctions} [steps[] | select(.isStale)] | length > 0`;

/** jq over a pod: how long its next step takes, as a Go duration; empty for the usual pull time. */
const stepDelay = `${jqFunctions} steps as $steps
| if .metadata.annotations["${delayAnnotation}"] then .metadata.annotations["${delayAnnotation}"]
  elif [$steps[] | select(.isStale and .mode != "slow")] | length > 0 then empty
  elif [$steps[] | select(.mode == "slow")] | length > 0 then "5s"
  elif [$steps[] | select(.mode == "crash")] | length > 0 then "4s"
  else empty end`;

const hasClosedGate = `. as $pod
| [(.spec.readinessGates // [])[].conditionType as $type
   | select([($pod.status.conditions // [])[] | select(.type == $type and .status == "True")] | length == 0)] | length > 0`;

const condition = (type: string): string =>
  `[(.status.conditions // [])[] | select(.type == "${type}") | .status] | first`;

interface Expression {
  readonly key: string;
  readonly operator: 'In' | 'NotIn' | 'Exists' | 'DoesNotExist';
  readonly values?: readonly string[];
}

const exists = (key: string): Expression => ({ key, operator: 'Exists' });
const missing = (key: string): Expression => ({ key, operator: 'DoesNotExist' });
const isIn = (key: string, ...values: string[]): Expression => ({ key, operator: 'In', values });
const notIn = (key: string, ...values: string[]): Expression => ({ key, operator: 'NotIn', values });
const isTrue = (key: string): Expression => isIn(key, 'true');
const isFalse = (key: string): Expression => isIn(key, 'false');

const alive = missing('.metadata.deletionTimestamp');
const placed = exists('.status.podIP');
const wish = `.metadata.annotations["${failAnnotation}"]`;

/** The stages of a pod's life on the fleet: what a kubelet would do, step by step. */
export function podStages(swap: SwapDelay): object[] {
  const from = { expressionFrom: stepDelay };
  const usual = { durationMilliseconds: swap.fromMs, jitterDurationMilliseconds: swap.toMs };
  const delay = { ...usual, durationFrom: from, jitterDurationFrom: from };
  return [
    stage('pod-start', [alive, missing('.status.podIP')], { statusTemplate: firstStatus }),
    stage('pod-arm-failure', [alive, placed, exists(wish), isTrue(hasStale)], {
      patches: [{ root: 'metadata', template: armedAnnotations, type: 'merge' }],
    }),
    stage(
      'pod-step',
      [alive, placed, missing(wish), isTrue(isUnsettled), isTrue(hasSteps)],
      { statusTemplate: nextStatus },
      { delay },
    ),
    // A pod whose Ready is wrong is put right before anything else: hence the weight.
    stage(
      'pod-gate-open',
      [
        alive,
        placed,
        notIn(condition('Ready'), 'True'),
        isIn(condition('ContainersReady'), 'True'),
        isFalse(hasClosedGate),
      ],
      { statusTemplate: readyStatus('True') },
      { weight: 1 },
    ),
    stage(
      'pod-gate-closed',
      [alive, placed, isIn(condition('Ready'), 'True'), isTrue(hasClosedGate)],
      { statusTemplate: readyStatus('False') },
      { weight: 1 },
    ),
    stage('pod-delete', [exists('.metadata.deletionTimestamp')], { finalizers: { empty: true }, delete: true }),
  ];
}

function stage(name: string, matchExpressions: readonly Expression[], next: object, more: object = {}): object {
  return {
    apiVersion: 'kwok.x-k8s.io/v1alpha1',
    kind: 'Stage',
    metadata: { name },
    spec: { resourceRef: { apiGroup: 'v1', kind: 'Pod' }, selector: { matchExpressions }, next, ...more },
  };
}
