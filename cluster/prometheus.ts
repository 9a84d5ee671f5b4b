import { Agent, request as sendRequest } from 'undici';
import type { Dispatcher } from 'undici';
import { z } from 'zod';
import type { MetricSample } from '../release/checks/metric.ts';
import { networkCode, oneLine } from './errors.ts';
import { tlsTrouble } from './tls-trouble.ts';
import type { Metrics, MetricsRequest } from '../activities/ports/metrics.ts';

/** A Prometheus API that a worker may ask, and how to get in. */
export interface MetricsSource {
  /** Base address without credentials, query or trailing slash. */
  readonly url: string;
  /** Value of the header `authorization`. Never to be logged. */
  readonly authorization?: string | undefined;
}

/** Metrics over HTTP, with connections to close. */
export interface PrometheusMetrics extends Metrics {
  close(): Promise<void>;
}

/** Most bytes of an answer: some thousand values. A larger one is refused, not cut. */
const MOST_ANSWER_BYTES = 1024 * 1024;
const MOST_VALUES = 10_000;

/** https://prometheus.io/docs/prometheus/latest/querying/api/: a sample is a time and a number as text. */
const sample = z.tuple([z.number(), z.string()]);
const answerSchema = z.discriminatedUnion('status', [
  z.object({
    status: z.literal('success'),
    data: z.discriminatedUnion('resultType', [
      z.object({
        resultType: z.literal('vector'),
        result: z
          .array(z.object({ metric: z.record(z.string(), z.string()).optional(), value: sample.optional() }))
          .max(MOST_VALUES),
      }),
      z.object({ resultType: z.literal('scalar'), result: sample }),
      z.object({ resultType: z.enum(['matrix', 'string']) }),
    ]),
  }),
  z.object({ status: z.literal('error'), errorType: z.string().default(''), error: z.string().default('') }),
]);

const failed = (message: string): MetricSample => ({ kind: 'failed', message });

/** `NaN`, `+Inf`, `-Inf`, `0.5`: numbers as Prometheus writes them. */
function numberOf(text: string): number {
  if (/^[+-]?Inf$/.test(text)) return text.startsWith('-') ? -Infinity : Infinity;
  return Number(text);
}

function readAnswer(status: number, text: string): MetricSample {
  const parsed = answerSchema.safeParse(parseJson(text));
  if (!parsed.success) return failed(`answered status ${status} with something that is not a Prometheus answer`);
  const answer = parsed.data;
  if (answer.status === 'error') return failed(oneLine(`refused the query (${answer.errorType}): ${answer.error}`));
  const { data } = answer;
  if (data.resultType === 'scalar') return { kind: 'values', values: [numberOf(data.result[1])] };
  if (data.resultType !== 'vector') return failed(`answered a ${data.resultType}, expected one value or a vector`);
  const values = data.result.map(({ value }) => (value ? numberOf(value[1]) : Number.NaN));
  const labels = data.result.map(({ metric = {} }) => Object.values(metric));
  return { kind: 'values', values, ...(labels.some((texts) => texts.length > 0) ? { labels } : {}) };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** The whole answer, or undefined when it is too large. */
async function readBounded(body: Dispatcher.ResponseData['body']): Promise<string | undefined> {
  const pieces: Buffer[] = [];
  let size = 0;
  for await (const piece of body as AsyncIterable<Buffer>) {
    size += piece.length;
    if (size > MOST_ANSWER_BYTES) return undefined;
    pieces.push(piece);
  }
  return Buffer.concat(pieces).toString('utf8');
}

/** Only codes: the message of an unknown error may quote headers. */
function reasonOf(error: unknown, timeoutMs: number): string {
  if (error instanceof Error && error.name === 'TimeoutError') return `no answer within ${timeoutMs / 1000} s`;
  const code = networkCode(error);
  const said = tlsTrouble(code, { ca: 'HOTWAVE_METRICS_CA' });
  return said ?? (code === '' ? 'the request failed' : code);
}

/** Without a source nothing may be asked; with an address, only one that is in the list. */
function sourceFor(sources: readonly MetricsSource[], url: string | undefined): MetricsSource | string {
  const [first] = sources;
  if (!first) return 'this worker has no Prometheus to ask: give it HOTWAVE_METRICS_URLS';
  const wanted = url?.replace(/\/+$/, '');
  const found = wanted === undefined ? first : sources.find((source) => source.url === wanted);
  return found ?? `this worker may not ask ${url ?? ''}: add it to HOTWAVE_METRICS_URLS`;
}

/**
 * Metrics from the Prometheus HTTP API of these sources.
 * @param ca PEM of whom to trust over https; default: the authorities that Node.js trusts
 */
export function prometheusMetrics(sources: readonly MetricsSource[], ca?: string): PrometheusMetrics {
  const connect = { timeout: 5_000, ...(ca === undefined ? {} : { ca }) };
  const agent = new Agent({ connect, connections: 8, allowH2: false });

  async function ask({ url, authorization }: MetricsSource, request: MetricsRequest, signal: AbortSignal) {
    const { statusCode, body } = await sendRequest(`${url}/api/v1/query`, {
      // A form and not an address: a query with 250 pod names is longer than what proxies take.
      method: 'POST',
      dispatcher: agent,
      signal,
      headers: {
        'content-type': 'application/x-www-form-urlencoded',
        accept: 'application/json',
        ...(authorization === undefined ? {} : { authorization }),
      },
      body: new URLSearchParams({ query: request.query, timeout: `${request.timeoutMs}ms` }).toString(),
    });
    const text = await readBounded(body);
    if (text === undefined) return failed(`answered more than ${MOST_ANSWER_BYTES / 1024} KiB: aggregate the query`);
    if (statusCode === 401 || statusCode === 403)
      return failed(`does not accept the worker's credentials (status ${statusCode})`);
    return readAnswer(statusCode, text);
  }

  return {
    async query(request, signal) {
      signal?.throwIfAborted();
      const source = sourceFor(sources, request.url);
      if (typeof source === 'string') return failed(source);
      const limits = [AbortSignal.timeout(request.timeoutMs), ...(signal ? [signal] : [])];
      try {
        const answer = await ask(source, request, AbortSignal.any(limits));
        return answer.kind === 'failed' ? failed(`${source.url} ${answer.message}`) : answer;
      } catch (error) {
        signal?.throwIfAborted();
        return failed(`${source.url} does not answer: ${reasonOf(error, request.timeoutMs)}`);
      }
    },
    close: () => agent.close(),
  };
}
