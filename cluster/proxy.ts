import { BlockList, isIP } from 'node:net';

// Facts: golang.org/x/net/http/httpproxy/proxy.go (FromEnvironment, useProxy, init), which kubectl and client-go use.

type Environment = Readonly<Record<string, string | undefined>>;

function variable(environment: Environment, name: string): string {
  return (environment[name] || environment[name.toLowerCase()] || '').trim();
}

/**
 * The proxy that the environment names for an address, as kubectl reads it: HTTPS_PROXY or HTTP_PROXY, then the same in
 * lower case, and NO_PROXY for what is reached directly. Undefined: none.
 */
export function proxyFromEnvironment(address: string, environment: Environment): string | undefined {
  const url = new URL(address);
  const named = variable(environment, url.protocol === 'https:' ? 'HTTPS_PROXY' : 'HTTP_PROXY');
  if (named === '' || isDirect(url, variable(environment, 'NO_PROXY'))) return undefined;
  return named.includes('://') ? named : `http://${named}`;
}

function isDirect(url: URL, exceptions: string): boolean {
  const host = url.hostname
    .replace(/^\[|\]$/g, '')
    .replace(/\.$/, '')
    .toLowerCase();
  const port = url.port || (url.protocol === 'https:' ? '443' : '80');
  if (host === 'localhost' || isLoopback(host)) return true;
  return exceptions
    .split(',')
    .map((entry) => entry.trim().toLowerCase())
    .some((entry) => entry !== '' && (entry === '*' || matches(entry, host, port)));
}

const LOOPBACK = new BlockList();
LOOPBACK.addSubnet('127.0.0.0', 8, 'ipv4');
LOOPBACK.addAddress('::1', 'ipv6');

function familyOf(host: string): 'ipv4' | 'ipv6' | undefined {
  const version = isIP(host);
  return version === 0 ? undefined : version === 4 ? 'ipv4' : 'ipv6';
}

function isLoopback(host: string): boolean {
  const family = familyOf(host);
  return family !== undefined && LOOPBACK.check(host, family);
}

/** One entry of NO_PROXY: a range of addresses, an address or a domain, the last two perhaps with a port. */
function matches(entry: string, host: string, port: string): boolean {
  if (entry.includes('/')) return isInRange(entry, host);
  const [, name = entry, wantedPort] = /^(\[.+\]|[^:]+):(\d+)$/.exec(entry) ?? [];
  if (wantedPort !== undefined && wantedPort !== port) return false;
  const bare = name.replace(/^\[|\]$/g, '');
  const family = familyOf(bare);
  if (family) return isSameAddress(bare, family, host);
  // `.domain` and `*.domain` are hosts within it, `domain` is itself besides.
  const domain = bare.replace(/^\*\./, '.');
  return domain.startsWith('.') ? host.endsWith(domain) : host === domain || host.endsWith(`.${domain}`);
}

/** Addresses are compared as numbers: `fd00:0::1` is `fd00::1`. */
function isSameAddress(address: string, family: 'ipv4' | 'ipv6', host: string): boolean {
  const list = new BlockList();
  list.addAddress(address, family);
  return familyOf(host) === family && list.check(host, family);
}

function isInRange(range: string, host: string): boolean {
  const [network = '', length = ''] = range.split('/');
  const [family, ownFamily] = [familyOf(network), familyOf(host)];
  if (!family || !ownFamily || !/^\d+$/.test(length) || Number(length) > (family === 'ipv4' ? 32 : 128)) return false;
  const list = new BlockList();
  list.addSubnet(network, Number(length), family);
  return list.check(host, ownFamily);
}
