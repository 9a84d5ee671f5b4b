import { z } from 'zod';
import { ofType } from './issue-sentences.ts';
import { dnsLabel } from './names.ts';
import { whenRead } from './read-fields.ts';
import { https } from './tls-spec.ts';
import { plainLine } from './text.ts';
import { durationUpTo } from './quantity.ts';

const TEXT = 'expected text; put numbers in quotes';

/** A program and its arguments. Also what `reload.exec` takes. */
export const command = z
  .array(
    z
      .string({ error: ofType(TEXT) })
      .min(1)
      .max(4096),
    {
      error: ofType('expected a list of arguments such as [/usr/sbin/nginx, -s, reload]; no shell reads it'),
    },
  )
  .min(1, 'expected at least the program to run')
  .max(64)
  .meta({
    description:
      'Program and arguments, run without a shell. {{server}}, {{namespace}}, {{ordinal}} and {{version}} are replaced per server.',
  });

/** A path in a container or of a request. */
export const absolutePath = plainLine(4_096).regex(/^\//, 'expected an absolute path');

const A_PORT = 'expected a port from 1 to 65535, or the name of a port of the pod such as http';
const number = z.int(A_PORT).min(1, A_PORT).max(65_535, A_PORT);
// Kubernetes: IANA_SVC_NAME. A text of digits is no name.
const name = z
  .string({ error: A_PORT })
  .max(15, A_PORT)
  .regex(/^(?=.*[a-z])[a-z0-9]+(?:-[a-z0-9]+)*$/, A_PORT);
const perServer = {
  annotation: z
    .string()
    .max(316)
    .regex(
      /^([a-z0-9]([-.a-z0-9]*[a-z0-9])?\/)?[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?$/,
      'expected the name of an annotation of the pod such as acme.test/admin-port',
    ),
  network: z
    .string()
    .max(100)
    .regex(/^[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?$/, 'expected the name of a port in the network status'),
};

/** A port of a server: its number, its name in the pod, or where the number is that each server has for itself. */
export const port = z
  .union(
    [
      number,
      name,
      z.strictObject({ annotation: perServer.annotation }),
      z.strictObject({ network: perServer.network }),
    ],
    { error: `${A_PORT}, or { annotation: … } or { network: … }` },
  )
  .meta({
    description:
      'A number, a name of a port of the pod, { annotation: KEY } of the pod, or { network: NAME } of the internal addresses in the network status',
  });
/** A port as a release file names it. */
export type Port = z.output<typeof port>;

/** A port in words. */
export function portText(named: Port): string {
  if (typeof named !== 'object') return String(named);
  return 'annotation' in named ? `[annotation ${named.annotation}]` : `[network ${named.network}]`;
}

/** How long one answer may take; more than nothing. */
export function timeoutOf(standard: string): z.ZodType<number, string | undefined> {
  return durationUpTo('10m')
    .refine((milliseconds) => milliseconds > 0, 'expected a time longer than 0s')
    .prefault(standard)
    .meta({ description: 'How long one answer may take; at most 10m' });
}

const within = durationUpTo('1h')
  .prefault('30s')
  .meta({ description: 'How long the answer may take to become right; it is asked again until then; at most 1h' });

/** The rule for a trimmed answer. */
export function expectation(what: string): z.ZodOptional<z.ZodString> {
  return z
    .string({ error: ofType(TEXT) })
    .max(4096)
    .optional()
    .meta({ description: `The value that ${what} must have; {{version}} is replaced` });
}

const execProbe = z.strictObject({
  container: dnsLabel,
  command,
  timeout: timeoutOf('20s'),
  within,
  expect: expectation('the trimmed output'),
});

const httpProbe = z.strictObject({
  port,
  path: absolutePath,
  https: https.optional(),
  pointer: z
    .string()
    .max(256, 'expected a JSON pointer of at most 256 characters')
    .regex(/^(?:\/(?:[^~/]|~[01])*)+$/, 'expected a JSON pointer such as /engine/version')
    .optional()
    .meta({
      description: 'Which value of a JSON answer counts, as a JSON pointer (RFC 6901). Default: the whole body',
    }),
  timeout: timeoutOf('5s'),
  within,
  expect: expectation('the trimmed body'),
});

const fileProbe = z.strictObject({
  container: dnsLabel,
  path: absolutePath,
  timeout: timeoutOf('20s'),
  within,
  expect: expectation('the trimmed content'),
});

const checksumsProbe = z
  .strictObject({
    container: dnsLabel.meta({ description: 'Where the files are hashed, by sha256sum' }),
    manifest: absolutePath.meta({ description: 'A list of SHA-256 sums as sha256sum writes it, read with cat' }),
    manifestContainer: dnsLabel
      .optional()
      .meta({ description: 'Where the manifest is read. Default: container. Take the sidecar, whose image is proved' }),
    directory: absolutePath.optional().meta({
      description: 'Folder that the names in the manifest are relative to. Default: the folder of the manifest',
    }),
    timeout: timeoutOf('20s'),
    within,
  })
  .meta({ description: 'Every file that a manifest names is there with the content that the manifest says' });

/** Text in which `{{…}}` may only be what is replaced there: a typing error must not become a silent mismatch. */
function template(known: readonly string[], most: number): z.ZodType<string, string> {
  return z
    .string({ error: ofType(TEXT) })
    .min(1, 'expected some text')
    .max(most, `expected at most ${most} characters`)
    .superRefine((text, context) => {
      const unknown = [...text.matchAll(/\{\{\s*(\w*)\s*\}\}/g)].find(([whole]) => !known.includes(whole));
      if (unknown)
        context.addIssue({ code: 'custom', message: `${unknown[0]} is not known here: ${known.join(', ')}` });
    });
}

const logProbe = z
  .strictObject({
    container: dnsLabel,
    line: template(['{{version}}', '{{server}}', '{{namespace}}', '{{ordinal}}'], 500)
      .refine((text) => !/[\r\n]/.test(text), 'expected a part of one line')
      .refine((text) => text.includes('{{version}}'), 'expected {{version}} in it, or an old line would prove anything')
      .meta({ description: 'A part of a line that the engine logs once it has loaded {{version}}' }),
    timeout: timeoutOf('10s'),
    within,
  })
  .meta({ description: 'A line in the log of a container since the change began' });

const serviceQualityProbe = z
  .strictObject({
    name: z
      .string()
      .max(63, 'a name has at most 63 characters')
      .regex(/^[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?$/, 'expected the name of a service quality of the set'),
    expect: expectation('the trimmed result'),
    within,
  })
  .meta({ description: 'The pod condition game.kruise.io/NAME, kept by OpenKruise: True, with its result as message' });

const tcpProbe = z
  .strictObject({ port, timeout: timeoutOf('5s'), within })
  .meta({ description: 'The server takes a connection on this port' });

const conditions = z
  .array(
    z
      .string()
      .max(316)
      .regex(
        /^([a-z0-9]([-.a-z0-9]*[a-z0-9])?\/)?[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?$/,
        'expected the type of a pod condition such as Ready',
      ),
    { error: ofType('expected a list of pod conditions such as [Ready]') },
  )
  .min(1, 'expected at least one pod condition such as Ready')
  .max(20)
  .meta({ description: 'Conditions of the pod that must be True' });

const A_URL = 'expected the base address of a Prometheus API such as http://prometheus.monitoring:9090';

/** By pattern and not by `new URL`: workflow code reads this file too. */
const prometheusUrl = z
  .string({ error: A_URL })
  .max(2048)
  .superRefine((text, context) => {
    const reject = (message: string): void => context.addIssue({ code: 'custom', message });
    if (/^[a-z]+:\/\/[^/]*@/i.test(text))
      reject('no user or password may be in a release file: the worker has them, in HOTWAVE_METRICS_URLS');
    else if (!/^https?:\/\/[A-Za-z0-9.:[\]-]+(\/[^\s?#\\]*)?$/.test(text)) reject(A_URL);
  });

const bound = z.number({ error: 'expected a number' }).optional();

const prometheusProbe = z
  .strictObject({
    url: prometheusUrl
      .optional()
      .meta({ description: 'One of those that the worker may ask (HOTWAVE_METRICS_URLS). Default: its first' }),
    query: template(['{{servers}}', '{{namespace}}', '{{set}}', '{{version}}'], 4096).meta({
      description: 'An instant query. {{servers}} is a regular expression of the pod names, for pod=~"{{servers}}"',
    }),
    max: bound.meta({ description: 'No value of the answer may be above it' }),
    min: bound.meta({ description: 'No value of the answer may be below it' }),
    timeout: timeoutOf('10s'),
    within,
  })
  .refine(({ max, min }) => max !== undefined || min !== undefined, {
    error: 'expected max, min or both: what is the bound?',
    when: whenRead('max', 'min'),
  })
  .refine(({ max, min }) => max === undefined || min === undefined || min <= max, {
    error: 'expected min to be at most max',
    when: whenRead('max', 'min'),
  })
  .meta({ description: 'A value over the wave against a bound. No data is neither healthy nor unhealthy: it pauses' });

/** A way to ask over the server's own address. */
export type HttpProbe = z.output<typeof httpProbe>;
/** A file by its content. */
export type FileProbe = z.output<typeof fileProbe>;
/** Files by a manifest. */
export type ChecksumsProbe = z.output<typeof checksumsProbe>;
/** A line in a log. */
export type LogProbe = z.output<typeof logProbe>;
/** A result that OpenKruise keeps on the pod. */
export type ServiceQualityProbe = z.output<typeof serviceQualityProbe>;
/** A value over a group of servers. */
export type PrometheusProbe = z.output<typeof prometheusProbe>;

/** One way to ask a server something. Exactly one of the kinds is given. */
export interface Probe {
  readonly http?: HttpProbe | undefined;
  readonly exec?: z.output<typeof execProbe> | undefined;
  readonly file?: FileProbe | undefined;
  readonly checksums?: ChecksumsProbe | undefined;
  readonly log?: LogProbe | undefined;
  readonly serviceQuality?: ServiceQualityProbe | undefined;
  readonly conditions?: readonly string[] | undefined;
  readonly tcp?: z.output<typeof tcpProbe> | undefined;
  /** About a group of servers, not about one. */
  readonly prometheus?: PrometheusProbe | undefined;
  /** `observe`: what is wrong is shown, and nothing follows from it. Default `judge`. */
  readonly mode?: 'judge' | 'observe' | undefined;
}

/** A schema of which exactly one kind is given, beside what goes with each: `{ http: … }` or `{ exec: … }`. */
export function exactlyOne<Output>(kinds: z.ZodRawShape, beside: z.ZodRawShape = {}): z.ZodType<Output> {
  const names = Object.keys(kinds);
  const optional = Object.fromEntries(names.map((name) => [name, z.optional(kinds[name] as z.ZodType)]));
  return z
    .strictObject({ ...optional, ...beside })
    .refine((value) => names.filter((name) => (value as Record<string, unknown>)[name] !== undefined).length === 1, {
      error: `expected exactly one of: ${names.join(', ')}`,
      when: whenRead(...names),
    }) as unknown as z.ZodType<Output>;
}

/** `spec.content`. */
export const contentCheck = exactlyOne<Probe>({ file: fileProbe, exec: execProbe, checksums: checksumsProbe });

/** `spec.proof`. */
export const proof = exactlyOne<Probe>({
  http: httpProbe,
  exec: execProbe,
  file: fileProbe,
  log: logProbe,
  serviceQuality: serviceQualityProbe,
});

/** An entry of `spec.health`. */
export const healthCheck = exactlyOne<Probe>(
  {
    http: httpProbe,
    exec: execProbe,
    tcp: tcpProbe,
    conditions,
    serviceQuality: serviceQualityProbe,
    prometheus: prometheusProbe,
  },
  {
    mode: z
      .enum(['judge', 'observe'], { error: 'expected judge or observe' })
      .optional()
      .meta({ description: 'observe shows what is wrong and lets nothing follow from it. Default: judge' }),
  },
);
