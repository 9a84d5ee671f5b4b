import type { Command, OptionValues } from '@commander-js/extra-typings';
import type { AuditFlags } from '../temporal/read-audit.ts';
import type { Declared, Run } from './shared.ts';
import { SIGN_FLAG, clusterFlags, helpEnd, namespaceFlag, outputFlag } from './shared.ts';

/** `versions`, `verify` and `guard`: the verbs about what servers run after a release. */
export function addAuditVerbs(program: Command, run: Run): void {
  addVersions(program, run);
  addVerify(program, run);
  addMonitor(program, run);
}

const ARGUMENT = 'NAMESPACE/NAME or NAME of the GameServerSet';

function fileFlag<Arguments extends unknown[], Options extends OptionValues>(
  command: Command<Arguments, Options>,
): Declared<Arguments, Options, Pick<AuditFlags, 'file'>> {
  return command.option(
    '-f, --file <release.yaml>',
    'ask and measure as this release file says (default: as the last release on the set says)',
  ) as Declared<Arguments, Options, Pick<AuditFlags, 'file'>>;
}

function addVersions(program: Command, { io, finish }: Run): void {
  const verb = program.command('versions').argument('<set>', ARGUMENT);
  fileFlag(outputFlag(namespaceFlag(clusterFlags(verb))))
    .summary('show what every server runs now')
    .description(
      'Asks every server of a set which version its engine has loaded and which files it has, and shows which do not match and why. Writes nothing.',
    )
    .addHelpText(
      'after',
      helpEnd(
        [
          'hotwave versions arena/duel',
          'hotwave versions duel -n arena -o wide',
          'hotwave versions duel -f release.yaml',
        ],
        [0, 6, 7, 64],
      ),
    )
    .action(async (set, flags) => {
      const { runVersions } = await import('../commands/versions.ts');
      finish(await runVersions(io, set, flags));
    });
}

function addVerify(program: Command, { io, finish }: Run): void {
  const verb = program.command('verify').argument('<set>', ARGUMENT);
  fileFlag(outputFlag(namespaceFlag(clusterFlags(verb))))
    .option('--version <version>', 'what every server must prove (default: what the last release left)')
    .summary('exit 0 only if every server is as it should be')
    .description(
      'Asks every server of a set whether its engine proves the version, and whether its image and its files are what the record of the last release says. Exits 1 when anything mismatches; the last line says what.',
    )
    .addHelpText(
      'after',
      helpEnd(
        [
          'hotwave verify arena/duel',
          'hotwave verify arena/duel --version v2.0',
          'hotwave verify duel -f release.yaml',
        ],
        [0, 1, 6, 7, 64],
      ),
    )
    .action(async (set, flags) => {
      const { runVerify } = await import('../commands/verify.ts');
      finish(await runVerify(io, set, flags));
    });
}

function addMonitor(program: Command, { io, finish }: Run): void {
  const verb = program.command('guard').argument('<set>', ARGUMENT);
  outputFlag(namespaceFlag(clusterFlags(verb)))
    .option('--stop', 'end the monitor; the servers stay as they are')
    .option('--reason <text>', 'why it is ended, for the record')
    .option('--actor <name>', 'who ends it (HOTWAVE_ACTOR; default: your login name)')
    .option('--sign', SIGN_FLAG)
    .summary('say what the monitor of a set has seen and done')
    .description(
      'Shows what has crashed, come back or been edited on a set since its last release, what each server then proved, and what was repaired. A release file with spec.guard starts a monitor.',
    )
    .addHelpText(
      'after',
      helpEnd(
        ['hotwave guard arena/duel', 'hotwave guard duel -n arena --stop --reason "moving house"'],
        [0, 1, 6, 7, 8, 64],
      ),
    )
    .action(async (set, flags) => {
      const { runMonitor } = await import('../commands/monitor.ts');
      finish(await runMonitor(io, set, flags));
    });
}
