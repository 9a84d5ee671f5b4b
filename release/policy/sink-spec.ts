import { z } from 'zod';
import { NOTICE_KINDS } from '../notices/notice.ts';
import { dnsLabel } from '../spec/names.ts';

/** Schema of a place that is told what people must know: a gateway of a chat, or anything that takes Standard Webhooks. */
export const sinkSchema = z.strictObject({
  name: dnsLabel,
  url: z.url({ protocol: /^https?$/, error: 'expected an address such as https://chat.example/notices' }).max(2_000),
  secretFile: z
    .string()
    .min(1)
    .max(1_024)
    .meta({ description: 'File of the worker with the secret whsec_… that Standard Webhooks sign with' }),
  kinds: z.array(z.enum(NOTICE_KINDS)).min(1).optional().meta({ description: 'Only these. Default: everything' }),
  namespaces: z
    .array(z.string().regex(/^[a-z0-9-]*\*?$/, 'expected a namespace, or its beginning and *'))
    .min(1)
    .optional()
    .meta({ description: 'Only sets of these. Default: all' }),
});

/** A place that is told what people must know. */
export type Sink = z.output<typeof sinkSchema>;
