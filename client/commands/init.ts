import { sidecarOf } from '../../release/draft/choose.ts';
import type { DraftChoices } from '../../release/draft/choose.ts';
import type { Draft } from '../../release/draft/draft-release.ts';
import { draftRelease } from '../../release/draft/draft-release.ts';
import { PROOFS, RELOADS } from '../../release/draft/forms.ts';
import { readProof, readReload } from '../../release/draft/how.ts';
import type { ReadHow, Written } from '../../release/draft/how.ts';
import type { SetDescription } from '../../release/draft/set-description.ts';
import { commandLine } from '../../release/narrate/shell.ts';
import { eitherOf } from '../../release/spec/either-of.ts';
import { writeTrouble } from '../../release/spec/file-trouble.ts';
import { readImageReference } from '../../release/spec/image-reference.ts';
import { isNamespace } from '../../release/spec/name-patterns.ts';
import type { DescribeInput, DescribeResult } from '../../workflows/messages.ts';
import { WORKFLOWS } from '../../workflows/messages.ts';
import { targetOf } from '../decisions/target.ts';
import { askWorker } from '../temporal/ask-worker.ts';
import type { Temporal } from '../temporal/connect.ts';
import { withTemporal } from '../temporal/connect.ts';
import { demandWorker } from '../temporal/task-queue.ts';
import type { Asker } from '../terminal/asker.ts';
import type { ExitCode } from '../terminal/exit-codes.ts';
import { EXIT } from '../terminal/exit-codes.ts';
import { ExitError } from '../terminal/exit-error.ts';
import { clusterOf } from '../terminal/flags.ts';
import type { Io } from '../terminal/io.ts';
import { say } from '../terminal/io.ts';
import type { SetFlags } from './watch.ts';

/** Flags of `init`. */
export interface InitFlags extends SetFlags {
  /** The sidecar whose image the release changes. */
  readonly container?: string | undefined;
  readonly image?: string | undefined;
  /** One line each, as `release/draft/how.ts` reads them. */
  readonly reload?: string | undefined;
  readonly proof?: string | undefined;
  readonly file?: string | undefined;
  readonly force?: true | undefined;
}

/** Ten thousand servers take seconds. */
const TIMEOUT = 90_000;

/** Writes a release file from what runs on a set, and asks the person what cannot be seen. */
export async function runInit(io: Io, argument: string | undefined, flags: InitFlags): Promise<ExitCode> {
  demandImage(flags.image);
  const seen = await withTemporal(io, flags, (temporal) => lookAt(io, temporal, argument, flags));
  const draft = draftRelease(seen, await choicesOf(io, seen, flags));
  const { file } = flags;
  if (file === undefined) io.stdout.write(draft.text);
  else await writeNewFile(io, file, draft.text, flags.force === true);
  say(io, ...nextSteps(draft, file));
  return EXIT.ok;
}

function demandImage(image: string | undefined): void {
  if (image === undefined) return;
  const problem = problemOfImage(image);
  if (problem !== undefined) throw new ExitError(EXIT.usage, `--image ${JSON.stringify(image)}: ${problem}`);
}

function problemOfImage(image: string): string | undefined {
  const { tag, digest } = readImageReference(image) ?? {};
  if ((tag ?? digest) !== undefined) return undefined;
  return 'expected an image with a tag or a digest, such as registry.example/2048-sidecar:v2.0';
}

/** The set that is named, or the one that the person picks. */
async function lookAt(
  io: Io,
  temporal: Temporal,
  argument: string | undefined,
  flags: InitFlags,
): Promise<SetDescription> {
  const named = argument === undefined ? undefined : targetOf(io, argument, flags);
  const cluster = named?.cluster ?? clusterOf(io, flags);
  const namespace = named?.namespace ?? flags.namespace;
  if (!isNamespace(namespace)) throw new ExitError(EXIT.usage, `-n ${JSON.stringify(namespace)} is no namespace`);
  const asker = named ? undefined : demandAsker(io, 'name the GameServerSet: hotwave init SET');
  await demandWorker(temporal, cluster, io.now());
  const ask = (name?: string): Promise<DescribeResult> => describe(temporal, cluster, { v: 1, namespace, name });
  const name = named?.name ?? (await pickSet(asker, await ask(), namespace));
  return descriptionOf(await ask(name));
}

function demandAsker({ asker }: Io, sentence: string): Asker {
  if (asker) return asker;
  throw new ExitError(EXIT.usage, sentence);
}

function describe(temporal: Temporal, cluster: string, input: DescribeInput): Promise<DescribeResult> {
  const about = [cluster, input.namespace, ...(input.name === undefined ? [] : [input.name])].join('/');
  return askWorker<DescribeInput, DescribeResult>(temporal, {
    type: WORKFLOWS.describeSet,
    cluster,
    input,
    about: `init/${about}`,
    summary: `hotwave init looks at ${input.name ?? 'the sets'} in namespace ${input.namespace}`,
    within: TIMEOUT,
  });
}

function descriptionOf(result: DescribeResult): SetDescription {
  if (result.kind === 'described') return result.description;
  throw refusal(result);
}

function refusal(result: DescribeResult): ExitError {
  const code = { absent: EXIT.unknown, refused: EXIT.refused, unreachable: EXIT.unreachable };
  if (result.kind === 'described' || result.kind === 'sets')
    return new ExitError(EXIT.failed, 'the worker answers another question');
  const hints = result.kind === 'unreachable' ? [] : ['is it the right namespace? -n says where to look'];
  return new ExitError(code[result.kind], result.reason, hints);
}

async function pickSet(asker: Asker | undefined, result: DescribeResult, namespace: string): Promise<string> {
  if (result.kind !== 'sets' || !asker) throw refusal(result);
  if (result.names.length === 0)
    throw new ExitError(EXIT.unknown, `there is no GameServerSet in namespace ${namespace}`, ['-n says where to look']);
  return asker.choose(
    'Which GameServerSet?',
    result.names.map((value) => ({ value })),
  );
}

async function choicesOf(io: Io, seen: SetDescription, flags: InitFlags): Promise<DraftChoices> {
  const { container, because } = await chosenSidecar(io, seen, flags.container);
  const image = flags.image ?? (await askedImage(io, seen, container));
  const isKnown = seen.earlier?.container === container && seen.earlier.ask !== undefined;
  const asker = isKnown ? undefined : io.asker;
  const reload = await told(flags.reload, {
    flag: '--reload',
    read: (line) => readReload(line, seen.main),
    // The engine itself restarts with its image: nothing has to be sent to it.
    asker: container === seen.main ? undefined : asker,
    question: 'How to reload? Enter: fill it in later.',
    forms: RELOADS,
  });
  const proof = await told(flags.proof, {
    flag: '--proof',
    read: (line) => readProof(line, seen.main),
    asker,
    question: 'How to prove it? Enter: fill it in later.',
    forms: PROOFS,
  });
  return { container, because, image, reload, proof };
}

async function chosenSidecar(
  io: Io,
  seen: SetDescription,
  named: string | undefined,
): Promise<Pick<DraftChoices, 'container' | 'because'>> {
  const names = seen.containers.map(({ name }) => name);
  if (named !== undefined) {
    if (names.includes(named)) return { container: named, because: 'as you said' };
    const { namespace, name } = seen.set;
    throw new ExitError(EXIT.usage, `--container ${named}: ${namespace}/${name} has ${names.join(', ')}`);
  }
  const choice = sidecarOf(seen);
  if ('container' in choice) return choice;
  const { candidates } = choice;
  const asker = demandAsker(io, `say which container is the sidecar: --container ${eitherOf(candidates)}`);
  const options = seen.containers
    .filter(({ name }) => candidates.includes(name))
    .map(({ name, image }) => ({ value: name, hint: image }));
  return { container: await asker.choose('Which container is the sidecar?', options), because: 'as you said' };
}

async function askedImage({ asker }: Io, seen: SetDescription, container: string): Promise<string | undefined> {
  const current = seen.containers.find(({ name }) => name === container)?.image ?? '';
  const problemOf = (line: string): string | undefined => (line === '' ? undefined : problemOfImage(line));
  const typed = await asker?.type('The new image? Enter keeps this one.', current, problemOf);
  return typed === '' ? undefined : typed;
}

/** A question that one line answers. */
interface OneLine {
  readonly flag: string;
  readonly read: (line: string) => ReadHow;
  /** Undefined when it need not or cannot be asked. */
  readonly asker: Asker | undefined;
  readonly question: string;
  readonly forms: readonly string[];
}

async function told(
  said: string | undefined,
  { flag, read, asker, question, forms }: OneLine,
): Promise<Written | undefined> {
  const problemOf = (line: string): string | undefined => {
    const found = line === '' ? undefined : read(line);
    return found && 'problem' in found ? found.problem : undefined;
  };
  if (said !== undefined) {
    const found = read(said);
    if ('written' in found) return found.written;
    throw new ExitError(EXIT.usage, `${flag} ${JSON.stringify(said)}: ${found.problem}`);
  }
  const line = (await asker?.type(question, forms.join(' | '), problemOf)) ?? '';
  const found = line === '' ? undefined : read(line);
  return found && 'written' in found ? found.written : undefined;
}

async function writeNewFile(io: Io, path: string, text: string, overwrite: boolean): Promise<void> {
  try {
    await io.writeText(path, text, { overwrite });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST')
      throw new ExitError(EXIT.usage, `${path} is there already: --force overwrites it`);
    throw new ExitError(EXIT.usage, `${path} cannot be written: ${writeTrouble(error)}`);
  }
}

function nextSteps({ open }: Draft, file: string | undefined): string[] {
  const fill = open.length === 0 ? [] : [`fill in ${open.join(' and ')}: plan refuses the file until then`];
  return file === undefined ? fill : [[`${file} is written`, ...fill].join('; '), `  ${commandLine('plan', file)}`];
}
