import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { stringify } from 'yaml';
import type { ApiCredentials } from './api.ts';
import type { LabUser } from './lab-contract.ts';

/** Those who are users for Kubernetes; `hotwave` is a service account. */
type TokenUser = Exclude<LabUser, 'hotwave'>;

const tokenUsers: readonly TokenUser[] = ['admin', 'observer', 'nobody'];

/** The people of every lab. Only `admin` is in a group that may do everything; the rest get what RBAC gives them. */
export const labUsers: readonly LabUser[] = [...tokenUsers, 'hotwave'];

/** Writes the API server's token file and returns the tokens, one for each user. */
export function writeTokens(file: string): Readonly<Record<TokenUser, string>> {
  const tokens = Object.fromEntries(tokenUsers.map((user) => [user, randomBytes(16).toString('hex')])) as Record<
    TokenUser,
    string
  >;
  const lines = tokenUsers.map(
    (user) => `${tokens[user]},${user},${user}${user === 'admin' ? ',"system:masters"' : ''}`,
  );
  writeFileSync(file, `${lines.join('\n')}\n`, { mode: 0o600 });
  return tokens;
}

/** Writes the key pair with which the API server signs service account tokens. */
export function writeServiceAccountKeys(privateFile: string, publicFile: string): void {
  const { privateKey, publicKey } = generateKeyPairSync('rsa', {
    modulusLength: 2048,
    privateKeyEncoding: { type: 'pkcs1', format: 'pem' },
    publicKeyEncoding: { type: 'spki', format: 'pem' },
  });
  writeFileSync(privateFile, privateKey, { mode: 0o600 });
  writeFileSync(publicFile, publicKey);
}

/** Where the kubeconfig of a user is in a lab's folder. */
export function kubeconfigFile(directory: string, user: LabUser): string {
  return join(directory, `${user}.kubeconfig`);
}

/** Writes a kubeconfig file with one cluster, one user and one context, all with the same name. */
export function writeKubeconfig(file: string, user: LabUser, credentials: ApiCredentials): void {
  const name = `hotwave-lab-${user}`;
  const authority = Buffer.from(credentials.certificateAuthority).toString('base64');
  const config = {
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name, cluster: { server: credentials.server, 'certificate-authority-data': authority } }],
    users: [{ name, user: { token: credentials.token } }],
    contexts: [{ name, context: { cluster: name, user: name, namespace: 'default' } }],
    'current-context': name,
  };
  writeFileSync(file, stringify(config), { mode: 0o600 });
}
