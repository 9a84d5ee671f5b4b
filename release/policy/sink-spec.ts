import { z } from 'zod';
import { NOTICE_KINDS } from '../notices/notice.ts';
import { dnsLabel } from '../spec/names.ts';

const shared = {
  name: dnsLabel,
  kinds: z.array(z.enum(NOTICE_KINDS)).min(1).optional().meta({ description: 'Only these. Default: everything' }),
  namespaces: z
    .array(z.string().regex(/^[a-z0-9-]*\*?$/, 'expected a namespace, or its beginning and *'))
    .min(1)
    .optional()
    .meta({ description: 'Only sets of these. Default: all' }),
};

/** Schema of a place that is told what people must know. */
export const sinkSchema = z.union([
  z.strictObject({
    ...shared,
    url: z.url({ protocol: /^https?$/ }),
    secretFile: z.string().min(1).max(1_024).meta({ description: 'File with the secret whsec_… of Standard Webhooks' }),
  }),
  z.strictObject({ ...shared, kubernetesEvents: z.literal(true) }),
]);

/** A place that is told what people must know. */
export type Sink = z.output<typeof sinkSchema>;
