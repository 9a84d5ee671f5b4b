import { createHash, timingSafeEqual } from 'node:crypto';
import type { Payload, PayloadCodec } from '@temporalio/common';
import { Hono } from 'hono';
import { bodyLimit } from 'hono/body-limit';
import { cors } from 'hono/cors';
import { z } from 'zod';

/** The conditions for having payloads decrypted. */
export interface CodecAccess {
  /** Bearer tokens, any of which lets in; none: everybody who reaches the address may. */
  readonly tokens: readonly string[];
  /** Web pages that may ask, by their origin: the Temporal UI. */
  readonly origins: readonly string[];
}

/** Temporal takes payloads of 2 MB; a page of the UI asks for many at once. */
const MOST_BYTES = 64 * 1024 * 1024;

const base64 = z.string().transform((text) => new Uint8Array(Buffer.from(text, 'base64')));
const payloadsSchema = z.object({
  payloads: z
    .array(z.object({ metadata: z.record(z.string(), base64).optional(), data: base64.optional() }))
    .max(10_000)
    .default([]),
});

/**
 * A codec server as the Temporal UI and the `temporal` command ask it: `POST …/decode` and `POST …/encode` with payloads as
 * protobuf writes them as JSON (https://docs.temporal.io/remote-data-encoding).
 */
export function codecApp(codec: PayloadCodec, { tokens, origins }: CodecAccess): Hono {
  const app = new Hono();
  app.use(
    cors({
      origin: [...origins],
      allowMethods: ['POST', 'OPTIONS'],
      allowHeaders: ['Authorization', 'Content-Type', 'X-Namespace', 'Caller-Type', 'Authorization-Extras'],
      credentials: true,
      maxAge: 3_600,
    }),
  );
  app.get('/healthz', (context) => context.text('ok'));
  app.use(async (context, next) => {
    if (isLetIn(context.req.header('authorization'), tokens)) return next();
    context.header('WWW-Authenticate', 'Bearer');
    return context.json({ message: 'a bearer token of HOTWAVE_CODEC_TOKEN_FILE is needed' }, 401);
  });
  app.use(bodyLimit({ maxSize: MOST_BYTES }));
  for (const what of ['decode', 'encode'] as const) {
    app.on('POST', [`/${what}`, `/:base{.+}/${what}`], async (context) => {
      const body: unknown = await context.req.json().catch(() => undefined);
      const asked = payloadsSchema.safeParse(body);
      if (!asked.success)
        return context.json({ message: 'expected { "payloads": [{ "metadata": …, "data": … }] }' }, 400);
      try {
        const payloads = await codec[what](asked.data.payloads.map(payloadOf));
        return context.json({ payloads: payloads.map(asJson) });
      } catch (error) {
        return context.json({ message: error instanceof Error ? error.message : 'it cannot be read' }, 400);
      }
    });
  }
  app.notFound((context) => context.json({ message: 'POST /decode or /encode' }, 404));
  return app;
}

/** Compared in a time that says nothing of where they differ. */
function isLetIn(header: string | undefined, tokens: readonly string[]): boolean {
  if (tokens.length === 0) return true;
  const [, token = ''] = /^Bearer +(\S+)$/i.exec(header ?? '') ?? [];
  const digest = (text: string): Buffer => createHash('sha256').update(text).digest();
  return tokens.filter((one) => timingSafeEqual(digest(one), digest(token))).length > 0;
}

function payloadOf({ metadata, data }: z.output<typeof payloadsSchema>['payloads'][number]): Payload {
  return { ...(metadata === undefined ? {} : { metadata }), ...(data === undefined ? {} : { data }) };
}

function asJson({ metadata, data }: Payload): object {
  const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64');
  const entries = Object.entries(metadata ?? {}).map(([name, bytes]) => [name, text(bytes)]);
  return { metadata: Object.fromEntries(entries) as object, ...(data ? { data: text(data) } : {}) };
}
