import { inject } from 'vitest';
import type { Asker } from '../../client/terminal/asker.ts';
import { main } from '../../client/main.ts';
import { recordedIo } from '../client/support.ts';
import { until } from '../lab/until.ts';
import type { CommandResult } from './command.ts';
import type { Stage } from './stage.ts';

/** Runs `hotwave` against a stage as a person would, in this process. Temporal knows a new worker after a moment. */
export async function stageCommand(
  stage: Pick<Stage, 'clusterName'>,
  argv: readonly string[],
  files: Record<string, string> = {},
  env: Record<string, string> = {},
  asker?: Asker,
): Promise<CommandResult> {
  const wait = { what: 'Temporal to know the worker', deadlineMs: 60_000, everyMs: 100 };
  const around = { files, env, ...(asker ? { asker } : {}) };
  let result = await run(stage, argv, around);
  await until(wait, async () => {
    if (!result.err.includes('no worker for cluster')) return true;
    result = await run(stage, argv, around);
    return false;
  });
  return result;
}

async function run(
  { clusterName }: Pick<Stage, 'clusterName'>,
  argv: readonly string[],
  around: { readonly files: Record<string, string>; readonly env: Record<string, string>; readonly asker?: Asker },
): Promise<CommandResult> {
  const io = { ...recordedIo(around), now: () => Date.now() };
  const code = await main([...argv, '--address', inject('temporalAddress'), '--cluster', clusterName], io);
  await new Promise(setImmediate);
  // Sentences are wrapped at 80 columns; a test is about their words.
  return { code, out: io.written.out.replaceAll(/\s+/g, ' '), err: io.written.err.replaceAll(/\s+/g, ' ') };
}
