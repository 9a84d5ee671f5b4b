import { resolve } from 'node:path';
import { playgroundCommands, setUpPlayground } from '../playground/playground.ts';
import { apiFromKubeconfig } from './api.ts';
import { applyManifests } from './apply-manifests.ts';
import { UsageError, helpText, labWish } from './flags.ts';
import type { LabWish } from './flags.ts';
import { endAbandonedLabs, endLabNamed, startLab } from './lab.ts';
import { isAbandoned, knownLab, knownLabs, labsOfOthers } from './lab-state.ts';
import type { KnownLab } from './lab-state.ts';
import { MissingPrerequisite } from './prerequisites.ts';
import { describeVersions } from './versions.ts';
import { readIfThere } from './state-file.ts';
import type { LabVersions } from './versions.ts';

// npm run lab -- up | apply | down | status: see helpText in flags.ts.
// A lab for a person: it survives the terminal and goes on until `down`.

// Somebody who reads only the first lines (`| head`) is no reason to fail.
process.stdout.on('error', () => process.exit(0));

try {
  await run(labWish(process.argv.slice(2)));
} catch (error) {
  process.stderr.write(`hotwave: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = error instanceof UsageError || error instanceof MissingPrerequisite ? error.exitCode : 1;
}

async function run(wish: LabWish): Promise<void> {
  switch (wish.verb) {
    case 'help':
      process.stdout.write(helpText);
      return;
    case 'up':
      return up(wish);
    case 'apply':
      return apply(wish.file, wish.name);
    case 'down':
      return down(wish.name);
    case 'status':
      status();
  }
}

async function up({ kind, name, versions, bare }: Extract<LabWish, { verb: 'up' }>): Promise<void> {
  const present = knownLab(name);
  if (present?.record.addresses && present.ended.length === 0) {
    requireSameVersions(present, versions);
    say(`lab ${name} is up already`);
    describe(present);
    return;
  }
  endOnSignal(name);
  const started = performance.now();
  const furnish = bare ? {} : { furnish: setUpPlayground };
  await startLab({ kind, name, versions, outlivesOwner: true, schedules: true, ...furnish, log: say });
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

/** `npm run` starts in the checkout; the file is in the folder where somebody typed its name. */
async function apply(file: string, name?: string): Promise<void> {
  const lab = chosenLab(name);
  const kubeconfig = lab?.record.addresses?.['kubeconfig'];
  if (kubeconfig === undefined) throw new Error(`${noLab(name)}; start one with: npm run lab -- up`);
  const text = readIfThere(resolve(process.env['INIT_CWD'] ?? '.', file));
  if (text === undefined) throw new UsageError(`there is no file ${file}`);
  const api = apiFromKubeconfig(kubeconfig);
  try {
    for (const line of await applyManifests(api, text)) process.stdout.write(`${line}\n`);
  } catch (error) {
    throw new Error(`${file}: ${error instanceof Error ? error.message : String(error)}`, { cause: error });
  } finally {
    await api.close();
  }
}

async function down(name?: string): Promise<void> {
  await endAbandonedLabs(say);
  const lab = chosenLab(name);
  if (!lab) {
    say(noLab(name));
    return;
  }
  const chosen = lab.record.name;
  say((await endLabNamed(chosen)) ? `lab ${chosen} has ended and left nothing` : `there is no lab ${chosen}`);
}

/** The lab of this name, or the only one; of labs that tests own, only by its name. */
function chosenLab(name?: string): KnownLab | undefined {
  if (name !== undefined) return knownLab(name);
  const labs = knownLabs().filter(({ record }) => record.owner === undefined);
  if (labs.length <= 1) return labs[0];
  const names = labs.map((lab) => lab.record.name).join(', ');
  throw new UsageError(`several labs are running: say --name with one of ${names}`);
}

/** That there is no such lab here, and where there is one. */
function noLab(name?: string): string {
  const sentence = name === undefined ? 'no lab of this checkout is running' : `this checkout has no lab ${name}`;
  const others = labsOfOthers().filter(
    ({ record }) => record.owner === undefined && (name === undefined || record.name === name),
  );
  return [sentence, ...others.map(({ record }) => `lab ${record.name} belongs to ${record.checkout}`)].join('; ');
}

function status(): void {
  const labs = knownLabs();
  if (labs.length === 0) say(noLab());
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
function describe({ record: { name, versions, addresses = {} } }: KnownLab): void {
  if (versions) say(`it runs ${describeVersions(versions)}`);
  for (const [what, where] of Object.entries(addresses)) process.stdout.write(`${what}: ${where}\n`);
  const { playground, kubeconfig = '', 'Temporal frontend': temporal = '' } = addresses;
  if (playground === undefined) say(`next: export KUBECONFIG=${kubeconfig} TEMPORAL_ADDRESS=${temporal}`);
  else {
    say(`six game servers run v1.0; set.yaml, good.yaml and bad.yaml are in ${playground}`);
    say('next, in any folder: come to the lab; a good release; approve it; a bad one');
    for (const line of playgroundCommands(playground)) process.stderr.write(`  ${line}\n`);
  }
  say(`end it with: npm run lab -- down --name ${name}`);
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

function say(line: string): void {
  process.stderr.write(`lab: ${line}\n`);
}
