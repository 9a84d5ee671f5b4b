import { z } from 'zod';
import { NOTICE_KINDS } from '../notices/notice.ts';
import { dnsLabel } from '../spec/names.ts';

/** The options of every sink. */
const ofAll = {
  name: dnsLabel,
  kinds: z.array(z.enum(NOTICE_KINDS)).min(1).optional().meta({ description: 'Only these. Default: everything' }),
  namespaces: z
    .array(z.string().regex(/^[a-z0-9-]*\*?$/, 'expected a namespace, or its beginning and *'))
    .min(1)
    .optional()
    .meta({ description: 'Only sets of these. Default: all' }),
};

const httpSink = z.strictObject({
  type: z.literal('http').optional(),
  url: z.url({ protocol: /^https?$/, error: 'expected an address such as https://chat.example/notices' }).max(2_000),
  secretFile: z
    .string()
    .min(1)
    .max(1_024)
    .meta({ description: 'File of the worker with the secret whsec_… that Standard Webhooks sign with' }),
  ...ofAll,
});

const eventSink = z
  .strictObject({ type: z.literal('kubernetes-events'), ...ofAll })
  .meta({ description: 'Kubernetes Events on the GameServerSet, as kubectl describe shows them' });

/**
 * Schema of a place that is told what people must know: a gateway of a chat, or anything that takes Standard Webhooks; or the
 * Events of the set itself.
 */
export const sinkSchema = z.discriminatedUnion('type', [httpSink, eventSink], {
  // A value that is no object at all comes here, too.
  error: ({ code }: { readonly code: string }) =>
    code === 'invalid_union' ? 'expected http or kubernetes-events' : undefined,
});

/** A place that is told what people must know. */
export type Sink = z.output<typeof sinkSchema>;
