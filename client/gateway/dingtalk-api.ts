import { request } from 'undici';
import { z } from 'zod';
import { jsonOf } from './standard-webhooks.ts';

/** The client of the API of DingTalk. */
export interface DingtalkApp {
  /** The Client ID of the app, formerly its AppKey. */
  readonly clientId: string;
  readonly clientSecret: string;
  /** Other than https://api.dingtalk.com, for tests. */
  readonly apiUrl?: string | undefined;
}

/** Calls of DingTalk's API. They reject with an error that names path, status and DingTalk's code, and no secret. */
export interface DingtalkApi {
  /** A call with the access token of the app. */
  call(method: 'POST' | 'PUT', path: string, body: object): Promise<unknown>;
  /** An address for one connection, which holds a ticket: never logged. */
  openConnection(topics: readonly string[]): Promise<string>;
}

const DEADLINE_MS = 5_000;
/** A token is renewed so long before it ends, in milliseconds. */
const EARLY_MS = 300_000;

const tokenAnswer = z.object({ accessToken: z.string().min(1), expireIn: z.number().min(1) });
const connectionAnswer = z.object({
  endpoint: z.url({ protocol: /^wss?$/ }),
  ticket: z.string().min(1).max(1_000),
});

/** The API of one app. @param now milliseconds since the epoch */
export function dingtalkApi({ clientId, clientSecret, apiUrl }: DingtalkApp, now: () => number): DingtalkApi {
  const base = (apiUrl ?? 'https://api.dingtalk.com').replace(/\/+$/, '');
  let token: { readonly until: number; readonly value: Promise<string> } | undefined;

  const fetchToken = async (): Promise<string> => {
    const body = { appKey: clientId, appSecret: clientSecret };
    const { accessToken, expireIn } = understood(
      tokenAnswer,
      await send(base, { method: 'POST', path: '/v1.0/oauth2/accessToken', body }),
    );
    token = { until: now() + Math.max(0, expireIn * 1_000 - EARLY_MS), value: Promise.resolve(accessToken) };
    return accessToken;
  };
  /** One token for everybody who asks at the same time; one that could not be had is asked for again. */
  const currentToken = (): Promise<string> => {
    if (token && now() < token.until) return token.value;
    const asked = { until: Infinity, value: fetchToken() };
    token = asked;
    asked.value.catch(() => {
      if (token === asked) token = undefined;
    });
    return asked.value;
  };

  return {
    async call(method, path, body) {
      const value = await currentToken();
      try {
        return await send(base, { method, path, body, token: value });
      } catch (error) {
        if (!(error instanceof DingtalkRefusal) || !error.isAboutToken) throw error;
        // It was revoked early. The second caller finds the new one.
        if (token && (await token.value) === value) token = undefined;
        return await send(base, { method, path, body, token: await currentToken() });
      }
    },
    async openConnection(topics) {
      const subscriptions = topics.map((topic) => ({ type: 'CALLBACK', topic }));
      const body = { clientId, clientSecret, ua: 'hotwave', subscriptions };
      const answer = await send(base, { method: 'POST', path: '/v1.0/gateway/connections/open', body });
      const { endpoint, ticket } = understood(connectionAnswer, answer);
      return `${endpoint}?ticket=${encodeURIComponent(ticket)}`;
    },
  };
}

class DingtalkRefusal extends Error {
  override readonly name = 'DingtalkRefusal';
  readonly isAboutToken: boolean;

  constructor(path: string, status: number, code: string) {
    super(`DingTalk answers ${path} with ${status}${code === '' ? '' : ` ${code}`}`);
    this.isAboutToken = status === 401 || code === 'InvalidAuthentication';
  }
}

interface Sent {
  readonly method: 'POST' | 'PUT';
  readonly path: string;
  readonly body: object;
  readonly token?: string;
}

async function send(base: string, { method, path, body, token }: Sent): Promise<unknown> {
  let status: number;
  let text: string;
  try {
    const answer = await request(`${base}${path}`, {
      method,
      headers: {
        'content-type': 'application/json',
        accept: 'application/json',
        ...(token === undefined ? {} : { 'x-acs-dingtalk-access-token': token }),
      },
      body: JSON.stringify(body),
      signal: AbortSignal.timeout(DEADLINE_MS),
    });
    status = answer.statusCode;
    text = await answer.body.text();
  } catch (error) {
    const { code, name } = error as { readonly code?: unknown; readonly name?: unknown };
    throw new Error(`DingTalk cannot be reached for ${path}: ${typeof code === 'string' ? code : String(name)}`, {
      cause: error,
    });
  }
  if (status < 200 || status > 299) throw new DingtalkRefusal(path, status, codeIn(text));
  return jsonOf(text);
}

/** DingTalk's code is a word; its message may repeat what was sent. */
function codeIn(text: string): string {
  return z.object({ code: z.string().regex(/^[\w.]{1,80}$/) }).safeParse(jsonOf(text)).data?.code ?? '';
}

function understood<Schema extends z.ZodType>(schema: Schema, answer: unknown): z.output<Schema> {
  const read = schema.safeParse(answer);
  // Without its details: the answer holds a token or a ticket.
  if (!read.success) throw new Error('DingTalk gives an answer that is not understood');
  return read.data;
}
