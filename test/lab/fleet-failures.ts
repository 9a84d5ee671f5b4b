/** The pod annotation with which a test makes one server fail at its next image change. */
export const failAnnotation = 'hotwave.test/fail';

/** Written by the fleet when {@link failAnnotation} hits: `MODE IMAGE`, so that only this image fails on this pod. */
export const failingAnnotation = 'hotwave.test/failing';

/** The pod annotation that replaces the pull time of a server's next image changes, such as `5s`. */
export const delayAnnotation = 'hotwave.test/delay';

/** With this annotation `true`, a server's engine loads new files by itself, without a reload call. */
export const selfReloadAnnotation = 'hotwave.test/self-reload';

/**
 * The failures with a container's image; part of the image's tag (`v2.0-crash`), or the value of the pod
 * annotation {@link failAnnotation}.
 * - `badpull`: cannot be pulled; the old image stays, waiting ImagePullBackOff
 * - `crash`: starts and ends at once, again and again; waiting CrashLoopBackOff, restartCount grows
 * - `neverready`: runs but is never ready
 * - `slow`: as it should be, but takes 5 s
 * - `mainrestart`: as it should be, but the pod's other containers restart too
 */
const failureModes = ['badpull', 'crash', 'neverready', 'slow', 'mainrestart'] as const;

/** One of {@link failureModes}. */
export type FailureMode = (typeof failureModes)[number];

/** The same names as strings of jq and of Go templates. */
export const quotedFailureModes: readonly string[] = failureModes.map((mode) => `"${mode}"`);
