/** Why an image could not be pulled: `final` will not pass by itself, `transient` may. */
export type PullCause = 'final' | 'transient';

// The words of kubelets, containerd, CRI-O and registries; the registry's own words come last in the message.
const FINAL =
  /not found|manifest unknown|name unknown|name invalid|does not exist|denied|unauthorized|authentication required|insufficient_scope|no basic auth|403 forbidden|401 unauthorized|invalid reference|no match for platform|signature.*(?:required|not accepted)|unsupported media type/i;
const TRANSIENT =
  /too ?many ?requests|rate limit|(?:status|code|http)[^\w/]{1,4}(?:429|50[0234]|52\d)\b|\b52\d <|goaway|bad gateway|service unavailable|gateway time-?out|internal server error|i\/o timeout|time-?out|timed out|deadline exceeded|connection (?:refused|reset)|no such host|server misbehaving|temporary failure|try again|network is unreachable|no route to host|unexpected eof|\beof\b|registryunavailable|pull qps exceeded|no space left/i;

/** True when words speak of trouble that may pass by itself: overload, time-outs, a network, a name that is not found yet. */
export function isTransient(words: string): boolean {
  return TRANSIENT.test(words);
}

/**
 * Reads why an image could not be pulled from what the kubelet says; undefined when it does not say. A line that names
 * both, such as `failed to resolve: ... 429 Too Many Requests ... not found`, may pass.
 */
export function pullCauseOf(message: string, image: string): PullCause | undefined {
  // An image may be called anything.
  const words = message.replaceAll(image, '');
  if (isTransient(words)) return 'transient';
  return FINAL.test(words) ? 'final' : undefined;
}
