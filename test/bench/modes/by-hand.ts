import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { execa } from 'execa';
import pLimit from 'p-limit';
import { engineOf, reloadCommand } from '../mode.ts';
import type { Mode, Stage } from '../mode.ts';
import { updateAtOnce } from './native.ts';

const EXEC_DEADLINE_MS = 30_000;

/** The way of people: OpenKruiseGame's own update, then `kubectl exec` into one server after the other. */
export const byHand: Mode = byHandOf('by-hand', 1);

/** The same by a script that runs ten of them at once. */
export const byHandTen: Mode = byHandOf('by-hand-10', 10);

function byHandOf(name: string, atOnce: number): Mode {
  const how = atOnce === 1 ? 'one after the other' : `${atOnce} at once`;
  return {
    name,
    title: `one patch of the template, then a kubectl exec per server, ${how}`,
    writes: 'set',
    reloads: true,
    comparisons: [],
    async open(stage) {
      const kubectl = await findKubectl(stage);
      return {
        async run(tag) {
          await updateAtOnce(stage, tag);
          await pLimit(atOnce).map(stage.waves.flat(), (server) => reloadBy(kubectl, server));
          return { tool: kubectl.title };
        },
        close: () => Promise.resolve(),
      };
    },
  };
}

interface Kubectl {
  readonly title: string;
  readonly command: string;
  readonly args: readonly string[];
}

/** The real one where there is one. */
async function findKubectl({ lab }: Stage): Promise<Kubectl> {
  const access = ['--kubeconfig', lab.kubeconfig, '--cache-dir', join(lab.directory, 'kubectl-cache')];
  const { failed, stdout } = await execa('kubectl', ['version', '--client'], { reject: false });
  const version = /v\d\S*/.exec(stdout)?.[0];
  if (!failed && version !== undefined) return { title: `kubectl ${version}`, command: 'kubectl', args: access };
  const program = fileURLToPath(new URL('../kubectl-exec.ts', import.meta.url));
  const args = ['--disable-warning=ExperimentalWarning', program, ...access];
  return { title: 'a Node.js program in the place of kubectl', command: process.execPath, args };
}

async function reloadBy({ command, args }: Kubectl, server: string): Promise<void> {
  const { namespace, pod, container } = engineOf(server);
  const exec = ['exec', '--namespace', namespace, '--container', container, pod, '--', ...reloadCommand(server)];
  await execa(command, [...args, ...exec], { stdin: 'ignore', timeout: EXEC_DEADLINE_MS });
}
