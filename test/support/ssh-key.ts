import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A key as a person has it, made by OpenSSH. */
export interface PersonalKey {
  readonly path: string;
  /** `ssh-ed25519 AAAA…`, without a remark. */
  readonly public: string;
  readonly private: string;
  /** The signature of `ssh-keygen -Y sign` of a text. */
  sign(text: string, namespace?: string): string;
}

/** Makes a key without a passphrase. Needs OpenSSH's ssh-keygen. */
export function personalKey(kind: 'ed25519' | 'ecdsa' | 'rsa' = 'ed25519'): PersonalKey {
  const folder = mkdtempSync(join(tmpdir(), 'hotwave-key-'));
  const path = join(folder, 'id');
  execFileSync('ssh-keygen', ['-q', '-t', kind, '-N', '', '-C', '', '-f', path]);
  const [type = '', body = ''] = readFileSync(`${path}.pub`, 'utf8').trim().split(' ');
  return {
    path,
    public: `${type} ${body}`,
    private: readFileSync(path, 'utf8'),
    sign(text, namespace = 'hotwave') {
      const file = join(folder, `message-${Math.random().toString(36).slice(2)}`);
      writeFileSync(file, text);
      execFileSync('ssh-keygen', ['-q', '-Y', 'sign', '-n', namespace, '-f', path, file], { stdio: 'pipe' });
      return readFileSync(`${file}.sig`, 'utf8');
    },
  };
}

/** Whether OpenSSH takes a signature of a text for this key's. */
export function opensshVerifies(text: string, signature: string, publicKey: string): boolean {
  const folder = mkdtempSync(join(tmpdir(), 'hotwave-verify-'));
  const [signers, file] = [join(folder, 'signers'), join(folder, 'signature')];
  writeFileSync(signers, `somebody ${publicKey}\n`);
  writeFileSync(file, signature);
  const args = ['-Y', 'verify', '-f', signers, '-I', 'somebody', '-n', 'hotwave', '-s', file];
  try {
    execFileSync('ssh-keygen', args, { input: text, stdio: 'pipe' });
    return true;
  } catch {
    return false;
  }
}
