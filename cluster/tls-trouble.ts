/**
 * Why nobody was talked to over TLS, in words; undefined when the code says something else. Nothing was sent then.
 * Codes of Node.js: https://nodejs.org/api/tls.html#x509-certificate-error-codes.
 * @param where what names an authority and a name there
 */
export function tlsTrouble(
  code: string,
  where: { readonly ca: string; readonly serverName?: string },
): string | undefined {
  if (code === 'CERT_HAS_EXPIRED') return 'its certificate has ended';
  if (code === 'CERT_NOT_YET_VALID') return 'its certificate does not hold yet';
  if (/ALTNAME|HOSTNAME/.test(code)) {
    const how = where.serverName === undefined ? '' : `: say by ${where.serverName} for which`;
    return `its certificate is for another name${how}`;
  }
  if (/^(?:DEPTH_|SELF_|UNABLE_TO_|CERT_)/.test(code))
    return `its certificate is of nobody who is trusted: give its authority as ${where.ca}`;
  if (code.includes('ALERT'))
    return 'it refuses the TLS connection: if it wants a certificate of whoever asks, hotwave has none';
  return /^(?:EPROTO|ERR_SSL_|ERR_TLS_)/.test(code) ? 'it does not speak TLS at this port' : undefined;
}
