import { failAnnotation, failingAnnotation, quotedFailureModes } from './fleet-failures.ts';

/**
 * The next status of every container, given its mode, its image and its last status. Used for a new pod too, where no
 * container has a status yet. A container with nothing to do is copied as it was: that is what proves that an
 * update in place leaves the main container alone. imageID is a function of the image, containerID is new per start.
 */
export const nextStatus = `
{{- $pod := . }}{{ $now := Now }}
{{- $failing := "" }}{{ with .metadata.annotations }}{{ $failing = or (index . "${failingAnnotation}") "" }}{{ end }}
{{- $statuses := dict }}{{ range (or .status.containerStatuses list) }}{{ $_ := set $statuses .name . }}{{ end }}
{{- $modes := dict }}{{ $restartAll := false }}
{{- range .spec.containers }}
  {{- $tag := regexFind ":[^/:]*$" (regexReplaceAll "@.*$" .image "") }}
  {{- $mode := "" }}
  {{- range (list ${quotedFailureModes.join(' ')}) }}{{ if and (eq $mode "") (contains . $tag) }}{{ $mode = . }}{{ end }}{{ end }}
  {{- if hasSuffix (printf " %s" .image) $failing }}{{ $mode = first (splitList " " $failing) }}{{ end }}
  {{- $_ := set $modes .name $mode }}
  {{- $old := get $statuses .name }}
  {{- if and $old (eq $mode "mainrestart") (ne $old.image .image) }}{{ $restartAll = true }}{{ end }}
{{- end }}
{{- $allReady := true }}{{ $pending := false }}
containerStatuses:
{{- range .spec.containers }}
  {{- $mode := get $modes .name }}
  {{- $old := get $statuses .name }}
  {{- $isStale := true }}{{ $restarts := 0 }}{{ $ready := false }}{{ $waiting := "" }}{{ $imageID := "" }}{{ $containerID := "" }}{{ $image := .image }}
  {{- if $old }}
    {{- $isStale = ne $old.image .image }}{{ $restarts = int $old.restartCount }}{{ $ready = $old.ready }}
    {{- $imageID = $old.imageID }}{{ $containerID = or $old.containerID "" }}
    {{- with $old.state.waiting }}{{ $waiting = .reason }}{{ end }}
  {{- end }}
  {{- $hasRun := ne $containerID "" }}
  {{- $badPull := eq $mode "badpull" }}
  {{- $start := or (and $isStale (not $badPull)) (eq $mode "crash") (and (ne $waiting "") (not $badPull)) }}
  {{- if and $restartAll $old }}{{ $start = true }}{{ end }}
  {{- if $start }}
    {{- $imageID = printf "%s@sha256:%s" (regexReplaceAll ":[^/:]*$" (regexReplaceAll "@.*$" .image "") "") (sha256sum .image) }}
    {{- $containerID = printf "containerd://%s" (sha256sum (printf "%s %s %s" $pod.metadata.uid .name $now)) }}
    {{- if $hasRun }}{{ $restarts = add $restarts 1 }}{{ end }}
  {{- else if and $badPull $isStale $old }}
    {{- $image = $old.image }}
  {{- end }}
  {{- $reason := "" }}
  {{- if and $badPull (or $isStale (ne $waiting "")) }}{{ $reason = "ImagePullBackOff" }}
  {{- else if eq $mode "crash" }}{{ $reason = "CrashLoopBackOff" }}{{ end }}
  {{- $ready = and (eq $reason "") (ne $mode "neverready") }}
  {{- if not $ready }}{{ $allReady = false }}{{ end }}
  {{- if and (eq $reason "ImagePullBackOff") (eq $imageID "") }}{{ $pending = true }}{{ end }}
  {{- if and $old (not $start) (eq $image $old.image) (eq $ready $old.ready) (eq $reason $waiting) }}
- {{ toJson $old }}
  {{- else }}
- name: {{ .name | Quote }}
  image: {{ $image | Quote }}
  imageID: {{ $imageID | Quote }}
  containerID: {{ $containerID | Quote }}
  restartCount: {{ $restarts }}
  ready: {{ $ready }}
  started: {{ eq $reason "" }}
  {{- if eq $reason "" }}
  state: {running: {startedAt: {{ if $start }}{{ $now | Quote }}{{ else }}{{ $old.state.running.startedAt | Quote }}{{ end }}}}
  {{- else }}
  state: {waiting: {reason: {{ $reason | Quote }}, message: {{ printf "%s (simulated by the fleet lab)" $reason | Quote }}}}
  {{- end }}
  {{- if and $start $old (eq $reason "CrashLoopBackOff") }}
  lastState: {terminated: {exitCode: 1, reason: Error, startedAt: {{ $now | Quote }}, finishedAt: {{ $now | Quote }}, containerID: {{ $containerID | Quote }}}}
  {{- end }}
  {{- end }}
{{- end }}
phase: {{ if $pending }}Pending{{ else }}Running{{ end }}
conditions:
- {type: ContainersReady, status: {{ $allReady | toString | title | Quote }}, lastTransitionTime: {{ $now | Quote }}}
{{- if not $allReady }}
- {type: Ready, status: "False", reason: ContainersNotReady, lastTransitionTime: {{ $now | Quote }}}
{{- end }}
`;

/** A new pod's first status. Writes neither Ready nor a readiness gate: a gate is its controller's, and Ready follows from the gates. */
export const firstStatus = `${nextStatus}
- {type: Initialized, status: "True", lastTransitionTime: {{ $now | Quote }}}
- {type: PodScheduled, status: "True", lastTransitionTime: {{ $now | Quote }}}
hostIP: {{ NodeIPWith .spec.nodeName | Quote }}
podIP: {{ PodIPWith .spec.nodeName false .metadata.uid .metadata.name .metadata.namespace | Quote }}
startTime: {{ Now | Quote }}
`;

/** Only the pod's Ready condition. */
export const readyStatus = (status: 'True' | 'False'): string => `
conditions:
- {type: Ready, status: "${status}", lastTransitionTime: {{ Now | Quote }}}
`;

/** The rewrite of the test's one-time wish into a lasting fact about one image on this pod. */
export const armedAnnotations = `
{{- $pod := . }}
{{- $statuses := dict }}{{ range (or .status.containerStatuses list) }}{{ $_ := set $statuses .name .image }}{{ end }}
{{- $image := "" }}
{{- range .spec.containers }}{{ if ne .image (get $statuses .name) }}{{ $image = .image }}{{ end }}{{ end }}
annotations:
  ${failAnnotation}: null
  ${failingAnnotation}: {{ printf "%s %s" (index .metadata.annotations "${failAnnotation}") $image | Quote }}
`;
