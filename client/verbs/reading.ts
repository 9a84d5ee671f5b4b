import type { Command, OptionValues } from '@commander-js/extra-typings';
import { Option } from '@commander-js/extra-typings';
import { NAMED_FORMATS } from '../terminal/flags.ts';
import type { Declared, Run } from './shared.ts';
import { clusterFlags, helpEnd, linkFlag, namespaceFlag, outputFlag, SET_ARGUMENT } from './shared.ts';

/** `status`, `explain`, `watch`, `wait`, `list`, `history` and `report`: the verbs that change nothing. */
export function addReadingVerbs(program: Command, run: Run): void {
  addStatus(program, run);
  addExplain(program, run);
  addWatch(program, run);
  addWait(program, run);
  addList(program, run);
  addHistory(program, run);
  addReport(program, run);
}

interface WatchingFlags {
  readonly until: 'gate' | 'done';
  readonly timeout?: string | undefined;
}

/** When to stop watching. */
export function watchingFlags<Arguments extends unknown[], Options extends OptionValues>(
  command: Command<Arguments, Options>,
): Declared<Arguments, Options, WatchingFlags> {
  return command
    .addOption(
      new Option('--until <event>', 'watch until the end, or until people must decide')
        .choices(['gate', 'done'])
        .default('done'),
    )
    .option('--timeout <duration>', 'stop watching after this time, such as 30m; the release goes on') as Declared<
    Arguments,
    Options,
    WatchingFlags
  >;
}

function addStatus(program: Command, { io, finish }: Run): void {
  const verb = program.command('status').argument('<set>', SET_ARGUMENT);
  linkFlag(outputFlag(namespaceFlag(clusterFlags(verb)), NAMED_FORMATS))
    .summary('say where a release is and what can be done')
    .description(
      'Says what the latest release on a set waits for, where it is, what failed, and what you can type next.',
    )
    .addHelpText(
      'after',
      helpEnd(
        ['hotwave status arena/duel', 'hotwave status duel -n arena -o json', 'hotwave status scripts-2-0'],
        [0, 1, 2, 3, 5, 6, 7, 8, 64],
      ),
    )
    .action(async (set, flags) => {
      const { runStatus } = await import('../commands/status.ts');
      finish(await runStatus(io, set, flags));
    });
}

function addExplain(program: Command, { io, finish }: Run): void {
  const verb = program
    .command('explain')
    .argument('<topic>', `${SET_ARGUMENT}; or a field such as spec.gates, or a failure such as notReady`);
  outputFlag(namespaceFlag(clusterFlags(verb)))
    .summary('explain what a release waits for, a field, or a failure')
    .description(
      'Explains the latest release on a set: what it waits for, who ends that, what happens when nobody does, by which rule, on which facts, and what each command would do. Or explains a field of the release file, a class of failure, or a line of plan.',
    )
    .addHelpText(
      'after',
      helpEnd(
        [
          'hotwave explain arena/duel',
          'hotwave explain spec',
          "hotwave explain 'spec.gates[].timeout'",
          'hotwave explain notReady',
          'hotwave explain foreign-owners',
        ],
        [0, 1, 2, 3, 5, 6, 7, 8, 64],
      ),
    )
    .action(async (set, flags) => {
      const { runExplain } = await import('../commands/explain.ts');
      finish(await runExplain(io, set, flags));
    });
}

function addWatch(program: Command, { io, finish }: Run): void {
  const verb = program.command('watch').argument('<set>', SET_ARGUMENT);
  watchingFlags(outputFlag(namespaceFlag(clusterFlags(verb))))
    .summary('follow a release until it has ended')
    .description(
      'Follows a release: a live picture on a terminal, a line per change elsewhere. Ctrl-C never touches the release.',
    )
    .addHelpText(
      'after',
      helpEnd(
        [
          'hotwave watch arena/duel',
          'hotwave watch arena/duel --until gate --timeout 1h',
          'hotwave watch arena/duel -o jsonl',
        ],
        [0, 1, 2, 3, 4, 5, 6, 7, 8, 64],
      ),
    )
    .action(async (set, flags) => {
      const { runWatch } = await import('../commands/watch.ts');
      finish(await runWatch(io, set, flags));
    });
}

function addWait(program: Command, { io, finish }: Run): void {
  const verb = program.command('wait').argument('<set>', SET_ARGUMENT);
  outputFlag(namespaceFlag(clusterFlags(verb)))
    .option('--for <event>', 'gate, done, wave=N (that wave is done) or phase=PHASE', 'done')
    .option('--timeout <duration>', 'how long to wait at most', '1h')
    .summary('wait in a script until a release is where you want it')
    .description(
      'Waits without a picture, and says with its exit code whether the release came there: 0 when it did, else how the release ended, or 4 when the time is over. --for done ends with the exit code of the outcome.',
    )
    .addHelpText(
      'after',
      helpEnd(
        [
          'hotwave wait arena/duel',
          'hotwave wait arena/duel --for gate --timeout 30m',
          'hotwave wait arena/duel --for wave=2 && ./load-test.sh',
        ],
        [0, 1, 2, 4, 5, 6, 7, 8, 64],
      ),
    )
    .action(async (set, flags) => {
      const { runWait } = await import('../commands/wait.ts');
      finish(await runWait(io, set, flags));
    });
}

function addList(program: Command, { io, finish }: Run): void {
  outputFlag(clusterFlags(program.command('list').argument('[set]', 'only those on this set')), NAMED_FORMATS)
    .option('-n, --namespace <name>', 'only those of this namespace; with SET, the namespace of the set')
    .option('-q, --query <filter>', 'only these, as a Temporal list filter')
    .option('--limit <count>', 'how many at most', '30')
    .summary('list running and recent releases')
    .description(
      'Lists releases, newest first, of every cluster unless --cluster names one. A change takes about a second to show.',
    )
    .addHelpText(
      'after',
      helpEnd(
        [
          'hotwave list',
          'hotwave list arena/duel',
          'hotwave list -n arena',
          `hotwave list -q "HotwavePhase = 'waiting-approval'"`,
          `hotwave list -q "ExecutionStatus = 'Running'" -o jsonl`,
          `hotwave list -q "HotwavePhase = 'paused'" -o name | xargs -n 1 hotwave resume`,
        ],
        [0, 7, 64],
      ),
    )
    .action(async (set, flags) => {
      const { runList } = await import('../commands/list.ts');
      finish(await runList(io, set, flags));
    });
}

function addHistory(program: Command, { io, finish }: Run): void {
  const verb = program.command('history').argument('<set>', SET_ARGUMENT);
  outputFlag(namespaceFlag(clusterFlags(verb)))
    .option('--limit <count>', 'how many at most', '20')
    .summary('list what was released on a set, by whom, and what came of it')
    .description(
      'Lists the releases and rollbacks of a set that Temporal still keeps, newest first: versions, outcome, who started it, who decided, how long it took. With -o json everything that was decided, for audits.',
    )
    .addHelpText(
      'after',
      helpEnd(['hotwave history arena/duel', 'hotwave history duel -n arena --limit 100 -o json'], [0, 7, 8, 64]),
    )
    .action(async (set, flags) => {
      const { runHistory } = await import('../commands/history.ts');
      finish(await runHistory(io, set, flags));
    });
}

function addReport(program: Command, { io, finish }: Run): void {
  const verb = program.command('report').argument('<set>', SET_ARGUMENT);
  namespaceFlag(clusterFlags(verb))
    .addOption(
      new Option('-o, --output <format>', 'html is one file with a picture, for a browser or a printer')
        .choices(['html', 'markdown', 'json'])
        .default('html' as const),
    )
    .option('-f, --file <path>', 'where it is written; - is the standard output (default report-SET-RELEASE.html)')
    .option('--force', 'write over a file that is there')
    .summary('write the story of a release into one file')
    .description(
      'Writes the story of a release into one file: waves and servers over time, failures with their reasons, decisions ' +
        'with who made them and what vouches for that, the versions before and after. The file needs nothing else.',
    )
    .addHelpText(
      'after',
      helpEnd(['hotwave report arena/duel', 'hotwave report scripts-2-0 -o markdown --file -'], [0, 7, 8, 64]),
    )
    .action(async (set, flags) => {
      const { runReport } = await import('../commands/report.ts');
      finish(await runReport(io, set, flags));
    });
}
