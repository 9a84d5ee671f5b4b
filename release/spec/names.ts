import { z } from 'zod';
import { LABEL, LONGEST_LABEL, LONGEST_NAME, SUBDOMAIN } from './name-patterns.ts';

/** The name of a container, a namespace or a release (RFC 1123 label). */
export const dnsLabel = z
  .string()
  .max(LONGEST_LABEL, `a name has at most ${LONGEST_LABEL} characters`)
  .regex(LABEL, 'expected a Kubernetes name: lower-case letters, digits and -');

/** The name of a GameServerSet or a server (RFC 1123 subdomain). */
export const objectName = z
  .string()
  .max(LONGEST_NAME, `a name has at most ${LONGEST_NAME} characters`)
  .regex(SUBDOMAIN, 'expected a Kubernetes name: lower-case letters, digits, - and .');

/** The name of a cluster as its workers and the commands have it. */
export const clusterName = z
  .string()
  .max(LONGEST_LABEL, `a name has at most ${LONGEST_LABEL} characters`)
  .regex(SUBDOMAIN, 'expected lower-case letters, digits, - and . such as eu-west-1');
