import type { CommandUnknownOpts } from '@commander-js/extra-typings';

/** A word that a shell may offer, with a few words about it. */
export interface Candidate {
  readonly word: string;
  readonly about?: string | undefined;
}

/** The things that can stand in a place of a command line: words that the program knows, a file, or a value that Temporal knows. */
export type Place =
  | { readonly kind: 'words'; readonly words: readonly Candidate[] }
  | { readonly kind: 'files' }
  | { readonly kind: 'value'; readonly of: ValueKind }
  | { readonly kind: 'anything' };

/** Values that Temporal knows. */
export type ValueKind = 'set' | 'wave' | 'namespace' | 'cluster';

/** A command line that somebody is typing, up to the word under the cursor. */
export interface TypedLine {
  readonly place: Place;
  /** The flags before it that have a value, by the name of the option. */
  readonly flags: Readonly<Record<string, string>>;
  /** The arguments of the verb before it. */
  readonly arguments: readonly string[];
}

/** Flags whose value is a file, or is known to Temporal, by the name of the option. */
const VALUES: Readonly<Record<string, Exclude<Place, { kind: 'words' }>>> = {
  file: { kind: 'files' },
  kubeconfig: { kind: 'files' },
  wave: { kind: 'value', of: 'wave' },
  namespace: { kind: 'value', of: 'namespace' },
  cluster: { kind: 'value', of: 'cluster' },
  only: { kind: 'value', of: 'set' },
};

/** The same for arguments, by their names. */
const ARGUMENTS: Readonly<Record<string, Exclude<Place, { kind: 'words' }>>> = {
  file: { kind: 'files' },
  set: { kind: 'value', of: 'set' },
  'set|field': { kind: 'value', of: 'set' },
};

/** Reads the words after `hotwave`; the last one is under the cursor and may be empty. */
export function readLine(program: CommandUnknownOpts, typed: readonly string[]): TypedLine {
  const before = typed.slice(0, -1);
  const current = typed.at(-1) ?? '';
  const verb = program.commands.find((command) => [command.name(), ...command.aliases()].includes(before[0] ?? ''));
  if (!verb) return { place: before.length === 0 ? ofProgram(program, current) : helped(program, before), ...NOTHING };
  const { flags, positional, open } = walked(verb, before.slice(1));
  if (open) return { place: ofOption(open), flags, arguments: positional };
  if (current.startsWith('-')) return { place: words(flagsOf(verb)), flags, arguments: positional };
  const place = ofArgument(verb.registeredArguments[positional.length]);
  return { place, flags, arguments: positional };
}

const NOTHING = { flags: {}, arguments: [] };

function words(list: readonly Candidate[]): Place {
  return { kind: 'words', words: list };
}

function ofProgram(program: CommandUnknownOpts, current: string): Place {
  if (current.startsWith('-')) return words(flagsOf(program));
  return words([...verbsOf(program), { word: 'help', about: 'print this help, or that of a verb' }]);
}

/** `help` is a verb of commander's own. */
function helped(program: CommandUnknownOpts, before: readonly string[]): Place {
  return before.length === 1 && before[0] === 'help' ? words(verbsOf(program)) : { kind: 'anything' };
}

function verbsOf(program: CommandUnknownOpts): Candidate[] {
  return program
    .createHelp()
    .visibleCommands(program)
    .filter((command) => command.name() !== 'help')
    .map((command) => ({ word: command.name(), about: command.summary() }));
}

function flagsOf(command: CommandUnknownOpts): Candidate[] {
  return command
    .createHelp()
    .visibleOptions(command)
    .map(({ long, short, description }) => ({ word: long ?? short ?? '', about: description }));
}

type Option = CommandUnknownOpts['options'][number];

interface Walked {
  readonly flags: Record<string, string>;
  readonly positional: string[];
  /** The flag whose value comes next. */
  readonly open?: Option | undefined;
}

function walked(verb: CommandUnknownOpts, given: readonly string[]): Walked {
  const flags: Record<string, string> = {};
  const positional: string[] = [];
  let open: Option | undefined;
  for (const word of given) {
    const [name = '', value] = word.startsWith('--') ? word.split(/=(.*)/s) : [word];
    const option = verb.options.find(({ long, short }) => name !== '' && (long === name || short === name));
    if (open) {
      flags[open.attributeName()] = word;
      open = undefined;
    } else if (option?.required && value === undefined) open = option;
    else if (option?.required) flags[option.attributeName()] = value ?? '';
    else if (!word.startsWith('-')) positional.push(word);
  }
  return { flags, positional, open };
}

function ofOption(option: Option): Place {
  if (option.argChoices) return words(option.argChoices.map((word) => ({ word })));
  return VALUES[option.attributeName()] ?? { kind: 'anything' };
}

function ofArgument(argument: CommandUnknownOpts['registeredArguments'][number] | undefined): Place {
  if (!argument) return { kind: 'anything' };
  if (argument.argChoices) return words(argument.argChoices.map((word) => ({ word })));
  return ARGUMENTS[argument.name()] ?? { kind: 'anything' };
}
