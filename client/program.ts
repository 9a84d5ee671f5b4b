import { Command } from '@commander-js/extra-typings';
import type { CommandUnknownOpts } from '@commander-js/extra-typings';
import { EXIT } from './terminal/exit-codes.ts';
import { ExitError } from './terminal/exit-error.ts';
import { demandReadable } from '../release/settings/environment.ts';
import { eitherOf } from '../release/spec/either-of.ts';
import { helpEnd } from './verbs/shared.ts';
import type { Run } from './verbs/shared.ts';
import { addDecidingVerbs } from './verbs/deciding.ts';
import { addKubectlFlags } from './shell/kubectl.ts';
import { addCompletionVerbs } from './verbs/completion.ts';
import type { RunWorker } from './verbs/installation.ts';
import { addInstallationVerbs } from './verbs/installation.ts';
import { addAuditVerbs } from './verbs/audit.ts';
import { addHaltVerbs } from './verbs/halt.ts';
import { addReadingVerbs } from './verbs/reading.ts';
import { addReleaseFileVerbs } from './verbs/release-file.ts';
import { hotwaveVersion } from './version.ts';

/**
 * The program with all its verbs. The work of a verb is loaded when it runs: help must be instant. As a plugin of kubectl it
 * has kubectl's flags, too.
 */
export function hotwaveProgram(run: Run, runWorker: RunWorker | undefined, isPlugin = false): Command {
  const program = new Command(isPlugin ? 'kubectl hotwave' : 'hotwave');
  // Settings are copied to a verb when it is declared, so they come first.
  program
    .description('Hot updates of OpenKruiseGame fleets as durable workflows: wave by wave, proven, and reversible.')
    .version(hotwaveVersion(), '-V, --version', 'print the version')
    // After a verb, --version is the verb's: verify must not print hotwave's own version and exit 0.
    .enablePositionalOptions()
    .helpOption('-h, --help', 'print this help, or that of a verb')
    .helpCommand('help [verb]', 'print this help, or that of a verb')
    .usage('<verb> [SET|FILE] [flags]')
    .exitOverride()
    .hook('preAction', () => demandReadable(run.io.env))
    .configureOutput({
      writeOut: (text) => void run.io.stdout.write(text),
      writeErr: (text) => void run.io.stderr.write(text),
      // The caller says it, as a sentence.
      outputError: () => undefined,
      getOutHelpWidth: () => widthOf(run.io.stdout),
      getErrHelpWidth: () => widthOf(run.io.stderr),
      getOutHasColors: () => false,
      getErrHasColors: () => false,
    });
  addReleaseFileVerbs(program, run);
  addReadingVerbs(program, run);
  addAuditVerbs(program, run);
  addDecidingVerbs(program, run);
  addHaltVerbs(program, run);
  addInstallationVerbs(program, run, runWorker);
  addCompletionVerbs(program, run);
  if (isPlugin) addKubectlFlags(program, run.io);
  program.commands.forEach(checkValues);
  program.addHelpText(
    'after',
    helpEnd(
      [
        'hotwave plan release.yaml',
        'hotwave start release.yaml --wait',
        'hotwave approve arena/duel --wave 2',
        'hotwave status --help',
      ],
      [0, 1, 2, 3, 4, 5, 6, 7, 8, 10, 64],
    ),
  );
  return program;
}

/** Of a flag that is given twice nobody knows which one is meant; of a value that there is not, nobody knows what is. */
function checkValues(command: CommandUnknownOpts): void {
  command.commands.forEach(checkValues);
  for (const option of command.options) {
    const { parseArg, variadic, required, argChoices } = option;
    const flag = `--${option.name()}`;
    if (variadic || !required) continue;
    let isGiven = false;
    option.argParser((typed: string, previous: unknown): unknown => {
      const value = typed.trim();
      if (isGiven) throw new ExitError(EXIT.usage, `${flag} is given twice`);
      isGiven = true;
      if (value === '' && isSetting(command, option)) return previous;
      if (argChoices && !argChoices.includes(value))
        throw new ExitError(EXIT.usage, `${flag} ${JSON.stringify(value)}: expected ${eitherOf(argChoices)}`);
      return parseArg ? parseArg(value, previous) : value;
    });
  }
}

/** How to reach Temporal, and all of a worker: a chart fills in flags that nobody has given a value. */
const SETTINGS: ReadonlySet<string> = new Set(['address', 'temporal-namespace', 'profile', 'ui-url']);

function isSetting(command: CommandUnknownOpts, option: { name(): string }): boolean {
  return command.name() === 'worker' || SETTINGS.has(option.name());
}

function widthOf({ isTTY, columns }: Run['io']['stdout']): number {
  return isTTY === true ? (columns ?? 80) : 80;
}
