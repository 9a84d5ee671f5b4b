import { main } from '../../client/main.ts';
import { recordedIo } from '../client/support.ts';
import type { Lab } from '../lab/lab.ts';
import { CLUSTER } from './hotwave.ts';

/** The output and the answer of a run of the command. */
export interface CommandResult {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

/** Runs `hotwave` against a lab as a person would, in this process. */
export async function hotwaveCommand(
  lab: Pick<Lab, 'temporal'>,
  argv: readonly string[],
  files: Record<string, string> = {},
): Promise<CommandResult> {
  const io = { ...recordedIo({ files }), now: () => Date.now() };
  const code = await main([...argv, '--address', lab.temporal.address, '--cluster', CLUSTER], io);
  await new Promise(setImmediate);
  return { code, ...io.written };
}
