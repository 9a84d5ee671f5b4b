import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { inject } from 'vitest';
import { until } from '../lab/until.ts';
import { botProgram } from './bot-programs.ts';
import type { Bot } from './bot-programs.ts';
import type { Stage } from './stage.ts';

/** Temporal's list is a moment behind: until it shows the release at the gate before a wave. */
export async function listed(it: Pick<Stage, 'client' | 'clusterName'>, wave: number): Promise<void> {
  const query = `HotwavePhase = 'waiting-approval' AND HotwaveCluster = '${it.clusterName}' AND HotwaveWave = ${wave}`;
  await until({ what: 'the list to show the gate', deadlineMs: 60_000, everyMs: 100 }, async () => {
    const { count } = await it.client.workflow.count(query);
    return count === 1;
  });
}

/**
 * Runs the program of docs/bots.md for a language: it approves the gate that waits, signed with a key. Returns what it says.
 * @throws Error with what it says when it fails
 */
export async function runBot(
  bot: Bot,
  { clusterName }: Pick<Stage, 'clusterName'>,
  { keyPath, by }: { readonly keyPath: string; readonly by: 'update' | 'signal' },
): Promise<string> {
  const { command, env } = await botProgram(bot, await mkdtemp(join(tmpdir(), 'hotwave-bot-')));
  const [program, ...args] = command;
  const around = {
    TEMPORAL_ADDRESS: inject('temporalAddress'),
    HOTWAVE_CLUSTER: clusterName,
    SIGN_KEY: keyPath,
    BY: by,
  };
  const { all, failed } = await execa(program, args, { env: { ...env, ...around }, all: true, reject: false });
  // Python's SDK may abort while the interpreter ends, when everything has been said and done.
  if (failed && !all.includes('Python runtime state: finalizing')) throw new Error(`${bot} failed:\n${all}`);
  return all;
}
