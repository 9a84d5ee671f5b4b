import { z } from 'zod';

/** Largest name that Kubernetes takes for a namespaced object and that still fits in every label hotwave reads. */
const DNS_LABEL = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/;
const DNS_SUBDOMAIN = /^[a-z0-9]([-.a-z0-9]*[a-z0-9])?$/;

/** The name of a container, a namespace or a release (RFC 1123 label). */
export const dnsLabel = z
  .string()
  .max(63, 'a name has at most 63 characters')
  .regex(DNS_LABEL, 'expected a Kubernetes name: lower-case letters, digits and -');

/**
 * The name of a cluster as its workers and the commands have it. It is part of workflow ids, queries and commands that
 * people paste.
 */
export const clusterName = z
  .string()
  .max(63, 'a name has at most 63 characters')
  .regex(DNS_SUBDOMAIN, 'expected lower-case letters, digits, - and . such as eu-west-1');

/** The name of a GameServerSet or a server (RFC 1123 subdomain). */
export const objectName = z
  .string()
  .max(253, 'a name has at most 253 characters')
  .regex(DNS_SUBDOMAIN, 'expected a Kubernetes name: lower-case letters, digits, - and .');
