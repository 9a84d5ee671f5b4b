import type { Command, OptionValues } from '@commander-js/extra-typings';
import type { HaltFlags } from '../commands/halt.ts';
import { clusterFlags, helpEnd, outputFlag, SIGN_FLAG } from './shared.ts';
import type { Declared, Run } from './shared.ts';

/** `halt`, `unhalt` and `halts`: the verbs that stop the releases of a whole namespace or cluster. */
export function addHaltVerbs(program: Command, run: Run): void {
  addHalt(program, run);
  addUnhalt(program, run);
  addHalts(program, run);
}

function scopeFlag<Arguments extends unknown[], Options extends OptionValues>(
  command: Command<Arguments, Options>,
): Declared<Arguments, Options, Pick<HaltFlags, 'namespace'>> {
  return command.option(
    '-n, --namespace <name>',
    'only the releases of this namespace (default: of the whole cluster)',
  ) as Declared<Arguments, Options, Pick<HaltFlags, 'namespace'>>;
}

function addHalt(program: Command, { io, finish }: Run): void {
  scopeFlag(outputFlag(clusterFlags(program.command('halt'))))
    .option('--reason <text>', 'why; must be given, everybody whose release stands still sees it')
    .option('--for <duration>', 'when the halt ends by itself, at most 7d', '24h')
    .option('--sign', SIGN_FLAG)
    .option('--actor <name>', 'who stops it (HOTWAVE_ACTOR; default: your login name)')
    .summary('make every release stand still; none starts')
    .description(
      'Halts every running release of a namespace or a cluster before its next write, and refuses new ones, until unhalt or until its time is over. Servers that are being updated finish; a release that rolls back ends that first.',
    )
    .addHelpText(
      'after',
      helpEnd(
        [
          'hotwave halt --reason "login is down"',
          'hotwave halt --namespace arena --reason "finals are on air" --for 3h',
        ],
        [0, 6, 7, 64],
      ),
    )
    .action(async (flags) => {
      const { runHalt } = await import('../commands/halt.ts');
      finish(await runHalt(io, flags));
    });
}

function addUnhalt(program: Command, { io, finish }: Run): void {
  scopeFlag(outputFlag(clusterFlags(program.command('unhalt'))))
    .option('--only <set>', 'let the releases of this set go on, and start, while everything else stays halted')
    .option('--reason <text>', 'why, for the record')
    .option('--sign', SIGN_FLAG)
    .option('--actor <name>', 'who lets it go on (HOTWAVE_ACTOR; default: your login name)')
    .summary('let the releases go on')
    .description(
      'Ends a halt: its releases go on where they stood. A release that was paused before is paused again, and releases that another halt holds stay where they are. With --only one set goes on, whichever halts hold it, until they end; -n is then its namespace.',
    )
    .addHelpText(
      'after',
      helpEnd(
        [
          'hotwave unhalt',
          'hotwave unhalt --namespace arena --reason "finals are over"',
          'hotwave unhalt --only arena/duel --reason "it brings the fix"',
        ],
        [0, 1, 6, 7, 64],
      ),
    )
    .action(async (flags) => {
      const { runUnhalt } = await import('../commands/halt.ts');
      finish(await runUnhalt(io, flags));
    });
}

function addHalts(program: Command, { io, finish }: Run): void {
  scopeFlag(outputFlag(clusterFlags(program.command('halts'))))
    .summary('show which releases are halted')
    .description(
      'Shows who has halted which releases, why and until when, and which releases stand still; of every cluster unless --cluster names one. Exit 0 when nothing is halted. A change takes about a second to show.',
    )
    .addHelpText('after', helpEnd(['hotwave halts', 'hotwave halts --namespace arena -o json'], [0, 3, 7, 64]))
    .action(async (flags) => {
      const { runHalts } = await import('../commands/halt.ts');
      finish(await runHalts(io, flags));
    });
}
