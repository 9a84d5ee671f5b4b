import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { execOnce } from './exec.ts';

// The cost of `kubectl exec` where there is no kubectl: one process and one new connection per command. It takes the
// same arguments: --kubeconfig FILE exec --namespace NAMESPACE --container CONTAINER POD -- COMMAND... It loads no
// more than it must, because a slow program would make hotwave look good.

const text = { type: 'string' } as const;
const options = { kubeconfig: text, 'cache-dir': text, namespace: text, container: text };
const { values, positionals } = parseArgs({ options, allowPositionals: true });
const { kubeconfig = '', namespace = 'default', container = '' } = values;
const [, pod = '', ...command] = positionals;

/** A lab's kubeconfig has one user and one cluster, so a YAML parser is not needed. */
const config = readFileSync(kubeconfig, 'utf8');
const valueOf = (field: string): string => new RegExp(`^[ -]*${field}: (\\S+)$`, 'm').exec(config)?.[1] ?? '';
const certificateAuthority = Buffer.from(valueOf('certificate-authority-data'), 'base64').toString();

await execOnce(
  { server: valueOf('server'), token: valueOf('token'), certificateAuthority },
  { namespace, pod, container },
  command,
);
