import type { Command, CommandUnknownOpts } from '@commander-js/extra-typings';
import type { Io } from '../terminal/io.ts';

/** The name under which kubectl runs hotwave as its plugin `kubectl hotwave`. */
export const PLUGIN = 'kubectl-hotwave';

/** The name under which kubectl (1.26 and newer) asks what completes a line of the plugin. */
export const PLUGIN_COMPLETION = 'kubectl_complete-hotwave';

/** Gives every verb that is about a cluster the flags of kubectl, and lets them mean what they mean there. */
export function addKubectlFlags(program: Command, io: Io): void {
  program.commands.filter(isAboutCluster).forEach((command) => {
    command
      .option('--context <name>', 'context of the kubeconfig: its namespace, and the cluster that it names')
      .option('--kubeconfig <path>', 'kubeconfig that has the context (KUBECONFIG, ~/.kube/config)');
  });
  program.hook('preAction', async (_, command) => {
    if (!isAboutCluster(command)) return;
    const { meantBy } = await import('./kubeconfig.ts');
    const { namespace, cluster } = await meantBy(io, command.opts());
    // Where -n has a default it names the set's namespace; where it has none, every namespace is meant without it.
    if (namespace !== undefined && command.getOptionValueSource('namespace') === 'default')
      command.setOptionValueWithSource('namespace', namespace, 'config');
    if (cluster !== undefined && command.getOptionValueSource('cluster') === undefined)
      command.setOptionValueWithSource('cluster', cluster, 'config');
  });
}

/** A worker has flags of the same names, of its own. */
function isAboutCluster(command: CommandUnknownOpts): boolean {
  return has(command, 'cluster') && !has(command, 'log-level');
}

function has({ options }: CommandUnknownOpts, name: string): boolean {
  return options.some((option) => option.name() === name);
}
