import { readFile } from 'node:fs/promises';
import { Webhook } from 'standardwebhooks';
import { request } from 'undici';
import { z } from 'zod';
import type { Delivery, HttpSink, NoticeSender } from '../activities/ports/notice-sender.ts';
import type { Notice } from '../release/notices/notice.ts';
import { plainText } from '../release/spec/plain-text.ts';
import { refusalOf } from './request.ts';

/** Total time of one delivery, in milliseconds. */
const DEADLINE_MS = 10_000;
/** Most of an answer that is read, in bytes. */
const MOST_ANSWER = 4_096;

/** A receipt travels in a header: printable ASCII. */
const answerSchema = z.object({ receipt: z.string().regex(/^[\x21-\x7e](?:[\x20-\x7e]{0,498}[\x21-\x7e])?$/) });

/** Sends notices as CloudEvents 1.0 in binary mode, signed as Standard Webhooks says. Follows no redirects. */
export function httpNoticeSender(deadlineMs = DEADLINE_MS): NoticeSender {
  return {
    async send(sink, notice, receipt, signal) {
      const body = JSON.stringify(notice);
      const signature = await signatureOf(sink, notice, body);
      if ('problem' in signature) return { kind: 'trouble', trouble: signature.problem };
      const carried = receipt === undefined ? {} : { 'hotwave-receipt': receipt };
      const headers = {
        'content-type': 'application/json',
        ...eventHeaders(notice),
        ...signature.headers,
        ...carried,
      };
      const deadline = AbortSignal.timeout(deadlineMs);
      try {
        return await post(sink, { headers, body, signal: AbortSignal.any(signal ? [deadline, signal] : [deadline]) });
      } catch (error) {
        signal?.throwIfAborted();
        return trouble(sink, deadline.aborted ? `gives no answer within ${deadlineMs / 1_000} s` : reasonOf(error));
      }
    },
  };
}

/** Only the origin of an address is told: chats put secrets into its path. */
function trouble({ url }: HttpSink, what: string, retryAfterMs?: number): Delivery {
  return { kind: 'trouble', trouble: plainText(`${new URL(url).origin} ${what}`, 300), retryAfterMs };
}

async function post(
  sink: HttpSink,
  sent: { readonly headers: Readonly<Record<string, string>>; readonly body: string; readonly signal: AbortSignal },
): Promise<Delivery> {
  const { statusCode, headers, body } = await request(sink.url, { method: 'POST', ...sent });
  // It is taken: an answer that breaks off or has no end has no receipt, and nothing else follows from it.
  if (statusCode >= 200 && statusCode <= 299)
    return { kind: 'delivered', ...receiptIn(await firstOf(body).catch(() => '')) };
  await body.dump().catch(() => undefined);
  const redirect = statusCode >= 300 && statusCode <= 399 ? ', a redirect, which is not followed' : '';
  const { retryAfterMs } = refusalOf(statusCode, headers['retry-after'], '');
  return trouble(sink, `answers ${statusCode}${redirect}`, ASKS_FOR_TIME.has(statusCode) ? retryAfterMs : undefined);
}

/** Too Many Requests, and Service Unavailable. */
const ASKS_FOR_TIME: ReadonlySet<number> = new Set([429, 503]);

/** The code alone: messages of connections may hold more of an address than its origin. */
function reasonOf(error: unknown): string {
  const { code, name } = error as { readonly code?: unknown; readonly name?: unknown };
  return `cannot be reached: ${typeof code === 'string' ? code : String(name)}`;
}

type Signature = { readonly headers: Readonly<Record<string, string>> } | { readonly problem: string };

/** Neither the secret nor what a library says of it leaves this function. */
async function signatureOf({ secretFile }: HttpSink, { id }: Notice, body: string): Promise<Signature> {
  let secret: string;
  try {
    secret = (await readFile(secretFile, 'utf8')).trim();
  } catch (error) {
    return {
      problem: `the secret file ${secretFile} cannot be read: ${(error as { code?: string }).code ?? 'unknown'}`,
    };
  }
  try {
    const now = new Date();
    return {
      headers: {
        'webhook-id': id,
        'webhook-timestamp': String(Math.floor(now.getTime() / 1_000)),
        'webhook-signature': new Webhook(secret).sign(id, now, body),
      },
    };
  } catch {
    return { problem: `the secret file ${secretFile} does not hold a secret such as whsec_ and base64` };
  }
}

function eventHeaders({ id, kind, at, release: { cluster, set, release } }: Notice): Readonly<Record<string, string>> {
  return {
    'ce-specversion': '1.0',
    'ce-id': id,
    'ce-type': `hotwave.release.${kind}.v1`,
    'ce-source': `/hotwave/${cluster}/${set.namespace}/${set.name}`,
    'ce-subject': release,
    'ce-time': new Date(at).toISOString(),
  };
}

/** The beginning of an answer; who sends more loses the connection. */
async function firstOf(body: AsyncIterable<Buffer>): Promise<string> {
  const pieces: Buffer[] = [];
  let size = 0;
  for await (const piece of body) {
    pieces.push(piece);
    size += piece.length;
    if (size > MOST_ANSWER) break;
  }
  return Buffer.concat(pieces).subarray(0, MOST_ANSWER).toString('utf8');
}

function receiptIn(text: string): { readonly receipt?: string } {
  try {
    const read = answerSchema.safeParse(JSON.parse(text));
    return read.success ? { receipt: read.data.receipt } : {};
  } catch {
    return {};
  }
}
