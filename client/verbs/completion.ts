import type { Command } from '@commander-js/extra-typings';
import { Argument } from '@commander-js/extra-typings';
import { readLine } from '../shell/candidates.ts';
import { COMPLETE, SCRIPTS, SHELLS } from '../shell/scripts.ts';
import type { Run } from './shared.ts';
import { helpEnd } from './shared.ts';

/** `completion`, and what its scripts ask. */
export function addCompletionVerbs(program: Command, { io }: Run): void {
  program
    .command('completion')
    .addArgument(new Argument('<shell>', 'the shell that reads it').choices(SHELLS))
    .summary('print what makes a shell complete words')
    .description(
      'Prints a script that makes a shell complete verbs, flags, and the sets, releases and waves that Temporal knows. Temporal is given a second for that.',
    )
    .addHelpText(
      'after',
      helpEnd(
        [
          'source <(hotwave completion bash)      # in ~/.bashrc',
          'source <(hotwave completion zsh)       # in ~/.zshrc, after compinit',
          'hotwave completion fish | source       # in ~/.config/fish/config.fish',
        ],
        [0, 64],
      ),
    )
    .action((shell) => void io.stdout.write(SCRIPTS[shell]));
  program
    .command(COMPLETE, { hidden: true })
    .argument('[words...]', 'the words after hotwave; the last one is under the cursor')
    .action(async (words) => {
      const { runComplete } = await import('../commands/complete.ts');
      await runComplete(io, readLine(program, words), words.at(-1) ?? '');
    });
}
