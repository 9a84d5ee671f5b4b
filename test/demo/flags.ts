import { parseArgs } from 'node:util';
import type { LabKind } from '../lab/lab.ts';

/** The options of the demo. */
export interface DemoOptions {
  /** Undefined: the most real lab that this machine can run. `memory`: everything but Temporal and hotwave is simulated. */
  readonly lab?: LabKind | 'memory' | undefined;
  /** Wait for a person at the gate instead of approving. */
  readonly interactive: boolean;
  /** End with one JSON line per release on the standard output; everything else goes to the standard error. */
  readonly json: boolean;
  /** Leave lab and worker running. */
  readonly keep: boolean;
  readonly help: boolean;
}

/** The command line asks for something that there is not. */
export class UsageError extends Error {
  /** EX_USAGE of sysexits.h. */
  readonly exitCode = 64;
}

/** The text of `--help`, at most 80 columns wide. */
export const helpText = `npm run demo -- [flags]

Starts a Kubernetes control plane with OpenKruiseGame, a Temporal server with
its web UI and a hotwave worker; moves three hot updates through six game
servers; ends everything again. That takes about 100 seconds. The first run of
all takes four to ten minutes more: it builds the servers' programs once, says
how long that still takes, and keeps them in ~/.cache/hotwave. In a fresh clone
npm installs the dependencies before that, about a minute.

  --lab truth|fleet|memory
                     truth: real containers on a real kubelet, as root.
                     fleet: a real control plane, simulated nodes.
                     memory: a simulated cluster; nothing is built, a minute.
                     Default: truth where it can run.
  --interactive      wait at the gate until you have decided
  --json             end with one JSON line per release on the standard output
  --keep             leave the lab and the worker running to look around
  --help             this text

Examples:
  npm run demo
  npm run demo -- --lab memory
  npm run demo -- --interactive
  npm run demo -- --lab fleet --keep
  npm run demo -- --json | tail -n 3

Exit codes:
   0  all three releases ended as they should, and the evidence agrees
   1  one did not, or the demo could not be carried out
  64  wrong usage
  69  this machine lacks something that only you can provide
 130  ended by Ctrl-C
`;

/**
 * Reads the arguments after `npm run demo --`.
 * @throws UsageError in one sentence
 */
export function demoOptions(args: readonly string[]): DemoOptions {
  const { lab, ...switches } = parsed(args);
  if (lab !== undefined && lab !== 'truth' && lab !== 'fleet' && lab !== 'memory') {
    throw new UsageError(`--lab is truth, fleet or memory, not ${JSON.stringify(lab)}; see npm run demo -- --help`);
  }
  const { interactive = false, json = false, keep = false, help = false } = switches;
  if (lab === 'memory' && keep)
    throw new UsageError(
      '--keep has nothing to keep with --lab memory: its cluster ends with the demo; --interactive waits',
    );
  return { lab, interactive, json, keep, help };
}

const flags = {
  lab: { type: 'string' },
  interactive: { type: 'boolean' },
  json: { type: 'boolean' },
  keep: { type: 'boolean' },
  help: { type: 'boolean', short: 'h' },
} as const;

function parsed(args: readonly string[]): ReturnType<typeof parseArgs<{ options: typeof flags }>>['values'] {
  try {
    return parseArgs({ args: [...args], options: flags }).values;
  } catch (error) {
    // The first sentence says what is wrong; Node adds advice about positional arguments.
    const sentence = (error as Error).message.split(/\. |\n/)[0] ?? '';
    throw new UsageError(`${sentence}; see npm run demo -- --help`);
  }
}
