import { failureOfRefusal, oneLine, wordsOf } from './errors.ts';
import type { Refusal } from './errors.ts';
import { checkedName, podsPath } from './paths.ts';
import type { ApiClient } from './request.ts';
import type { LogOutcome, LogRequest } from '../activities/ports/probes.ts';

/** Most bytes read in one search; the kubelet counts from the first line that is wanted. */
const MOST_LOG_BYTES = 4 * 1024 * 1024;
/** A longer line is searched in pieces of this size, so that one line cannot fill the memory. */
const LONGEST_LINE = 64 * 1024;

/** Looks for a text in lines that arrive in pieces, and keeps no more than one line. */
export class LineSearch {
  readonly #text: string;
  readonly #decoder = new TextDecoder();
  #partial = '';
  bytes = 0;
  found: string | undefined;

  constructor(text: string) {
    this.#text = text.normalize('NFC');
  }

  /** Takes a piece; false once the text is found. */
  take(piece: Buffer): boolean {
    this.bytes += piece.length;
    const lines = (this.#partial + this.#decoder.decode(piece, { stream: true })).split('\n');
    this.#partial = lines.pop() ?? '';
    if (this.#partial.length > LONGEST_LINE) {
      lines.push(this.#partial);
      this.#partial = this.#partial.slice(-this.#text.length);
    }
    this.found = lines.find((line) => this.#isIn(line));
    return this.found === undefined;
  }

  /** The last line may have no end yet. */
  end(): void {
    if (this.#isIn(this.#partial)) this.found ??= this.#partial;
  }

  /** Accents are one character on one machine, and two on another. */
  #isIn(line: string): boolean {
    return line.normalize('NFC').includes(this.#text);
  }
}

/** A failure that says something about the server and its container, not about the cluster. */
function outcomeOfRefusal(refusal: Refusal, request: LogRequest): LogOutcome | undefined {
  if (refusal.code === 404) return { kind: 'failed', message: `there is no server ${request.server}` };
  if (refusal.code === 400 || refusal.code === 500) return { kind: 'failed', message: wordsOf(refusal) };
  return undefined;
}

/**
 * Looks for a line in the log of a container's present run, as the kubelet keeps it: what it has rotated away is gone.
 *
 * @throws ClusterFailure for the API server's own trouble; the reason of `signal` when the caller gave up.
 */
export async function findInLog(client: ApiClient, request: LogRequest, signal?: AbortSignal): Promise<LogOutcome> {
  const { namespace, server, container, text, since, timeoutMs } = request;
  const path = `${podsPath(namespace)}/${checkedName(server)}/log`;
  const query = {
    container: checkedName(container),
    limitBytes: String(MOST_LOG_BYTES),
    sinceTime: since === undefined ? undefined : new Date(since).toISOString(),
  };
  const search = new LineSearch(text);
  const refusal = await client.read(path, { query, timeoutMs, signal }, (piece) => search.take(piece));
  if (refusal) {
    const outcome = outcomeOfRefusal(refusal, request);
    if (!outcome) throw failureOfRefusal(refusal, client.context);
    return outcome;
  }
  search.end();
  if (search.found !== undefined) return { kind: 'found', line: oneLine(search.found) };
  return { kind: 'absent', bytes: search.bytes, truncated: search.bytes >= MOST_LOG_BYTES };
}
