import { z } from 'zod';
import { oneLine } from './errors.ts';
import { neverStartedBecause, readExecWords } from './exec-answers.ts';
import type { ExecOutcome } from '../activities/ports/probes.ts';

/** Most bytes kept of a command's output, stdout and stderr each. There is no back-pressure: the rest is dropped. */
export const MOST_OUTPUT_BYTES = 64 * 1024;

/** Channels of the subprotocol `v5.channel.k8s.io` (Kubernetes remotecommand): the first byte of every frame. */
const CHANNEL = { stdout: 1, stderr: 2, status: 3 } as const;

const statusSchema = z.object({
  status: z.string().optional(),
  reason: z.string().optional(),
  message: z.string().default(''),
  details: z
    .object({ causes: z.array(z.object({ reason: z.string().optional(), message: z.string().optional() })).nullish() })
    .nullish(),
});

type Ending =
  | { readonly kind: 'exited'; readonly code: number }
  | { readonly kind: 'failed'; readonly message: string; readonly again?: true }
  | { readonly kind: 'unknown'; readonly message: string };

function exitCodeOf(causes: readonly { reason?: string | undefined; message?: string | undefined }[]): number {
  const cause = causes.find((entry) => entry.reason === 'ExitCode');
  return Number.parseInt(cause?.message ?? '', 10);
}

/**
 * The meaning of the status frame, the last frame of an exec. A `Success` is not proof: when a kubelet
 * dies while the command runs, kube-apiserver 1.30 sends `Success` as well (seen with `sleep 12`, after 0.9 s; also
 * kubernetes/kubectl#1726), and no frame tells the two apart. A caller that needs certainty asks the engine afterwards.
 */
export function endingOf(frame: string): Ending {
  const parsed = statusSchema.safeParse(parseJson(frame));
  if (!parsed.success) return { kind: 'unknown', message: 'the exit status could not be read' };
  const { status, reason, message, details } = parsed.data;
  if (status === 'Success') return { kind: 'exited', code: 0 };
  if (reason === 'NonZeroExitCode') {
    const code = exitCodeOf(details?.causes ?? []);
    return Number.isNaN(code) ? { kind: 'unknown', message: oneLine(message) } : { kind: 'exited', code };
  }
  return endingByWords(message);
}

function endingByWords(message: string): Ending {
  switch (readExecWords(message)) {
    case 'never':
      return { kind: 'failed', message: neverStartedBecause(message) };
    case 'again':
      return { kind: 'failed', message: neverStartedBecause(message), again: true };
    case 'unknown': {
      // KWOK, a simulated kubelet, reports every exit code as an InternalError that ends like this.
      const simulated = /exit status (\d+)$/.exec(message.trim())?.[1];
      if (simulated !== undefined) return { kind: 'exited', code: Number(simulated) };
      return { kind: 'unknown', message: oneLine(message) || 'nobody said how the command ended' };
    }
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Keeps the first bytes of what it is given. */
class CappedOutput {
  readonly #chunks: Buffer[] = [];
  readonly #mostBytes: number;
  #size = 0;
  isTruncated = false;

  constructor(mostBytes: number) {
    this.#mostBytes = mostBytes;
  }

  add(chunk: Buffer): void {
    const kept = chunk.subarray(0, this.#mostBytes - this.#size);
    if (kept.length < chunk.length) this.isTruncated = true;
    if (kept.length === 0) return;
    // A copy: a slice would keep the whole websocket frame in memory.
    this.#chunks.push(Buffer.from(kept));
    this.#size += kept.length;
  }

  text(): string {
    return Buffer.concat(this.#chunks).toString('utf8');
  }
}

/** Collects the frames of one exec. */
export class ExecTranscript {
  readonly #stdout: CappedOutput;
  readonly #stderr: CappedOutput;

  /** @param mostBytes kept of stdout and stderr each */
  constructor(mostBytes = MOST_OUTPUT_BYTES) {
    this.#stdout = new CappedOutput(mostBytes);
    this.#stderr = new CappedOutput(mostBytes);
  }

  /** Takes one frame; returns the outcome when it is the status frame. Channels that are not known are ignored. */
  take(frame: Buffer): ExecOutcome | undefined {
    const channel = frame[0];
    const payload = frame.subarray(1);
    if (channel === CHANNEL.stdout) this.#stdout.add(payload);
    if (channel === CHANNEL.stderr) this.#stderr.add(payload);
    if (channel !== CHANNEL.status || payload.length === 0) return undefined;
    const ending = endingOf(payload.toString('utf8'));
    if (ending.kind !== 'exited') return ending;
    const isTruncated = this.#stdout.isTruncated || this.#stderr.isTruncated;
    const output = { stdout: this.#stdout.text(), stderr: this.#stderr.text() };
    return { ...ending, ...output, ...(isTruncated ? { truncated: true } : {}) };
  }
}
