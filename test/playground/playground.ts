import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { gameOn } from '../demo/game.ts';
import { hotwaveProgram } from '../demo/hotwave-command.ts';
import { startWorker } from '../demo/worker-process.ts';
import { applyManifests } from '../lab/apply-manifests.ts';
import { checkout } from '../lab/checkout.ts';
import type { Lab } from '../lab/lab.ts';
import { playgroundFolder } from '../lab/playground-folder.ts';
import type { playgroundFiles } from '../lab/playground-folder.ts';
import { badFile, commandFile, environmentFile, goodFile, quoted, setFile, playgroundSet } from './files.ts';

/**
 * Puts onto a lab everything that a person wants to find there: game servers that run, a hotwave worker with the rights of
 * deploy/rbac.yaml, and a folder with release files and the command. The lab's end ends and deletes all of it.
 * @returns where it is, for people
 * @throws Error when a server is not Ready, or the worker not ready, within a minute
 */
export async function setUpPlayground(lab: Lab): Promise<Readonly<Record<string, string>>> {
  const game = gameOn(lab);
  const folder = playgroundFolder(checkout, lab.name);
  const { kubeconfig, temporal } = lab;
  const files: Readonly<Record<(typeof playgroundFiles)[number], string>> = {
    'set.yaml': setFile(game),
    'good.yaml': goodFile(game),
    'bad.yaml': badFile(game),
    env: environmentFile({ bin: join(folder, 'bin'), kubeconfig, temporal }),
    'bin/hotwave': commandFile(process.execPath, hotwaveProgram),
  };
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), text, { mode: name.startsWith('bin/') ? 0o755 : 0o644 });
  }
  const [worker] = await Promise.all([startWorker(lab), applyManifests(lab.api, files['set.yaml'])]);
  return { 'worker log': worker.logFile, playground: folder };
}

/** The commands that a person types to see a release go well and another be caught, in any folder. */
export function playgroundCommands(folder: string): readonly string[] {
  const file = (name: string): string => quoted(join(folder, name));
  return [
    `source ${file('env')}`,
    `hotwave start ${file('good.yaml')} --wait --until gate`,
    `hotwave approve ${playgroundSet} --wave 2 --wait`,
    `hotwave start ${file('bad.yaml')} --wait`,
  ];
}
