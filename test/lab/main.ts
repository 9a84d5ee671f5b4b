import { parseArgs } from 'node:util';
import { endAbandonedLabs, endLabNamed, startLab } from './lab.ts';
import type { LabKind } from './lab.ts';
import { isAbandoned, knownLab, knownLabs } from './lab-state.ts';
import type { KnownLab } from './lab-state.ts';
import { MissingPrerequisite } from './prerequisites.ts';
import { UnknownVersions, describeVersions, environmentVersions, parseVersions } from './versions.ts';
import type { LabVersions } from './versions.ts';

// npm run lab -- up [fleet|truth] [--name NAME] [--versions VERSIONS] | down [--name NAME] | status
// A lab for a person: it survives the terminal and goes on until `down`.

const usage = 'npm run lab -- up [fleet|truth] [--name NAME] [--versions VERSIONS] | down [--name NAME] | status';

/** The text of `--help`, at most 80 columns wide. */
const helpText = `npm run lab -- up [fleet|truth] [--name NAME] [--versions VERSIONS]
npm run lab -- down [--name NAME]
npm run lab -- status

A Kubernetes control plane with OpenKruise and OpenKruiseGame, nodes, and a
Temporal server with its web UI. It goes on until you end it.

  up      start one: fleet (simulated nodes, no containers; the default) or
          truth (a real kubelet and real containers, as root). Prints its
          addresses and what to do next.
  down    end it, and leave nothing
  status  what runs, in which versions, and its addresses

  --name NAME  its name, when there are several; its kind by default
  --versions VERSIONS
               newest, or some of kubernetes=1.37.2,kruise=1.8.3,
               kruise-game=1.1.0 in one word. Without it those of
               HOTWAVE_LAB_VERSIONS, else the oldest ones. Parts that are not
               built yet are built first, once: Kubernetes takes about ten
               minutes, and wants Go 1.26.
  --help       this text

Examples:
  npm run lab -- up fleet
  npm run lab -- up truth --name mine
  npm run lab -- up fleet --versions newest
  npm run lab -- status
  npm run lab -- down --name mine

Exit codes:
   0  done
   1  it did not start or did not end
  64  wrong usage
  69  this machine lacks something that only you can provide
`;

const options = {
  name: { type: 'string' },
  versions: { type: 'string' },
  help: { type: 'boolean', short: 'h' },
} as const;

/** How to get game servers on a fleet lab, which starts without any. */
const fleetGame: readonly string[] = [
  'for three simulated game servers, and a release that stops at a gate before wave 2:',
  '  kubectl create -f examples/fleet/gameserverset.yaml',
  '  npm run --silent hotwave -- worker &',
  '  npm run --silent hotwave -- start examples/fleet/release.yaml --wait --until gate',
  '  npm run --silent hotwave -- approve gss-fleet --wave 2',
];

/** A truth lab starts without any, too, and the examples name a registry that it does not have. */
const truthGame: readonly string[] = ['to play with game servers in real containers: npm run demo -- --keep'];

/** The command line asks for something that there is not; EX_USAGE of sysexits.h. */
class UsageError extends Error {
  readonly exitCode = 64;
}

// Somebody who reads only the first lines (`| head`) is no reason to fail.
process.stdout.on('error', () => process.exit(0));

try {
  await run(process.argv.slice(2));
} catch (error) {
  process.stderr.write(`hotwave: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = error instanceof UsageError || error instanceof MissingPrerequisite ? error.exitCode : 1;
}

async function run(args: string[]): Promise<void> {
  const { verb, operand, name, versions, help } = parsed(args);
  if (help) {
    process.stdout.write(helpText);
    return;
  }
  if (verb !== 'up' && operand !== undefined) throw new UsageError(unknownWord(verb, operand));
  if (verb !== 'up' && versions !== undefined) {
    throw new UsageError(`--versions means nothing to ${verb ?? 'no command'}; use: ${usage}`);
  }
  switch (verb) {
    case 'up':
      return up(operand ?? 'fleet', { name, versions: versionsOf(versions) });
    case 'down':
      return down(name);
    case 'status': {
      status();
      return;
    }
    default:
      throw new UsageError(
        `${verb === undefined ? 'say what to do' : `there is no lab command "${verb}"`}; use: ${usage}`,
      );
  }
}

/** Why a word after the command means nothing: `down mine` -> say --name mine. */
function unknownWord(verb: string | undefined, word: string): string {
  const wish = verb === 'down' ? `; a lab is named with --name ${word}` : '';
  return `"${word}" means nothing to ${verb ?? ''}${wish}; use: ${usage}`;
}

function parsed(args: string[]): {
  verb?: string | undefined;
  operand?: string | undefined;
  name?: string | undefined;
  versions?: string | undefined;
  help: boolean;
} {
  try {
    const { values, positionals } = parseArgs({ args, allowPositionals: true, options });
    const { name, versions, help = false } = values;
    if (name !== undefined && !/^[a-z0-9][a-z0-9-]{0,40}$/.test(name)) {
      throw new UsageError(`a lab's name is up to 41 small letters, digits and dashes, not "${name}"`);
    }
    if (positionals.length > 2) throw new UsageError(`too many words; use: ${usage}`);
    return { verb: positionals[0], operand: positionals[1], name, versions, help };
  } catch (error) {
    if (error instanceof UsageError) throw error;
    throw new UsageError(`${(error as Error).message.replace(/\. .*/s, '')}; use: ${usage}`);
  }
}

/** @throws UsageError in one sentence, wherever the versions come from */
function versionsOf(asked: string | undefined): LabVersions {
  try {
    return asked === undefined ? environmentVersions() : parseVersions(asked);
  } catch (error) {
    if (error instanceof UnknownVersions) throw new UsageError(error.message);
    throw error;
  }
}

interface Wishes {
  readonly name?: string | undefined;
  readonly versions: LabVersions;
}

async function up(kind: string, { name: chosenName, versions }: Wishes): Promise<void> {
  if (!isKind(kind)) throw new UsageError(`there is no lab "${kind}"; there are fleet and truth`);
  const name = chosenName ?? kind;
  const present = knownLab(name);
  if (present?.record.addresses && present.ended.length === 0) {
    requireSameVersions(present, versions);
    say(`lab ${name} is up already`);
    describe(present);
    return;
  }
  endOnSignal(name);
  const started = performance.now();
  await startLab({ kind, name, versions, outlivesOwner: true, log: say });
  say(`lab ${name} is up after ${((performance.now() - started) / 1000).toFixed(1)} s`);
  describe(knownLab(name)!);
}

/** A lab in other versions than somebody believes would be found out late. */
function requireSameVersions({ record: { name, versions: present } }: KnownLab, wanted: LabVersions): void {
  if (present === undefined || describeVersions(present) === describeVersions(wanted)) return;
  throw new UsageError(
    `lab ${name} is up already with ${describeVersions(present)}; choose another --name, or end it with: npm run lab -- down --name ${name}`,
  );
}

async function down(name?: string): Promise<void> {
  await endAbandonedLabs(say);
  const labs = knownLabs();
  const chosen = name ?? labs[0]?.record.name;
  if (chosen === undefined) {
    say('no lab is running');
    return;
  }
  if (name === undefined && labs.length > 1) {
    throw new UsageError(
      `several labs are running: say --name with one of ${labs.map((lab) => lab.record.name).join(', ')}`,
    );
  }
  say((await endLabNamed(chosen)) ? `lab ${chosen} has ended and left nothing` : `there is no lab ${chosen}`);
}

function status(): void {
  const labs = knownLabs();
  if (labs.length === 0) say('no lab is running');
  for (const lab of labs) {
    const { kind, name, versions, owner } = lab.record;
    const ownership = owner
      ? `belongs to process ${owner.pid}${isAbandoned(lab) ? ', which is gone' : ''}`
      : 'for a person';
    process.stdout.write(`${name} (${kind}, ${ownership})\n`);
    if (versions) process.stdout.write(`  versions: ${describeVersions(versions)}\n`);
    process.stdout.write(`  running: ${lab.running.join(', ') || 'nothing'}\n`);
    if (lab.ended.length > 0) process.stdout.write(`  not running: ${lab.ended.join(', ')}\n`);
    for (const [what, where] of Object.entries(lab.record.addresses ?? {}))
      process.stdout.write(`  ${what}: ${where}\n`);
  }
}

/** Addresses go to standard output, so that they can be taken from there; what to do with them to standard error. */
function describe({ record }: KnownLab): void {
  if (record.versions) say(`it runs ${describeVersions(record.versions)}`);
  for (const [what, where] of Object.entries(record.addresses ?? {})) process.stdout.write(`${what}: ${where}\n`);
  say(
    `next: export KUBECONFIG=${record.addresses?.['kubeconfig'] ?? ''} TEMPORAL_ADDRESS=${record.addresses?.['Temporal frontend'] ?? ''}`,
  );
  for (const line of record.kind === 'fleet' ? fleetGame : truthGame) say(line);
  say(`end it with: npm run lab -- down --name ${record.name}`);
}

/** Ctrl-C while a lab starts: end what was started. The lab's programs are in groups of their own and do not see it. */
function endOnSignal(name: string): void {
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.once(signal, () => {
      say(`ending lab ${name}`);
      void endLabNamed(name).finally(() => process.exit(130));
    });
  }
}

function isKind(text: string): text is LabKind {
  return text === 'fleet' || text === 'truth';
}

function say(line: string): void {
  process.stderr.write(`lab: ${line}\n`);
}
