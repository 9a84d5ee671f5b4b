import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { dirname, extname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { bundleWorkflowCode, DefaultLogger } from '@temporalio/worker';
import { settingsOf } from '../release/settings/environment.ts';
import { EXIT_USAGE, StartFailure } from './start-failure.ts';

/** The checkout when this file runs as TypeScript, `dist` when it runs as JavaScript. */
const root = fileURLToPath(new URL('..', import.meta.url));
const isCheckout = extname(fileURLToPath(import.meta.url)) === '.ts';
const sourceFolders = ['workflows', 'release'];
const keptBundles = 20;

/**
 * The file with the workflow code in the form that the sandbox loads. An installed hotwave brings it; in a checkout it
 * is built when the sources have changed and kept in the user's cache folder, so that all workers and tests share it.
 */
export async function workflowBundlePath(): Promise<string> {
  if (!isCheckout) return installedBundle();
  const folder = bundleFolder();
  const path = join(folder, `${await sourcesKey()}.js`);
  if (!existsSync(path)) {
    await buildWorkflowBundle(path);
    await dropOldBundles(folder);
  }
  return path;
}

/** The workflow code for a worker that encrypts: its failures hide their words, too (workflows/failure-converter.ts). */
export async function hidingBundle(path: string): Promise<string> {
  return `globalThis.hotwaveHidesFailures = true;\n${await readFile(path, 'utf8')}`;
}

/** Bundles the workflow code of a checkout into a file. Takes some seconds. */
export async function buildWorkflowBundle(path: string): Promise<void> {
  const { code } = await bundleWorkflowCode({
    workflowsPath: join(root, 'workflows', 'index.ts'),
    failureConverterPath: join(root, 'workflows', 'failure-converter.ts'),
    logger: new DefaultLogger('WARN'),
    webpackConfigHook: (config) => ({
      ...config,
      output: {
        ...config.output,
        // Paths in stack traces relative to the checkout: the same sources give the same bundle on every machine.
        devtoolModuleFilenameTemplate: (module: { absoluteResourcePath: string }) =>
          relative(root, module.absoluteResourcePath),
      },
    }),
  });
  await mkdir(dirname(path), { recursive: true });
  const unfinished = `${path}.${process.pid}.unfinished`;
  await writeFile(unfinished, code);
  await rename(unfinished, path);
}

function installedBundle(): string {
  const path = join(root, 'workflow-bundle.js');
  if (existsSync(path)) return path;
  throw new StartFailure(EXIT_USAGE, `this build of hotwave has no workflow code (${path}); run npm run build`);
}

function bundleFolder(): string {
  const { HOTWAVE_CACHE: own, XDG_CACHE_HOME: shared } = settingsOf(process.env);
  if (own !== undefined) return join(own, 'bundles');
  if (shared !== undefined && shared !== '') return join(shared, 'hotwave', 'bundles');
  return join(homedir(), '.cache', 'hotwave', 'bundles');
}

/** The lock file stands for the SDK and the libraries that the bundle contains. */
async function sourcesKey(): Promise<string> {
  const hash = createHash('sha256').update(await readFile(join(root, 'package-lock.json')));
  for (const folder of sourceFolders) {
    const names = (await readdir(join(root, folder), { recursive: true })).filter((name) => name.endsWith('.ts'));
    for (const name of names.sort()) {
      hash.update(`\0${folder}/${name}\0`).update(await readFile(join(root, folder, name)));
    }
  }
  return hash.digest('hex').slice(0, 16);
}

/** Every edit of a workflow makes a bundle of some megabytes; the newest are kept. */
async function dropOldBundles(folder: string): Promise<void> {
  const paths = (await readdir(folder)).filter((name) => name.endsWith('.js')).map((name) => join(folder, name));
  const aged = await Promise.all(paths.map(async (path) => ({ path, time: (await stat(path)).mtimeMs })));
  const old = aged.sort((left, right) => right.time - left.time).slice(keptBundles);
  await Promise.all(old.map(({ path }) => rm(path, { force: true })));
}
