/**
 * SSH signatures as `ssh-keygen -Y sign` writes them (openssh PROTOCOL.sshsig), read and written without any cryptography:
 * that is of whoever verifies or signs.
 */

/** A signature that was read; nobody has verified it yet. */
export interface SshSignature {
  /** The public key in SSH's own form, base64: what stands in a `.pub` file between the kind and the remark. */
  readonly key: string;
  readonly namespace: string;
  readonly hash: 'sha256' | 'sha512';
  /** `ssh-ed25519`, `ecdsa-sha2-nistp256`, `sk-ssh-ed25519@openssh.com`, ... */
  readonly kind: string;
  /** The kind decides how it is read; for keys of security devices flags and a counter follow. */
  readonly bytes: Uint8Array;
  readonly rest: Uint8Array;
}

const MAGIC = 'SSHSIG';
const BEGIN = '-----BEGIN SSH SIGNATURE-----';
const END = '-----END SSH SIGNATURE-----';
const LINE = 70;

/** Reads a signature; undefined when it is none. */
export function readSshSignature(armored: string): SshSignature | undefined {
  const match = new RegExp(`^${BEGIN}\\n(?<body>[A-Za-z0-9+/=\\n]+)\\n${END}\\n?$`).exec(armored.replaceAll('\r', ''));
  const blob = match?.groups?.['body'] && fromBase64(match.groups['body'].replaceAll('\n', ''));
  if (!blob) return undefined;
  try {
    return readBlob(blob);
  } catch {
    return undefined;
  }
}

function readBlob(blob: Uint8Array): SshSignature | undefined {
  if (latin(blob.subarray(0, MAGIC.length)) !== MAGIC) return undefined;
  const reader = new WireReader(blob.subarray(MAGIC.length));
  if (reader.number() !== 1) return undefined;
  const key = toBase64(reader.bytes());
  const namespace = latin(reader.bytes());
  reader.bytes();
  const hash = latin(reader.bytes());
  const signature = new WireReader(reader.bytes());
  if (hash !== 'sha256' && hash !== 'sha512') return undefined;
  return { key, namespace, hash, kind: latin(signature.bytes()), bytes: signature.bytes(), rest: signature.rest() };
}

/** The bytes that a key really signs: not the message, but its digest with what it is for. */
export function signedBytes(
  { namespace, hash }: Pick<SshSignature, 'namespace' | 'hash'>,
  digest: Uint8Array,
): Uint8Array {
  return joined([bytesOf(MAGIC), ...[bytesOf(namespace), new Uint8Array(), bytesOf(hash), digest].map(wire)]);
}

/** A signature as a file has it. */
export function armoredSignature({ key, namespace, hash, kind, bytes }: Omit<SshSignature, 'rest'>): string {
  const signature = joined([wire(bytesOf(kind)), wire(bytes)]);
  const fields = [fromBase64(key) ?? new Uint8Array(), bytesOf(namespace), new Uint8Array(), bytesOf(hash), signature];
  const blob = joined([bytesOf(MAGIC), uint32(1), ...fields.map(wire)]);
  const lines = toBase64(blob).match(new RegExp(`.{1,${LINE}}`, 'g')) ?? [];
  return `${[BEGIN, ...lines, END].join('\n')}\n`;
}

/** A public key taken apart: its kind and the fields that follow. */
export function readPublicKey(base64: string): { readonly kind: string; readonly fields: readonly Uint8Array[] } {
  const reader = new WireReader(fromBase64(base64) ?? new Uint8Array());
  const kind = latin(reader.bytes());
  const fields: Uint8Array[] = [];
  while (!reader.isDone) fields.push(reader.bytes());
  return { kind, fields };
}

/** Bytes of the first fields of a public key, by its kind. */
const FIELDS: Readonly<Record<string, readonly number[]>> = {
  'ssh-ed25519': [32],
  'ecdsa-sha2-nistp256': [8, 65],
  'sk-ssh-ed25519@openssh.com': [32],
};

/** True for a public key whose signatures can be verified, as a `.pub` file has it. */
export function isPublicKey(line: string): boolean {
  const [kind = '', base64 = ''] = line.split(' ');
  try {
    const key = readPublicKey(base64);
    return key.kind === kind && FIELDS[kind]?.every((bytes, index) => key.fields[index]?.length === bytes) === true;
  } catch {
    return false;
  }
}

/** A public key of this kind with these fields, base64. */
export function publicKeyOf(kind: string, fields: readonly Uint8Array[]): string {
  return toBase64(joined([bytesOf(kind), ...fields].map(wire)));
}

/** Reads the fields of SSH's wire format (RFC 4251, section 5). @throws RangeError when a field is longer than what is there */
export class WireReader {
  #left: Uint8Array;

  constructor(bytes: Uint8Array) {
    this.#left = bytes;
  }

  get isDone(): boolean {
    return this.#left.length === 0;
  }

  number(): number {
    const { buffer, byteOffset } = this.raw(4);
    return new DataView(buffer, byteOffset, 4).getUint32(0);
  }

  bytes(): Uint8Array {
    return this.raw(this.number());
  }

  raw(length: number): Uint8Array {
    if (length > this.#left.length) throw new RangeError('the signature ends too early');
    const read = this.#left.subarray(0, length);
    this.#left = this.#left.subarray(length);
    return read;
  }

  rest(): Uint8Array {
    return this.#left;
  }
}

/** A field of the wire format: its length and its bytes. */
function wire(bytes: Uint8Array): Uint8Array {
  return joined([uint32(bytes.length), bytes]);
}

function uint32(value: number): Uint8Array {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setUint32(0, value);
  return bytes;
}

/** Several byte strings as one. */
function joined(parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

function bytesOf(text: string): Uint8Array {
  return Uint8Array.from(text, (character) => character.charCodeAt(0));
}

/** Bytes as the text that they are in SSH: names are ASCII. */
function latin(bytes: Uint8Array): string {
  return String.fromCharCode(...bytes.subarray(0, 200));
}

function toBase64(bytes: Uint8Array): string {
  return btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(''));
}

function fromBase64(text: string): Uint8Array | undefined {
  try {
    return Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
  } catch {
    return undefined;
  }
}
