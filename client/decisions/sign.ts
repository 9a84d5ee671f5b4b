import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import type { Beginning } from '../../release/decisions/canonical.ts';
import { canonicalBeginning, canonicalDecision, SIGNATURE_NAMESPACE } from '../../release/decisions/canonical.ts';
import type { Vouch } from '../../release/decisions/message.ts';
import type { DecisionMessage } from '../../workflows/messages.ts';
import { EXIT } from '../terminal/exit-codes.ts';
import { ExitError } from '../terminal/exit-error.ts';
import type { Io } from '../terminal/io.ts';
import { plainText } from '../terminal/untrusted.ts';

/** The flag of what a person can sign. */
export interface SignFlags {
  readonly sign?: boolean | undefined;
}

/** The decision, signed with the person's key when they want that. @throws ExitError when it cannot be signed */
export async function signedIfWanted(
  io: Io,
  { sign }: SignFlags,
  decision: DecisionMessage,
  run: string,
): Promise<DecisionMessage> {
  if (sign !== true) return decision;
  const signed = { ...decision, run, signedAt: io.now() };
  return { ...signed, signature: await sshSignature(io, canonicalDecision(signed)) };
}

/**
 * The key that vouches for the person who begins something, when they want that. @throws ExitError when it cannot be
 * signed
 */
export async function vouchIfWanted(
  io: Io,
  { sign }: SignFlags,
  beginning: Omit<Beginning, 'channel' | 'signedAt'>,
): Promise<{ readonly vouch?: Vouch }> {
  if (sign !== true) return {};
  const made = { channel: 'cli', signedAt: io.now() };
  return { vouch: { ...made, signature: await sshSignature(io, canonicalBeginning({ ...beginning, ...made })) } };
}

/**
 * Signs as git does: with ssh-keygen, which knows agents, passphrases and security keys. The key is the file that
 * HOTWAVE_SIGN_KEY names; the public one is enough when an agent has the other.
 */
async function sshSignature(io: Io, message: string): Promise<string> {
  const key = io.env['HOTWAVE_SIGN_KEY'] ?? join(io.env['HOME'] ?? '', '.ssh', 'id_ed25519');
  const args = ['-Y', 'sign', '-n', SIGNATURE_NAMESPACE, '-f', key];
  const child = spawn('ssh-keygen', args, { stdio: ['pipe', 'pipe', 'pipe'] });
  const ended = new Promise<number | null | Error>((resolve) => {
    child.once('error', resolve);
    child.once('close', resolve);
  });
  // It may have ended without reading: what it says counts then.
  child.stdin.on('error', () => undefined);
  child.stdin.end(message);
  const [signature, trouble, end] = await Promise.all([text(child.stdout), text(child.stderr), ended]);
  if (end === 0) return signature;
  const reason =
    end instanceof Error ? 'ssh-keygen is not installed' : plainText(trouble.trim().split('\n').at(-1) ?? '');
  throw new ExitError(EXIT.usage, `--sign: ${plainText(key)} cannot sign: ${reason}`, [
    'HOTWAVE_SIGN_KEY names your key, or its public half when an agent has it; its public half is in the policy of the cluster',
  ]);
}
