/** The pod annotation with which a test makes one server fail at its next image change. */
export const failAnnotation = 'hotwave.test/fail';

/** Written by the fleet when {@link failAnnotation} hits: `MODE IMAGE`, so that only this image fails on this pod. */
export const failingAnnotation = 'hotwave.test/failing';

/** The pod annotation that replaces the pull time of a server's next image changes, such as `5s`. */
export const delayAnnotation = 'hotwave.test/delay';

/** With this annotation `true`, a server's engine loads new files by itself, without a reload call. */
export const selfReloadAnnotation = 'hotwave.test/self-reload';

/**
 * The failures of a container, in words for `npm run lab -- --help`; part of its image's tag (`v2.0-crash`), or the value of
 * the pod annotation {@link failAnnotation}.
 */
export const containerFailures = {
  badpull: 'cannot be pulled: ImagePullBackOff, the old image stays',
  crash: 'starts and ends again and again: CrashLoopBackOff',
  neverready: 'runs, and is never Ready',
  slow: 'good, but takes 5 s',
  mainrestart: 'good, but the main container restarts with it',
} as const;

/** The failures of an engine with the files of a version; part of the sidecar image's tag. */
export const engineFailures = {
  reloadfails: 'the reload command fails, nothing is loaded',
  stale: 'the reload succeeds, nothing is loaded',
  unhealthy: 'once loaded, /healthz answers 503',
  errors: 'once loaded, the metric game_error_ratio is 0.07, not 0.002',
  mute: 'once loaded, the engine has no metrics',
} as const;

/** One of {@link containerFailures}. */
export type FailureMode = keyof typeof containerFailures;

/** The same names as strings of jq and of Go templates. */
export const quotedFailureModes: readonly string[] = Object.keys(containerFailures).map((mode) => `"${mode}"`);
