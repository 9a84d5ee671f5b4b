import type { Command, OptionValues } from '@commander-js/extra-typings';
import type { Verb } from '../../release/state.ts';
import type { DecideFlags } from '../commands/decide.ts';
import { clusterFlags, helpEnd, namespaceFlag, outputFlag, SET_ARGUMENT } from './shared.ts';
import type { Declared, Run } from './shared.ts';

/** A verb that steers a release. */
interface Declaration {
  readonly verb: Verb;
  readonly summary: string;
  readonly description: string;
  readonly flags?: readonly (readonly [flags: string, description: string])[];
  readonly examples: readonly string[];
}

const WAVE = ['--wave <number>', 'the wave whose gate is meant'] as const;

const DECLARATIONS: readonly Declaration[] = [
  {
    verb: 'approve',
    summary: 'let the wave behind a gate start',
    description:
      'Approves the wave behind the open gate. The wave must be named: an approval is never for "whatever comes".',
    flags: [WAVE],
    examples: [
      'hotwave approve arena/duel --wave 2',
      'hotwave approve arena/duel --wave 2 --reason "canary looks good"',
    ],
  },
  {
    verb: 'reject',
    summary: 'refuse the wave behind a gate',
    description: 'Rejects the wave behind the open gate.',
    flags: [WAVE],
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
    description: 'Lets a paused release go on where it stopped.',
    examples: ['hotwave resume arena/duel'],
  },
  {
    verb: 'rollback',
    summary: 'bring every server back to the old version',
    description: 'Rolls a release back: all servers at once, without gates or bake times. Works in every phase.',
    examples: ['hotwave rollback arena/duel --reason "match results are lost"'],
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

/** `approve`, `reject`, `pause`, `resume`, `rollback` and `cancel`: the verbs that steer a release. */
export function addDecidingVerbs(program: Command, { io, finish }: Run): void {
  for (const { verb, summary, description, flags = [], examples } of DECLARATIONS) {
    const declared = decidingFlags(program.command(verb).argument('<set>', SET_ARGUMENT));
    for (const [flag, about] of flags) declared.option(flag, about);
    declared
      .summary(summary)
      .description(description)
      .addHelpText('after', helpEnd(examples, [0, 6, 7, 64]))
      .action(async (set, given) => {
        const { runDecide } = await import('../commands/decide.ts');
        finish(await runDecide(io, verb, set, given));
      });
  }
}

function decidingFlags<Arguments extends unknown[], Options extends OptionValues>(
  command: Command<Arguments, Options>,
): Declared<Arguments, Options, DecideFlags> {
  return outputFlag(namespaceFlag(clusterFlags(command)))
    .option('--reason <text>', 'why, for the record')
    .option('--actor <name>', 'who decides (HOTWAVE_ACTOR; default: your login name)')
    .option('--id <id>', 'id of the decision: the same id counts once')
    .option(
      '--signal',
      'send it without waiting for an answer; Temporal keeps it until a worker runs',
    ) as unknown as Declared<Arguments, Options, DecideFlags>;
}
