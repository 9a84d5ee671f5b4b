import type { Command, OptionValues } from '@commander-js/extra-typings';
import { Option } from '@commander-js/extra-typings';
import type { ExitCode } from '../terminal/exit-codes.ts';
import { EXIT_MEANINGS } from '../terminal/exit-codes.ts';
import type { ClusterFlags, ConnectionFlags, OutputFormat } from '../terminal/flags.ts';
import { OUTPUT_FORMATS } from '../terminal/flags.ts';
import type { Io } from '../terminal/io.ts';
import type { LinkFlags } from '../temporal/links.ts';

/** The parts of the run that the declarations of the verbs need. */
export interface Run {
  readonly io: Io;
  /** Called with the exit code of the verb that ran. */
  readonly finish: (code: number) => void;
}

/** A verb with more flags than before. `Pick` turns the interface into a type that commander takes for options. */
export type Declared<Arguments extends unknown[], Options extends OptionValues, Added> = Command<
  Arguments,
  Options & Pick<Added, keyof Added>
>;

/** How to reach Temporal. */
export function connectionFlags<Arguments extends unknown[], Options extends OptionValues>(
  command: Command<Arguments, Options>,
): Declared<Arguments, Options, ConnectionFlags> {
  return command
    .option('--address <host:port>', 'Temporal frontend (TEMPORAL_ADDRESS; default 127.0.0.1:7233)')
    .option('--temporal-namespace <name>', 'Temporal namespace (TEMPORAL_NAMESPACE; default "default")')
    .option('--profile <name>', 'profile of the Temporal configuration file (TEMPORAL_PROFILE)') as Declared<
    Arguments,
    Options,
    ConnectionFlags
  >;
}

/** Which cluster's workers to ask, and how to reach Temporal. */
export function clusterFlags<Arguments extends unknown[], Options extends OptionValues>(
  command: Command<Arguments, Options>,
): Declared<Arguments, Options, ClusterFlags> {
  const described = command.option(
    '--cluster <name>',
    'cluster, by the name its workers have (HOTWAVE_CLUSTER; default "default")',
  );
  return connectionFlags(described) as Declared<Arguments, Options, ClusterFlags>;
}

/** The help text of `--sign`. */
export const SIGN_FLAG =
  'sign it with your SSH key, so that the policy of the cluster can know that it is you (HOTWAVE_SIGN_KEY; default ~/.ssh/id_ed25519)';

/** How results are printed. */
export function outputFlag<Arguments extends unknown[], Options extends OptionValues>(
  command: Command<Arguments, Options>,
  formats = OUTPUT_FORMATS,
): Declared<Arguments, Options, { readonly output: OutputFormat }> {
  return command.addOption(
    new Option('-o, --output <format>', 'how results are printed').choices(formats).default('text'),
  ) as Declared<Arguments, Options, { readonly output: OutputFormat }>;
}

/** Where unqualified names are looked for. */
export function namespaceFlag<Arguments extends unknown[], Options extends OptionValues>(
  command: Command<Arguments, Options>,
): Declared<Arguments, Options, { readonly namespace: string }> {
  return command.option(
    '-n, --namespace <name>',
    'namespace of the set, when SET does not name it',
    'default',
  ) as Declared<Arguments, Options, { readonly namespace: string }>;
}

/** Where the Temporal UI is, for links. */
export function linkFlag<Arguments extends unknown[], Options extends OptionValues>(
  command: Command<Arguments, Options>,
): Declared<Arguments, Options, LinkFlags> {
  return command.option('--ui-url <url>', 'base of the Temporal UI, for links (TEMPORAL_UI_URL)') as Declared<
    Arguments,
    Options,
    LinkFlags
  >;
}

/** The end of a help text: examples that can be pasted, then the exit codes that the verb can have. */
export function helpEnd(examples: readonly string[], codes: readonly ExitCode[]): string {
  return [
    '',
    'Examples:',
    ...examples.map((example) => `  ${example}`),
    '',
    'Exit codes:',
    ...codes.map((code) => `  ${String(code).padStart(2)}  ${EXIT_MEANINGS[code]}`),
  ].join('\n');
}

/** The argument of the verbs that are about one release. */
export const SET_ARGUMENT = 'NAMESPACE/NAME or NAME of the GameServerSet, or the name of a release where it is unique';
