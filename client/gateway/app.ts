import { Hono } from 'hono';
import type { Context } from 'hono';
import { bodyLimit } from 'hono/body-limit';
import { noticeSchema } from '../../release/notices/notice-schema.ts';
import type { Notice } from '../../release/notices/notice.ts';
import { cardModel, threadLine } from './card.ts';
import { Seen } from './freshness.ts';
import type { NamedSecret } from './standard-webhooks.ts';
import { jsonOf, verifyWebhook, webhookDecisions } from './standard-webhooks.ts';
import type { ChatVendor, RawAnswer, RawRequest, TakeClick } from './vendor.ts';

/** The parts of the gateway's HTTP answers. */
export interface GatewayParts {
  readonly vendors: readonly ChatVendor[];
  readonly take: TakeClick;
  /** Of the sink in the policy that points here; several during a rotation. */
  readonly noticeKeys: readonly NamedSecret[];
  /** Of programs that decide by Standard Webhooks. */
  readonly webhookKeys: readonly NamedSecret[];
  readonly uiUrl?: string | undefined;
  readonly now: () => number;
  /** Why no decision can be taken now, in one sentence; undefined when it is ready. */
  readonly trouble: () => Promise<string | undefined>;
  readonly warn: (message: string, fields: Readonly<Record<string, string>>) => void;
}

const MOST_BYTES = 256 * 1_024;

/** The gateway as an HTTP application: notices in, decisions in, health. */
export function gatewayApp(parts: GatewayParts): Hono {
  const app = new Hono();
  const limit = bodyLimit({ maxSize: MOST_BYTES, onError: (context) => context.json({ message: 'too long' }, 413) });
  app.use('*', limit);
  app.onError((error, context) => {
    // A client that hangs up before the end is no trouble, and may be anybody.
    if (!isHungUp(error)) parts.warn('a request could not be answered', { path: context.req.path, reason: error.name });
    return context.json({ message: 'it could not be answered' }, 500);
  });
  app.get('/healthz', (context) => context.text('ok'));
  app.get('/readyz', async (context) => {
    const trouble = await parts.trouble();
    return trouble === undefined ? context.text('ok') : context.text(trouble, 503);
  });
  const notices = noticeTaker(parts);
  app.post('/notices', async (context) => send(context, await notices(await rawOf(context))));
  const decisions = webhookDecisions(parts.webhookKeys, parts.now);
  app.post('/decisions', async (context) => send(context, await decisions(await rawOf(context), parts.take)));
  for (const vendor of parts.vendors) {
    app.post(`/vendors/${vendor.name}`, async (context) => {
      if (!vendor.answer) return context.notFound();
      return send(context, await vendor.answer(await rawOf(context), parts.take));
    });
  }
  return app;
}

function isHungUp(error: Error & { readonly code?: unknown }): boolean {
  return error.code === 'ECONNRESET' || error.name === 'AbortError';
}

async function rawOf(context: Context): Promise<RawRequest> {
  return { headers: context.req.header(), body: await context.req.text() };
}

function send(context: Context, { status, body }: RawAnswer): Response {
  return body === undefined ? context.body(null, status) : context.json(body, status);
}

function noticeTaker(parts: GatewayParts) {
  const { noticeKeys, now } = parts;
  const seen = new Seen<Promise<string | undefined>>();
  return async (request: RawRequest): Promise<RawAnswer> => {
    const verified = verifyWebhook(request, noticeKeys, now());
    if ('refused' in verified) return { status: 401, body: { message: verified.refused } };
    const { id } = verified;
    const read = noticeSchema.safeParse(jsonOf(request.body));
    if (!read.success || read.data.id !== id) return { status: 400, body: { message: 'it is no notice' } };
    // A repetition changes nothing, also while the first is still shown: it must neither post a second card nor set one back.
    const before = seen.of(id, now());
    const shown = before ?? showEverywhere(parts, read.data, request.headers['hotwave-receipt']);
    if (!before) seen.add(id, shown, now());
    const receipt = await shown.catch((error: unknown) => {
      seen.delete(id);
      throw error;
    });
    if (receipt !== undefined) return { status: 200, body: { receipt } };
    seen.delete(id);
    return { status: 503, body: { message: 'no chat took it' } };
  };
}

/**
 * The card of the release in every chat. One that fails keeps its old receipt and is right again with the next notice;
 * only when all fail is the notice not taken, so that a broken chat does not make the others say everything twice.
 */
async function showEverywhere(parts: GatewayParts, notice: Notice, carried = ''): Promise<string | undefined> {
  const receipts = new URLSearchParams(carried);
  const card = cardModel(notice.release, parts.uiUrl);
  const shown = await Promise.all(
    parts.vendors.map(async (vendor) => {
      try {
        receipts.set(vendor.name, await vendor.show(card, receipts.get(vendor.name) ?? undefined, threadLine(notice)));
        return true;
      } catch (error) {
        const reason = error instanceof Error ? error.message : 'unknown';
        parts.warn('a card could not be shown', { vendor: vendor.name, release: notice.release.release, reason });
        return false;
      }
    }),
  );
  return shown.length === 0 || shown.some(Boolean) ? receipts.toString() : undefined;
}
