/**
 * Which names there can be. Without a schema library, because the command line asks before it loads anything. Names
 * become parts of workflow ids, of queries and of commands that people paste, so all are tested where they enter.
 */

/** The name of a namespace, a container or a release (RFC 1123 label). */
export const LABEL = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/;
/** The name of a GameServerSet, a server or a cluster (RFC 1123 subdomain). */
export const SUBDOMAIN = /^[a-z0-9]([-.a-z0-9]*[a-z0-9])?$/;
/** The longest name of a namespace, a container, a release or a cluster. */
export const LONGEST_LABEL = 63;
/** The longest name of a GameServerSet or a server. */
export const LONGEST_NAME = 253;

/** True for the name of a namespace. */
export function isNamespace(text: string): boolean {
  return text.length <= LONGEST_LABEL && LABEL.test(text);
}

/** True for the name of a GameServerSet, and so for that of a release. */
export function isObjectName(text: string): boolean {
  return text.length <= LONGEST_NAME && SUBDOMAIN.test(text);
}

/** True for a cluster's name as its workers and commands have it. */
export function isClusterName(text: string): boolean {
  return text.length <= LONGEST_LABEL && SUBDOMAIN.test(text);
}
