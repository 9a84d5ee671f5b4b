import { parseArgs } from 'node:util';
import { apiFromKubeconfig } from '../lab/api.ts';
import { execOnce } from './exec.ts';

// What `kubectl exec` costs where there is no kubectl: one process and one new connection per command. It takes the same
// arguments: --kubeconfig FILE exec --namespace NAMESPACE --container CONTAINER POD -- COMMAND...

const text = { type: 'string' } as const;
const options = { kubeconfig: text, 'cache-dir': text, namespace: text, container: text };
const { values, positionals } = parseArgs({ options, allowPositionals: true });
const { kubeconfig = '', namespace = 'default', container = '' } = values;
const [, pod = '', ...command] = positionals;
const { credentials } = apiFromKubeconfig(kubeconfig);
await execOnce(credentials, { namespace, pod, container }, command);
