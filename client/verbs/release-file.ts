import type { Command } from '@commander-js/extra-typings';
import { Option } from '@commander-js/extra-typings';
import { PROOFS, RELOADS } from '../../release/draft/forms.ts';
import { clusterFlags, helpEnd, linkFlag, namespaceFlag, outputFlag, SIGN_FLAG } from './shared.ts';
import { NAMED_FORMATS } from '../terminal/flags.ts';
import type { Run } from './shared.ts';
import { watchingFlags } from './reading.ts';

/** `init`, `plan`, `start` and `schema`: the verbs about release files. */
export function addReleaseFileVerbs(program: Command, run: Run): void {
  addInit(program, run);
  addPlan(program, run);
  addStart(program, run);
  addSchema(program, run);
}

function addInit(program: Command, { io, finish }: Run): void {
  const verb = program
    .command('init')
    .argument('[set]', 'NAMESPACE/NAME or NAME of the GameServerSet; on a terminal it is asked for');
  namespaceFlag(clusterFlags(verb))
    .option('--container <name>', 'the sidecar whose image the release changes (default: what can be seen)')
    .option('--image <image>', 'its new image (default: the one that runs, for you to replace)')
    .option('--reload <how>', `what makes the engine load new files: ${RELOADS.join(', ')}`)
    .option('--proof <how>', `how the engine says its version: ${PROOFS.join(', ')}`)
    .option('-f, --file <release.yaml>', 'write a file (default: the standard output); one that is there is kept')
    .option('--force', 'overwrite the file')
    .summary('write a release file for a set')
    .description(
      'Looks at a live set and writes a release file for it, with a comment for each choice. On a terminal it asks what cannot be seen; else such a line is left to be filled in, and plan says which. Writes nothing to the cluster.',
    )
    .addHelpText(
      'after',
      helpEnd(
        [
          'hotwave init arena/duel -f release.yaml',
          'hotwave init duel -n arena --image registry.example/duel-scripts:v2.0 > release.yaml',
          'hotwave init duel --container sidecar --reload "http 8080 /reload" --proof "http 8080 /version"',
          'hotwave init duel --reload "exec /usr/sbin/nginx -s reload" --proof "exec cat /run/version"',
        ],
        [0, 5, 6, 7, 8, 64],
      ),
    )
    .action(async (set, flags) => {
      const { runInit } = await import('../commands/init.ts');
      finish(await runInit(io, set, flags));
    });
}

function addPlan(program: Command, { io, finish }: Run): void {
  const verb = program.command('plan').argument('<file>', 'release file; - reads the standard input');
  outputFlag(clusterFlags(verb))
    .option('--detailed-exitcode', 'exit 10 when there are changes to make, for scripts that want to know')
    .summary('check a release file and show what would be done')
    .description(
      'Checks a release file, lets a worker check the cluster, and shows what would change, wave by wave, then what the checks found. Writes nothing.',
    )
    .addHelpText(
      'after',
      helpEnd(
        [
          'hotwave plan release.yaml',
          'hotwave plan release.yaml -o wide',
          'hotwave plan release.yaml && hotwave start release.yaml',
          'hotwave plan release.yaml --detailed-exitcode',
          'hotwave plan - -o json < release.yaml',
        ],
        [0, 6, 7, 10, 64],
      ),
    )
    .action(async (file, flags) => {
      const { runPlan } = await import('../commands/plan.ts');
      finish(await runPlan(io, file, flags));
    });
}

function addStart(program: Command, { io, finish }: Run): void {
  const verb = program.command('start').argument('<file>', 'release file; - reads the standard input');
  watchingFlags(linkFlag(outputFlag(clusterFlags(verb), NAMED_FORMATS)))
    .option('--wait', 'follow the release until it has ended; exit as watch does')
    .option('--during-freeze <reason>', 'start in a freeze window; then a second person has to override it')
    .option('--sign', SIGN_FLAG)
    .option('--requester <name>', 'who asks for it (HOTWAVE_ACTOR; default: your login name)')
    .addOption(
      new Option(
        '--supersede <how>',
        'when another release runs on the set: adopt takes its servers over as they are, rollback rolls it back first',
      ).choices(['adopt', 'rollback'] as const),
    )
    .option('--supersede-timeout <duration>', 'how long the other release may take to end (default: 30m)')
    .option(
      '--takeover <reason>',
      'start although another Temporal says on the set that it has a release on it: why you know that it is dead',
    )
    .summary('start a release')
    .description(
      'Starts the release of a file and waits until its plan stands or is refused. At most one release runs on a set; the same release again is no error. With --supersede a newer release takes over from another one.',
    )
    .addHelpText(
      'after',
      helpEnd(
        [
          'hotwave start release.yaml',
          'hotwave start release.yaml --wait --until gate',
          'hotwave start release.yaml --supersede rollback',
          'hotwave start release.yaml --during-freeze "the login fix cannot wait"',
          'hotwave start - --wait --timeout 30m -o jsonl < release.yaml',
        ],
        [0, 1, 2, 3, 4, 5, 6, 7, 64],
      ),
    )
    .action(async (file, flags) => {
      const { runStart } = await import('../commands/start.ts');
      finish(await runStart(io, file, flags));
    });
}

function addSchema(program: Command, { io, finish }: Run): void {
  program
    .command('schema')
    .summary('print the JSON Schema of release files')
    .description('Prints the JSON Schema of release files, for editors that check while you type.')
    .addHelpText('after', helpEnd(['hotwave schema > release.schema.json'], [0]))
    .action(async () => {
      const { runSchema } = await import('../commands/schema.ts');
      finish(runSchema(io));
    });
}
