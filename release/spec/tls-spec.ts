import { z } from 'zod';
import { LONGEST_NAME, SUBDOMAIN } from './name-patterns.ts';
import { whenRead } from './read-fields.ts';

const A_CERTIFICATE =
  'expected certificates as PEM text, each from -----BEGIN CERTIFICATE----- to -----END CERTIFICATE-----';
const PEM = /^(?:\s*-----BEGIN CERTIFICATE-----[A-Za-z0-9+/=\s]+-----END CERTIFICATE-----)+\s*$/;
const A_HOST = 'expected a host name such as engine.arena.svc; {{server}}, {{namespace}} and {{ordinal}} are replaced';

/** Names in which only what is replaced may stand in braces, and which are host names when it is. */
const serverName = z
  .string({ error: A_HOST })
  .max(LONGEST_NAME, A_HOST)
  .refine((text) => SUBDOMAIN.test(text.replaceAll(/\{\{(?:server|namespace|ordinal)\}\}/g, '0')), A_HOST);

/**
 * `https` of a question or a reload: ask over TLS. Without anything in it the certificate must be of an authority that the
 * worker's Node.js trusts, and for the address of the pod.
 */
export const https = z
  .strictObject(
    {
      ca: z
        .string({ error: A_CERTIFICATE })
        .max(16_384, 'expected at most 16384 characters: the authority is enough')
        .regex(PEM, A_CERTIFICATE)
        .optional()
        .meta({
          description:
            'The authority of the certificate, or the certificate itself, as PEM text. Default: the authorities of the worker',
        }),
      serverName: serverName.optional().meta({
        description: 'The name that the certificate is for. Default: the address of the pod',
      }),
      verify: z
        .literal('none', { error: 'expected none, or leave it out: certificates are verified by default' })
        .optional()
        .meta({
          description: 'none takes any certificate: the connection is secret, and nobody knows who is at its other end',
        }),
    },
    { error: 'expected { ca: … }, { serverName: … }, { verify: none } or {}' },
  )
  .refine(({ ca, serverName: name, verify }) => verify === undefined || (ca === undefined && name === undefined), {
    error: 'expected either verify: none, or ca and serverName, which are what is verified',
    when: whenRead('ca', 'serverName', 'verify'),
  })
  .meta({ description: 'Ask over TLS. Default: http, without' });

/** How a server is asked over TLS. */
export type Https = z.output<typeof https>;
