import { z } from 'zod';
import { ofType } from './issue-sentences.ts';
import { dnsLabel } from './names.ts';
import { whenRead } from './read-fields.ts';
import { https } from './tls-spec.ts';
import { absolutePath, command, exactlyOne, expectation, port, timeoutOf } from './probe-spec.ts';

/** Headers that belong to the connection, and those in which secrets travel. */
const OF_THE_CONNECTION =
  /^(host|connection|content-length|transfer-encoding|upgrade|keep-alive|te|trailer|expect|proxy-.*)$/i;
const SECRET = /authori[sz]ation|cookie|token|secret|password|credential|api-?key|session/i;

function complaintAbout(name: string, value: string): string | undefined {
  if (!/^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,100}$/.test(name)) return 'expected the name of an HTTP header';
  if (OF_THE_CONNECTION.test(name)) return `${name} belongs to the connection and is set by itself`;
  if (SECRET.test(name))
    return `${name} may hold a secret, and a release file is kept in histories and shown: let the engine trust the network, or use exec`;
  return /^[\x20-\x7e]{0,1024}$/.test(value) ? undefined : 'expected printable ASCII, at most 1024 characters';
}

const headers = z
  .record(z.string(), z.string({ error: 'expected text; put numbers in quotes' }), {
    error: ofType('expected names and values such as { X-Reason: release }'),
  })
  .superRefine((given, context) => {
    for (const [name, value] of Object.entries(given)) {
      const message = complaintAbout(name, value);
      if (message !== undefined) context.addIssue({ code: 'custom', path: [name], message });
    }
  })
  .refine((given) => Object.keys(given).length <= 20, 'expected at most 20 headers')
  .meta({ description: 'Request headers without secrets; {{server}} and the like are replaced' });

const METHODS = ['POST', 'PUT', 'PATCH', 'DELETE', 'GET'] as const;
const A_STATUS = 'expected an HTTP status from 200 to 599';

const execReload = z
  .strictObject({ container: dnsLabel, command, timeout: timeoutOf('30s') })
  .meta({ description: 'A command in a container; its exit code must be 0' });

const httpReload = z
  .strictObject({
    port,
    path: absolutePath,
    https: https.optional(),
    method: z.enum(METHODS, { error: `expected one of ${METHODS.join(', ')}` }).prefault('POST'),
    body: z
      .string({ error: 'expected text; put JSON in quotes' })
      .max(16_384, 'expected at most 16384 characters')
      .optional(),
    headers: headers.optional(),
    expectStatus: z
      .int(A_STATUS)
      .min(200, A_STATUS)
      .max(599, A_STATUS)
      .optional()
      .meta({ description: 'The status of a reload that worked. Default: any 2xx; redirects are not followed' }),
    expect: expectation('the trimmed body of the answer'),
    timeout: timeoutOf('30s'),
  })
  .refine(({ method, body }) => method !== 'GET' || body === undefined, {
    path: ['body'],
    error: 'a GET request has no body: give another method',
    when: whenRead('method', 'body'),
  })
  .meta({ description: "A request to the server's own address" });

/** The way to make an engine load new files. Exactly one is given; `self` sends nothing. */
export interface Reload {
  readonly exec?: z.output<typeof execReload> | undefined;
  readonly http?: z.output<typeof httpReload> | undefined;
  readonly self?: Readonly<Record<string, never>> | undefined;
}

/** `spec.reload`. */
export const reload = exactlyOne<Reload>({
  exec: execReload,
  http: httpReload,
  self: z
    .strictObject(
      {},
      { error: 'expected {}: the engine watches the folder, and the proof says how long that may take' },
    )
    .meta({ description: 'The engine watches the folder itself: nothing is sent, and proof.within is the wait' }),
});
