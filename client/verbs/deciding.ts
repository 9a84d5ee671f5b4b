import { Help } from '@commander-js/extra-typings';
import type { Command, OptionValues } from '@commander-js/extra-typings';
import type { Verb } from '../../release/progress/state.ts';
import { VERB_TABLE } from '../../release/decisions/verbs.ts';
import type { RollbackFlags } from '../commands/rollback.ts';
import type { ExitCode } from '../terminal/exit-codes.ts';
import { clusterFlags, helpEnd, namespaceFlag, outputFlag, SET_ARGUMENT, SIGN_FLAG } from './shared.ts';
import type { Declared, Run } from './shared.ts';

/** A verb that steers a release. */
interface Declaration {
  readonly verb: Verb;
  /** Another word for it, that people try first. */
  readonly alias?: string;
  readonly summary: string;
  readonly description: string;
  readonly flags?: readonly (readonly [flags: string, description: string])[];
  readonly examples: readonly string[];
  /** The verb is refused without a reason. */
  readonly wantsReason?: true;
  /** The exit codes; default those of a decision. */
  readonly codes?: readonly ExitCode[];
  /** The release goes on by it, so that somebody may want to wait for what comes of that. */
  readonly goesOn?: true;
}

/** The exit codes of a decision. */
const DECISION_CODES: readonly ExitCode[] = [0, 6, 7, 8, 64];
/** Those of a decision whose outcome may be waited for. */
const WAITING_CODES: readonly ExitCode[] = [0, 1, 2, 4, 5, 6, 7, 8, 64];

const WAIT = [
  ['--wait', 'follow the release to its end; the exit code says how it ended'],
  ['--timeout <duration>', 'with --wait: stop watching after this time, such as 30m; the release goes on'],
] as const;
const WAVE = ['--wave <number>', 'the wave whose gate is meant; must be given'] as const;

const DECLARATIONS: readonly Declaration[] = [
  {
    verb: 'approve',
    summary: 'let the wave behind a gate start',
    description:
      'Approves the wave behind the open gate. The wave must be named: an approval is never for "whatever comes". It counts for the plan that you see now and for no other.',
    flags: [WAVE],
    goesOn: true,
    examples: [
      'hotwave approve arena/duel --wave 2',
      'hotwave approve arena/duel --wave 2 --wait --timeout 30m',
      'hotwave approve arena/duel --wave 2 --reason "canary looks good"',
    ],
  },
  {
    verb: 'reject',
    summary: 'refuse the wave behind a gate',
    description: 'Rejects the wave behind the open gate, for a reason that everybody sees.',
    flags: [WAVE],
    wantsReason: true,
    examples: ['hotwave reject arena/duel --wave 2 --reason "desync reports"'],
  },
  {
    verb: 'pause',
    summary: 'stop before the next write',
    description: 'Pauses a release: nothing more is written until resume, rollback or cancel.',
    examples: ['hotwave pause arena/duel --reason "login errors, looking"'],
  },
  {
    verb: 'resume',
    summary: 'go on after a pause',
    description: 'Lets a paused release go on where it stopped. After a foreign edit --wins says whose values stay.',
    flags: [['--wins <which>', 'after a foreign edit: release writes over it, edit ends the release and leaves it']],
    goesOn: true,
    examples: ['hotwave resume arena/duel', 'hotwave resume arena/duel --wins release'],
  },
  {
    verb: 'retry',
    summary: 'try the failed servers once more',
    description:
      'Lets a release go on and tries the servers that failed once more, those excluded in earlier waves too.',
    goesOn: true,
    examples: ['hotwave retry arena/duel'],
  },
  {
    verb: 'skip',
    summary: 'exclude a server or a wave',
    description:
      'Excludes a server or a wave: it is neither waited for, reloaded nor proved, and it does not count as failed. The end of the release names it.',
    flags: [
      ['--server <name>', 'the server that is excluded; this or --wave must be given'],
      ['--wave <number>', 'the wave that is excluded; this or --server must be given'],
    ],
    wantsReason: true,
    examples: [
      'hotwave skip arena/duel --server duel-7 --reason "its node is being replaced"',
      'hotwave skip arena/duel --wave 3 --reason "tournament until 20:00"',
    ],
  },
  {
    verb: 'rollback',
    alias: 'undo',
    summary: 'bring servers back to the version before',
    description:
      'Rolls a release back: all servers at once, without gates or bake times, to what they ran before it. --scope brings only a part back, and then the release stands still again. While no release runs, what is written on the set says what to go back to: the version before a release that is done, that was left half-way, or that Temporal has lost; --to names another one. That is followed to its end.',
    flags: [
      ['--scope <what>', 'release, wave or failed (default: release)'],
      ['--order <order>', 'all at once, or reverse: the last wave first (targeted releases only)'],
      ['--to <version>', 'while no release runs: another version that the set knows, or stable'],
      ['--image <image>', 'the image of that version, when the set does not know it'],
      [
        '--from-cluster',
        'the release that holds the set by another Temporal is dead: go back by what is written on the set; --reason must say how you know',
      ],
      ['-f, --file <release.yaml>', 'while no release runs: ask the servers as this file says, not as the set does'],
    ],
    examples: [
      'hotwave rollback arena/duel --reason "match results are lost"',
      'hotwave rollback arena/duel --scope failed',
      'hotwave rollback arena/duel --to 1.9',
      'hotwave rollback arena/duel --to stable --reason "matches are lost"',
      'hotwave rollback arena/duel --to 1.7 --image registry.example/scripts:1.7',
      'hotwave rollback arena/duel --from-cluster --reason "that Temporal is gone"',
    ],
    goesOn: true,
    codes: [0, 1, 2, 3, 4, 5, 6, 7, 8, 64],
  },
  {
    verb: 'override-freeze',
    summary: 'go on in spite of a freeze window',
    description:
      'Lets a release go on that a freeze window holds. Takes a reason and somebody else than who started it.',
    wantsReason: true,
    goesOn: true,
    examples: ['hotwave override-freeze arena/duel --reason "the login fix cannot wait until Monday"'],
  },
  {
    verb: 'cancel',
    summary: 'end a release and say what becomes of the servers',
    description:
      'Ends a release. --then hold leaves every server on the version it has; --then rollback brings them back first.',
    flags: [['--then <what>', 'hold or rollback; must be given']],
    examples: ['hotwave cancel arena/duel --then hold', 'hotwave cancel arena/duel --then rollback'],
  },
];

/** The verbs that steer a running release. */
export function addDecidingVerbs(program: Command, { io, finish }: Run): void {
  for (const {
    verb,
    alias,
    summary,
    description,
    flags = [],
    wantsReason,
    examples,
    goesOn,
    codes = goesOn ? WAITING_CODES : DECISION_CODES,
  } of DECLARATIONS) {
    const declared = decidingFlags(program.command(verb).argument('<set>', SET_ARGUMENT), wantsReason === true);
    for (const [flag, about] of [...flags, ...(goesOn ? WAIT : [])]) declared.option(flag, about);
    if (alias !== undefined) declared.alias(alias);
    declared
      .summary(summary)
      .description(description)
      .addHelpText('after', `${phasesHelp(verb)}${helpEnd(examples, codes)}`)
      .action(async (set, given) => {
        if (verb === 'rollback') {
          const { runRollback } = await import('../commands/rollback.ts');
          finish(await runRollback(io, set, given));
          return;
        }
        const { runDecide } = await import('../commands/decide.ts');
        finish(await runDecide(io, verb, set, given));
      });
  }
}

const PHASE_COLUMN = 20;
const WIDTH = 80;

/** The effect of the verb in each phase, from the same table by which the release judges. */
function phasesHelp(verb: Verb): string {
  const rows = Object.entries(VERB_TABLE[verb]).map(([phase, cell]) => {
    const effect = 'accepts' in cell ? cell.accepts : `refused: ${forPeople(cell.refuses)}`;
    const lines = new Help().boxWrap(effect, WIDTH - PHASE_COLUMN - 1).split('\n');
    return `  ${phase}`.padEnd(PHASE_COLUMN) + lines.join(`\n${' '.repeat(PHASE_COLUMN)}`);
  });
  return ['', 'While the release is:', ...rows, ''].join('\n');
}

function forPeople(sentence: string): string {
  return sentence.replaceAll('{release}', 'it').replaceAll('{gate}', 'N').replaceAll('{wave}', 'N');
}

function decidingFlags<Arguments extends unknown[], Options extends OptionValues>(
  command: Command<Arguments, Options>,
  wantsReason: boolean,
): Declared<Arguments, Options, RollbackFlags> {
  return outputFlag(namespaceFlag(clusterFlags(command)))
    .option('--reason <text>', wantsReason ? 'why; must be given' : 'why, for the record')
    .option('--actor <name>', 'who decides (HOTWAVE_ACTOR; default: your login name)')
    .option('--sign', SIGN_FLAG)
    .option('--id <id>', 'id of the decision: the same id counts once')
    .option(
      '--signal',
      'send it without waiting for an answer; Temporal keeps it until a worker runs',
    ) as unknown as Declared<Arguments, Options, RollbackFlags>;
}
