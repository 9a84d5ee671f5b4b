import { existsSync } from 'node:fs';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { stripTypeScriptTypes } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { execa } from 'execa';
import { cacheFolder } from '../lab/cache.ts';
import { withLock } from '../lab/lock.ts';
import { MissingPrerequisite, requireGo, requirePip } from '../lab/prerequisites.ts';
import { temporalProgram } from '../lab/temporal-program.ts';

/** How a program of docs/bots.md is run. */
export interface BotProgram {
  readonly command: readonly [string, ...string[]];
  readonly env: Readonly<Record<string, string>>;
}

/** The languages of docs/bots.md, by the channel that their programs say. */
export const BOTS = ['temporal-cli', 'python', 'go', 'typescript'] as const;
/** A language of docs/bots.md. */
export type Bot = (typeof BOTS)[number];

const checkout = fileURLToPath(new URL('../..', import.meta.url));
const PYTHON_SDK = '1.35.0';
const GO_SDK = 'v1.51.0';
const log = (line: string): void => void process.stderr.write(`bots: ${line}\n`);

/**
 * Takes a program out of docs/bots.md and makes it ready to run; what it needs is fetched or built once and kept in the
 * cache.
 * @throws MissingPrerequisite when the machine lacks what only a person can install
 */
export async function botProgram(bot: Bot, folder: string): Promise<BotProgram> {
  await requireTool('ssh-keygen', 'apt install openssh-client');
  return await PROGRAMS[bot](folder);
}

const PROGRAMS: Readonly<Record<Bot, (folder: string) => Promise<BotProgram>>> = {
  async 'temporal-cli'(folder) {
    await requireTool('jq', 'apt install jq');
    const file = await written(folder, 'approve.sh');
    const temporal = dirname(await temporalProgram(log));
    return { command: ['bash', file], env: { PATH: `${temporal}:${process.env['PATH'] ?? ''}` } };
  },
  async python(folder) {
    return { command: ['python3', await written(folder, 'approve.py')], env: { PYTHONPATH: await pythonSdk() } };
  },
  async go(folder) {
    return { command: [await goProgram(folder)], env: {} };
  },
  async typescript() {
    // Packages are found from within the checkout only.
    const folder = join(checkout, 'node_modules', '.cache', 'bots');
    const source = (await codeOf('approve.ts')).replaceAll(
      "'hotwave/messages'",
      `'${pathToFileURL(join(checkout, 'workflows', 'messages.ts')).href}'`,
    );
    await mkdir(folder, { recursive: true });
    const file = join(folder, `approve-${process.pid}.mjs`);
    await writeFile(file, stripTypeScriptTypes(source));
    return { command: [process.execPath, '--disable-warning=ExperimentalWarning', file], env: {} };
  },
};

/** The code block of docs/bots.md with this title. */
export async function codeOf(title: string): Promise<string> {
  const text = await readFile(join(checkout, 'docs', 'bots.md'), 'utf8');
  const [, code] = new RegExp(`^\`\`\`\\w+ title=${title.replace('.', '\\.')}\\n([^]*?)^\`\`\`$`, 'm').exec(text) ?? [];
  if (code === undefined) throw new Error(`docs/bots.md has no program ${title}`);
  return code;
}

async function written(folder: string, title: string): Promise<string> {
  const file = join(folder, title);
  await writeFile(file, await codeOf(title));
  return file;
}

async function requireTool(command: string, advice: string): Promise<void> {
  const { failed } = await execa('which', [command], { reject: false });
  if (failed) throw new MissingPrerequisite(`the programs of docs/bots.md need ${command}: ${advice}`);
}

async function pythonSdk(): Promise<string> {
  const folder = cacheFolder('python-temporalio', PYTHON_SDK);
  await once(folder, async () => {
    await requirePip();
    log(`fetching the Python SDK ${PYTHON_SDK} once; it is kept in ${folder}`);
    await execa('python3', ['-m', 'pip', 'install', '--quiet', '--target', folder, `temporalio==${PYTHON_SDK}`]);
  });
  return folder;
}

/** Built anew when the page changes; Go keeps what it has compiled. */
async function goProgram(folder: string): Promise<string> {
  await requireGo();
  const built = join(folder, 'approve');
  await written(folder, 'approve.go');
  log(`building the Go program with its SDK ${GO_SDK}; the first time takes some minutes`);
  await withLock(
    `${cacheFolder('go-bot', GO_SDK)}.lock`,
    { deadlineMs: 15 * 60_000, onWait: () => undefined },
    async () => {
      const run = (...args: readonly string[]) => execa('go', args, { cwd: folder, env: { GOFLAGS: '-mod=mod' } });
      await run('mod', 'init', 'bot');
      await run('get', `go.temporal.io/sdk@${GO_SDK}`);
      await run('build', '-o', built, 'approve.go');
    },
  );
  return built;
}

async function once(folder: string, make: () => Promise<void>): Promise<void> {
  const done = join(folder, '.done');
  await withLock(`${folder}.lock`, { deadlineMs: 10 * 60_000, onWait: () => undefined }, async () => {
    if (existsSync(done)) return;
    await make();
    await writeFile(done, '');
  });
}
