import { mkdtempSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { IncomingHttpHeaders, Server, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { policyFileSchema } from '../../release/policy/policy-spec.ts';
import type { Notice } from '../../release/notices/notice.ts';
import type { PolicySource } from '../../activities/ports/policy.ts';

/** The secret that sinks of tests and their courier share. */
export const SECRET = `whsec_${Buffer.from('a secret of twenty-four b').toString('base64')}`;

/** A request as a sink got it. */
export interface Received {
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
  readonly notice: Notice;
}

/** An HTTP sink in this process. */
export interface TestSink {
  readonly name: string;
  readonly url: string;
  /** Everything that has arrived, in order. */
  readonly received: readonly Received[];
  /** The answer from now on; `number` is how many have arrived, this one included. */
  answer: (response: ServerResponse, number: number) => void;
  /** Nobody listens at its address from now on, and connections end. */
  down(): Promise<void>;
  /** It listens again, at the same address. */
  up(): Promise<void>;
  close(): Promise<void>;
}

/** Starts a sink that takes everything. */
export async function startSink(name: string): Promise<TestSink> {
  const received: Received[] = [];
  const sink: Pick<TestSink, 'answer'> = { answer: (response) => void response.writeHead(204).end() };
  const server: Server = createServer((request, response) => {
    const pieces: Buffer[] = [];
    request.on('data', (piece: Buffer) => pieces.push(piece));
    request.on('end', () => {
      const body = Buffer.concat(pieces).toString('utf8');
      received.push({ headers: request.headers, body, notice: JSON.parse(body) as Notice });
      sink.answer(response, received.length);
    });
  });
  const listen = (port: number): Promise<void> =>
    new Promise((resolve) => server.listen(port, '127.0.0.1', () => resolve()));
  const down = async (): Promise<void> => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  };
  await listen(0);
  const { port } = server.address() as AddressInfo;
  const url = `http://127.0.0.1:${port}/notices`;
  return Object.assign(sink, { name, url, received, down, up: () => listen(port), close: down });
}

/** Events on the set, as a sink of a policy. */
const EVENTS = { name: 'events', type: 'kubernetes-events' } as const;

/** A file with the secret. */
export function secretFile(secret = SECRET): string {
  const path = join(mkdtempSync(join(tmpdir(), 'hotwave-sink-')), 'secret');
  writeFileSync(path, `${secret}\n`, { mode: 0o600 });
  return path;
}

/** A sink as a policy names it. */
export interface NamedSink extends Pick<TestSink, 'name' | 'url'> {
  readonly namespaces?: readonly string[];
}

/** A policy that has nothing but these sinks, and Events on the set when that is wished. */
export function policyOf(
  sinks: readonly NamedSink[],
  { events = false }: { readonly events?: boolean } = {},
): PolicySource {
  const file = secretFile();
  const http = sinks.map(({ name, url, namespaces }) => ({ name, url, namespaces, secretFile: file }));
  const policy = policyFileSchema.parse({ sinks: [...http, ...(events ? [EVENTS] : [])] });
  return { read: () => Promise.resolve({ policy }) };
}
