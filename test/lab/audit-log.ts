import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { stringify } from 'yaml';

/** The name that the API server knows the service account of deploy/rbac.yaml by. */
export const HOTWAVE_ACCOUNT = 'system:serviceaccount:hotwave-system:hotwave';

/** One request of hotwave's account, as the API server has answered it. */
export interface AuditedRequest {
  readonly verb: string;
  /** `pods`, `pods/exec`; the path for what is no resource. */
  readonly resource: string;
  /** Empty for the core group. */
  readonly group: string;
  /** Empty for what is in no namespace. */
  readonly namespace: string;
  /** HTTP status; 101 for a command, whose connection was switched. */
  readonly code: number;
}

/** Writes the audit policy of a lab, which is about hotwave's account and nobody else, and returns the file. */
export function writeAuditPolicy(directory: string): string {
  const file = join(directory, 'audit-policy.yaml');
  const policy = {
    apiVersion: 'audit.k8s.io/v1',
    kind: 'Policy',
    // Watches and commands last: their answer begins, and is written down, long before it ends.
    omitStages: ['RequestReceived'],
    rules: [{ level: 'Metadata', users: [HOTWAVE_ACCOUNT] }, { level: 'None' }],
  };
  writeFileSync(file, stringify(policy));
  return file;
}

/** Where the API server of a lab writes its audit log. */
export function auditLogFile(directory: string): string {
  return join(directory, 'logs', 'audit.log');
}

interface AuditEvent {
  readonly auditID: string;
  readonly verb: string;
  readonly requestURI: string;
  readonly objectRef?: {
    readonly resource?: string;
    readonly subresource?: string;
    readonly apiGroup?: string;
    readonly namespace?: string;
  };
  readonly responseStatus?: { readonly code?: number };
}

/** All requests of hotwave's account in a lab so far, each once. */
export function auditedRequests(directory: string): readonly AuditedRequest[] {
  const requests = new Map<string, AuditedRequest>();
  for (const line of readFileSync(auditLogFile(directory), 'utf8').split('\n').filter(Boolean)) {
    const { auditID, verb, requestURI, objectRef = {}, responseStatus } = JSON.parse(line) as AuditEvent;
    const { resource = requestURI, subresource, apiGroup = '', namespace = '' } = objectRef;
    const name = subresource === undefined ? resource : `${resource}/${subresource}`;
    const { code = 0 } = responseStatus ?? {};
    requests.set(auditID, { verb, resource: name, group: apiGroup, namespace, code });
  }
  return [...requests.values()];
}
